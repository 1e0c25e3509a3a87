"""Small stories: a beginning, a problem, attempts, an end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from ysnakes_core.synthesis.builtin.cast import draw_scene
from ysnakes_core.synthesis.builtin.catalogs import catalog, lines, phrase
from ysnakes_core.synthesis.builtin.grammar import Dice, capitalized, correct_articles, expand

_SMALL_PLOTS = ("plots_small",)
_LONG_PLOTS = ("plots_finding", "plots_trying", "plots_together", "plots_away", "plots_wonder")

_STEP_LEFT_OUT = 0.9
_CLOSED = 0.15
# Most stories are small and say "the fox", not a name: a small model learns soonest to stay with what was
# asked for if the word itself comes again and again.
_SMALL = 0.85
_NAMED = 0.3
_TRIES = 12
_NOUNS = ("thing", "food", "kind2", "build", "plant", "skill", "fear", "color", "trap", "place")


@dataclass(frozen=True)
class Plot:
    """One family of stories.

    `avoid` and `avoid_other` name traits and tags that do not fit; a plot of weight 2 comes twice as often.
    """

    name: str
    weight: int
    requests: str
    steps: tuple[str, ...]
    avoid: tuple[str, ...]
    avoid_other: tuple[str, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]

    def uses(self, slot: str) -> bool:
        """Whether the plot's steps have this slot."""
        return any(f"{{{slot}}}" in step for step in self.steps)


@cache
def plots(catalogs: tuple[str, ...] = _SMALL_PLOTS + _LONG_PLOTS) -> tuple[Plot, ...]:
    """All families of these catalogs."""
    result = []
    for name in catalogs:
        for key, entry in catalog(name).items():
            result.append(
                Plot(
                    name=key,
                    weight=entry.get("weight", 1),
                    requests=" ".join(lines(entry["requests"])),
                    steps=lines(entry["story"]),
                    avoid=tuple(entry.get("avoid", "").split()),
                    avoid_other=tuple(entry.get("avoid_other", "").split()),
                    things=tuple(part.strip() for part in entry.get("things", "").split(",") if part.strip()),
                    places=tuple(part.strip() for part in entry.get("places", "").split(",") if part.strip()),
                )
            )
    return tuple(result)


@cache
def _by_weight(catalogs: tuple[str, ...]) -> tuple[Plot, ...]:
    return tuple(plot for plot in plots(catalogs) for _ in range(plot.weight))


def _met_once(parts: list[str], slots: dict[str, str]) -> list[str]:
    """The steps with "a shy fox" only where the second character comes in, and "the fox" from then on."""
    met, result = False, []
    for part in parts:
        pieces = re.split(rf"\b([Aa])n? {slots['hero2']}\b", part)
        text = pieces[0]
        for article, after in zip(pieces[1::2], pieces[2::2], strict=True):
            if met:
                text += f"{'The' if article == 'A' else 'the'} {slots['kind2']}{after}"
            else:
                text += correct_articles(f"{article} {slots['hero2']}") + after
            met = True
        result.append(text)
    return result


def _introduced(kind: str, text: str) -> bool:
    """Whether the text says "a shy fox" before it says "the fox"."""
    first = re.search(rf"(\ban? )?(\w+ )?\b{kind}\b", text, re.IGNORECASE)
    return first is None or first[1] is not None


def _request(dice: Dice, plot: Plot, slots: dict[str, str], text: str, named: bool) -> str:
    """A wish for this story, in which nothing is named that the story does not have."""

    def wording(key: str, **more: str) -> str:
        return expand(phrase("story", key), slots | more, dice)

    items = [slots[key] for key in ("build", "plant", "food", "thing") if key in slots and slots[key] in text]
    placed = slots["at"] in text
    if placed and items and dice.chance(0.08):
        return wording("with_words", item=items[0])
    if named and dice.chance(0.5):
        topic = wording("topics_named")
    elif dice.chance(0.2) and slots["hero2"] in text:
        topic = wording("topics_placed" if placed and dice.chance(0.2) else "topics")
    else:
        who = f"{slots['hero']} named {slots['name']}" if named and dice.chance(0.5) else slots["hero"]
        for _ in range(_TRIES):
            topic = expand(plot.requests, slots | {"hero": who}, dice)
            if all(slots[key] in text for key in _NOUNS if key in slots and slots[key] in topic):
                break
    request = wording("requests", topic=topic)
    if request.endswith(".") and dice.chance(0.12):
        if named and slots["name"] not in request:
            request += " " + wording("extras")
        elif placed and slots["place"] not in request:
            request += " " + wording("extras_placed")
    return request


def steps_told(steps: tuple[str, ...], left_out: float, slots: dict[str, str], dice: Dice) -> list[str]:
    """One wording of each step; of those that begin with "? ", this share is left out."""
    kept = [step for step in steps if not (step.startswith("? ") and dice.chance(left_out))]
    return [text for step in kept if (text := expand(step.removeprefix("? "), slots, dice))]


def story(dice: Dice) -> tuple[str, str]:
    """A request and its story; some requests are empty and some are the story's own beginning."""
    small = dice.chance(_SMALL)
    named = not small and dice.chance(_NAMED)
    plot = dice.pick(_by_weight(_SMALL_PLOTS if small else _LONG_PLOTS))
    slots = draw_scene(dice, plot.uses, plot.avoid, plot.avoid_other, plot.things, plot.places)
    if named:
        slots |= {
            "named": f" named {slots['name']}",
            "called": f" called {slots['name']}",
            "dear": slots["name"],
        }
    else:
        slots |= {"named": "", "called": "", "dear": f"dear {slots['kind']}", "name": f"the {slots['kind']}"}
    at_home = dice.chance(0.2)
    starts = "small_starts" if small else "home_starts" if at_home else "starts"
    slots["start"] = expand(phrase("story", starts), slots, dice)
    slots["live"] = expand(phrase("story", "likes" if at_home else "homes"), slots, dice)
    for _ in range(_TRIES):
        parts = _met_once(steps_told(plot.steps, _STEP_LEFT_OUT, slots, dice), slots)
        if _introduced(slots["kind2"], " ".join(parts)):
            break
    if not small and dice.chance(_CLOSED):
        parts.append(expand(phrase("story", "ends"), slots, dice))
    text = " ".join(parts)

    way = dice.below(100)
    if way < 8:
        return "", text
    if way < 12:
        first = parts[0].split()
        begun = " ".join(first[: 3 + dice.below(len(first) - 4)])
        return begun, text[len(begun) + 1 :]
    if way < 16:
        cut = 1 + dice.below(2)
        return " ".join(parts[:cut]), " ".join(parts[cut:])
    if way < 19:
        begun, _, rest = text[max(0, text.find(capitalized(slots["day"]))) :].partition(". ")
        if slots["name"] in begun and rest:
            return f"{begun}.", rest
    return _request(dice, plot, slots, text, named), text

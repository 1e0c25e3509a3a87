"""Small stories: a beginning, a problem, attempts, an end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ysnakes_core.synthesis.builtin.cast import draw_scene
from ysnakes_core.synthesis.builtin.catalogs import catalog, lines, phrase
from ysnakes_core.synthesis.builtin.grammar import Dice, capitalized, expand

_PLOT_CATALOGS = ("plots_finding", "plots_trying", "plots_together", "plots_away", "plots_wonder")

_STEP_LEFT_OUT = 0.7
_CLOSED = 0.15


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
def plots() -> tuple[Plot, ...]:
    """All families."""
    result = []
    for name in _PLOT_CATALOGS:
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
def _by_weight() -> tuple[Plot, ...]:
    return tuple(plot for plot in plots() for _ in range(plot.weight))


def _request(dice: Dice, plot: Plot, slots: dict[str, str], text: str) -> str:
    """A wish for this story, in which nothing is named that the story does not have."""

    def wording(key: str, **more: str) -> str:
        return expand(phrase("story", key), slots | more, dice)

    items = [slots[key] for key in ("build", "plant", "food", "thing") if key in slots and slots[key] in text]
    placed = slots["at"] in text
    if placed and items and dice.chance(0.08):
        return wording("with_words", item=items[0])
    if dice.chance(0.2):
        named = True
        topic = wording("topics_placed" if placed and dice.chance(0.2) else "topics")
    else:
        named = dice.chance(0.25)
        who = slots["kind"] if dice.chance(0.3) else slots["hero"]
        topic = expand(
            plot.requests, slots | {"hero": f"{who} named {slots['name']}" if named else who}, dice
        )
    request = wording("requests", topic=topic)
    if not named and request.endswith(".") and dice.chance(0.12):
        request += " " + wording("extras_placed" if placed and dice.chance(0.4) else "extras")
    return request


def steps_told(steps: tuple[str, ...], left_out: float, slots: dict[str, str], dice: Dice) -> list[str]:
    """One wording of each step; of those that begin with "? ", this share is left out."""
    kept = [step for step in steps if not (step.startswith("? ") and dice.chance(left_out))]
    return [text for step in kept if (text := expand(step.removeprefix("? "), slots, dice))]


def story(dice: Dice) -> tuple[str, str]:
    """A request and its story; some requests are empty and some are the story's own beginning."""
    plot = dice.pick(_by_weight())
    slots = draw_scene(dice, plot.uses, plot.avoid, plot.avoid_other, plot.things, plot.places)
    at_home = dice.chance(0.2)
    slots["start"] = expand(phrase("story", "home_starts" if at_home else "starts"), slots, dice)
    slots["live"] = expand(phrase("story", "likes" if at_home else "homes"), slots, dice)
    parts = steps_told(plot.steps, _STEP_LEFT_OUT, slots, dice)
    if dice.chance(_CLOSED):
        parts.append(expand(phrase("story", "ends"), slots, dice))
    text = " ".join(parts)

    way = dice.below(100)
    if way < 15:
        return "", text
    if way < 21:
        first = parts[0].split()
        begun = " ".join(first[: 3 + dice.below(len(first) - 4)])
        return begun, text[len(begun) + 1 :]
    if way < 25:
        cut = 1 + dice.below(2)
        return " ".join(parts[:cut]), " ".join(parts[cut:])
    if way < 28:
        begun, _, rest = text[max(0, text.find(capitalized(slots["day"]))) :].partition(". ")
        if slots["name"] in begun and rest:
            return f"{begun}.", rest
    return _request(dice, plot, slots, text), text

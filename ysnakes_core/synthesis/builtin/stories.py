"""Small stories: a beginning, a problem, attempts, an end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ysnakes_core.synthesis.builtin.cast import draw_scene
from ysnakes_core.synthesis.builtin.catalogs import catalog, lines
from ysnakes_core.synthesis.builtin.grammar import Dice, expand

_PLOT_CATALOGS = ("plots_finding", "plots_trying", "plots_together", "plots_away")

_STARTS = (
    "Once upon a time, there was a {hero} named {name} who",
    "Once upon a time, there was a {hero} named {name} who",
    "Once upon a time there was a {hero} called {name} who",
    "Once there was a {hero} named {name} who",
    "There once was a {hero} named {name} who",
    "A long time ago, there was a {hero} named {name} who",
    "{Name} was a {hero} who",
    "This is the story of {name}, a {hero} who",
    "{Home}, there lived a {hero} named {name} who",
    "{Home} lived a {hero} named {name} who",
)
_LIVE = (
    "{Name} lived {home}.",
    "{He} lived {home}.",
    "{His} home was {home}.",
    "",
    "",
)
_LIKES = (
    "{Name} was a very {trait} {kind}.",
    "Everyone liked {name}.",
    "{Name} liked to eat {foods} and to play {at}.",
    "",
)
_ENDS = (
    "And that is the story of {name} the {kind}.",
    "And so {name} the {kind} was happy.",
    "So ends the story of {name} and {name2}.",
    "The end.",
)
_REQUESTS = (
    "Write a (short|little|) story about {topic}."
    " | Write a (short|) story about {topic}."
    " | Tell me a (short|) story about {topic}."
    " | Tell me a story about {topic}."
    " | Please tell me a story about {topic}."
    " | Can you (tell me|write) a story about {topic}?"
    " | Tell a story about {topic}."
    " | I would like (to hear|) a story about {topic}."
    " | Make up a (short|) story about {topic}."
    " | Write a bedtime story about {topic}."
    " | Write a children's story about {topic}."
    " | A (short|) story about {topic}, please."
    " | A story about {topic}"
    " | Tell me about {topic}."
    " | {Topic}"
)
_TOPICS = "a {hero} | a {hero} | a {kind} | {name} the {kind} | a {kind} named {name} | a {hero} named {name}"
_TOPICS_PLACED = "a {kind} {at} | a {hero} {at}"
_EXTRAS = "The {kind} is called {name}. | The name of the {kind} is {name}. | Call the {kind} {name}."
_EXTRAS_PLACED = "The story happens {at}. | The story takes place {at}."
_WITH_WORDS = (
    "Write a (short|) story (that uses|with) the words {kind}, {item} and {place}."
    " | Use the words {kind}, {place} and {item} in a (short|) story."
    " | Tell me a story about a {kind}, a {item} and a {place}."
)


@dataclass(frozen=True)
class Plot:
    """One family of stories. `avoid` and `avoid_other` name traits and tags that do not fit."""

    name: str
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
                    requests=" ".join(lines(entry["requests"])),
                    steps=lines(entry["story"]),
                    avoid=tuple(entry.get("avoid", "").split()),
                    avoid_other=tuple(entry.get("avoid_other", "").split()),
                    things=tuple(part.strip() for part in entry.get("things", "").split(",") if part.strip()),
                    places=tuple(part.strip() for part in entry.get("places", "").split(",") if part.strip()),
                )
            )
    return tuple(result)


def _request(dice: Dice, plot: Plot, slots: dict[str, str], text: str) -> str:
    """A wish for this story, in which nothing is named that the story does not have."""
    items = [slots[key] for key in ("build", "plant", "food", "thing") if key in slots and slots[key] in text]
    placed = slots["at"] in text
    if placed and items and dice.chance(0.08):
        return expand(_WITH_WORDS, slots | {"item": items[0]}, dice)
    named = dice.chance(0.25)
    who = slots["kind"] if dice.chance(0.3) else slots["hero"]
    phrasing = slots | {"hero": f"{who} named {slots['name']}" if named else who}
    if dice.chance(0.2):
        topic = expand(_TOPICS_PLACED if placed and dice.chance(0.2) else _TOPICS, slots, dice)
        named = True
    else:
        topic = expand(plot.requests, phrasing, dice)
    request = expand(_REQUESTS, {"topic": topic}, dice)
    if not named and request.endswith(".") and dice.chance(0.12):
        request += " " + expand(_EXTRAS_PLACED if placed and dice.chance(0.4) else _EXTRAS, slots, dice)
    return request


def story(dice: Dice) -> tuple[str, str]:
    """A request and its story; some requests are empty and some are the story's own beginning."""
    plot = dice.pick(plots())
    slots = draw_scene(dice, plot.uses, plot.avoid, plot.avoid_other, plot.things, plot.places)
    start = dice.pick(_STARTS)
    slots["start"] = expand(start, slots, dice)
    slots["live"] = expand(dice.pick(_LIKES if "ome}" in start else _LIVE), slots, dice)
    parts = [
        expand(step.removeprefix("? "), slots, dice)
        for step in plot.steps
        if not (step.startswith("? ") and dice.chance(0.7))
    ]
    parts = [part for part in parts if part]
    if dice.chance(0.15):
        parts.append(expand(dice.pick(_ENDS), slots, dice))
    way = dice.below(100)
    text = " ".join(parts)
    if way < 15:
        return "", text
    if way < 21:
        first = parts[0].split()
        cut = 3 + dice.below(len(first) - 4)
        return " ".join(first[:cut]), text[len(" ".join(first[:cut])) + 1 :]
    if way < 26:
        cut = 1 + dice.below(2)
        return " ".join(parts[:cut]), " ".join(parts[cut:])
    return _request(dice, plot, slots, text), text

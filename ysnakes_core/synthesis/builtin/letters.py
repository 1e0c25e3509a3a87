"""Letters, notes, diaries and small talk."""

from __future__ import annotations

from functools import cache

from ysnakes_core.synthesis.builtin.answers import entries, told
from ysnakes_core.synthesis.builtin.cast import draw_name, draw_object, draw_place, draw_scene
from ysnakes_core.synthesis.builtin.catalogs import catalog, lines, words
from ysnakes_core.synthesis.builtin.grammar import Dice, expand

_CLOSINGS = (
    "Your friend,\n{name}",
    "With love,\n{name}",
    "Yours,\n{name}",
    "Many greetings,\n{name}",
    "Best wishes,\n{name}",
    "Love from\n{name}",
)
_PETS = ("kitten", "puppy", "rabbit", "hen", "duck", "turtle", "parrot", "lamb", "mouse", "pony")


@cache
def _forms(section: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(
        (" ".join(lines(entry["requests"])), lines(entry["text"]))
        for entry in catalog("letters")[section].values()
    )


def _person_slots(dice: Dice) -> dict[str, str]:
    """A scene in which the writer, the reader and their friend are people and the third is an animal."""
    slots = draw_scene(dice)
    while slots["kind3"] in (
        "girl",
        "boy",
        "robot",
        "giant",
        "dragon",
        "dinosaur",
        "fairy",
        "unicorn",
        "elf",
    ) or (slots["kind3"] not in _animals()):
        slots |= {key: value for key, value in draw_scene(dice).items() if key.endswith("3")}
    taken: list[str] = []
    for number in ("", "2", "3"):
        pronoun = dice.pick(("she", "he"))
        name = draw_name(dice, "girl" if pronoun == "she" else "boy", pronoun, taken)
        taken.append(name)
        slots |= {
            f"name{number}": name,
            f"he{number}": pronoun,
            f"him{number}": "her" if pronoun == "she" else "him",
        }
    days = dice.shuffled(words("things", "words", "weekday"))
    slots |= {"weekday": days[0], "weekday2": days[1], "the_place": f"the {slots['place']}"}
    while True:
        slots["thing2"], _ = draw_object(dice)
        if slots["thing2"] != slots["thing"]:
            break
    slots["pet"] = dice.pick(_PETS)
    slots["petname"] = draw_name(dice, "animal", "she", ())
    while slots["petname"] not in catalog("people")["animals"].split():
        slots["petname"] = draw_name(dice, "animal", "she", taken)
    return slots


@cache
def _animals() -> frozenset[str]:
    rows = (row.split("|") for row in catalog("people")["kinds"].strip().splitlines())
    return frozenset(kind.strip() for kind, group, _ in rows if group.strip() == "animal")


def _steps(steps: tuple[str, ...], slots: dict[str, str], dice: Dice) -> list[str]:
    return [
        expand(step.removeprefix("? "), slots, dice)
        for step in steps
        if not (step.startswith("? ") and dice.chance(0.5))
    ]


def letter(dice: Dice) -> tuple[str, str]:
    """A letter from one person to another."""
    requests, steps = dice.pick(_forms("letters"))
    slots = _person_slots(dice)
    greeting = expand("Dear {name2}, | Dear {name2}, | Hello {name2}, | My dear {name2},", slots, dice)
    body = " ".join(_steps(steps, slots, dice))
    closing = expand(dice.pick(_CLOSINGS), slots, dice)
    return expand(requests, slots, dice), f"{greeting}\n{body}\n{closing}"


def diary(dice: Dice) -> tuple[str, str]:
    """A page of a diary."""
    requests, steps = dice.pick(_forms("diaries"))
    slots = _person_slots(dice)
    opening = expand("Dear diary, | Dear diary, | {weekday} | {weekday} evening", slots, dice)
    return expand(requests, slots, dice), f"{opening}\n{' '.join(_steps(steps, slots, dice))}"


def talk(dice: Dice) -> tuple[str, str]:
    """A greeting or a few friendly words."""
    entry = dice.pick(entries("talk"))
    slots = draw_scene(dice)
    slots["subject"] = dice.pick(
        [other["name"] for other in entries("nature", "life", "made") if not other.get("are")]
    )
    slots["to"] = draw_place(dice)[2]
    parts = told(entry["text"], dice, 9, 9, slots)
    return expand(entry["ask"], slots, dice), " ".join(parts)

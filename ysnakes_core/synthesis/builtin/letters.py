"""Letters, notes, diaries and small talk."""

from __future__ import annotations

from functools import cache

from ysnakes_core.synthesis.builtin.answers import said, told
from ysnakes_core.synthesis.builtin.cast import draw_name, draw_object, draw_pet, draw_scene
from ysnakes_core.synthesis.builtin.catalogs import catalog, entries, lines, words
from ysnakes_core.synthesis.builtin.grammar import Dice, expand
from ysnakes_core.synthesis.builtin.stories import steps_told

_STEP_LEFT_OUT = 0.5


@cache
def _forms(section: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    forms = catalog("letters")[section].values()
    return tuple((" ".join(lines(entry["requests"])), lines(entry["text"])) for entry in forms)


def _person_slots(dice: Dice) -> dict[str, str]:
    """A scene in which writer, reader and their friend are people; the third kind is an animal they meet."""
    slots = draw_scene(dice, third=("animal",))
    taken: list[str] = []
    for number in ("", "2", "3"):
        group, he, him = dice.pick((("girl", "she", "her"), ("boy", "he", "him")))
        taken.append(draw_name(dice, group, he, taken))
        slots |= {f"name{number}": taken[-1], f"he{number}": he, f"him{number}": him}
    days = dice.shuffled(words("things", "words", "weekday"))
    slots |= {"weekday": days[0], "weekday2": days[1], "the_place": f"the {slots['place']}"}
    while (other := draw_object(dice)[0]) == slots["thing"]:
        pass
    slots["thing2"] = other
    slots["pet"], slots["petname"] = draw_pet(dice)
    return slots


def letter(dice: Dice) -> tuple[str, str]:
    """A letter from one person to another."""
    requests, steps = dice.pick(_forms("letters"))
    slots = _person_slots(dice)
    greeting = said("letter", "greetings", slots, dice)
    body = " ".join(steps_told(steps, _STEP_LEFT_OUT, slots, dice))
    closing = said("letter", "closings", slots, dice)
    return expand(requests, slots, dice), f"{greeting}\n{body}\n{closing}\n{slots['name']}"


def diary(dice: Dice) -> tuple[str, str]:
    """A page of a diary."""
    requests, steps = dice.pick(_forms("diaries"))
    slots = _person_slots(dice)
    opening = said("letter", "diary", slots, dice)
    return expand(
        requests, slots, dice
    ), f"{opening}\n{' '.join(steps_told(steps, _STEP_LEFT_OUT, slots, dice))}"


def talk(dice: Dice) -> tuple[str, str]:
    """A greeting or a few friendly words."""
    entry = dice.pick(entries("talk"))
    subjects = [other["name"] for other in entries("nature", "life", "made", "ideas") if not other.get("are")]
    slots = draw_scene(dice) | {"subject": dice.pick(subjects)}
    return expand(entry["ask"], slots, dice), " ".join(told(entry["text"], dice, 9, 9, slots))

"""How-tos, descriptions and poems."""

from __future__ import annotations

from ysnakes_core.synthesis.builtin.answers import said, told
from ysnakes_core.synthesis.builtin.cast import draw_scene
from ysnakes_core.synthesis.builtin.catalogs import catalog, entries, lines
from ysnakes_core.synthesis.builtin.grammar import Dice, expand, uncapitalized


def howto(dice: Dice) -> tuple[str, str]:
    """How to do something, as prose or as a list with numbers."""
    entry = dice.pick(entries("howtos_making", "howtos_doing", "howtos_home", "howtos_life"))
    slots = {
        "task": entry["task"],
        "task_you": entry["task"].replace(" my ", " your "),
        "doing": entry["doing"],
        "need": entry["need"],
    }
    need = said("howto", "need", slots, dice)
    steps = [expand(line, slots, dice) for line in lines(entry["steps"])]
    tip = [expand(entry["tips"], slots, dice)] if dice.chance(0.6) else []
    if dice.chance(0.35):
        numbered = (f"{number}. {step}" for number, step in enumerate(steps, 1))
        answer = "\n".join([need, *numbered, *tip])
    else:
        order = dice.pick(lines(catalog("phrases")["howto"]["orders"])).split("/")
        pairs = zip((word.strip() for word in order), steps, strict=True)
        prose = (f"{word} {uncapitalized(step)}" if word else step for word, step in pairs)
        answer = " ".join([need, *prose, *tip])
    return said("howto", "requests", slots, dice), answer


def description(dice: Dice) -> tuple[str, str]:
    """What a place or somebody is like."""
    if dice.chance(0.45):
        slots = draw_scene(dice)
        first, morning, *others = lines(catalog("phrases")["description"]["person"])
        chosen = [first, morning, *dice.some(others[:2], 1 + dice.below(2)), others[2]]
        chosen += dice.some(others[3:], 2 + dice.below(2))
        return said("description", "person_requests", slots, dice), " ".join(
            expand(part, slots, dice) for part in chosen
        )
    entry = dice.pick(entries("descriptions"))
    slots = {"place": entry["name"] if dice.chance(0.6) else entry["other"]}
    return said("description", "requests", slots, dice), " ".join(told(entry["text"], dice, 4, 5, slots))


def poem(dice: Dice) -> tuple[str, str]:
    """A few couplets."""
    entry = dice.pick(entries("poems"))
    couplets = dice.some(lines(entry["text"]), 2 + dice.below(3))
    text = "\n".join(expand(couplet, {}, dice).replace(" / ", "\n") for couplet in couplets)
    return said("poem", "requests", {"subject": entry["name"]}, dice), text

"""How-tos, descriptions and poems."""

from __future__ import annotations

from ysnakes_core.synthesis.builtin.answers import entries, told
from ysnakes_core.synthesis.builtin.cast import draw_scene
from ysnakes_core.synthesis.builtin.catalogs import lines
from ysnakes_core.synthesis.builtin.grammar import Dice, expand, uncapitalized

_HOW = (
    "How do I {task}? | How do I {task}? | How can I {task}? | Tell me how to {task}. | Explain how to {task}."
    " | Show me how to {task}. | I want to {task}. What do I do? | What are the steps to {task}?"
    " | Can you tell me how to {task}? | How do you {task_you}? | What do I need to {task}?"
    " | Write a short guide to {doing}. | Explain {doing} to a child."
)
_NEED = (
    "To {task_you}, you need {need}."
    " | For {doing}, you need {need}."
    " | If you want to {task_you}, you need {need}."
    " | You can {task_you} with {need}."
)
_ORDER = (
    ("First, ", "Then ", "Next, ", "After that, ", "Then ", "At last, "),
    ("First, ", "", "Then ", "After that, ", "", "In the end, "),
    ("Start like this: ", "Then ", "After that, ", "Next, ", "", "Finally, "),
    ("", "Then ", "", "Now ", "After that, ", "Last, "),
)


def howto(dice: Dice) -> tuple[str, str]:
    """How to do something, as prose or as a list with numbers."""
    entry = dice.pick(entries("howtos_making", "howtos_doing"))
    slots = {
        "task": entry["task"],
        "task_you": entry["task"].replace(" my ", " your "),
        "doing": entry["doing"],
        "need": entry["need"],
    }
    steps = [expand(line, slots, dice) for line in lines(entry["steps"])]
    need = expand(_NEED, slots, dice)
    tip = expand(entry["tips"].strip(), slots, dice) if dice.chance(0.6) else ""
    if dice.chance(0.35):
        numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
        answer = f"{need}\n{numbered}" + (f"\n{tip}" if tip else "")
    else:
        said = [
            word + (uncapitalized(step) if word else step)
            for word, step in zip(dice.pick(_ORDER), steps, strict=True)
        ]
        answer = " ".join([need, *said, *([tip] if tip else [])])
    return expand(_HOW, slots, dice), answer


_DESCRIBE = (
    "Describe {place}. | Describe {place}. | Write a description of {place}. | Please describe {place}."
    " | What does {place} look like? | Tell me what {place} is like. | Write some sentences about {place}."
    " | Write a short text that describes {place}. | Paint a picture of {place} with words."
)
_PERSON = (
    (
        "Describe {name}, a {hero}. | Describe a {hero} named {name}. | Describe a {hero}. | Who is {name} the {kind}?"
        " | Write about a {hero} named {name}. | Introduce {name} the {kind}."
    ),
    "{Name} is a {hero} who lives {home}. | {Name} is a {hero} and lives {home}.",
    "Every morning {he} gets up early and looks out of the window. | In the morning {he} likes to eat {foods}."
    " | {His} favorite food is {foods}. | Most of all, {he} likes to eat {foods}.",
    "{Name} has a {object}, and {he} takes it everywhere. | {He} always has a {object} with {him}."
    " | On the wall of {his} home hangs a picture of a {hero3}.",
    "{He} likes {skilling} {skill_at}. | {He} is very good at {skilling}. | {He} is learning to {skill}, and it is not easy.",
    "{His} best friend is {name2}, a {hero2}. | {He} has a good friend, the {kind2} {name2}."
    " | {Name2} the {kind2} is {his} best friend.",
    "Together they often go {to}. | They meet {at} and tell each other stories. | On {weekday} they go {to} together.",
    "{Name} is afraid of {fear}, but {he} does not talk about it. | Sometimes {he} is shy, but {he} is always kind."
    " | When somebody is sad, {name} tries to help.",
    "One day, {name} would like to travel around the world. | Everyone is glad to know {him}."
    " | {Name} wants to build a {build} one day. | If you meet {him}, say hello.",
)


def description(dice: Dice) -> tuple[str, str]:
    """What a place or somebody is like."""
    if dice.chance(0.45):
        slots = draw_scene(dice)
        first, *others = _PERSON[1:]
        chosen = [others[0], *dice.some(others[1:3], 1 + dice.below(2)), *dice.some(others[3:5], 2)]
        chosen += dice.some(others[5:], 1 + dice.below(2))
        return expand(_PERSON[0], slots, dice), " ".join(
            expand(part, slots, dice) for part in (first, *chosen)
        )
    entry = dice.pick(entries("descriptions"))
    slots = {"place": entry["name"] if dice.chance(0.6) else entry["other"]}
    return expand(_DESCRIBE, slots, dice), " ".join(told(entry["text"], dice, 4, 5, slots))


_POEM = (
    "Write a poem about {subject}. | Write a short poem about {subject}. | Can you write a poem about {subject}?"
    " | Make up a little poem about {subject}. | Tell me a poem about {subject}. | A poem about {subject}, please."
)


def poem(dice: Dice) -> tuple[str, str]:
    """A few couplets."""
    entry = dice.pick(entries("poems"))
    couplets = dice.some(lines(entry["text"]), 2 + dice.below(3))
    text = "\n".join(expand(couplet, {}, dice).replace(" / ", "\n") for couplet in couplets)
    return expand(_POEM, {"subject": entry["name"]}, dice), text

"""Questions with answers and explanations: facts in many wordings."""

from __future__ import annotations

from functools import cache
from typing import Any

from ysnakes_core.synthesis.builtin.catalogs import catalog, lines, table
from ysnakes_core.synthesis.builtin.grammar import Dice, capitalized, expand

_OPENERS = (
    "That is a good question.",
    "Good question!",
    "Let me explain.",
    "I can tell you that.",
    "I am glad that you ask.",
)
_EXPLAIN = (
    "What {is} {subject}?"
    " | What {is} {subject}?"
    " | Explain {subject} to a child."
    " | Explain {subject} in simple words."
    " | Explain what {subject} {is}."
    " | Can you explain {subject}?"
    " | Tell me what {subject} {is}."
    " | Tell me about {subject}."
    " | Please explain what {subject} {is}."
    " | I want to know what {subject} {is}."
    " | What do you know about {subject}?"
    " | Write a short text about {subject}."
)
_EXPLAIN_ENDS = (
    "Now you know what {subject} {is}.",
    "So that is what {subject} {is}.",
    "That is the most important thing about {subject}.",
    "Is there anything else you want to know about {subject}?",
    "Next time, you can tell your friends about {subject}.",
)


@cache
def entries(*names: str) -> tuple[dict[str, Any], ...]:
    return tuple(entry for name in names for entry in catalog(name).values())


def told(text: str, dice: Dice, least: int, most: int, slots: dict[str, str]) -> list[str]:
    """The first line of a text and some of the others, each in one of its wordings."""
    first, *others = lines(text)
    chosen = dice.some(others, least + dice.below(most - least + 1))
    return [expand(line, slots, dice) for line in (first, *chosen)]


def explanation(dice: Dice) -> tuple[str, str]:
    """What something is."""
    entry = dice.pick(entries("nature", "life", "made"))
    slots = {"subject": entry["name"], "is": "are" if entry.get("are") else "is"}
    asked = entry["ask"] if dice.chance(0.35) else _EXPLAIN
    parts = told(entry["text"], dice, *((3, 5) if asked is entry["ask"] else (2, 4)), slots)
    if dice.chance(0.12):
        parts.insert(0, dice.pick(_OPENERS))
    if dice.chance(0.2):
        parts.append(expand(dice.pick(_EXPLAIN_ENDS), slots, dice))
    return expand(asked, slots, dice), " ".join(parts)


def _fact(dice: Dice) -> tuple[str, str]:
    entry = dice.pick(entries("facts"))
    parts = told(entry["text"], dice, 2, 3, {})
    if dice.chance(0.12):
        parts.insert(0, dice.pick(_OPENERS))
    return expand(entry["ask"], {}, dice), " ".join(parts)


_ANIMAL = {
    "what": (
        "What is a {one}? | What is a {one}? | Tell me about {many}. | Tell me something about {many}."
        " | What do you know about {many}? | Describe a {one}. | What does a {one} look like?"
        " | Explain to a child what a {one} is. | Write a short text about {many}. | Write about the {one}.",
        "A {one} is {group}. | The {one} is {group}.",
    ),
    "lives": (
        "Where do {many} live? | Where does a {one} live? | Where can I find {many}?",
        "{Many} live {home}. | A {one} lives {home}. | You can find {many} {home}.",
    ),
    "eats": (
        "What do {many} eat? | What does a {one} eat? | What is the food of a {one}?",
        "{Many} eat {food}. | A {one} eats {food}. | The food of {many} is {food}.",
    ),
    "young": (
        "What is a young {one} called? | What do you call a baby {one}? | What is the name for a young {one}?",
        "A young {one} is called a {young}. | We call a young {one} a {young}.",
    ),
}
_DINOSAUR = {"lives": "Dinosaurs lived {home}.", "eats": "Dinosaurs ate {food}."}
_ANIMAL_ENDS = (
    "I like {many} very much. | A {one} is a wonderful animal. | Have you ever seen a {one}?"
    " | Maybe you will see a {one} one day. | Now you know a lot about {many}."
)


def _animal(dice: Dice) -> tuple[str, str]:
    one, many, group, home, food, young, *specials = dice.pick(table("tables", "animals"))
    slots = {"one": one, "many": many, "group": group, "home": home, "food": food, "young": young}
    keys = [key for key in _ANIMAL if not (key == "young" and young.startswith("baby"))]
    asked = dice.pick(["what", "what", *keys])
    others = [key for key in ("what", "lives", "eats") if key != asked]

    def said(key: str) -> str:
        template = _DINOSAUR.get(key) if one == "dinosaur" else None
        return expand(template or _ANIMAL[key][1], slots, dice)

    parts = [said(asked)] + [said(key) for key in dice.some(others, 2 if asked == "what" else 1)]
    parts += dice.some(specials, 1 + dice.below(2))
    if "young" in keys and asked != "young" and dice.chance(0.3):
        parts.append(said("young"))
    if one != "dinosaur" and dice.chance(0.25):
        parts.append(expand(_ANIMAL_ENDS, slots, dice))
    question = expand(_ANIMAL[asked][0], slots, dice)
    if one == "dinosaur":
        question = question.replace("do dinosaurs", "did dinosaurs").replace("does a", "did a")
        question = question.replace("can I find", "could you find")
    return question, " ".join(parts)


def _job(dice: Dice) -> tuple[str, str]:
    job, does, where, needs, more = dice.pick(table("tables", "jobs"))
    slots = {"job": job, "does": does, "where": where, "needs": needs}
    ask = (
        "What does a {job} do? | What does a {job} do all day? | What is a {job}? | Tell me about the work of a {job}."
        " | What is the job of a {job}? | Where does a {job} work? | What does a {job} need?"
    )
    first = "A {job} {does}. | A {job} is a person who {does}. | The work of a {job} is easy to explain: a {job} {does}."
    place = "A {job} works {where}. | The work is done {where}. | You can often see a {job} {where}."
    tools = "For this work, a {job} needs {needs}. | A {job} needs {needs}. | The things a {job} uses are {needs}."
    wish = (
        "Would you like to be a {job}? | Many children want to be a {job} one day."
        " | If you meet a {job}, you can ask about the work. | Without a {job}, our life would be harder."
    )
    parts = [expand(part, slots, dice) for part in (first, place, tools)] + [more]
    if dice.chance(0.5):
        parts.append(expand(wish, slots, dice))
    return expand(ask, slots, dice), " ".join(parts)


def _thing(dice: Dice) -> tuple[str, str]:
    thing, what, of, use, more = dice.pick(table("tables", "things"))
    slots = {"thing": thing, "what": what, "of": of, "use": use}
    verb = "are" if thing == "scissors" else "is"
    a = "" if thing == "scissors" else "a "
    ask = (
        f"What {verb} {a}{{thing}}? | What {verb} {a}{{thing}} used for? | Tell me about {a}{{thing}}."
        f" | What {verb} {a}{{thing}} made of? | Describe {a}{{thing}}. | Explain to a child what {a}{{thing}} {verb}."
        f" | Why do people need {a}{{thing}}?"
    )
    first = f"{capitalized(a)}{{thing}} {verb} {{what}}."
    if thing == "scissors":
        first = "Scissors are {what}."
    made = "{It} {is} made of {of}. | Most of them are made of {of}. | It takes {of} to make {them}."
    used = "People use {them} to {use}. | You can use {them} to {use}. | {It} help(s) people to {use}."
    plural = thing == "scissors"
    used = used.replace("help(s)", "help" if plural else "helps")
    slots |= {"it": "they" if plural else "it", "is": verb, "them": "them" if plural else "it"}
    if plural:
        made = made.replace(" | Most of them are made of {of}.", "")
    end = "Do you have {one} at home? | Maybe there is {one} in your house. | It is good that somebody had this idea."
    slots["one"] = "some" if plural else "one"
    parts = [expand(part, slots, dice) for part in (first, *dice.shuffled((made, used)))] + [more]
    if thing not in ("bridge", "ship", "windmill", "lighthouse", "nest", "wheel") and dice.chance(0.3):
        parts.append(expand(end, slots, dice))
    return expand(ask, slots, dice), " ".join(parts)


def _opposite(dice: Dice) -> tuple[str, str]:
    one, other, example = dice.pick(table("tables", "opposites"))
    slots = {"one": one, "other": other}
    if dice.chance(0.4) and one != "new" and other != "old":
        slots = {"one": other, "other": one}
    ask = (
        "What is the opposite of {one}? | Tell me the opposite of {one}. | What word is the opposite of {one}?"
        " | Do you know the opposite of {one}?"
    )
    first = "The opposite of {one} is {other}. | The opposite of the word {one} is the word {other}."
    end = (
        "So {one} and {other} are opposites. | Two words like {one} and {other} are called opposites."
        " | | When something is {other}, it is not {one}."
        if one not in ("day", "summer", "give", "begin", "up", "left", "near")
        else "So {one} and {other} are opposites. | Two words like {one} and {other} are called opposites. |"
    )
    parts = [expand(first, slots, dice), example, expand(end, slots, dice)]
    return expand(ask, slots, dice), " ".join(part for part in parts if part)


def _color(dice: Dice) -> tuple[str, str]:
    thing, verb, color, others = dice.pick(table("tables", "colors"))
    slots = {"thing": thing, "is": verb, "color": color, "others": others}
    slots["plain"] = color.removeprefix("often ")
    ask = "What color {is} {thing}? | Which color {is} {thing}? | Tell me what color {thing} {is}."
    first = "{Thing} {is} {color}. | The color of {thing} is {plain}."
    more = "{Others} are {plain} too. | {Others} have the same color. | {Others} can also be {plain}."
    end = "If you paint {thing}, take your {plain} paint. | Can you see something {plain} near you? | | "
    parts = [expand(part, slots, dice) for part in (first, more, end)]
    return expand(ask, slots, dice), " ".join(part for part in parts if part)


_QUESTIONS = (_animal,) * 9 + (_fact,) * 5 + (_job,) * 3 + (_thing,) * 5 + (_opposite, _color)


def question(dice: Dice) -> tuple[str, str]:
    """A question about animals, things, work or the world, and its answer."""
    return dice.pick(_QUESTIONS)(dice)

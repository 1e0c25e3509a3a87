"""Questions with answers and explanations: facts in many wordings."""

from __future__ import annotations

from ysnakes_core.synthesis.builtin.catalogs import entries, lines, phrase, table
from ysnakes_core.synthesis.builtin.grammar import Dice, expand

_OPENED = 0.04
# Of things that are not found in a house, nobody asks whether there is one at home.
_OUTSIDE = ("bridge", "ship", "windmill", "lighthouse", "wheel", "window", "boat")
_MANY = ("scissors",)


def told(text: str, dice: Dice, least: int, most: int, slots: dict[str, str]) -> list[str]:
    """The first line of a text and `least` to `most` of the others, each in one of its wordings."""
    first, *others = lines(text)
    chosen = dice.some(others, least + dice.below(most - least + 1))
    return [expand(line, slots, dice) for line in (first, *chosen)]


def said(section: str, key: str, slots: dict[str, str], dice: Dice) -> str:
    """One wording of a phrase."""
    return expand(phrase(section, key), slots, dice)


def _joined(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)


def explanation(dice: Dice) -> tuple[str, str]:
    """What something is."""
    entry = dice.pick(entries("nature", "life", "made", "ideas"))
    slots = {"subject": entry["name"], "is": "are" if entry.get("are") else "is"}
    if dice.chance(0.35):
        request = expand(entry["ask"], slots, dice)
        parts = told(entry["text"], dice, 2, 3, slots)
    else:
        request = said("explanation", "requests", slots, dice)
        parts = told(entry["text"], dice, 1, 3, slots)
    if dice.chance(_OPENED):
        parts.insert(0, said("explanation", "openers", slots, dice))
    if dice.chance(0.2):
        parts.append(said("explanation", "ends", slots, dice))
    return request, " ".join(parts)


def _fact(dice: Dice) -> tuple[str, str]:
    entry = dice.pick(entries("facts"))
    parts = told(entry["text"], dice, 1, 2, {})
    if dice.chance(_OPENED):
        parts.insert(0, said("explanation", "openers", {}, dice))
    return expand(entry["ask"], {}, dice), " ".join(parts)


def _animal(dice: Dice) -> tuple[str, str]:
    one, many, group, home, food, young, *specials = dice.pick(table("tables", "animals"))
    slots = {"one": one, "many": many, "group": group, "home": home, "food": food, "young": young}
    named = not young.startswith("baby")

    def say(key: str) -> str:
        section = "dinosaur" if one == "dinosaur" and key != "ask_what" and key != "ask_young" else "animal"
        return said(section, key, slots, dice)

    asked = dice.pick(
        ("what", "what", "what", "lives", "eats", "young") if named else ("what", "lives", "eats")
    )
    others = [key for key in ("what", "lives", "eats") if key != asked]
    parts = [say(asked)] + [say(key) for key in dice.some(others, 2 if asked == "what" else 1)]
    parts += dice.some(specials, 1 + dice.below(2))
    if named and asked != "young" and dice.chance(0.3):
        parts.append(say("young"))
    if dice.chance(0.25):
        parts.append(say("ends"))
    return say(f"ask_{asked}"), " ".join(parts)


def _job(dice: Dice) -> tuple[str, str]:
    job, does, where, needs, more = dice.pick(table("tables", "jobs"))
    slots = {"job": job, "does": does, "where": where, "needs": needs}
    parts = [said("job", key, slots, dice) for key in ("does", "place", "tools")] + [more]
    if dice.chance(0.5):
        parts.append(said("job", "ends", slots, dice))
    return said("job", "ask", slots, dice), " ".join(parts)


def _thing(dice: Dice) -> tuple[str, str]:
    thing, what, of, use, more = dice.pick(table("tables", "things"))
    many = thing in _MANY
    slots = {
        "thing": thing,
        "what": what,
        "of": of,
        "use": use,
        "a": "" if many else "a",
        "is": "are" if many else "is",
        "it": "they" if many else "it",
        "them": "them" if many else "it",
        "one": "some" if many else "one",
    }
    parts = [said("thing", "what_many" if many else "what", slots, dice)]
    parts += [said("thing", key, slots, dice) for key in dice.shuffled(("made", "used"))] + [more]
    if thing not in _OUTSIDE and dice.chance(0.3):
        parts.append(said("thing", "ends", slots, dice))
    return said("thing", "ask", slots, dice), " ".join(parts)


def _opposite(dice: Dice) -> tuple[str, str]:
    one, other, example = dice.pick(table("tables", "opposites"))
    if dice.chance(0.4) and (one, other) != ("new", "old"):
        one, other = other, one
    slots = {"one": one, "other": other}
    parts = [said("opposite", "first", slots, dice), example, said("opposite", "ends", slots, dice)]
    return said("opposite", "ask", slots, dice), _joined(parts)


def _color(dice: Dice) -> tuple[str, str]:
    thing, verb, color, others = dice.pick(table("tables", "colors"))
    slots = {
        "thing": thing,
        "is": verb,
        "color": color,
        "others": others,
        "plain": color.removeprefix("often "),
    }
    return said("color", "ask", slots, dice), _joined(
        [said("color", key, slots, dice) for key in ("first", "more", "ends")]
    )


_QUESTIONS = (_animal,) * 9 + (_fact,) * 5 + (_job,) * 3 + (_thing,) * 5 + (_opposite, _color)


def question(dice: Dice) -> tuple[str, str]:
    """A question about animals, things, work or the world, and its answer."""
    return dice.pick(_QUESTIONS)(dice)

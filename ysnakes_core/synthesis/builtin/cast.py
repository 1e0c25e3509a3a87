"""Who and what a text is about: characters, things and places, drawn so that they go together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache

from ysnakes_core.synthesis.builtin.catalogs import catalog, table, words
from ysnakes_core.synthesis.builtin.grammar import Dice, expand

_PRONOUNS = {"he": ("he", "him", "his", "himself"), "she": ("she", "her", "her", "herself")}
_DAYS = ("one day", "one {time}", "one {weather} {time}", "on a {weather} {time}", "one {weather} {time}")
_GIRLS = ("girl", "woman")
_BOYS = ("boy", "man")


@dataclass(frozen=True)
class Character:
    """Somebody in a story."""

    name: str
    kind: str
    trait: str
    pronoun: str
    group: str
    tags: frozenset[str]

    def slots(self, number: str = "") -> dict[str, str]:
        """What templates may say about this character; `number` follows every slot name."""
        he, him, his, himself = _PRONOUNS[self.pronoun]
        values = {
            "name": self.name,
            "kind": self.kind,
            "hero": f"{self.trait} {self.kind}",
            "he": he,
            "him": him,
            "his": his,
            "himself": himself,
        }
        return {key + number: value for key, value in values.items()}


@cache
def _names(key: str) -> tuple[str, ...]:
    return tuple(catalog("people")["names"][key].split())


@cache
def _kinds() -> tuple[tuple[str, str, frozenset[str]], ...]:
    """Kind, group and tags; a kind that is to come more often is there more often."""
    return tuple(
        (kind, group, frozenset(tags.split()))
        for kind, group, tags, weight in table("people", "who", "kinds")
        for _ in range(int(weight))
    )


@cache
def _trait_key(group: str) -> str:
    return {"boy": "girl", "man": "role", "woman": "role"}.get(group, group)


def draw_name(dice: Dice, group: str, pronoun: str, taken: Collection[str]) -> str:
    """A name that suits the group and nobody else has."""
    human = _names("girls" if pronoun == "she" else "boys")
    if group == "animal":
        pool = _names("animals") if dice.chance(0.5) else human
    elif group == "machine":
        pool = _names("machines")
    else:
        pool = human
    while (name := dice.pick(pool)) in taken:
        pass
    return name


def draw_character(
    dice: Dice, others: Sequence[Character] = (), avoid: Collection[str] = (), groups: Collection[str] = ()
) -> Character:
    """Somebody of another kind and name than the others, with none of the traits and tags to avoid."""
    taken_kinds = {other.kind for other in others}
    while True:
        kind, group, tags = dice.pick(_kinds())
        if kind in taken_kinds or tags.intersection(avoid) or (groups and group not in groups):
            continue
        trait = dice.pick(words("people", "traits", _trait_key(group)))
        if trait not in avoid and f"no-{trait}" not in tags:
            break
    if group in _GIRLS or group in _BOYS:
        pronoun = "she" if group in _GIRLS else "he"
    else:
        pronoun = dice.pick(("he", "she"))
    name = draw_name(dice, group, pronoun, {other.name for other in others})
    return Character(name, kind, trait, pronoun, group, tags)


@cache
def _looks() -> dict[str, tuple[str, ...]]:
    return {
        thing: words("things", "objects", f"{group}_look")
        for group in ("bright", "shiny", "plain")
        for thing in words("things", "objects", group)
    }


def draw_object(dice: Dice, things: Sequence[str] = ()) -> tuple[str, str]:
    """A thing and the thing with how it looks: `kite`, `red kite`."""
    group = dice.pick(("bright", "bright", "shiny", "plain"))
    thing = dice.pick(things or words("things", "objects", group))
    look = dice.pick(_looks().get(thing) or words("things", "objects", "plain_look"))
    return thing, f"{look} {thing}"


def draw_place(dice: Dice, allowed: Collection[str] = (), taken: Collection[str] = ()) -> tuple[str, ...]:
    """Name, `in the park` and `to the park`."""
    rows = [
        row for row in table("things", "places") if row[0] not in taken and (not allowed or row[0] in allowed)
    ]
    return dice.pick(rows)


def draw_home(dice: Dice, character: Character) -> str:
    """`in a small village near the sea`."""
    wild = character.group == "animal" or (character.group == "fantasy" and dice.chance(0.5))
    return dice.pick(table("people", "homes", "wild" if wild else "people"))[0]


# Rows that only some texts speak of: the slot that tells so, the table, its fields, whom the last keeps out.
_SPECIAL = (
    ("skill", "skills", ("skill", "skilled", "skilling", "skill_at"), "hero"),
    ("fear", "fears", ("fear", "fear_when", "fear_asked", "fear_help"), "hero"),
    ("trap", "traps", ("trap", "trap_out"), "other"),
    ("build", "builds", ("build", "build_of", "build_do", "build_did"), ""),
    ("plant", "plants", ("plant", "plant_has"), ""),
)


def draw_scene(
    dice: Dice,
    uses: Callable[[str], bool] = lambda slot: True,
    avoid: Collection[str] = (),
    avoid_other: Collection[str] = (),
    things: Sequence[str] = (),
    places: Collection[str] = (),
    third: Collection[str] = (),
) -> dict[str, str]:
    """Three characters and all that can happen to them, as slots; the second's end in 2, the third's in 3.

    `uses` tells which of the special slots the text has, so that nobody is kept out for a reason it does not
    name; `third` holds the groups the third character may be of.
    """
    slots: dict[str, str] = {}
    unfit = {"hero": list(avoid), "other": list(avoid_other)}
    for slot, section, fields, excluded in _SPECIAL:
        if uses(slot):
            row = dice.pick(table("things", section))
            slots |= zip(fields, row, strict=False)
            if excluded:
                unfit[excluded] += row[-1].split()

    hero = draw_character(dice, avoid=unfit["hero"])
    other = draw_character(dice, [hero], avoid=unfit["other"])
    slots |= hero.slots() | other.slots("2")
    slots |= draw_character(dice, [hero, other], groups=third).slots("3")
    slots["trait"] = hero.trait
    slots["home"] = draw_home(dice, hero)
    slots["thing"], slots["object"] = draw_object(dice, things)
    slots["food"], slots["foods"] = dice.pick(table("things", "food"))
    place = draw_place(dice, places)
    slots |= zip(("place", "at", "to"), place, strict=True)
    slots |= zip(("place2", "at2", "to2"), draw_place(dice, taken=[place[0]]), strict=True)
    slots["weather"], slots["time"] = dice.pick(table("things", "days"))
    slots["day"] = expand(dice.pick(_DAYS), slots, dice)
    slots["day_in"] = f"on a {slots['weather']} {slots['time']}"
    slots["object3"] = dice.pick(words("things", "words", "flying"))
    slots["color"] = dice.pick(words("things", "words", "color"))
    slots["in_spot"] = dice.pick(table("things", "spots"))[0]
    slots["sad_state2"] = dice.pick(words("things", "words", "sad_state"))
    slots["grand"] = dice.pick(words("things", "words", "grand"))
    slots["weekday"] = dice.pick(words("things", "words", "weekday"))
    return slots


def draw_pet(dice: Dice) -> tuple[str, str]:
    """A kind of animal that lives with people, and its name."""
    return dice.pick(words("people", "who", "pets")), dice.pick(_names("animals"))

"""Sentences with given words: the shortest texts, in which what was asked for comes at once."""

from __future__ import annotations

from ysnakes_core.synthesis.builtin.cast import draw_scene
from ysnakes_core.synthesis.builtin.catalogs import catalog, lines
from ysnakes_core.synthesis.builtin.grammar import Dice, expand

_GROUPS = ("thing", "thing", "thing", "food", "friend", "friend", "place", "doing", "doing")
_FOLLOWED = 0.6


def sentence(dice: Dice) -> tuple[str, str]:
    """A request that names one or two words and a text of one to three sentences with them."""
    texts = catalog("sentences")
    group = texts[dice.pick(_GROUPS)]
    first, then = group["first"], group["then"]
    slots = draw_scene(dice, lambda slot: f"{{{slot}}}" in first)
    parts = [expand(first, slots, dice)]
    while len(parts) < 3 and dice.chance(_FOLLOWED):
        more = expand(then, slots, dice)
        if more not in parts:
            parts.append(more)
    text = " ".join(parts)

    items = [slots[key] for key in ("thing", "food", "kind2", "plant", "build") if key in slots]
    named = [item for item in items if f" {item}" in text]
    words = texts["words"]
    if dice.chance(0.2):
        request = words["with_two"] if named else words["with_one"]
        return expand("|".join(lines(request)), slots | {"item": (named or [""])[0]}, dice), text
    hero = slots["hero"] if dice.chance(0.5) else slots["kind"]
    topic = f"a {hero}"
    if named and dice.chance(0.7):
        full = {slots["thing"]: slots["object"], slots["kind2"]: slots["hero2"]}.get(named[0], named[0])
        topic += f" and a {full if full in text and dice.chance(0.5) else named[0]}"
    elif slots["at"] in text and dice.chance(0.5):
        topic += f" {slots['at']}"
    return expand("|".join(lines(words["requests"])), {"topic": topic}, dice), text

"""Words in lower case with marks for their capitals, exact for every character of Unicode.

Only capitals that come back from their small letter count (É ↔ é, not İ, ǅ or the Kelvin sign); the
others stand for themselves.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

LETTER = r"[^\W\d_]"  # letters of any script, and numbers that are not digits

_PARTS = re.compile(r"U+(?!l)|U?l+|x")
_BEFORE_LETTERS = " '’"


class Case(IntEnum):
    """How a token's text is written."""

    AS_IS = 0
    CAPITAL = 1  # its first letter is a capital
    CAPITALS = 2  # all of it is


@lru_cache(maxsize=65_536)
def small(character: str) -> str:
    """The small letter of a capital that comes back from it; any other character unchanged."""
    lower = character.lower()
    return lower if len(lower) == 1 and lower != character and lower.upper() == character else character


@lru_cache(maxsize=65_536)
def _capital(character: str) -> str:
    upper = character.upper()
    return upper if len(upper) == 1 else character


def with_case(text: str, case: Case) -> str:
    """A token's text in a case: exactly what a decoder does on a mark."""
    if case is Case.CAPITALS:
        return "".join(map(_capital, text))
    if case is Case.CAPITAL:
        first = 1 if len(text) > 1 and text[0] in _BEFORE_LETTERS else 0
        return text[:first] + _capital(text[first]) + text[first + 1 :]
    return text


def fold(text: str) -> tuple[str, Case] | None:
    """The text in small letters and the case that brings it back exactly; None if no single case does."""
    # Both ways differ only where small letters depend on their place (the final sigma).
    for lower in (text.lower(), "".join(map(small, text))):
        for case in Case:
            if with_case(lower, case) == text:
                return lower, case
    return None


def parts(word: str) -> list[str]:
    """A word cut where its case changes, so that each part folds: CamelCase, iPhone, HTMLParser."""
    kinds = "".join(
        "U" if small(character) != character else "l" if character.lower() == character else "x"
        for character in word
    )
    return [word[match.start() : match.end()] for match in _PARTS.finditer(kinds)]

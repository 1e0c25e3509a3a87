"""The small template language that the built-in teacher's catalogs are written in.

A template is text in which `(one|two|three)` is a choice, which may be nested and whose first options come
more often, and `{name}` is a slot filled from a mapping. `{Name}` is the value of `{name}` with a capital
letter. Articles are written `a` everywhere and corrected after the slots are filled, since only then is the
next word known.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from ysnakes_core.synthesis.wording import takes_an

T = TypeVar("T")

_ARTICLE = re.compile(r"\b([Aa]) (?=([A-Za-z]+))")
_SPACES = re.compile(r" {2,}")

_LEANING = 1.5


class Dice:
    """Repeatable choices: only `Random.random()` of an integer seed, whose sequence Python promises to keep.

    `choice`, `shuffle` and `sample` may change between Python versions, so they are written out here.
    """

    def __init__(self, *key: object) -> None:
        digest = hashlib.sha256("\x1f".join(str(part) for part in key).encode("utf-8")).digest()
        self._random = random.Random(int.from_bytes(digest[:8], "big"))

    def below(self, limit: int) -> int:
        """An integer from 0 up to, not including, `limit`."""
        return int(self._random.random() * limit)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random.random() < probability

    def pick(self, values: Sequence[T]) -> T:
        """One of the values, each equally likely."""
        return values[self.below(len(values))]

    def lean(self, values: Sequence[T]) -> T:
        """One of the values, the earlier ones more often: of three, about 5, 3 and 2 times in ten."""
        return values[int(len(values) * self._random.random() ** _LEANING)]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """The values in a random order (Fisher and Yates)."""
        result = list(values)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result

    def some(self, values: Sequence[T], count: int) -> list[T]:
        """`count` of the values (or all, if there are fewer), in their own order."""
        chosen = sorted(self.shuffled(range(len(values)))[:count])
        return [values[place] for place in chosen]


@dataclass(frozen=True)
class _Slot:
    name: str
    capital: bool


@dataclass(frozen=True)
class _Choice:
    options: tuple[_Sequence, ...]


_Sequence = tuple["str | _Slot | _Choice", ...]


@cache
def _parsed(template: str) -> _Choice:
    """The template as a tree; its top level is a choice too, so `one | two` needs no brackets."""
    tree, end = _parse_options(template, 0)
    if end != len(template):
        raise ValueError(f"a bracket is closed that was never opened: {template!r}")
    return tree


def _parse_options(text: str, at: int) -> tuple[_Choice, int]:
    options: list[_Sequence] = []
    parts: list[str | _Slot | _Choice] = []
    while at < len(text) and text[at] != ")":
        if text[at] == "(":
            choice, at = _parse_options(text, at + 1)
            if at == len(text):
                raise ValueError(f"a bracket is never closed: {text!r}")
            parts.append(choice)
            at += 1
        elif text[at] == "{":
            end = text.index("}", at)
            name = text[at + 1 : end]
            parts.append(_Slot(uncapitalized(name), name[:1].isupper()))
            at = end + 1
        elif text[at] == "|":
            options.append(tuple(parts))
            parts = []
            at += 1
        else:
            end = at
            while end < len(text) and text[end] not in "(){|":
                end += 1
            parts.append(text[at:end])
            at = end
    options.append(tuple(parts))
    return _Choice(tuple(options)), at


def _write(choice: _Choice, slots: Mapping[str, str], dice: Dice, into: list[str]) -> None:
    for part in dice.lean(choice.options) if len(choice.options) > 1 else choice.options[0]:
        if isinstance(part, str):
            into.append(part)
        elif isinstance(part, _Slot):
            value = slots[part.name]
            into.append(capitalized(value) if part.capital else value)
        else:
            _write(part, slots, dice, into)


def expand(template: str, slots: Mapping[str, str], dice: Dice) -> str:
    """Choices made, slots filled, articles and spaces put right.

    Raises KeyError for a slot that has no value: a mistake in a catalog, which the tests look for.
    """
    pieces: list[str] = []
    _write(_parsed(template), slots, dice, pieces)
    return correct_articles(_SPACES.sub(" ", "".join(pieces)).strip())


def options(template: str) -> int:
    """How many texts the template can become, its slots not counted."""

    def of_choice(choice: _Choice) -> int:
        return sum(of_sequence(option) for option in choice.options)

    def of_sequence(sequence: _Sequence) -> int:
        product = 1
        for part in sequence:
            product *= of_choice(part) if isinstance(part, _Choice) else 1
        return product

    return of_choice(_parsed(template))


def correct_articles(text: str) -> str:
    """The text with every `a` agreeing with the word after it."""
    return _ARTICLE.sub(lambda match: match[1] + ("n " if takes_an(match[2]) else " "), text)


def capitalized(text: str) -> str:
    """The text with its first letter in upper case and the rest as it is."""
    return text[:1].upper() + text[1:]


def uncapitalized(text: str) -> str:
    """The text with its first letter in lower case and the rest as it is."""
    return text[:1].lower() + text[1:]


def listed(words: Sequence[str]) -> str:
    """`a cup, a spoon and some milk`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]

"""The kinds of records the built-in teacher can write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import MappingProxyType

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.builtin.answers import explanation, question
from ysnakes_core.synthesis.builtin.grammar import Dice
from ysnakes_core.synthesis.builtin.guides import description, howto, poem
from ysnakes_core.synthesis.builtin.letters import diary, letter, talk
from ysnakes_core.synthesis.builtin.sentences import sentence
from ysnakes_core.synthesis.builtin.stories import story

_WRITERS: MappingProxyType[str, Callable[[Dice], tuple[str, str]]] = MappingProxyType(
    {
        "story": story,
        "sentence": sentence,
        "question": question,
        "explanation": explanation,
        "howto": howto,
        "description": description,
        "letter": letter,
        "diary": diary,
        "poem": poem,
        "talk": talk,
    }
)

KINDS: tuple[str, ...] = tuple(_WRITERS)


def generate(kind: str, count: int, seed: int, first: int = 0) -> Iterator[tuple[str, str]]:
    """`count` records (request, answer) of a kind, from record number `first` on.

    Each record depends on kind, seed and its number alone. Among many records of one seed some may be alike:
    the grammar is large, not endless. Raises UsageError for a kind that is not in KINDS.
    """
    if kind not in _WRITERS:
        raise UsageError(
            f"The built-in teacher cannot write {kind!r}.", f"Choose one of: {', '.join(KINDS)}."
        )
    write = _WRITERS[kind]
    return (write(Dice(kind, seed, number)) for number in range(first, first + count))

"""Documents that say nearly the same as an earlier one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ysnakes_core.errors import UsageError
from ysnakes_core.text.near_duplicates import SIMILAR, group_near_duplicates
from ysnakes_core.text.records import Document

SHINGLE_WORDS = 3
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Repeat:
    """A document, by its place, and how much of its text it shares with the first of its group (0 to 1)."""

    index: int
    overlap: float


@dataclass(frozen=True)
class DuplicateGroup:
    """The first of some documents that are nearly the same, by its place, and the others."""

    first: int
    repeats: tuple[Repeat, ...]


def duplicate_groups(
    documents: Sequence[Document],
    at_least: float = SIMILAR,
    progress: Callable[[int], None] | None = None,
) -> list[DuplicateGroup]:
    """Groups of documents of which each shares ``at_least`` that part of its text with the first.

    Candidates come from MinHash signatures over the answers; their overlap, the share of runs of three words
    that two texts have in common of all that they have (Jaccard), is then counted exactly. UsageError where
    ``at_least`` is below what signatures tell apart.
    """
    if not SIMILAR <= at_least <= 1.0:
        raise UsageError(
            f"an overlap of {at_least:g} cannot be looked for", f"choose one from {SIMILAR:g} to 1 (the same)"
        )
    groups = group_near_duplicates((document.answer for document in documents), len(documents), progress)
    members: dict[int, list[int]] = {}
    for index, first in enumerate(groups.tolist()):
        if index != first:
            members.setdefault(first, []).append(index)
    found = []
    for first, others in sorted(members.items()):
        found.extend(_among([first, *others], documents, at_least))
    return sorted(found, key=lambda group: group.first)


def _among(indexes: list[int], documents: Sequence[Document], at_least: float) -> list[DuplicateGroup]:
    """Groups around their first members: what is like a member of a chain may be unlike its beginning."""
    groups = []
    while len(indexes) > 1:
        first, *rest = indexes
        text = documents[first].answer
        shingles = _shingles(text)
        # One at a time: a group can be as large as the collection.
        overlaps = [
            1.0 if documents[index].answer == text else _overlap(shingles, _shingles(documents[index].answer))
            for index in rest
        ]
        pairs = list(zip(rest, overlaps, strict=True))
        repeats = tuple(Repeat(index, overlap) for index, overlap in pairs if overlap >= at_least)
        if repeats:
            groups.append(DuplicateGroup(first, repeats))
        indexes = [index for index, overlap in pairs if overlap < at_least]
    return groups


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.lower()) or [text]
    length = min(SHINGLE_WORDS, len(words))
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def _overlap(left: set[tuple[str, ...]], right: set[tuple[str, ...]]) -> float:
    return len(left & right) / len(left | right)

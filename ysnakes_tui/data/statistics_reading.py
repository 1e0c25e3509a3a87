"""What is counted of a library, in a thread: the figures that SQLite has at once, then those of the texts."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ysnakes_core.synthesis.curation.duplicates import duplicate_groups
from ysnakes_core.synthesis.library import Library, Tally
from ysnakes_core.text.records import Document

_PAGE = 100
_POINTS = 200  # of the curve of the vocabulary
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_REST_SECONDS = 0.001  # between pages, for the app's thread
_EXAMPLES = 5
MOST_COMPARED = 200_000  # records, the newest: their texts are in memory together

Told = Callable[[int, int], None]
"""Told how many records are done, and of how many."""


@dataclass(frozen=True)
class Figures:
    """``lengths``: how many answers have so many words, by words rounded down to ``step``; ``rules``: how
    many records each rule found something in; ``repeats``: records that say just what another says.
    """

    tallies: Sequence[Tally] = ()
    lengths: Mapping[int, int] | None = None
    step: int = 50
    rules: Mapping[str, int] | None = None
    repeats: int = 0
    flagged: int = 0
    version: int = 0

    @property
    def records(self) -> int:
        return sum(tally.records for tally in self.tallies)

    @property
    def words(self) -> int:
        return sum(tally.words for tally in self.tallies)


@dataclass(frozen=True)
class Vocabulary:
    """How many different words (``y``) there are in the first so many words (``x``) of all answers."""

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    records: int


@dataclass(frozen=True)
class Duplicates:
    """Groups of records that say nearly the same: how many, how many records are more than one of each, and
    some examples, each with the first one's id, the number of others and the beginning of its text.
    """

    compared: int
    groups: int
    extra: int
    examples: Sequence[tuple[int, int, str]]


def figures(library: Library) -> Figures:
    """Takes about half a second for 100,000 records."""
    version = library.version()
    with library.reading():
        tallies = library.tally()
        longest = max((tally.words / tally.records for tally in tallies if tally.records), default=0.0)
        step = next((each for each in (10, 25, 50, 100, 250) if longest < 6 * each), 500)
        return Figures(
            tallies,
            library.lengths(step=step),
            step,
            library.count_by("rule"),
            library.repeats(),
            _flagged(library),
            version,
        )


def _flagged(library: Library) -> int:
    from ysnakes_core.synthesis.library_records import RecordFilter

    return library.count(RecordFilter(flagged=True))


def vocabulary(library: Library, stop: threading.Event, told: Told) -> Vocabulary | None:
    """None if it was stopped. Takes some five seconds for 100,000 records, and lets others work meanwhile."""
    total = library.count()
    every = max(1, total // _POINTS)
    seen: set[str] = set()
    x, y, words, records = [0.0], [0.0], 0, 0
    after = 0
    while page := library.texts(_PAGE, after):
        if stop.is_set():
            return None
        for _, _, answer in page:
            found = _WORD.findall(answer.lower())
            seen.update(found)
            words += len(found)
            records += 1
            if records % every == 0:
                x.append(float(words))
                y.append(float(len(seen)))
        after = page[-1][0]
        told(records, total)
        time.sleep(_REST_SECONDS)
    if x[-1] != words:
        x.append(float(words))
        y.append(float(len(seen)))
    return Vocabulary(np.array(x), np.array(y), records)


class _Stopped(Exception):
    pass


def near_duplicates(library: Library, stop: threading.Event, told: Told) -> Duplicates | None:
    """None if it was stopped. Takes about a minute for 100,000 records."""
    identities: list[int] = []
    documents: list[Document] = []
    ids = library.id_array(newest_first=True)[:MOST_COMPARED]
    after = int(ids[-1]) - 1 if len(ids) else 0
    while page := library.texts(_PAGE, after):
        if stop.is_set():
            return None
        after = page[-1][0]
        for identity, request, answer in page:
            identities.append(identity)
            documents.append(Document(request, answer))
        time.sleep(_REST_SECONDS)

    def progress(done: int) -> None:
        if stop.is_set():
            raise _Stopped
        told(done, len(documents))
        time.sleep(_REST_SECONDS)

    try:
        groups = duplicate_groups(documents, progress=progress)
    except _Stopped:
        return None
    largest = sorted(groups, key=lambda group: -len(group.repeats))[:_EXAMPLES]
    examples = [
        (identities[group.first], len(group.repeats), documents[group.first].answer[:200])
        for group in largest
    ]
    return Duplicates(len(documents), len(groups), sum(len(group.repeats) for group in groups), examples)

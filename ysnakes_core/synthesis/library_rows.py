"""What a list of very many records needs: all their ids at once, and a line for those on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ysnakes_core.synthesis.library_connection import Connection
from ysnakes_core.synthesis.library_records import DECISIONS, Decision, RecordFilter
from ysnakes_core.synthesis.library_search import where

BEGINNING = 240  # characters of a request that a line can have
_AT_ONCE = 500  # ids in one statement

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """A record as one line. ``flags``: how many rules found something; ``edited``: the answer is not as its
    teacher wrote it; ``request`` is its beginning.
    """

    id: int
    kind: str
    teacher: str
    decision: Decision
    words: int
    flags: int
    edited: bool
    request: str


def id_array(connection: Connection, asked: RecordFilter, *, newest_first: bool = False) -> Ids:
    """The ids of all records that the filter takes, in the order they came.

    They come out of SQLite as one text, as a row for each would keep other threads waiting for their turn.
    """
    chosen = where(asked)
    order = f"ORDER BY {chosen.order_by} {'DESC' if newest_first else 'ASC'}"
    found = connection.one(
        f"SELECT group_concat(id) FROM (SELECT {chosen.order_by} AS id {chosen.sql} {order})", chosen.values
    )
    text = found[0] if found is not None else None
    return np.fromstring(text, dtype=np.int64, sep=",") if text else np.empty(0, dtype=np.int64)


def rows(connection: Connection, ids: Sequence[int]) -> list[Row]:
    """The lines of some records, in no order; those that are not there are left out."""
    found = []
    for begin in range(0, len(ids), _AT_ONCE):
        some = [int(each) for each in ids[begin : begin + _AT_ONCE]]
        marks = ",".join("?" * len(some))
        found += connection.read(
            "SELECT records.id, kind, teacher, decision, words,"
            " (SELECT count(*) FROM flags WHERE record = records.id), original IS NOT NULL,"
            f" substr(request, 1, {BEGINNING})"
            f" FROM records JOIN texts ON texts.id = records.id WHERE records.id IN ({marks})",
            some,
        )
    return [_row(*each) for each in found]


def _row(
    identity: int,
    kind: object,
    teacher: object,
    decision: object,
    words: object,
    flags: int,
    edited: int,
    request: object,
) -> Row:
    known: Decision = next((each for each in DECISIONS if each == decision), "pending")
    number = words if isinstance(words, int) else 0
    return Row(identity, str(kind), str(teacher), known, number, flags, bool(edited), str(request))

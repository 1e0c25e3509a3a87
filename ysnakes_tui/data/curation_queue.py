"""The order in which records are looked at: those with flags first, those that were put off last."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from ysnakes_core.synthesis.library import Library
from ysnakes_core.synthesis.library_records import RecordFilter


@dataclass(frozen=True)
class Waiting:
    """The records to decide about, in order, and those of them that have flags. ``total``: whether there are
    any records at all; ``version``: the library's.
    """

    order: Sequence[int] = ()
    flagged: frozenset[int] = frozenset()
    total: int = 0
    version: int = 0
    members: frozenset[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", frozenset(self.order))


def waiting(asked: RecordFilter, library: Library) -> Waiting:
    """May take a while in a large library."""
    version = library.version()
    total = library.count(at_most=1)
    if asked.flagged is not None or asked.rules:
        found = library.id_array(asked).tolist()
        return Waiting(found, frozenset(found if asked.flagged is not False else ()), total, version)
    flagged, others = (library.id_array(replace(asked, flagged=each)).tolist() for each in (True, False))
    return Waiting(flagged + others, frozenset(flagged), total, version)


class Queue:
    """Ids of the records that are left; ``current`` is the one that is looked at."""

    def __init__(self) -> None:
        self._left: deque[int] = deque()
        self._flagged: set[int] = set()
        self._skipped: dict[int, None] = {}  # in order

    def __len__(self) -> int:
        return len(self._left)

    @property
    def current(self) -> int | None:
        return self._left[0] if self._left else None

    @property
    def flagged(self) -> int:
        """How many of those that are left have flags."""
        return len(self._flagged)

    @property
    def skipped(self) -> int:
        return len(self._skipped)

    def ahead(self, count: int) -> list[int]:
        """The next ones after the current."""
        return [self._left[place] for place in range(1, min(count + 1, len(self._left)))]

    def load(self, found: Waiting, without: Collection[int] = ()) -> None:
        """What is left now. The current record stays if it is among it; ``without``: not these."""
        current = self.current
        self._left = deque(found.order)
        self._flagged = set(found.flagged)
        for record in without:
            if record in found.members:
                self._left.remove(record)
                self._flagged.discard(record)
        gone = [each for each in self._skipped if each not in found.members or each in without]
        for record in gone:
            del self._skipped[record]
        for record in self._skipped:
            self._left.remove(record)
            self._left.append(record)
        if current is not None and current in found.members and current not in without:
            self._left.remove(current)
            self._left.appendleft(current)

    def done(self) -> None:
        """The current record was decided about."""
        if self._left:
            self._forget(self._left.popleft())

    def skip(self) -> int | None:
        """Put the current record off until all others are done; which it was."""
        if not self._left:
            return None
        record = self._left.popleft()
        self._left.append(record)
        self._skipped.pop(record, None)
        self._skipped[record] = None
        return record

    def put_back(self, record: int, *, flagged: bool) -> None:
        """Look at a record now."""
        if record in self._left:
            self._left.remove(record)
        self._skipped.pop(record, None)
        self._left.appendleft(record)
        if flagged:
            self._flagged.add(record)

    def put_last(self, record: int) -> None:
        """Look at a record some time, if it is not among those that are left."""
        if record not in self._left:
            self._left.append(record)

    def _forget(self, record: int) -> None:
        self._flagged.discard(record)
        self._skipped.pop(record, None)

"""Which request comes next: what is missing of a job, a window at a time, all kinds at the same pace.

However large a job is, only a few hundred requests are in memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from ysnakes_core.synthesis.job_state import Goal
from ysnakes_core.synthesis.job_store import JobStore, Unwritten
from ysnakes_core.synthesis.requests import Request

WINDOW = 256
_MOST_ALIKE = 2_000  # requests in a row that say what is written already: then there are no others


class Plan(Protocol):
    """All requests of a kind by number, the same in every session."""

    def request(self, index: int) -> Request: ...


class _Row:
    """One kind's part: requests up to ``end`` are looked at, those before ``cursor`` have been."""

    def __init__(self, goal: Goal, plan: Plan, done: int, duplicates: int) -> None:
        self.goal, self.plan = goal, plan
        self.cursor = 0
        self.end = goal.count + duplicates
        self.taken = done
        self.ready: deque[Request] = deque()
        self.alike = 0  # duplicates since the last request that was none

    @property
    def exhausted(self) -> bool:
        """There seems to be nothing more of this kind that is not written already."""
        return self.alike >= _MOST_ALIKE

    @property
    def share(self) -> float:
        return self.taken / self.goal.count


class Schedule:
    """Hands out a job's missing requests, each once. A request that says what a record or another request
    of the job says already is noted as a duplicate, and the next one takes its place.
    """

    def __init__(
        self,
        store: JobStore,
        job: int,
        goals: Sequence[Goal],
        plans: Mapping[str, Plan],
    ) -> None:
        self._store, self._job = store, job
        done, duplicates = store.done_by_kind(job), store.duplicates_by_kind(job)
        self._rows = {
            goal.kind: _Row(goal, plans[goal.kind], done.get(goal.kind, 0), duplicates.get(goal.kind, 0))
            for goal in goals
        }
        self._turn = asyncio.Lock()

    async def next(self) -> Request | None:
        """The next request of the kind that is furthest behind; None: nothing is left to ask."""
        async with self._turn:
            for row in sorted(self._rows.values(), key=lambda row: row.share):
                if not row.ready and row.cursor < row.end:
                    # Other threads may be writing to the library: it must not be waited for here.
                    await asyncio.to_thread(self._refill, row)
                if row.ready:
                    row.taken += 1
                    return row.ready.popleft()
            return None

    def duplicate(self, request: Request) -> None:
        """A request turned out to be one when it was answered: another takes its place."""
        row = self._rows[request.kind]
        row.taken -= 1
        row.alike += 1
        row.end += 0 if row.exhausted else 1

    def fresh(self, kind: str) -> None:
        """A request of the kind was none."""
        self._rows[kind].alike = 0

    def exhausted(self) -> list[str]:
        """Kinds of which nothing more was found that is not written already."""
        return [kind for kind, row in self._rows.items() if row.exhausted]

    def _refill(self, row: _Row) -> None:
        kind = row.goal.kind
        while not row.ready and row.cursor < row.end:
            end = min(row.cursor + WINDOW, row.end)
            known = self._store.indexes_done(self._job, kind, row.cursor, end)
            requests = [row.plan.request(index) for index in range(row.cursor, end) if index not in known]
            seen = self._store.known_keys(self._job, [request.key for request in requests])
            alike = []
            for request in requests:
                if request.key in seen:
                    alike.append(duplicate_of(request))
                    row.alike += 1
                else:
                    seen.add(request.key)
                    row.ready.append(request)
                    row.alike = 0
            if alike:
                self._store.put_aside(self._job, alike)
            row.cursor = end
            row.end += 0 if row.exhausted else len(alike)


def duplicate_of(request: Request) -> Unwritten:
    return Unwritten(request.kind, request.index, request.key, "duplicate", "it says what another says", 0)

"""How quickly a job goes and how long it will take, from what has lately been finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ysnakes_core.synthesis.job_state import Goal, JobStatus, KindProgress, Progress, PutAside, Writing
from ysnakes_core.synthesis.requests import Request

_RECENT = 60  # seconds, of those in which something was finished, that rates are taken from
_SHOWN_FAILURES = 50
SHOWN_CHARACTERS = 4_000  # of an answer that is being written
_REMEMBERED = 200  # records of a kind that its mean time is taken from, about


@dataclass
class _Slot:
    request: Request
    attempt: int
    tail: str = ""
    characters: int = 0


@dataclass
class _Kind:
    wanted: int
    done: int
    failed: int = 0
    timed: int = 0
    seconds: float | None = None  # one record takes so long in its slot, on average


@dataclass
class _Second:
    """What was finished in one second. ``work``: the seconds that its records were in their slots."""

    begin: float
    records: int = 0
    work: float = 0.0
    tokens: int | None = None
    own_tokens: int = 0  # of those whose teacher told its own time
    own_seconds: float = 0.0


@dataclass
class JobMeter:
    """Counts for one session of a job. ``clock`` gives seconds."""

    clock: Callable[[], float]
    status: JobStatus = "running"
    message: str = ""
    _kinds: dict[str, _Kind] = field(default_factory=dict)
    _recent: deque[_Second] = field(default_factory=lambda: deque(maxlen=_RECENT))
    _failures: deque[PutAside] = field(default_factory=lambda: deque(maxlen=_SHOWN_FAILURES))
    _writing: dict[int, _Slot] = field(default_factory=dict)
    _began: float = 0.0

    def begin(self, goals: tuple[Goal, ...], done: Mapping[str, int]) -> None:
        self._kinds = {goal.kind: _Kind(goal.count, done.get(goal.kind, 0)) for goal in goals}
        self._recent.clear()
        self._began = self.clock()

    def restart_rates(self) -> None:
        """After a pause: the time that it took says nothing about the pace."""
        self._recent.clear()
        self._began = self.clock()

    # A slot's record.

    def starts(self, slot: int, request: Request, attempt: int) -> None:
        self._writing[slot] = _Slot(request, attempt)

    def wrote(self, slot: int, piece: str) -> None:
        writing = self._writing[slot]
        writing.tail = (writing.tail + piece)[-SHOWN_CHARACTERS:]
        writing.characters += len(piece)

    def ends(self, slot: int) -> None:
        self._writing.pop(slot, None)

    # What became of it.

    def stored(self, kind: str, seconds: float, tokens: int | None, teacher_seconds: float | None) -> None:
        """A record is on the disk; it was in its slot for ``seconds``, waiting for a teacher not counted."""
        row = self._kinds[kind]
        row.done += 1
        row.timed = min(row.timed + 1, _REMEMBERED)
        row.seconds = seconds if row.seconds is None else row.seconds + (seconds - row.seconds) / row.timed
        second = self._this_second()
        second.records += 1
        second.work += seconds
        if tokens is not None:
            second.tokens = (second.tokens or 0) + tokens
            if teacher_seconds:
                second.own_tokens += tokens
                second.own_seconds += teacher_seconds

    def _this_second(self) -> _Second:
        now = self.clock()
        if not self._recent or now >= self._recent[-1].begin + 1.0:
            self._recent.append(_Second(now))
        return self._recent[-1]

    def put_aside(self, failure: PutAside) -> None:
        self._kinds[failure.kind].failed += 1
        self._failures.append(failure)

    @property
    def done(self) -> int:
        return sum(row.done for row in self._kinds.values())

    @property
    def failed(self) -> int:
        return sum(row.failed for row in self._kinds.values())

    @property
    def wanted(self) -> int:
        return sum(row.wanted for row in self._kinds.values())

    def snapshot(self) -> Progress:
        recent, span = self._recent, self._span()
        records = sum(second.records for second in recent)
        tokens = [second.tokens for second in recent if second.tokens is not None]
        own_seconds = sum(second.own_seconds for second in recent)
        own_tokens = sum(second.own_tokens for second in recent)
        return Progress(
            status=self.status,
            message=self.message,
            kinds=tuple(
                KindProgress(kind, row.done, row.wanted, row.failed) for kind, row in self._kinds.items()
            ),
            records_per_second=records / span if records and span > 0 else None,
            tokens_per_second=sum(tokens) / span if tokens and span > 0 else None,
            teacher_tokens_per_second=own_tokens / own_seconds if own_seconds else None,
            seconds_left=self._seconds_left(),
            failures=tuple(self._failures),
            writing=tuple(
                Writing(
                    slot.request.kind,
                    slot.request.index,
                    slot.request.record_request,
                    slot.tail,
                    slot.characters,
                    slot.attempt,
                )
                for _, slot in sorted(self._writing.items())
            ),
        )

    def _span(self) -> float:
        """Seconds that ``_recent`` covers."""
        full = len(self._recent) == _RECENT
        return self.clock() - (self._recent[0].begin if full else self._began)

    def _seconds_left(self) -> float | None:
        """What is missing of each kind takes that kind's time; how much is done at a time was seen."""
        known = [row.seconds for row in self._kinds.values() if row.seconds is not None]
        done, span = sum(second.work for second in self._recent), self._span()
        if not known or done <= 0 or span <= 0:
            return None
        usual = sum(known) / len(known)
        work = sum(
            max(0, row.wanted - row.done - row.failed) * (usual if row.seconds is None else row.seconds)
            for row in self._kinds.values()
        )
        return work * span / done

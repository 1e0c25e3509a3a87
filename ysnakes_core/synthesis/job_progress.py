"""How quickly a job goes and how long it will take, from what has lately been finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ysnakes_core.synthesis.job_state import Goal, JobStatus, KindProgress, Progress, PutAside, Writing
from ysnakes_core.synthesis.requests import Request

_RECENT = 200  # records that rates are taken from
_RECENT_SECONDS = 300.0
_SHOWN_FAILURES = 50
SHOWN_CHARACTERS = 4_000  # of an answer that is being written
_SMOOTHING = 0.9


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
    seconds: float | None = None  # one record takes so long in its slot, smoothed


@dataclass(frozen=True)
class _Finished:
    at: float
    tokens: int | None
    teacher_seconds: float | None


@dataclass
class JobMeter:
    """Counts for one session of a job. ``clock`` gives seconds; ``slots``: records written at a time."""

    clock: Callable[[], float]
    slots: int
    status: JobStatus = "running"
    message: str = ""
    _kinds: dict[str, _Kind] = field(default_factory=dict)
    _recent: deque[_Finished] = field(default_factory=lambda: deque(maxlen=_RECENT))
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
        mean = seconds if row.seconds is None else _SMOOTHING * row.seconds + (1 - _SMOOTHING) * seconds
        row.seconds = mean
        self._recent.append(_Finished(self.clock(), tokens, teacher_seconds))

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
        now = self.clock()
        recent = [one for one in self._recent if now - one.at <= _RECENT_SECONDS]
        full = len(self._recent) == _RECENT
        since = max(self._began, now - _RECENT_SECONDS, self._recent[0].at if full else self._began)
        span = now - since
        tokens = [one.tokens for one in recent if one.tokens is not None]
        own = [one for one in recent if one.tokens is not None and one.teacher_seconds]
        own_seconds = sum(one.teacher_seconds or 0.0 for one in own)
        return Progress(
            status=self.status,
            message=self.message,
            kinds=tuple(
                KindProgress(kind, row.done, row.wanted, row.failed) for kind, row in self._kinds.items()
            ),
            records_per_second=len(recent) / span if recent and span > 0 else None,
            tokens_per_second=sum(tokens) / span if tokens and span > 0 else None,
            teacher_tokens_per_second=sum(one.tokens or 0 for one in own) / own_seconds
            if own_seconds
            else None,
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

    def _seconds_left(self) -> float | None:
        """Missing records of each kind at that kind's pace, shared by the slots."""
        known = [row.seconds for row in self._kinds.values() if row.seconds is not None]
        if not known:
            return None
        usual = sum(known) / len(known)
        missing = [(row, max(0, row.wanted - row.done - row.failed)) for row in self._kinds.values()]
        work = sum(count * (usual if row.seconds is None else row.seconds) for row, count in missing)
        slots = max(1, min(self.slots, sum(count for _, count in missing)))
        return work / slots

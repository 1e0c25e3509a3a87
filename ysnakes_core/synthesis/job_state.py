"""What a job is, how far it is, and what is told while it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, get_args

from ysnakes_core.errors import YsnakesError

JobStatus = Literal["new", "running", "waiting", "paused", "interrupted", "stopped", "finished"]
"""``stopped``: it ended itself, and the message says why. One whose process was killed stays ``running``."""

_STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)
MAX_COUNT = 10_000_000


class JobError(YsnakesError):
    """A job that cannot be started or gone on with."""


@dataclass(frozen=True)
class Goal:
    """So many records of a kind. ``recipe`` tells whether the kind's requests are still what they were."""

    kind: str
    count: int
    recipe: str = ""


@dataclass(frozen=True)
class JobSettings:
    """What is to be written, and by whom. No ``hosts``: the ones of the environment."""

    goals: tuple[Goal, ...]
    teacher: str
    model: str = ""
    hosts: tuple[str, ...] = ()
    concurrency: int = 1
    seed: int = 0
    options: Mapping[str, float | int] = field(default_factory=dict)

    @property
    def wanted(self) -> int:
        return sum(goal.count for goal in self.goals)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> JobSettings:
        """Raises ``JobError`` where it is not what ``to_json`` writes."""
        try:
            found = json.loads(text)
            goals = tuple(
                Goal(str(goal["kind"]), int(goal["count"]), str(goal.get("recipe", "")))
                for goal in found["goals"]
            )
            if not goals or any(not 0 < goal.count <= MAX_COUNT for goal in goals):
                raise ValueError("counts")
            return cls(
                goals=goals,
                teacher=str(found["teacher"]),
                model=str(found["model"]),
                hosts=tuple(str(host) for host in found["hosts"]),
                concurrency=max(1, int(found["concurrency"])),
                seed=int(found["seed"]),
                options={str(name): _number(value) for name, value in found["options"].items()},
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise JobError("the settings of this job are damaged", "start a new job") from error


def _number(value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    return value


@dataclass(frozen=True)
class StoredJob:
    """A job as the library knows it. Times are Unix seconds."""

    id: int
    name: str
    created: float
    updated: float
    settings: JobSettings
    status: JobStatus
    message: str
    done: Mapping[str, int] = field(default_factory=dict)  # records by kind
    failed: int = 0  # put aside; tried again when the job is gone on with

    @property
    def written(self) -> int:
        return sum(self.done.values())


def status_from(text: object) -> JobStatus:
    return next((status for status in _STATUSES if status == text), "stopped")


# What happens.


@dataclass(frozen=True)
class RecordStored:
    """A record is on the disk. ``tokens`` and ``seconds`` are the teacher's own, None if it told none."""

    id: int
    kind: str
    request_index: int
    words: int
    tokens: int | None
    seconds: float | None


@dataclass(frozen=True)
class AttemptFailed:
    """An attempt at a record failed; it is tried again in ``wait`` seconds."""

    kind: str
    request_index: int
    attempt: int
    reason: str
    wait: float


@dataclass(frozen=True)
class PutAside:
    """A record could not be written; the job goes on without it."""

    kind: str
    request_index: int
    attempts: int
    reason: str


@dataclass(frozen=True)
class StatusChanged:
    """The job runs, waits for its teacher, is paused, or has ended; ``hint`` says what to do about it."""

    status: JobStatus
    message: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Note:
    """Something a person should know; nothing has to be done."""

    text: str


JobEvent = RecordStored | AttemptFailed | PutAside | StatusChanged | Note


class JobObserver(Protocol):
    """Someone who is told what happens, in the job's own thread: it must return at once."""

    def happened(self, event: JobEvent) -> None: ...


class Nobody:
    """An observer that does nothing."""

    def happened(self, event: JobEvent) -> None:
        return None


@dataclass(frozen=True)
class Writing:
    """A record that is being written: its request, and the end of what there is of the answer."""

    kind: str
    request_index: int
    request: str
    answer: str
    characters: int
    attempt: int


@dataclass(frozen=True)
class KindProgress:
    kind: str
    done: int
    wanted: int
    failed: int


@dataclass(frozen=True)
class Progress:
    """How a job stands at one moment. Rates are of this session's last minutes; None: not known yet.

    ``tokens_per_second`` is what the job gets in all, ``teacher_tokens_per_second`` how quickly one answer
    is written by the teacher's own account.
    """

    status: JobStatus
    message: str
    kinds: tuple[KindProgress, ...]
    records_per_second: float | None
    tokens_per_second: float | None
    teacher_tokens_per_second: float | None
    seconds_left: float | None
    failures: tuple[PutAside, ...]  # the last ones
    writing: tuple[Writing, ...]

    @property
    def done(self) -> int:
        return sum(kind.done for kind in self.kinds)

    @property
    def wanted(self) -> int:
        return sum(kind.wanted for kind in self.kinds)

    @property
    def failed(self) -> int:
        return sum(kind.failed for kind in self.kinds)


@dataclass(frozen=True)
class JobOutcome:
    """How a job's session ended. ``finished``: nothing is missing but what was put aside (``failed``)."""

    status: JobStatus
    done: int
    wanted: int
    failed: int
    message: str = ""
    hint: str = ""

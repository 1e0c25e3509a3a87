"""``state.json``: how a run stands, replaced atomically by whoever trains and read by everyone."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from ysnakes_core.errors import RunError
from ysnakes_core.runs.processes import ProcessIdentity

STATUSES = ("starting", "running", "pausing", "paused", "stopping", "finished", "stopped", "failed")
CRASHED = "crashed"  # never written: concluded by ``effective_status``
BUSY = frozenset({"starting", "running", "pausing", "stopping"})  # only a living worker has these
STALE_SECONDS = 90.0
MOST = 1e15  # seconds or bits per byte: it never takes as many


@dataclass(frozen=True)
class RunState:
    """How a run stands. ``paused`` holds with a worker that waits and, after it ended, without one."""

    status: str = "starting"
    pid: int = 0
    boot_id: str = ""
    process_started: float = 0.0  # as in ``ProcessIdentity.started``
    heartbeat: float = 0.0  # Unix seconds of the last sign of life
    step: int = 0
    tokens: int = 0
    total_steps: int | None = None
    best: float | None = None  # bits per byte of the best validation
    best_step: int | None = None
    eta: float | None = None  # seconds left
    message: str = ""
    seconds: float | None = None  # of training so far, over all sessions, pauses left out
    sessions: int = 0  # workers that have had the run; 0 where an older version wrote this
    # How busy the machine was in the last seconds, while a worker has the run:
    cpu_percent: float | None = None  # by the worker; 100 is one core
    cpu_count: int | None = None  # cores that the worker may use
    system_percent: float | None = None  # of all cores, by everyone
    gpu_percent: float | None = None  # of the worker's GPU, by everyone

    @property
    def process(self) -> ProcessIdentity:
        return ProcessIdentity(self.pid, self.boot_id, self.process_started)

    def of_process(self, process: ProcessIdentity) -> RunState:
        """This state as worked on by ``process``."""
        return dataclasses.replace(
            self, pid=process.pid, boot_id=process.boot_id, process_started=process.started
        )

    def has_worker(self, now: float) -> bool:
        """Whether a worker holds the run.

        On this machine and boot the process itself tells. For another machine (a shared folder) or an
        earlier boot, a heartbeat within ``STALE_SECONDS`` of ``now`` (Unix seconds) does.
        """
        if self.status not in BUSY and self.status != "paused":
            return False
        alive = self.process.is_alive()
        if alive is None:
            return abs(now - self.heartbeat) <= STALE_SECONDS
        return alive

    def effective_status(self, now: float) -> str:
        """The status, or ``crashed`` where it claims a worker that is gone."""
        return CRASHED if self.status in BUSY and not self.has_worker(now) else self.status

    def to_json(self) -> str:
        """One strict JSON object; numbers that are not finite become null."""
        content = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in vars(self).items()
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> RunState:
        """The state in ``text``; unknown keys are passed over. Raises ``RunError`` for anything else."""
        try:
            content: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _damaged("it is no valid JSON") from error
        if not isinstance(content, dict):
            raise _damaged("it is no JSON object")
        values: dict[str, Any] = {}
        for key, hint in get_type_hints(cls).items():
            if key not in content:
                continue
            value, allowed = content[key], get_args(hint) or (hint,)
            if float in allowed and type(value) is int and abs(value) < 2**63:
                value = float(value)
            if isinstance(value, float) and math.isfinite(value) and not _is_possible(key, value):
                value = None  # as where it is not known
            if type(value) not in allowed or not _is_a_number_of_ours(value):
                raise _damaged(f"“{key}” is {content[key]!r:.40}")
            values[key] = value
        if values.get("status") not in STATUSES:
            raise _damaged(f"“status” is {values.get('status')!r:.40}")
        return cls(**values)


def _is_possible(key: str, value: float) -> bool:
    """Whether what is told may be so: whoever shows it has no room for three hundred digits."""
    return abs(value) < MOST and (key != "best" or value >= 0)


def _is_a_number_of_ours(value: object) -> bool:
    """Also for what is no number."""
    if isinstance(value, float):
        return math.isfinite(value)
    return type(value) is not int or abs(value) < 2**63


def _damaged(why: str) -> RunError:
    return RunError(
        f"the run's state.json is damaged: {why}", "resume the run to write it anew, or delete the run"
    )

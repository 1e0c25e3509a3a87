"""Following a run from its directory: what its log, state and commands say, for whoever shows it."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import replace

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.runs.control import pending
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.events import RunEndedEvent
from ysnakes_core.runs.history import FollowedCommand, RunHistory
from ysnakes_core.runs.log_tail import BLOCK_BYTES, LogTail
from ysnakes_core.runs.state import BUSY, CRASHED, RunState
from ysnakes_core.runs.step_scan import scan

BUDGET_SECONDS = 0.008
LOOK_SECONDS = 0.5  # between two looks whether the worker is alive
LONG_LOG_BYTES = 2**24  # more than one slice takes in


class RunFollower(RunHistory):
    """A run as it stands, kept up to date by ``poll``: call it a few times a second, from one thread.

    What the log tells is in the attributes of ``RunHistory``. Nothing here raises for what is in the
    directory, or for its vanishing: ``problem`` says what is wrong.

    state: as ``state.json`` says, except that ``status`` may be ``crashed``.
    has_worker: a worker has the run; one that is paused may have one or not.
    caught_up: the log is read to its end.
    deleted: the directory is gone; what was read of it stays.
    """

    def __init__(
        self,
        run: RunDirectory,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        """``clock`` gives Unix seconds (heartbeats), ``monotonic`` measures what a poll may take."""
        super().__init__()
        self.run = run
        self.state = RunState(status="stopped", message="not begun")
        self.has_worker = self.caught_up = self.deleted = False
        self._clock, self._monotonic = clock, monotonic
        self._tail = LogTail(run.events_file, block_bytes)
        self._generation = 0
        self._told = self.state  # as in the file
        self._stamp: tuple[int, int, int] | None = (-1, -1, -1)  # of the file
        self._looked_at = -math.inf
        self._in_control: list[str] = []
        self._state_problem = self._log_problem = ""

    @property
    def ended(self) -> RunEndedEvent | None:
        """How the run ended; None while a worker has it, and if the last one vanished."""
        return None if self.has_worker or self.state.status == CRASHED else self._ended

    @property
    def problem(self) -> str:
        """Why the run cannot be read at the moment, in a sentence; nothing if it can."""
        if self.deleted:
            return f"the run “{printable(self.run.name, 60)}” was deleted or moved"
        return self._log_problem or self._state_problem

    @property
    def fraction_read(self) -> float:
        """The part of the log that is read, 0 to 1."""
        return 1.0 if self.caught_up or not self._tail.size else self._tail.offset / self._tail.size

    def poll(self, budget_seconds: float = BUDGET_SECONDS) -> bool:
        """Read what is new; whether anything is.

        A long log is read in slices: at least one block of a few milliseconds, and on until
        ``budget_seconds`` are over (``math.inf``: to its end); ``caught_up`` tells whether that was all.
        """
        deadline = self._monotonic() + budget_seconds
        problem = self.problem
        self.deleted = not os.path.isdir(self.run.path)  # noqa: PTH112 (never raises)
        if self.deleted:
            self.has_worker, self.caught_up = False, True
            return self.problem != problem
        # The state before the log: when it says that the run ended, the log is complete.
        changed = self._read_state()
        changed = self._read_log(deadline) or changed
        if self.caught_up:  # else a command would come before those that were answered earlier
            changed = self._read_requests() or changed
        return changed or self.problem != problem

    def _read_state(self) -> bool:
        now = self._clock()
        try:
            status = self.run.state_file.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            stamp = None
        if stamp == self._stamp and abs(now - self._looked_at) < LOOK_SECONDS:
            return False
        self._looked_at = now
        if stamp != self._stamp:
            try:
                self._told, self._state_problem, self._stamp = self.run.read_state(), "", stamp
            except YsnakesError as error:
                self._state_problem = str(error)
        has_worker = self._told.has_worker(now)
        crashed = self._told.status in BUSY and not has_worker
        state = replace(self._told, status=CRASHED) if crashed else self._told
        if (state, has_worker) == (self.state, self.has_worker):
            return False
        self.state, self.has_worker = state, has_worker
        return True

    def _read_requests(self) -> bool:
        try:
            found = sorted(os.listdir(self.run.control_folder))  # noqa: PTH208 (names are all it takes)
        except OSError:
            found = []
        if found == self._in_control:
            return False
        self._in_control = found
        fresh = [command for command in pending(self.run) if command.id not in self._commands]
        for command in fresh:
            self._take_command(FollowedCommand(command.id, command.name, command.arguments))
        return bool(fresh)

    def _read_log(self, deadline: float) -> bool:
        before = (self._tail.offset, self._generation, self.caught_up)
        self.caught_up = False
        try:
            with contextlib.closing(self._tail.blocks()) as blocks:
                for block in blocks:
                    self._check_generation()
                    for found in scan(block):
                        self.take(found)
                    if self._tail.size > LONG_LOG_BYTES:
                        self._curves.expect(self._tail.offset / self._tail.size)
                    if self._monotonic() >= deadline:
                        break
                else:
                    self.caught_up = True
            self._check_generation()
            self._log_problem = ""
        except YsnakesError as error:
            self._log_problem, self.caught_up = str(error), True
        return (self._tail.offset, self._generation, self.caught_up) != before

    def _check_generation(self) -> None:
        if self._tail.generation != self._generation:
            self._generation = self._tail.generation
            self._forget()
            self._in_control = []

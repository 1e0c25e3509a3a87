"""A thread that follows a run, sends it commands and starts its worker, so that the event loop never waits.

What it has read is only looked at while it waits: it tells the owner (``on_news``, called in the thread),
who looks at ``follower`` and ``facts`` and then calls ``seen``.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import YsnakesError, unforeseen
from ysnakes_core.files import printable, read_limited
from ysnakes_core.runs.control import send
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.launching import has_started, start_worker, worker_log_tail
from ysnakes_core.runs.state import CRASHED

LOOK_SECONDS = 0.1  # at most ten redraws a second, for what is no mere step
POLL_SECONDS = 0.5  # between two looks at the directory, which take some 0.5 ms each
ANSWER_SECONDS = 0.2  # the same while the worker is to answer something
STEPS_SECONDS = 2.0  # between redraws for steps: each stops the training it shows for a moment
START_SECONDS = 60.0
MAX_POINTER_BYTES = 1000
LAST_WORDS = 4  # lines of worker.log
SLICE_SECONDS = 0.02  # of a long log, before others get their turn


@dataclass(frozen=True, eq=False)
class Request:
    """A command that the worker has not answered. ``id`` is empty until it is sent."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True)
class Facts:
    """What stands beside the log in a run's directory."""

    config: RunConfig | None = None
    saved: tuple[str, ...] = ()  # checkpoints that are there, oldest first
    best: str = ""  # the one that ``checkpoints/best`` names
    last_words: tuple[str, ...] = ()  # of worker.log, where the worker crashed or failed
    starting: bool = False  # a worker was started and is not there yet
    start_failure: tuple[str, ...] = ()  # why the last start came to nothing; then what the worker printed
    waiting: tuple[Request, ...] = ()  # commands that are on the disk, whoever asked, oldest first


class RunWatch:
    """Watches one run from ``start`` to ``close``."""

    def __init__(
        self,
        run: RunDirectory,
        on_news: Callable[[RunWatch], None],
        on_error: Callable[[YsnakesError], None],
    ) -> None:
        self.run, self.follower, self.facts = run, RunFollower(run), Facts()
        self._on_news, self._on_error = on_news, on_error
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake, self._seen, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._stamps: dict[str, object] = {}
        self._starting: tuple[int, float] | None = None  # pid, and when to give it up
        self._starting_asked = False
        self._start_failure: tuple[str, ...] = ()
        self._asked_again = False
        self._asked: tuple[Request, ...] = ()  # by this watch, until they are among the follower's
        self._asking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"watch {run.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def seen(self) -> None:
        """The news have been taken in."""
        self._seen.set()

    def tell_again(self) -> None:
        """Have ``on_news`` called soon, also without news."""
        self._asked_again = True
        self._wake.set()

    def close(self) -> None:
        """Send what is still to be sent, and end, without being waited for: see ``wait``."""
        self._closing.set()
        self._seen.set()
        self._wake.set()

    def wait(self, seconds: float) -> None:
        """Wait until a watch that was closed has ended, but not longer than ``seconds``."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    @property
    def is_working(self) -> bool:
        """Whether its thread is there, also after ``close``."""
        return self._thread.is_alive()

    def ask(self, command: str, **arguments: Any) -> None:
        """Send the worker a command. What goes wrong comes to ``on_error``."""
        request = Request(command, arguments)
        with self._asking:
            self._asked = (*self._asked, request)
        self._do(partial(self._send, request))

    @property
    def requested(self) -> tuple[Request, ...]:
        """What the worker was asked for and has not answered, the latest last; from any thread."""
        asked, waiting = self._asked, self.facts.waiting  # in this order: see ``_see_requests``
        there = {request.id for request in waiting}
        return (*waiting, *(request for request in asked if request.id not in there))

    def go_on(self, checkpoint: str | None = None, config: RunConfig | None = None) -> None:
        """Have a worker resume the run; from ``checkpoint`` and as ``config`` says, if they are given."""
        self._starting_asked = True
        self._do(partial(self._launch, checkpoint, config))

    def expect_worker(self, pid: int) -> None:
        """A worker was started for the run by someone else, and may not be there yet."""
        self._starting_asked = True
        self._do(partial(self._await, pid))

    @property
    def starting(self) -> bool:
        """A worker was asked for and is not there yet."""
        return self._starting_asked

    def _do(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        self._wake.set()

    def _send(self, request: Request) -> None:
        sent: tuple[Request, ...] = ()
        try:
            sent = (replace(request, id=send(self.run, request.name, **request.arguments)),)
        finally:
            with self._asking:
                place = self._asked.index(request)
                self._asked = (*self._asked[:place], *sent, *self._asked[place + 1 :])

    def _launch(self, checkpoint: str | None, config: RunConfig | None) -> None:
        try:
            if config is not None:
                self.run.write_config(config)
            pid = start_worker(self.run, resume=True, checkpoint=checkpoint)
        except YsnakesError as error:
            self._begun((f"{error.what}; {error.hint}" if error.hint else error.what,))
            raise
        self._await(pid)

    def _await(self, pid: int) -> None:
        self._starting, self._start_failure = (pid, time.monotonic() + START_SECONDS), ()

    def _begun(self, failure: tuple[str, ...] = ()) -> None:
        self._starting, self._starting_asked, self._start_failure = None, False, failure

    # In the thread.

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:  # a dashboard that stands still without a word would be worse
            what = printable(unforeseen(error), 300)
            self._on_error(YsnakesError(f"the run can no longer be followed: {what}", "open it again"))

    def _watch(self) -> None:
        told, known = float("-inf"), self._standing()
        while not self._closing.is_set():
            self._wake.clear()
            self._work()
            before = self._unanswered()
            self.follower.poll(SLICE_SECONDS)
            if self._see_requests(before):
                continue  # an answer came after the state was read: its effect is there to be seen
            self._look_around()
            if self._asked_again:
                self._asked_again, told = False, float("-inf")
            now = time.monotonic()
            standing = self._standing()
            happened = self.follower.caught_up and standing != known
            # Also without a step: ages and times left move on without news from the run.
            if now - told >= (LOOK_SECONDS if happened else STEPS_SECONDS):
                told, known = now, standing
                self._seen.clear()
                if self._closing.is_set():  # whoever closed it may not look at news any more
                    break
                self._on_news(self)
                self._seen.wait()
            if self.follower.caught_up:
                self._wake.wait(
                    ANSWER_SECONDS if self._starting_asked or self.facts.waiting else POLL_SECONDS
                )
        self._work()

    def _work(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                try:
                    job()
                except YsnakesError as error:
                    self._on_error(error)

    def _unanswered(self) -> frozenset[str]:
        return frozenset(command.id for command in self.follower.commands if command.answer is None)

    def _see_requests(self, before: frozenset[str]) -> bool:
        """After a look at the run, ``before`` which these had no answer; whether one of them has it now.

        The log is read after the state, so what was just answered counts until the state is read once more.
        """
        commands = self.follower.commands
        now = [command for command in commands if command.answer is None or command.id in before]
        if [command.id for command in now] != [request.id for request in self.facts.waiting]:
            waiting = tuple(Request(command.name, command.arguments, command.id) for command in now)
            self.facts = replace(self.facts, waiting=waiting)
        if self._asked:
            known = {command.id for command in commands}
            busy = self.follower.has_worker  # without one nobody answers
            with self._asking:
                self._asked = tuple(r for r in self._asked if not r.id or (busy and r.id not in known))
        return any(command.answer is not None for command in now)

    def _standing(self) -> tuple[object, ...]:
        """All of it but steps and what is measured with them."""
        follower = self.follower
        told = (follower.journal_count, len(follower.commands), follower.problem, follower.caught_up)
        return (*told, follower.state.status, follower.has_worker, self.facts)

    def _look_around(self) -> None:
        if self._starting is not None:
            self._look_at_start(*self._starting)
        if self.follower.has_worker:
            self._start_failure = ()
        changes: dict[str, Any] = {}
        if self.facts.starting != self._starting_asked:
            changes["starting"] = self._starting_asked
        if self.facts.start_failure != self._start_failure:
            changes["start_failure"] = self._start_failure
        if self._is_new("config", self.run.config_file):
            with contextlib.suppress(YsnakesError):  # the last one that could be read stays
                changes["config"] = self.run.read_config()
        if self._is_new("checkpoints", self.run.checkpoints_folder):
            changes["saved"], changes["best"] = self._checkpoints()
        if self.follower.state.status in (CRASHED, "failed"):
            if self._is_new("log", self.run.worker_log):
                changes["last_words"] = self._tail()
        elif self.facts.last_words:
            self._stamps.pop("log", None)
            changes["last_words"] = ()
        if changes:
            self.facts = replace(self.facts, **changes)

    def _look_at_start(self, pid: int, deadline: float) -> None:
        try:
            if has_started(self.run, pid) or time.monotonic() >= deadline:
                self._begun()
        except YsnakesError as error:
            self._begun((f"its worker ended before it began; see {self.run.worker_log}", *self._tail()))
            self._on_error(error)

    def _tail(self) -> tuple[str, ...]:
        return tuple(worker_log_tail(self.run, LAST_WORDS))

    def _is_new(self, name: str, path: Path) -> bool:
        """Whether a file or folder changed since it was last asked about."""
        try:
            status = path.stat()
        except OSError:
            stamp = None
        else:
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if name in self._stamps and self._stamps[name] == stamp:
            return False
        self._stamps[name] = stamp
        return stamp is not None

    def _checkpoints(self) -> tuple[tuple[str, ...], str]:
        folder = self.run.checkpoints_folder
        try:
            names = sorted(place.name for place in folder.iterdir() if place.name.startswith("step-"))
        except OSError:
            names = []
        best = ""
        with contextlib.suppress(OSError, YsnakesError):
            best = read_limited(folder / "best", MAX_POINTER_BYTES).decode(errors="replace").strip()
        return tuple(names), best if best in names else ""

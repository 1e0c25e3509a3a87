"""A job that is written in this process, in a thread of its own with an event loop of its own.

The app never waits for it: what the thread tells is put where the app reads it, and what the app wants is
handed over. What is finished is on the disk, whatever becomes of the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ysnakes_core.errors import YsnakesError
from ysnakes_core.synthesis.job import Job
from ysnakes_core.synthesis.job_answers import JobManners
from ysnakes_core.synthesis.job_opening import changed_kinds, plans_for, teacher_for
from ysnakes_core.synthesis.job_state import (
    AttemptFailed,
    JobEvent,
    JobOutcome,
    Note,
    Progress,
    RecordStored,
    StatusChanged,
)
from ysnakes_core.synthesis.judging import judge_for
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import Record
from ysnakes_core.synthesis.teachers import Teacher

TOLD_SECONDS = 0.1  # between two looks at the progress
OLD_SECONDS = 15.0
_KEPT_NEWS = 30


@dataclass(frozen=True)
class JobEnd:
    """How a session ended: with an ``outcome``, or with an ``error`` that a person can do something about.

    ``forgotten``: it was new and nothing of it was written, so there is no such job any more. ``crash``: what
    should not have happened.
    """

    name: str
    outcome: JobOutcome | None = None
    error: YsnakesError | None = None
    forgotten: bool = False
    crash: BaseException | None = None


class JobSession:
    """Writes what is missing of the job ``name`` in the library of ``folder``.

    ``fresh``: the job was just made, and is forgotten if nothing is written. ``curate``: clean and reject by
    the rules; else only flag. ``ended`` is called in the session's thread, as the last thing it does.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        ended: Callable[[JobEnd], None],
        fresh: bool = False,
        curate: bool = True,
        manners: JobManners | None = None,
    ) -> None:
        self.folder, self.name = folder, name
        self._ended, self._fresh, self._curate = ended, fresh, curate
        self._manners = manners or JobManners()
        self._thread = threading.Thread(target=self._run, name=f"job {name}", daemon=True)
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._job: Job | None = None
        self._news: deque[tuple[float, JobEvent]] = deque(maxlen=_KEPT_NEWS)
        self._stored = self._latest_id = 0
        self._wanted_paused = False
        self.is_ending = False
        self.progress: Progress | None = None  # None until it has begun
        self.hint = ""  # what to do about the progress's message
        self.latest: Record | None = None  # the last one that was written, every now and then

    # From the app's thread.

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def is_paused(self) -> bool:
        return self._wanted_paused

    @property
    def stored(self) -> int:
        """Records that this session has put into the library."""
        return self._stored

    @property
    def news(self) -> list[JobEvent]:
        """What happened lately, but for records that were written, the oldest first.

        That an attempt failed is no news for long: it is made again.
        """
        since = self._manners.clock() - OLD_SECONDS
        with self._guard:
            return [
                event for time, event in self._news if time >= since or not isinstance(event, AttemptFailed)
            ]

    def pause(self) -> None:
        """Begin no more records."""
        self._wanted_paused = True
        self._ask(Job.pause)

    def go_on(self) -> None:
        self._wanted_paused = False
        self._ask(Job.go_on)

    def cancel(self) -> None:
        """End it; what is finished is kept."""
        self.is_ending = True
        self._ask(Job.cancel)

    def join(self, seconds: float) -> None:
        """Wait for the end, so long at most."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _ask(self, what: Callable[[Job], None]) -> None:
        """Let the job's own thread do it. Before there is a job, it is done once there is (``_session``)."""
        with self._guard:
            loop, job = self._loop, self._job
        if loop is not None and job is not None:
            with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                loop.call_soon_threadsafe(what, job)

    # From the job's thread.

    def happened(self, event: JobEvent) -> None:
        """What the job tells."""
        if isinstance(event, RecordStored):
            self._stored += 1
            self._latest_id = event.id
            return
        if isinstance(event, StatusChanged):
            self.hint = event.hint
        with self._guard:
            self._news.append((self._manners.clock(), event))

    def _run(self) -> None:
        try:
            end = self._write()
        except YsnakesError as error:
            end = JobEnd(self.name, error=error)
        except BaseException as error:
            end = JobEnd(self.name, crash=error)
        self._ended(end)

    def _write(self) -> JobEnd:
        with open_library(self.folder) as library:
            outcome, failed = None, None
            try:
                outcome = self._written(library)
            except YsnakesError as error:
                failed = error
            forgotten = False
            if self._fresh:
                with contextlib.suppress(YsnakesError):
                    forgotten = library.jobs.remove_if_empty(library.jobs.get(self.name).id)
            return JobEnd(self.name, outcome, failed, forgotten)

    def _written(self, library: Library) -> JobOutcome:
        stored = library.jobs.get(self.name)
        settings = stored.settings
        plans = plans_for(settings)
        for kind in changed_kinds(settings, plans):
            self.happened(Note(f"{kind} asks for other things now than when this job began"))
        judge = judge_for(mend=self._curate)
        teacher = teacher_for(settings)
        job = Job(library, stored, plans, teacher, observer=self, judge=judge, manners=self._manners)
        return asyncio.run(self._session(job, teacher, library))

    async def _session(self, job: Job, teacher: Teacher, library: Library) -> JobOutcome:
        with self._guard:
            self._loop, self._job = asyncio.get_running_loop(), job
        if self._wanted_paused:
            job.pause()
        if self.is_ending:
            job.cancel()
        telling = asyncio.create_task(self._tell(job, library))
        try:
            return await job.run()
        finally:
            with self._guard:
                self._loop = self._job = None
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
            self._look(job, library)
            await teacher.close()

    async def _tell(self, job: Job, library: Library) -> None:
        while True:
            self._look(job, library)
            await asyncio.sleep(TOLD_SECONDS)

    def _look(self, job: Job, library: Library) -> None:
        self.progress = job.progress()
        if self._latest_id and (self.latest is None or self.latest.id != self._latest_id):
            with contextlib.suppress(YsnakesError):
                self.latest = library.record(self._latest_id)

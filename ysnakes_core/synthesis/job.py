"""A job: records of some kinds by one teacher, each on the disk as soon as it is finished.

Whatever ends a session (a kill, a lost server, a full disk, ctrl+c), the next one asks exactly for what is
missing. No request is kept twice: the library does not take a second record of a job with the same key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import try_lock
from ysnakes_core.synthesis.job_answers import Answer, JobManners, another_seed, record_of, usable
from ysnakes_core.synthesis.job_progress import JobMeter
from ysnakes_core.synthesis.job_schedule import Plan, Schedule, duplicate_of
from ysnakes_core.synthesis.job_state import (
    AttemptFailed,
    JobError,
    JobEvent,
    JobObserver,
    JobOutcome,
    JobStatus,
    Nobody,
    Note,
    Progress,
    PutAside,
    RecordStored,
    StatusChanged,
    StoredJob,
)
from ysnakes_core.synthesis.job_store import Unwritten
from ysnakes_core.synthesis.library_records import Judge
from ysnakes_core.synthesis.teachers import (
    AnswerFailed,
    Teacher,
    TeacherAway,
    TeacherError,
    TeacherFacts,
    Usage,
)

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Library
    from ysnakes_core.synthesis.requests import Request

_BATCH = 256  # records written to the disk together, at most
_FAILED_IN_A_ROW = 20


def lock_path(library: Library, job: StoredJob) -> Path:
    """Held by the process that is at the job."""
    return library.path.with_name(f".job-{job.id}.lock")


class Job:
    """Writes what is missing of a job of the library. One session; to go on, make another.

    ``plans`` has the requests of each of the job's kinds; ``judge`` is asked about every answer (in another
    thread), and what it says is kept with it. All methods belong to the event loop's thread.
    """

    def __init__(
        self,
        library: Library,
        job: StoredJob,
        plans: Mapping[str, Plan],
        teacher: Teacher,
        *,
        observer: JobObserver | None = None,
        judge: Judge | None = None,
        manners: JobManners | None = None,
    ) -> None:
        self.stored = job
        self._library, self._plans, self._teacher = library, plans, teacher
        self._observer: JobObserver = observer or Nobody()
        self._judge = judge
        self._manners = manners or JobManners()
        self._meter = JobMeter(self._manners.clock)
        self._meter.begin(job.settings.goals, job.done)
        self._facts = TeacherFacts("")
        self._going = asyncio.Event()
        self._going.set()
        self._cancelled = False
        self._crew: list[asyncio.Task[Any]] = []
        self._finished: asyncio.Queue[Answer] = asyncio.Queue(maxsize=max(64, 2 * teacher.slots))
        self._away_since: float | None = None
        self._away_asked = 0
        self._failed_in_a_row = 0

    # Steering.

    def progress(self) -> Progress:
        """How it stands now."""
        return self._meter.snapshot()

    def pause(self) -> None:
        """Begin no more records; those being written are finished."""
        if self._going.is_set():
            self._going.clear()
            self._show_status("paused")

    def go_on(self) -> None:
        if not self._going.is_set():
            self._going.set()
            self._meter.restart_rates()
            self._show_status("running")

    def cancel(self) -> None:
        """End the session: what is finished is kept, what is being written is not."""
        self._cancelled = True
        for worker in self._crew:
            worker.cancel()

    # The session.

    async def run(self) -> JobOutcome:
        """Write until nothing is missing, or something ends it; the outcome says what, and what to do.

        Raises ``JobError`` if another process is at this job.
        """
        lock = try_lock(lock_path(self._library, self.stored))
        if lock is None:
            raise JobError(
                f"the job “{self.stored.name}” is being written by another process",
                "wait for it, or end that one first",
            )
        try:
            outcome = await self._session()
            with suppress(YsnakesError):  # the outcome itself may be that nothing can be written
                await asyncio.to_thread(self._store_status, outcome.status, outcome.message)
            self._show_status(outcome.status, outcome.message, outcome.hint)
            return outcome
        except asyncio.CancelledError:
            with suppress(YsnakesError):
                self._store_status("interrupted", "")
            raise
        finally:
            lock.release()

    async def _session(self) -> JobOutcome:
        try:
            schedule = await asyncio.to_thread(self._begin)
            if not await self._prepared():
                return self._outcome("interrupted")
            for note in self._facts.notes:
                self._tell(Note(note))
            # Asked once a request is there: while it was looked for, there was nobody to be cancelled.
            while (first := await schedule.next()) is not None and not self._cancelled:
                await self._write_all(schedule, first)
        except YsnakesError as error:
            return self._outcome("stopped", error.what, error.hint)
        if self._cancelled:
            return self._outcome("interrupted")
        for kind in schedule.exhausted():
            self._tell(Note(f"{kind}: there are no more records that are not written already"))
        return self._outcome("finished")

    async def _prepared(self) -> bool:
        """Whether the teacher is ready; False: ``cancel`` came before."""
        preparing = asyncio.ensure_future(self._teacher.prepare())
        self._crew = [preparing]
        if self._cancelled:
            preparing.cancel()
        try:
            self._facts = await preparing
        except asyncio.CancelledError:
            if self._cancelled:
                return False
            raise
        finally:
            self._crew = []
        return True

    def _begin(self) -> Schedule:
        """What failed before is missing again."""
        jobs, job = self._library.jobs, self.stored
        jobs.forget_failures(job.id)
        jobs.set_status(job.id, "running")
        self._meter.begin(job.settings.goals, jobs.done_by_kind(job.id))
        return Schedule(jobs, job.id, job.settings.goals, self._plans)

    def _outcome(self, status: JobStatus, message: str = "", hint: str = "") -> JobOutcome:
        meter = self._meter
        return JobOutcome(status, meter.done, meter.wanted, meter.failed, message, hint)

    async def _write_all(self, schedule: Schedule, first: Request) -> None:
        """Write what the schedule has, in all slots; returns when all of it is on the disk."""
        storing = asyncio.create_task(self._store_finished(schedule))
        self._crew = [
            asyncio.create_task(self._work(slot, schedule, first if slot == 0 else None))
            for slot in range(self._teacher.slots)
        ]
        try:
            while waiting := {worker for worker in self._crew if not worker.done()}:
                done, _ = await asyncio.wait({*waiting, storing}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if not task.cancelled():  # by cancel()
                        task.result()
        finally:
            for worker in self._crew:
                worker.cancel()
            await asyncio.gather(*self._crew, return_exceptions=True)
            self._crew = []
            await self._end_storing(storing)

    async def _end_storing(self, storing: asyncio.Task[None]) -> None:
        """Once everything finished is on the disk."""
        emptied = asyncio.create_task(self._finished.join())
        await asyncio.wait({emptied, storing}, return_when=asyncio.FIRST_COMPLETED)
        for task in (emptied, storing):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await storing

    # One slot.

    async def _work(self, slot: int, schedule: Schedule, first: Request | None) -> None:
        request = first
        while True:
            await self._going.wait()
            request = request or await schedule.next()
            if request is None:
                return
            await self._going.wait()  # finding one may have taken until after a pause, which begins none
            own = self.stored.settings.options
            try:
                await self._write(slot, replace(request, options={**request.options, **own}))
            finally:
                self._meter.ends(slot)
            request = None

    async def _write(self, slot: int, request: Request) -> None:
        """Try until there is an answer, or the attempts are used up."""
        failed, spent = 0, 0.0
        while True:
            began = self._manners.clock()
            try:
                text, usage = await self._attempt(slot, request, failed + 1)
            except TeacherAway as error:
                await self._wait_for_teacher(error)
                continue
            except AnswerFailed as error:
                failed += 1
                spent += self._manners.clock() - began
                if not error.again or failed >= self._manners.attempts:
                    await self._put_aside(request, failed, error)
                    return
                wait = self._manners.backoff.wait(failed, self._manners.rng)
                self._tell(AttemptFailed(request.kind, request.index, failed, error.what, wait))
                await self._manners.sleep(wait)
                if error.reseed:  # the same seed might well give the same
                    request = replace(request, seed=another_seed(request.seed))
                continue
            self._failed_in_a_row = 0
            spent += self._manners.clock() - began
            await self._finished.put(Answer(request, text, usage, spent))
            return

    async def _attempt(self, slot: int, request: Request, attempt: int) -> tuple[str, Usage]:
        """One answer. Raises ``AnswerFailed`` where it cannot be kept, and the teacher's errors."""
        self._meter.starts(slot, request, attempt)
        pieces: list[str] = []
        usages: list[Usage] = []
        answer = self._teacher.write(request, usages.append)
        try:
            async for piece in answer:
                if not pieces:
                    self._teacher_is_there()
                pieces.append(piece)
                self._meter.wrote(slot, piece)
        finally:
            close: Any = getattr(answer, "aclose", None)  # a generator lets go of its connection at once
            if close is not None:
                await close()
        return usable(pieces), usages[-1] if usages else Usage()

    async def _put_aside(self, request: Request, attempts: int, error: AnswerFailed) -> None:
        failure = Unwritten(request.kind, request.index, request.key, "failed", error.what, attempts)
        await asyncio.to_thread(self._library.jobs.put_aside, self.stored.id, [failure])
        told = PutAside(request.kind, request.index, attempts, error.what)
        self._meter.put_aside(told)
        self._tell(told)
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= _FAILED_IN_A_ROW:
            raise TeacherError(
                f"the last {_FAILED_IN_A_ROW} records all failed: {error.what}",
                error.hint or "see what is wrong with the teacher or the model",
            )

    # The teacher, away and back.

    async def _wait_for_teacher(self, error: TeacherAway) -> None:
        """Let some time pass. Raises the error itself when patience is at its end."""
        now = self._manners.clock()
        if self._away_since is None:
            self._away_since, self._away_asked = now, 0
            self._show_status("waiting", error.what, error.hint)
        left = self._away_since + self._manners.patience - now
        if left <= 0:
            raise error
        self._away_asked += 1
        wait = (
            self._manners.backoff.wait(self._away_asked, self._manners.rng)
            if error.wait is None
            else error.wait
        )
        await self._manners.sleep(min(wait, left))

    def _teacher_is_there(self) -> None:
        if self._away_since is not None:
            self._away_since = None
            self._meter.restart_rates()
            self._show_status("running" if self._going.is_set() else "paused")

    # Onto the disk.

    async def _store_finished(self, schedule: Schedule) -> None:
        """Keep what the slots finish: whatever has come while the last of it was written, together."""
        while True:
            answers = [await self._finished.get()]
            while len(answers) < _BATCH and not self._finished.empty():
                answers.append(self._finished.get_nowait())
            identities = await asyncio.to_thread(self._keep, answers)
            for answer, identity in zip(answers, identities, strict=True):
                self._kept(schedule, answer, identity)
                self._finished.task_done()

    def _keep(self, answers: Sequence[Answer]) -> list[int | None]:
        job, teacher = self.stored.id, self._teacher.name
        identities = self._library.add(
            [record_of(answer, job, teacher, self._facts, self._judge) for answer in answers]
        )
        alike = [
            duplicate_of(answer.request)
            for answer, identity in zip(answers, identities, strict=True)
            if identity is None
        ]
        if alike:
            self._library.jobs.put_aside(job, alike)
        return identities

    def _kept(self, schedule: Schedule, answer: Answer, identity: int | None) -> None:
        request, usage = answer.request, answer.usage
        if identity is None:
            schedule.duplicate(request)
            return
        schedule.fresh(request.kind)
        self._meter.stored(request.kind, answer.seconds, usage.tokens, usage.seconds)
        words = len(answer.text.split())
        self._tell(RecordStored(identity, request.kind, request.index, words, usage.tokens, usage.seconds))

    # Telling.

    def _store_status(self, status: JobStatus, message: str) -> None:
        self._library.jobs.set_status(self.stored.id, status, message)

    def _show_status(self, status: JobStatus, message: str = "", hint: str = "") -> None:
        self._meter.status, self._meter.message = status, message
        self._tell(StatusChanged(status, message, hint))

    def _tell(self, event: JobEvent) -> None:
        self._observer.happened(event)

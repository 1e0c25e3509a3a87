"""One session of a job in this process: its signals, what is told meanwhile, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from ysnakes_core.errors import YsnakesError
from ysnakes_core.synthesis.job import Job
from ysnakes_core.synthesis.job_answers import JobManners
from ysnakes_core.synthesis.job_opening import changed_kinds, plans_for, teacher_for
from ysnakes_core.synthesis.job_state import JobOutcome, StoredJob
from ysnakes_core.synthesis.judging import judge_for
from ysnakes_core.synthesis.library import Library
from ysnakes_core.synthesis.teachers import Teacher
from ysnakes_tui.cli_data_views import make_view
from ysnakes_tui.failures import DONE, FAILED, INTERRUPTED
from ysnakes_tui.formats import facts
from ysnakes_tui.output import put, put_json, say, say_error, shown

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class GenerateSession:
    """Runs a job until it ends, and tells about it. ``fresh``: this command made the job."""

    def __init__(
        self,
        library: Library,
        job: StoredJob,
        folder: Path | None,
        *,
        fresh: bool,
        curate: bool = True,
        json: bool = False,
        quiet: bool = False,
    ) -> None:
        self._library, self._job, self._folder = library, job, folder
        self._fresh, self._curate = fresh, curate
        self._json = json
        self._view = make_view(job.name, json=json, quiet=quiet)
        self._stopping = 0
        self._also_cancel: Callable[[], object] = _nothing

    def run(self, *, pull: bool = False, patience: float) -> int:
        """The exit code. Raises ``YsnakesError``."""
        settings = self._job.settings
        try:
            plans = plans_for(settings)
            for kind in changed_kinds(settings, plans):
                self._view.note(f"{kind} asks for other things now than when this job began")
            teacher = teacher_for(settings)
            judge = judge_for(mend=self._curate)
            job = Job(
                self._library,
                self._job,
                plans,
                teacher,
                observer=self._view,
                judge=judge,
                manners=JobManners(patience=patience),
            )
            outcome = asyncio.run(self._session(job, teacher, pull=pull))
        except BaseException:
            self._view.close()
            self._forget()
            raise
        self._view.close()
        return self._ended(outcome)

    async def _session(self, job: Job, teacher: Teacher, *, pull: bool) -> JobOutcome:
        showing = asyncio.create_task(self._view.follow(job))
        try:
            with self._signals(job):
                if pull:
                    await self._pull(teacher, job)
                return await job.run()
        finally:
            showing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await showing
            await teacher.close()

    async def _pull(self, teacher: Teacher, job: Job) -> None:
        from ysnakes_core.synthesis.ollama_teacher import OllamaTeacher

        if not isinstance(teacher, OllamaTeacher):
            return
        pulling = asyncio.ensure_future(teacher.pull(self._view.pulling))
        self._also_cancel = pulling.cancel
        try:
            await pulling
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        finally:
            self._also_cancel = _nothing

    # Ctrl+c, a closed terminal, a polite kill.

    @contextlib.contextmanager
    def _signals(self, job: Job) -> Iterator[None]:
        """The first ends the session in order, the second at once."""
        loop = asyncio.get_running_loop()
        before = {}

        def stop() -> None:
            self._stopping += 1
            if self._stopping > 1:
                os._exit(INTERRUPTED)  # what is finished is on the disk
            self._view.stopping()
            self._also_cancel()
            job.cancel()

        self._view.on_deaf = stop
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            # What was set to be ignored (nohup, a shell's background job) stays ignored.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    # After it.

    def _ended(self, outcome: JobOutcome) -> int:
        again = self._resume_command()
        kept = not self._forget()
        missing = outcome.wanted - outcome.done
        resume = again if kept and (outcome.status != "finished" or outcome.failed) else None
        if self._json:
            with contextlib.suppress(BrokenPipeError):
                put_json({"type": "job_ended", "job": self._job.name, **vars(outcome), "resume": resume})
        elif kept and outcome.status in ("finished", "interrupted", "stopped"):
            self._summarize(outcome)
        go_on = f"go on with: {again}" if kept else "nothing was written yet"
        if outcome.status == "interrupted":
            say(f"interrupted: {outcome.done:,} of {outcome.wanted:,} records are kept; {go_on}")
            return INTERRUPTED
        if outcome.status != "finished":
            say_error(outcome.message, outcome.hint)
            if kept:
                say(f"  {outcome.done:,} of {outcome.wanted:,} records are kept; then {go_on}")
            return FAILED
        if outcome.failed:
            say(f"warning: {_records(outcome.failed)} failed; try again with: {again}")
            return FAILED
        if missing:
            say(f"{_records(missing)} less than asked for: there are no others")
        if not self._json:
            say(f"next: {self._command('ysnakes data export')}")
        return DONE

    def _summarize(self, outcome: JobOutcome) -> None:
        job = self._library.jobs.get(self._job.name)
        by_kind = ", ".join(f"{kind} {done:,}" for kind, done in job.done.items())
        rows = [
            ("job", shown(job.name, 60)),
            ("written", f"{outcome.done:,} of {outcome.wanted:,} records"),
            ("kinds", shown(by_kind, 300)),
            ("failed", f"{outcome.failed:,}" if outcome.failed else ""),
            ("library", shown(str(self._library.path))),
        ]
        put("\n".join(facts([row for row in rows if row[1]])))

    def _forget(self) -> bool:
        """Forget a job that this command made and that came to nothing; whether it was."""
        if not self._fresh:
            return False
        with contextlib.suppress(YsnakesError):
            return self._library.jobs.remove_if_empty(self._job.id)
        return False

    def _resume_command(self) -> str:
        return self._command(f"ysnakes data generate --resume {shlex.quote(self._job.name)}")

    def _command(self, start: str) -> str:
        return start + (f" --data-dir {shlex.quote(str(self._folder))}" if self._folder is not None else "")


def _records(number: int) -> str:
    return f"{number:,} record{'' if number == 1 else 's'}"


def _nothing() -> None:
    return None

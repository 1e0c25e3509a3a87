"""What a command tells while a job runs: a line that is drawn anew, plain lines, JSON, or next to nothing."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ysnakes_core.synthesis.job import Job
from ysnakes_core.synthesis.job_state import (
    AttemptFailed,
    JobEvent,
    Note,
    Progress,
    PutAside,
    RecordStored,
    StatusChanged,
)
from ysnakes_tui.formats import duration, size
from ysnakes_tui.output import can_redraw, drop_stdout, put_json, say, shown, speaks_unicode

REDRAW_SECONDS = 0.2
PLAIN_SECONDS = 10.0
_MOST_TOLD = 12  # failed attempts in a row that are told one by one
_TYPES: dict[type[JobEvent], str] = {
    RecordStored: "record",
    AttemptFailed: "attempt_failed",
    PutAside: "put_aside",
    StatusChanged: "status",
    Note: "note",
}


class JobView:
    """Tells on stderr: news as lines, and where the job is every now and then. The base of the others.

    ``on_deaf`` is called when nobody can hear any more.
    """

    every = PLAIN_SECONDS

    def __init__(self, name: str) -> None:
        self.name = name
        self.on_deaf: Callable[[], None] = lambda: None

    def happened(self, event: JobEvent) -> None:
        line = news(event)
        if line:
            self.line(line)

    def note(self, text: str) -> None:
        self.happened(Note(text))

    def pulling(self, what: str, done: int, total: int) -> None:
        """A model is being fetched: bytes of its part at hand."""

    def stopping(self) -> None:
        self.line("ending… (ctrl+c again ends at once; what is finished is kept)")

    def line(self, text: str) -> None:
        say(text)

    def draw(self, progress: Progress) -> None:
        say(standing(self.name, progress))

    async def follow(self, job: Job) -> None:
        """Show where the job is, until cancelled."""
        while True:
            await asyncio.sleep(self.every)
            self.draw(job.progress())

    def close(self) -> None:
        return None


class PlainView(JobView):
    """Lines for a log."""

    _pulled = ""

    def pulling(self, what: str, done: int, total: int) -> None:
        if what != self._pulled:
            self._pulled = what
            say(f"fetching the model: {shown(what, 80)}" + (f" ({size(total)})" if total else ""))


class LiveView(JobView):
    """One line at the bottom that is drawn anew; news scrolls by above it."""

    every = REDRAW_SECONDS

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._drawn = False
        self._pulled_at = 0.0

    def line(self, text: str) -> None:
        self._wipe()
        say(text)

    def draw(self, progress: Progress) -> None:
        self._show(standing(self.name, progress))

    def pulling(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._pulled_at >= REDRAW_SECONDS:
            self._pulled_at = now
            part = f" {size(done)} of {size(total)}, {100 * done // total} %" if total else ""
            self._show(f"fetching the model: {shown(what, 60)}{part}")

    def close(self) -> None:
        self._wipe()

    def _show(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns - 1
        text = text if len(text) <= columns else text[: max(0, columns - 1)] + "…"
        say(f"\r\x1b[K{text}", end="")
        self._drawn = True

    def _wipe(self) -> None:
        if self._drawn:
            say("\r\x1b[K", end="")
            self._drawn = False


class JsonView(JobView):
    """Every event on stdout."""

    def happened(self, event: JobEvent) -> None:
        content: dict[str, Any] = {"type": _TYPES[type(event)], "time": time.time(), "job": self.name}
        try:
            put_json(content | asdict(event))
        except OSError:  # its reader has gone
            drop_stdout()
            self.on_deaf()

    def draw(self, progress: Progress) -> None:
        return None


class QuietView(JobView):
    """Only what was put aside."""

    def happened(self, event: JobEvent) -> None:
        if isinstance(event, PutAside):
            super().happened(event)

    def draw(self, progress: Progress) -> None:
        return None


def make_view(name: str, *, json: bool, quiet: bool) -> JobView:
    if json:
        return JsonView(name)
    if quiet:
        return QuietView(name)
    return LiveView(name) if can_redraw(sys.stderr) else PlainView(name)


def news(event: JobEvent) -> str:
    """A line about what happened, "" if there is none."""
    match event:
        case PutAside():
            tries = f"after {event.attempts} attempts" if event.attempts > 1 else "at once"
            return (
                f"put aside {tries}: {shown(event.kind, 40)} {event.request_index:,}: "
                f"{shown(event.reason, 300)}"
            )
        case AttemptFailed() if event.attempt > 1:
            return (
                f"{shown(event.kind, 40)} {event.request_index:,}: attempt {event.attempt} failed: "
                f"{shown(event.reason, 200)}"
            )
        case StatusChanged(status="waiting"):
            hint = f"; {shown(event.hint, 300)}" if event.hint else ""
            return f"waiting for the teacher: {shown(event.message, 300)}{hint}"
        case Note():
            return shown(event.text, 400)
    return ""


def standing(name: str, progress: Progress) -> str:
    """Where the job is, in one line."""
    parts = [f"{shown(name, 30)}: {progress.done:,} of {progress.wanted:,}"]
    if progress.status == "waiting":
        parts.append("waiting for the teacher")
    if progress.seconds_left is not None and progress.status == "running":
        parts.append(f"{duration(progress.seconds_left)} left")
    if progress.records_per_second:
        pace = progress.records_per_second
        parts.append(f"{pace:,.1f} records/s" if pace >= 1 else f"{60 * pace:.1f} records/min")
    if progress.tokens_per_second:
        parts.append(f"{progress.tokens_per_second:,.0f} tokens/s")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    parts.extend(f"{shown(kind.kind, 20)} {kind.done:,}/{kind.wanted:,}" for kind in progress.kinds)
    return (" · " if speaks_unicode(sys.stderr) else " - ").join(parts)

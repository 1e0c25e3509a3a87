"""The jobs of a library, as the list of them shows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from ysnakes_core.files import printable
from ysnakes_core.synthesis.job_opening import is_running
from ysnakes_core.synthesis.job_state import StoredJob
from ysnakes_core.synthesis.library import FILE_NAME, open_library
from ysnakes_tui.formats import age
from ysnakes_tui.widgets.status_strip import SYMBOLS

_LINE = 300


@dataclass(frozen=True)
class JobRow:
    """``status`` is a stored job's, but for one whose process is gone (``interrupted``) or is another
    (``running elsewhere``). ``updated`` is Unix seconds.
    """

    name: str
    status: str
    message: str
    written: int
    wanted: int
    failed: int
    teacher: str
    kinds: str
    updated: float

    @property
    def can_resume(self) -> bool:
        """Whether there is something left to be written."""
        return self.status != "running elsewhere" and (self.status != "finished" or self.failed > 0)


def read_jobs(folder: Path, ours: str) -> tuple[list[JobRow], dict[str, StoredJob]]:
    """All jobs in the library of ``folder``, the newest first, as rows and by their names.

    ``ours`` is the one that this app is at. Raises ``YsnakesError``. Where there is no library there are no
    jobs.
    """
    if not (folder / FILE_NAME).exists():
        return [], {}
    with open_library(folder) as library:
        rows, jobs = [], library.jobs.all()
        for job in jobs:
            status: str = job.status
            if job.name != ours and status not in ("finished", "stopped", "interrupted"):
                status = "running elsewhere" if is_running(library, job) else "interrupted"
            rows.append(_row(job, status))
        return rows, {job.name: job for job in jobs}


def _row(job: StoredJob, status: str) -> JobRow:
    settings = job.settings
    return JobRow(
        name=job.name,
        status=status,
        message=job.message,
        written=job.written,
        wanted=settings.wanted,
        failed=job.failed,
        teacher=settings.model or settings.teacher,
        kinds=", ".join(f"{goal.kind} {goal.count:,}" for goal in settings.goals),
        updated=job.updated,
    )


HEADINGS = ("job", "state", "records", "failed", "teacher", "last alive")


def cells(row: JobRow, *, now: float, ascii: bool) -> list[Text]:
    """A line of the list, under ``HEADINGS``."""
    symbol = SYMBOLS.get(row.status, SYMBOLS["running"])[ascii]
    return [
        Text(printable(row.name, 24), "bold"),
        Text(f"{symbol} {row.status}"),
        Text(f"{row.written:,} of {row.wanted:,}", justify="right"),
        Text(f"{row.failed:,}" if row.failed else ("-" if ascii else "–"), justify="right"),
        Text(printable(row.teacher, 24)),
        Text(age(now - row.updated)),
    ]


def about(row: JobRow, resume_key: str) -> Text:
    """What there is to say about one job that its line has no room for."""
    text = Text(f"{printable(row.kinds, _LINE)}. ")
    if row.message and row.status != "finished":
        text.append(f"{printable(row.message, _LINE)}. ")
    if row.status == "running elsewhere":
        text.append("Another process is at it.")
    elif row.can_resume and resume_key:
        left = row.wanted - row.written
        what = f"{left:,} record{'' if left == 1 else 's'}"
        text.append(f"{resume_key} goes on with it: {what} {'is' if left == 1 else 'are'} missing.")
    elif not row.can_resume:
        text.append("All of it is in the library.")
    return text

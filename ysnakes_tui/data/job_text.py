"""What is said about a job that is being written."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Literal

from rich.text import Text

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable, safe_name
from ysnakes_core.synthesis.job_state import JobEvent, Progress, StatusChanged, StoredJob, Writing
from ysnakes_core.synthesis.library_records import Record
from ysnakes_tui.cli_data_views import news
from ysnakes_tui.data.job_form_check import sentence
from ysnakes_tui.data.job_hints import command_in, in_the_app
from ysnakes_tui.data.job_session import JobEnd, JobSession
from ysnakes_tui.formats import duration
from ysnakes_tui.widgets.status_strip import SYMBOLS, Status

State = Literal[
    "starting", "running", "waiting", "pausing", "paused", "stopping", "finished", "interrupted", "stopped"
]
_ELSEWHERE = ", or name another"  # what could be done in place of this job is no help to it
_MOST_TROUBLE = 300


def state_of(session: JobSession, end: JobEnd | None) -> State:
    """How the job stands, in a word."""
    if end is not None:
        if end.outcome is None:
            return "stopped"
        status = end.outcome.status
        return status if status in ("finished", "interrupted") else "stopped"
    if session.is_ending:
        return "stopping"
    progress = session.progress
    if progress is None:
        return "starting"
    if session.is_paused:
        return "pausing" if progress.writing else "paused"
    return "waiting" if progress.status == "waiting" else "running"


def resume_command(name: str) -> str:
    """The command line that goes on with a job; "" for a name that could do harm where it is pasted."""
    try:
        return f"ysnakes data generate --resume {shlex.quote(safe_name(name))}"
    except YsnakesError:
        return ""


def how_to_go_on(session: JobSession) -> str:
    """What to say of a job that was ended with the app; "" if nothing of it was written."""
    progress = session.progress
    if progress is None or not progress.done:
        return ""
    return (
        f"{session.name} was ended with {progress.done:,} of {progress.wanted:,} records; "
        f"go on with: {resume_command(session.name) or 'ysnakes data jobs'}"
    )


def symbol_of(state: State, *, ascii: bool) -> str:
    return SYMBOLS.get(state, ("?", "?"))[ascii]


def strip_status(session: JobSession, end: JobEnd | None) -> Status:
    """For the strip at the bottom."""
    state, progress = state_of(session, end), session.progress
    going = state == "running"
    return Status(
        run=session.name,
        state=state,
        step=progress.done if progress is not None else None,
        total_steps=progress.wanted if progress is not None else None,
        unit="records",
        eta=progress.seconds_left if progress is not None and going else None,
        tokens_per_second=progress.tokens_per_second if progress is not None and going else None,
    )


def head_text(name: str, job: StoredJob | None, end: JobEnd | None) -> Text:
    """Which job it is, and who writes it."""
    text = Text(printable(name, 60), "bold")
    if end is not None and end.forgotten:
        text.append("  forgotten, for nothing of it was written", "")
    if job is not None:
        settings = job.settings
        who = printable(settings.model, 60) or "the built-in teacher"
        text.append(f"  {who}", "")
        if settings.model:
            hosts = ", ".join(printable(host, 60) for host in settings.hosts[:3])
            text.append(f"{f' at {hosts}' if hosts else ''}, {settings.concurrency} at a time")
        text.append(f", seed {settings.seed}", "dim")
    return text


def pace_text(state: State, progress: Progress | None, *, ascii: bool) -> Text:
    """How it stands and how quickly it goes, in one line."""
    parts = [f"{symbol_of(state, ascii=ascii)} {state}"]
    has_ended = state in ("finished", "interrupted", "stopped")
    if progress is not None:
        if state == "running" and progress.seconds_left is not None:
            parts.append(f"{duration(progress.seconds_left)} left")
        if progress.records_per_second and not has_ended:
            pace = progress.records_per_second
            parts.append(f"{pace:,.1f} records/s" if pace >= 1 else f"{60 * pace:.1f} records/min")
        if progress.tokens_per_second and not has_ended:
            parts.append(f"{progress.tokens_per_second:,.0f} tokens/s")
        if progress.failed:
            parts.append(f"{progress.failed:,} failed")
    first, *rest = parts
    gap = "   "
    return Text.assemble((first, "bold"), gap if rest else "", gap.join(rest))


def trouble_of(session: JobSession, end: JobEnd | None) -> tuple[str, str]:
    """What keeps it from going on, and what to do about it; "" where nothing does."""
    if end is not None:
        if end.error is not None:
            return end.error.what, end.error.hint
        return (end.outcome.message, end.outcome.hint) if end.outcome is not None else ("", "")
    progress = session.progress
    if progress is not None and progress.status == "waiting":
        return progress.message, session.hint
    return "", ""


def trouble_text(
    trouble: tuple[str, str], events: Sequence[JobEvent], *, lines: int, copy_key: str, ascii: bool
) -> Text:
    """What is wrong and what mends it, then what else happened lately; empty if all is well.

    Of the latter there are ``lines`` at most.
    """
    what, hint = trouble
    text = Text()
    if what:
        text.append(f"{'x' if ascii else '✗'} {sentence(printable(what, _MOST_TROUBLE))}", "bold")
        if hint:
            text.append(f"\n{sentence(printable(in_the_app(hint.split(_ELSEWHERE)[0]), _MOST_TROUBLE))}")
        if copy_key and command_in(hint):
            text.append(f" {copy_key} copies the command line.", "dim")
    told = [line for event in events if not isinstance(event, StatusChanged) and (line := news(event))]
    for line in told[-lines:]:
        text.append(f"{chr(10) if text else ''}! {line}")
    return text


def writing_title(writing: Sequence[Writing], shown: Writing | None, *, has_ended: bool = False) -> str:
    """Which record is being shown, and how many there are."""
    if shown is None:
        return "being written"
    kind = printable(shown.kind, 40)
    if has_ended:
        return f"not finished: {kind}"
    number = next((i for i, each in enumerate(writing, 1) if same(each, shown)), 0)
    which = f" ({number} of {len(writing)})" if number and len(writing) > 1 else ""
    again = f", attempt {shown.attempt}" if shown.attempt > 1 else ""
    return f"being written: {kind}{again}{which}"


def writing_text(shown: Writing | None) -> Text:
    """The request and as much of the answer as there is."""
    if shown is None:
        return Text()
    return _record_text(shown.request, shown.answer)


def latest_title(record: Record) -> str:
    return f"the latest: {printable(record.kind, 40)}"


def latest_text(record: Record) -> Text:
    return _record_text(record.request, record.answer)


def _record_text(request: str, answer: str) -> Text:
    text = Text(f"{printable(request, 600)}\n\n", "dim")
    text.append(printable(answer, keep_lines=True), "not dim")
    return text


def same(one: Writing, other: Writing | None) -> bool:
    """Whether both are of the same record."""
    return other is not None and (one.kind, one.request_index) == (other.kind, other.request_index)


def end_note(end: JobEnd) -> tuple[str, str, Literal["information", "warning", "error"]]:
    """Title, message and severity of what is notified when a job has ended."""
    if end.error is not None:
        return f"{end.name} stopped", f"{end.error.what}\n{in_the_app(end.error.hint)}".strip(), "error"
    outcome = end.outcome
    if outcome is None:
        return f"{end.name} stopped", "", "error"
    kept = f"{outcome.done:,} of {outcome.wanted:,} records are kept"
    if end.forgotten:
        kept = "nothing was written, so it is forgotten"
    if outcome.status == "finished":
        short = outcome.wanted - outcome.done - outcome.failed
        parts = [f"{outcome.done:,} records are in the library"]
        if outcome.failed:
            parts.append(f"{outcome.failed:,} failed; go on with it to try them again")
        if short > 0:
            parts.append(f"{short:,} less than asked for: there are no others")
        return f"{end.name} is finished", "\n".join(parts), "warning" if outcome.failed else "information"
    if outcome.status == "interrupted":
        return f"{end.name} was ended", kept, "information"
    what = f"{outcome.message}\n{in_the_app(outcome.hint)}".strip()
    return f"{end.name} stopped", f"{what}\n{kept}".strip(), "error"

"""The job that is being written, as it goes; and all jobs, to go on with those that are not finished."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Center, Container, Middle, Vertical
from textual.message import Message
from textual.widgets import Button, DataTable, Static

from ysnakes_core.errors import YsnakesError
from ysnakes_core.synthesis.job_state import Progress, StoredJob, Writing
from ysnakes_tui.data.job_hints import command_in
from ysnakes_tui.data.job_list import JobRow, about, cells, read_jobs
from ysnakes_tui.data.job_session import JobEnd, JobSession
from ysnakes_tui.data.job_table import JobTable
from ysnakes_tui.data.job_text import (
    head_text,
    latest_text,
    latest_title,
    pace_text,
    resume_command,
    same,
    state_of,
    trouble_of,
    trouble_text,
    writing_text,
    writing_title,
)
from ysnakes_tui.data.messages import NewJob
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.train.text_panel import TextPanel
from ysnakes_tui.widgets.meter import Meter
from ysnakes_tui.widgets.views import give_focus

QUICK = 5.0  # records a second: nobody can read along, so whole ones are shown
NO_JOBS = "There are no jobs yet."
_LONGEST_KIND = 14


class JobView(Vertical, can_focus=False):
    """The jobs of the library of ``folder``. It does the actions of the context ``job``.

    ``follow`` and ``ended`` say what is being written and what became of it; ``draw`` shows how it stands.
    """

    context: ClassVar[str] = "job"

    @dataclass
    class Resume(Message):
        """The job is to be gone on with."""

        name: str

    @dataclass
    class Read(Message):
        """What a thread found in the library."""

        rows: list[JobRow]
        job: StoredJob | None
        error: YsnakesError | None

    DEFAULT_CSS = """
    JobView {
        height: 1fr;
        padding: 0 1;
        #job-head, #job-pace { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #job-head { color: $primary; }
        #job-kinds { layout: grid; grid-size: 2; grid-rows: 1; grid-gutter: 0 3; height: auto; }
        #job-kinds { max-height: 8; overflow-y: auto; scrollbar-size-vertical: 1; }
        #job-trouble { height: auto; max-height: 6; display: none; }
        #job-writing { border-top: solid $border-blurred; border-title-color: $primary; padding: 0; }
        #job-writing:focus { border-top: heavy $primary; }
        #job-list { height: auto; max-height: 6; border-top: solid $border-blurred; }
        #job-list { border-title-color: $primary; }
        #job-list:focus { border-top: heavy $primary; }
        #job-about { height: auto; max-height: 2; color: $text-muted; }
        #no-jobs { display: none; height: 1fr; }
        #no-jobs Static { width: auto; }
        #no-jobs Center { height: auto; margin-bottom: 1; }
        &.-idle {
            #job-head, #job-pace, #job-all, #job-kinds, #job-trouble, #job-writing { display: none; }
            #job-list { max-height: 100%; }
        }
        &.-empty #job-list, &.-empty #job-about { display: none; }
        &.-empty.-idle #no-jobs { display: block; }
        &.-troubled #job-trouble { display: block; }
        &.-tall #job-list { max-height: 12; }
        &.-tall.-idle #job-list { max-height: 100%; }
        &.-tall #job-kinds, &.-tall #job-trouble, &.-tall #job-writing { margin-top: 1; }
        &.-tall { padding: 1 3; }
    }
    """

    def __init__(
        self, folder: Path, *, clock: Callable[[], float] = time.time, id: str | None = None
    ) -> None:
        """``clock`` gives Unix seconds."""
        super().__init__(id=id)
        self.folder, self._clock = folder, clock
        self._session: JobSession | None = None
        self._end: JobEnd | None = None
        self._job: StoredJob | None = None
        self._rows: list[JobRow] = []
        self._is_read = False
        self._go_to = ""  # the job that the cursor is to be on once it is in the list
        self._shown: Writing | None = None  # of the records that are being written
        self._chosen = False  # by a person
        self._meters: dict[str, Meter] = {}
        self._kinds: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="job-head", markup=False)
        yield Meter("all", warn_at=None, danger_at=None, id="job-all")
        yield Static(id="job-pace", markup=False)
        yield Container(id="job-kinds")
        yield Static(id="job-trouble", markup=False)
        yield TextPanel("being written", "nothing just now", id="job-writing")
        table = JobTable(id="job-list")
        table.border_title = "jobs"
        yield table
        yield Static(id="job-about", markup=False)
        with Middle(id="no-jobs"):
            yield Center(Static(Text(NO_JOBS), markup=False))
            yield Center(Button("New job", id="first-job", compact=True))

    def on_mount(self) -> None:
        self.add_class("-idle")
        if key := key_of(self, "new_job"):
            self.query_one("#first-job", Button).label = f"New job ({key})"
        self.app.theme_changed_signal.subscribe(self, lambda _: self.draw())
        self.read()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height >= 30, "-tall")

    def focus_first(self) -> None:
        self.query_one("#first-job" if self.has_class("-empty") else "#job-list").focus()

    # What there is to show.

    def follow(self, session: JobSession, end: JobEnd | None = None) -> None:
        """Show this one from now on; ``end`` is how it ended, if it did."""
        if (session, end) == (self._session, self._end):
            return
        self._session, self._end, self._shown, self._job = session, end, None, None
        self._chosen = False
        self._go_to = session.name
        self.remove_class("-idle")
        self.read()
        self.draw()

    def ended(self, end: JobEnd) -> None:
        """What is shown has come to its end."""
        self._end = end
        self.read()
        self.draw()

    def library_changed(self) -> None:
        self.read()

    def read(self) -> None:
        """Look at the jobs, in a thread."""
        ours = self._session.name if self._session is not None and self._end is None else ""
        self.run_worker(
            partial(self._read, ours, self._session.name if self._session is not None else ""),
            thread=True,
            group="jobs",
            exit_on_error=False,
        )

    def _read(self, ours: str, shown: str) -> None:
        try:
            rows, jobs = read_jobs(self.folder, ours)
        except YsnakesError as error:
            self.post_message(self.Read([], None, error))
        else:
            self.post_message(self.Read(rows, jobs.get(shown), None))

    def on_job_view_read(self, event: Read) -> None:
        event.stop()
        self._is_read = True
        if event.error is not None:
            shell_of(self).tell(event.error, title="The jobs cannot be read")
            return
        self._rows, self._job = event.rows, event.job
        self.draw()

    # Drawing.

    @property
    def _ascii(self) -> bool:
        return shell_of(self).glyphs == "ascii"

    def draw(self) -> None:
        """Show how all stands now."""
        if not self.is_mounted or not self._is_read:
            return
        self._draw_list()
        if self._session is not None:
            self._draw_session(self._session)
        self.refresh_bindings()

    def _draw_list(self) -> None:
        was_empty, focused = self.has_class("-empty"), self.screen.focused
        self.set_class(not self._rows, "-empty")
        if was_empty == bool(self._rows) and (focused is None or self in focused.ancestors):
            self.call_after_refresh(give_focus, self)
        now = self._clock()
        lines = [(row.name, cells(self._as_it_is(row), now=now, ascii=self._ascii)) for row in self._rows]
        table = self.query_one(JobTable)
        table.show(lines, self._go_to)
        if table.chosen == self._go_to:
            self._go_to = ""
        self._draw_about()

    def _as_it_is(self, row: JobRow) -> JobRow:
        """The row; of the job that is being written, as its session told last."""
        session = self._session
        if session is None or not self._is_running(row.name):
            return row
        progress = session.progress
        if progress is None:
            return replace(row, status=state_of(session, None))
        return replace(row, status=state_of(session, None), written=progress.done, failed=progress.failed)

    def _draw_about(self) -> None:
        row = self.current
        text = Text()
        if row is not None and not self._is_running(row.name):
            text = about(row, "" if self._is_writing else key_of(self, "resume_job"))
        self.query_one("#job-about", Static).update(text)

    def _draw_session(self, session: JobSession) -> None:
        state, progress, ascii = state_of(session, self._end), session.progress, self._ascii
        self.query_one("#job-head", Static).update(head_text(session.name, self._job, self._end))
        self.query_one("#job-pace", Static).update(pace_text(state, progress, ascii=ascii))
        copy = key_of(self, "copy_job_command")
        wrong = trouble_of(session, self._end)
        lines = 4 if self.has_class("-tall") else 1 if wrong[0] else 2
        trouble = trouble_text(wrong, session.news, lines=lines, copy_key=copy, ascii=ascii)
        self.set_class(bool(trouble), "-troubled")
        self.query_one("#job-trouble", Static).update(trouble)
        if progress is not None:
            self._draw_meters(progress)
            self._draw_writing(progress)

    def _draw_meters(self, progress: Progress) -> None:
        kinds = tuple(row.kind for row in progress.kinds)
        place = self.query_one("#job-kinds")
        if kinds != self._kinds:
            self._kinds = kinds
            widest = min(max(map(len, kinds)), _LONGEST_KIND)
            most = max(row.wanted for row in progress.kinds)
            room = len(f"{most:,} of {most:,}")
            self._meters = {
                kind: Meter(kind, warn_at=None, danger_at=None, label_width=widest, text_width=room)
                for kind in kinds
            }
            place.remove_children()
            place.mount(*self._meters.values())
        glyphs = shell_of(self).glyphs
        whole = self.query_one("#job-all", Meter)
        for meter in (whole, *self._meters.values()):
            meter.glyphs = glyphs
        part = 100 * progress.done / max(1, progress.wanted)
        whole.set(
            progress.done, progress.wanted, f"{progress.done:,} of {progress.wanted:,} records, {part:.0f} %"
        )
        for row in progress.kinds:
            failed = f", {row.failed:,} failed" if row.failed else ""
            self._meters[row.kind].set(row.done, row.wanted, f"{row.done:,} of {row.wanted:,}{failed}")

    def _draw_writing(self, progress: Progress) -> None:
        writing = progress.writing
        still = next((each for each in writing if same(each, self._shown)), None)
        if still is not None and (self._chosen or still.characters):
            self._shown = still
        elif writing:  # a server may answer one after the other: the one that is being answered
            self._shown, self._chosen = max(writing, key=lambda each: each.characters), False
        panel = self.query_one("#job-writing", TextPanel)
        latest = self._session.latest if self._session is not None else None
        is_quick = (progress.records_per_second or 0) > QUICK
        if latest is not None and (self._end is not None or not writing or is_quick):
            title, text = latest_title(latest), latest_text(latest)
        else:
            title, text = (
                writing_title(writing, self._shown, has_ended=self._end is not None),
                writing_text(self._shown),
            )
        panel.border_title = Text(title).markup
        panel.show(text)

    # What is possible, and doing it.

    @property
    def current(self) -> JobRow | None:
        """The job under the cursor."""
        chosen = self.query_one(JobTable).chosen
        return next((row for row in self._rows if row.name == chosen), None)

    @property
    def _is_writing(self) -> bool:
        return self._session is not None and self._end is None

    def _is_running(self, name: str) -> bool:
        return self._is_writing and self._session is not None and self._session.name == name

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action of the registry (or of Textual) is possible now; None: not now."""
        session, row = self._session, self.current if self.is_mounted else None
        if action in ("pause_job", "cancel_job"):
            if not self._is_writing or session is None:
                return False
            return None if session.is_ending else True
        if action == "next_writing":
            progress = session.progress if session is not None and self._is_writing else None
            return progress is not None and len(progress.writing) > 1
        if action == "resume_job":
            if self._is_writing or row is None:
                return False
            return True if row.can_resume else None
        if action == "copy_job_command":
            return bool(self._command)
        return super().check_action(action, parameters)

    def label_for(self, action: str) -> str:
        if action == "pause_job" and self._session is not None and self._session.is_paused:
            return "Go on"
        return ""

    def action_pause_job(self) -> None:
        """Begin no more records, or go on."""
        if (session := self._session) is not None and self._is_writing:
            if session.is_paused:
                session.go_on()
            else:
                session.pause()
            self.draw()

    def action_cancel_job(self) -> None:
        """End it; what is finished is kept."""
        if (session := self._session) is not None and self._is_writing:
            session.cancel()
            self.draw()

    def action_next_writing(self) -> None:
        """Show another one of the records that are being written."""
        progress = self._session.progress if self._session is not None else None
        if progress is None or not progress.writing:
            return
        places = [same(each, self._shown) for each in progress.writing]
        at = places.index(True) + 1 if True in places else 0
        self._shown, self._chosen = progress.writing[at % len(places)], True
        self.draw()

    def action_resume_job(self) -> None:
        row = self.current
        if row is not None and row.can_resume and not self._is_writing:
            self.post_message(self.Resume(row.name))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(NewJob())

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_resume_job()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._draw_about()
        self.refresh_bindings()

    @property
    def _command(self) -> str:
        """The command line that mends what is wrong; else the one that goes on with the job of the cursor."""
        if self._session is not None:
            mending = command_in(trouble_of(self._session, self._end)[1])
            if mending:
                return mending
        row = self.current
        if row is None or not row.can_resume or self._is_running(row.name):
            return ""
        return resume_command(row.name)

    def action_copy_job_command(self) -> None:
        if command := self._command:
            shell_of(self).copy(command, "the command line")

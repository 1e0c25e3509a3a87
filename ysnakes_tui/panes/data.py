"""The Data pane: the library of text, its curation and statistics, and the jobs that write it."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from ysnakes_core import paths
from ysnakes_core.errors import YsnakesError
from ysnakes_core.synthesis.library_records import EVERYTHING
from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.data.job_training import export_text, train_on
from ysnakes_tui.data.messages import NewJob
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.widgets.status_strip import Status
from ysnakes_tui.widgets.views import focus_in, give_focus

if TYPE_CHECKING:  # what has to do with jobs is loaded when there is one: the library is to be there soon
    from ysnakes_core.synthesis.job_answers import JobManners
    from ysnakes_core.synthesis.library_export import Exported
    from ysnakes_tui.data.curation_view import CurationView
    from ysnakes_tui.data.job_form import JobForm
    from ysnakes_tui.data.job_session import JobEnd, JobSession
    from ysnakes_tui.data.job_view import JobView
    from ysnakes_tui.data.library_view import LibraryView

LOOK_SECONDS = 0.25  # between two looks at the job that is being written
CHANGE_SECONDS = 2.0  # between two times that a view is told of new records
LEAVE_SECONDS = 10.0  # the longest that leaving the app waits for a job to end

View = Literal["library", "curation", "statistics", "job_form", "job"]

# Each is made with the folder of the library when it is first looked at: ``LibraryView(folder, id=…)``.
_VIEWS: dict[View, tuple[str, str]] = {
    "library": ("ysnakes_tui.data.library_view", "LibraryView"),
    "curation": ("ysnakes_tui.data.curation_view", "CurationView"),
    "statistics": ("ysnakes_tui.data.statistics_view", "StatisticsView"),
    "job_form": ("ysnakes_tui.data.job_form", "JobForm"),
    "job": ("ysnakes_tui.data.job_view", "JobView"),
}


class DataPane(Widget):
    """Shows one of its views; whatever the registry has, the view that is shown does, if it can.

    ``folder`` is that of the library (None: the usual one). A view is made with it when it is first looked
    at. It has ``action_*`` and ``check_action`` for its context, and may have ``focus_first()``,
    ``label_for(action)``, ``action_back() -> bool`` (whether there was anything to close) and
    ``library_changed()`` (records are others now; called when it is shown, and at times while it is); the
    curation may have ``curate(asked)``. What a view wants of others it posts (``data.messages``). ``manners``
    are those of its jobs, ``clock`` gives seconds.
    """

    @dataclass
    class JobEnded(Message):
        end: JobEnd

    @dataclass
    class TextWritten(Message):
        done: Exported | None
        error: YsnakesError | None

    DEFAULT_CSS = """
    DataPane { height: 1fr; }
    DataPane > * { height: 1fr; }
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        manners: JobManners | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(id="data")
        self.folder = paths.data_dir(folder)
        self._view: View = "library"
        self._manners, self._clock = manners, clock
        self._session: JobSession | None = None
        self._end: JobEnd | None = None  # of the session
        self._told_of = 0  # records of the session that the view in front knows of
        self._told_at = 0.0
        self._curates: dict[str, bool] = {}  # jobs that were started here
        self._is_exporting = False

    def compose(self) -> ComposeResult:
        yield self._make("library")

    def on_mount(self) -> None:
        self.set_interval(LOOK_SECONDS, self._look)

    def _make(self, view: View) -> Widget:
        module, name = _VIEWS[view]
        made: Widget = getattr(importlib.import_module(module), name)(self.folder, id=f"{_dashed(view)}-view")
        return made

    @property
    def context(self) -> str:
        return self._view

    @property
    def view(self) -> Widget:
        """What is shown."""
        return self.get_child_by_id(f"{_dashed(self._view)}-view")

    def status(self) -> Status:
        if self._session is None:
            return Status()
        if self._end is not None and (self._view != "job" or self._end.forgotten):
            return Status()
        from ysnakes_tui.data.job_text import strip_status

        return strip_status(self._session, self._end)

    def focus_first(self) -> None:
        if self.children:
            focus_in(self.view)

    async def _show(self, view: View) -> Widget:
        """Bring a view to the front; it is made if it is not there yet."""
        if all(child.id != f"{_dashed(view)}-view" for child in self.children):
            await self.mount(self._make(view))
        self._view = view
        if view == "job":
            self._follow()
        for child in self.children:
            child.display = child.id == f"{_dashed(view)}-view"
        self._tell_of_change(self.view)
        self.call_after_refresh(give_focus, self)
        self.refresh_bindings()
        return self.view

    def _tell_of_change(self, view: Widget) -> None:
        changed = getattr(view, "library_changed", None)
        if callable(changed):
            changed()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.children:  # it is just being made, or about to go
            return False
        if action in _OWN:
            return _OWN[action] != self._view
        if action in _FORWARDED:
            view = self.view
            return view.check_action(action, parameters) if hasattr(view, f"action_{action}") else False
        return super().check_action(action, parameters)

    def label_for(self, action: str) -> str:
        """What the footer calls an action in the view that is shown; "" for what the registry calls it."""
        label_for = getattr(self.view, "label_for", None) if self.children else None
        return str(label_for(action)) if callable(label_for) else ""

    # Between the views.

    async def action_library(self) -> None:
        await self._show("library")

    async def action_curate(self) -> None:
        """Look at the records that the library shows."""
        asked = cast("LibraryView", self.query_one("#library-view")).asked
        if asked != EVERYTHING:
            self.notify("Only what the filters of the library let through.", timeout=4)
        cast("CurationView", await self._show("curation")).curate(asked)

    async def action_statistics(self) -> None:
        await self._show("statistics")

    async def action_jobs(self) -> None:
        await self._show("job")

    async def action_new_job(self) -> None:
        await self._show("job_form")

    async def action_back(self) -> None:
        """Close what is open in the view, else leave it for the library."""
        back = getattr(self.view, "action_back", None)
        closed = back() if callable(back) else False
        if inspect.isawaitable(closed):
            closed = await closed
        if not closed and self._view != "library":
            await self._show("library")

    async def on_new_job(self, event: NewJob) -> None:
        event.stop()
        view = await self._show("job_form")
        if event.teacher:
            cast("JobForm", view).choose(event.teacher)

    # Jobs.

    @property
    def session(self) -> JobSession | None:
        """The job that is being written, or was last; None if none was."""
        return self._session

    @property
    def is_writing(self) -> bool:
        return self._session is not None and self._end is None

    async def on_job_form_started(self, event: JobForm.Started) -> None:
        event.stop()
        self._curates[event.name] = event.curate
        await self._write(event.name, fresh=True)

    async def on_job_form_cancelled(self, event: JobForm.Cancelled) -> None:
        event.stop()
        await self._show("library")

    async def on_job_view_resume(self, event: JobView.Resume) -> None:
        event.stop()
        await self._write(event.name, fresh=False)

    async def _write(self, name: str, *, fresh: bool) -> None:
        """Begin a session of a job, in a thread of its own, and show it."""
        from ysnakes_tui.data.job_session import JobSession

        if self.is_writing:
            return
        self._session = JobSession(
            self.folder,
            name,
            ended=self._has_ended,
            fresh=fresh,
            curate=self._curates.get(name, True),
            manners=self._manners,
        )
        self._end, self._told_of = None, 0
        self._session.start()
        self._keep_form_informed()
        await self._show("job")

    def _follow(self) -> None:
        """Let the view of jobs show the session, if it does not yet."""
        if self._view == "job" and self._session is not None:
            cast("JobView", self.view).follow(self._session, self._end)

    def _has_ended(self, end: JobEnd) -> None:
        """Called in the session's thread."""
        self.post_message(self.JobEnded(end))

    def on_data_pane_job_ended(self, event: JobEnded) -> None:
        event.stop()
        self._end = event.end
        if event.end.crash is not None:
            raise event.end.crash
        for view in self.query("JobView"):
            cast("JobView", view).ended(event.end)
        self._keep_form_informed()
        from ysnakes_tui.data.job_text import end_note

        title, message, severity = end_note(event.end)
        self.app.notify(
            message, title=title, severity=severity, timeout=8 if severity == "information" else 20
        )
        self._tell_of_change(self.view)
        self.refresh_bindings()

    def _keep_form_informed(self) -> None:
        for form in self.query("JobForm"):
            cast("JobForm", form).busy_with = (
                self._session.name if self.is_writing and self._session is not None else ""
            )

    def _look(self) -> None:
        """Show what the session has done since the last look."""
        session = self._session
        if session is None or not self.is_writing or not self.display:
            return
        view = self.view
        if self._view == "job":
            cast("JobView", view).draw()
        elif session.stored != self._told_of and self._clock() - self._told_at >= CHANGE_SECONDS:
            self._told_of, self._told_at = session.stored, self._clock()
            self._tell_of_change(view)

    async def on_unmount(self) -> None:
        """A session ends with the app; what it has finished is kept."""
        if self._session is not None and self.is_writing:
            from ysnakes_tui.data.job_text import how_to_go_on

            self._session.cancel()
            await asyncio.to_thread(self._session.join, LEAVE_SECONDS)
            if (left := how_to_go_on(self._session)) and not self._session.is_alive:
                shell_of(self).say_afterwards(left)

    # Training.

    def action_send_to_training(self) -> None:
        """Write the library's text to files, then open the form of a new run with them."""
        if not self._is_exporting:
            self._is_exporting = True
            self.notify("writing the text…", timeout=3)
            self.run_worker(self._export, thread=True, group="export", exit_on_error=False)

    def _export(self) -> None:
        """In a thread."""
        try:
            self.post_message(self.TextWritten(export_text(self.folder), None))
        except YsnakesError as error:
            self.post_message(self.TextWritten(None, error))

    def on_data_pane_text_written(self, event: TextWritten) -> None:
        event.stop()
        self._is_exporting = False
        if event.error is not None or event.done is None:
            shell_of(self).tell(event.error or YsnakesError("nothing was written"), timeout=30)
            return
        self.notify(f"{event.done.records:,} records in {event.done.folder}", title="The text is written")
        train_on(self, event.done.folder)


def _dashed(view: str) -> str:
    return view.replace("_", "-")


def _forwarding(name: str) -> Callable[[DataPane], Any]:
    def act(pane: DataPane) -> Any:
        return getattr(pane.view, f"action_{name}")()

    return act


_OWN: dict[str, View | Literal[""]] = {
    "library": "library",
    "curate": "curation",
    "statistics": "statistics",
    "jobs": "job",
    "new_job": "job_form",
    "send_to_training": "",
    "back": "",
}
_FORWARDED = frozenset(action.id for action in ACTIONS.values() if action.context in (*_VIEWS, "records"))
for _name in _FORWARDED:
    setattr(DataPane, f"action_{_name}", _forwarding(_name))

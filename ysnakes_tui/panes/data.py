"""The Data pane: the library of text, its curation and statistics, and the jobs that write it."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ysnakes_core import paths
from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.data.messages import (
    Curate,
    LibraryChanged,
    NewJob,
    SendToTraining,
    ShowJobs,
    ShowLibrary,
    ShowStatistics,
)
from ysnakes_tui.widgets.status_strip import Status

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
    ``label_for(action)``, ``action_back() -> bool`` (whether there was anything to close), ``library_changed()``
    (records are others now; called when it is shown, and at times while it is) and, the curation,
    ``curate(asked)``. What a view wants of others it posts (``data.messages``).
    """

    DEFAULT_CSS = """
    DataPane { height: 1fr; }
    DataPane > * { height: 1fr; }
    """

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(id="data")
        self.folder = paths.data_dir(folder)
        self._view: View = "library"

    def compose(self) -> ComposeResult:
        yield self._make("library")

    def _make(self, view: View) -> Widget:
        module, name = _VIEWS[view]
        if importlib.util.find_spec(module) is None:
            return Missing(id=f"{_dashed(view)}-view")
        made: Widget = getattr(importlib.import_module(module), name)(self.folder, id=f"{_dashed(view)}-view")
        return made

    @property
    def context(self) -> str:
        return self._view

    @property
    def view(self) -> Widget:
        """What is shown."""
        return self.query_one(f"#{_dashed(self._view)}-view")

    def status(self) -> Status:
        return Status()

    def focus_first(self) -> None:
        if not self.children:
            return
        first = getattr(self.view, "focus_first", None)
        if callable(first):
            first()
        else:
            self.screen.set_focus(
                next((w for w in self.screen.focus_chain if self.view in w.ancestors_with_self), None)
            )

    async def _show(self, view: View) -> Widget:
        """Bring a view to the front; it is made if it is not there yet."""
        if not self.query(f"#{_dashed(view)}-view"):
            await self.mount(self._make(view))
        self._view = view
        for name in _VIEWS:
            for widget in self.query(f"#{_dashed(name)}-view"):
                widget.display = name == view
        self._tell_of_change(self.view)
        self.call_after_refresh(self.focus_first)
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
        await self._show("curation")

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

    def action_send_to_training(self) -> None:
        pass

    async def on_new_job(self, event: NewJob) -> None:
        event.stop()
        await self.action_new_job()

    async def on_show_jobs(self, event: ShowJobs) -> None:
        event.stop()
        await self.action_jobs()

    async def on_show_library(self, event: ShowLibrary) -> None:
        event.stop()
        await self.action_library()

    async def on_curate(self, event: Curate) -> None:
        event.stop()
        view = await self._show("curation")
        curate = getattr(view, "curate", None)
        if callable(curate):
            curate(event.asked)

    async def on_show_statistics(self, event: ShowStatistics) -> None:
        event.stop()
        await self.action_statistics()

    def on_send_to_training(self, event: SendToTraining) -> None:
        event.stop()
        self.action_send_to_training()

    def on_library_changed(self, event: LibraryChanged) -> None:
        """The views that are not shown hear of it when they are."""
        event.stop()


class Missing(VerticalScroll):
    """Stands where a view cannot be had."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="command-lines")

    def compose(self) -> ComposeResult:
        yield Static(Text("Text to train on"), classes="heading -first", markup=False)
        yield Static(
            Text("This cannot be shown here; `ysnakes data --help` says how to do it in a terminal."),
            classes="introduction",
            markup=False,
        )


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
_FORWARDED = frozenset(action.id for action in ACTIONS.values() if action.context in _VIEWS)
for _name in _FORWARDED:
    setattr(DataPane, f"action_{_name}", _forwarding(_name))

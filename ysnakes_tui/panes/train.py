"""The Train pane: the list of runs, the form for a new one, and the dashboard of the one that is watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from textual.app import ComposeResult
from textual.widget import Widget

from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory, open_run
from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.train.dashboard import Dashboard
from ysnakes_tui.train.opening import Opening
from ysnakes_tui.train.runs_table import RunsTable
from ysnakes_tui.widgets.status_strip import Status
from ysnakes_tui.widgets.views import focus_in, give_focus

if TYPE_CHECKING:
    from ysnakes_tui.train.new_run_form import NewRunForm

PREPARE_SECONDS = 2.5  # until a form is made for when one is wanted: what is shown comes first

View = Literal["runs", "form", "train"]


class TrainPane(Widget):
    """Shows one of its views; whatever the registry has, the view that is shown does, if it can."""

    DEFAULT_CSS = """
    TrainPane { height: 1fr; }
    TrainPane > * { height: 1fr; }
    """

    def __init__(self, opening: Opening | None = None) -> None:
        super().__init__(id="train")
        self._opening = opening
        self._view: View = "runs"
        self._before_form: View = "runs"
        self._compared_from: View = "runs"
        self._form: NewRunForm | None = None
        self._preparing = asyncio.Lock()

    def compose(self) -> ComposeResult:
        yield RunsTable(id="runs-view")
        yield Dashboard(id="train-view")

    def on_mount(self) -> None:
        self.set_timer(PREPARE_SECONDS, self._prepare_form)
        self._dashboard.display = False
        if last := shell_of(self).memory.last_run:
            try:
                run = open_run(shell_of(self).runs_folder, last)
            except YsnakesError as error:
                if self._opening is not None:
                    shell_of(self).tell(error, timeout=30)
                return  # it is gone, so the list is what there is to see
            self._dashboard.follow(run)
            self._show("train")
            if self._opening is not None:
                self._open(run, self._opening)

    def _open(self, run: RunDirectory, opening: Opening) -> None:
        """See to what the command line began."""
        shell_of(self).remember(last_run=run.name)
        if opening.note:
            self.notify(opening.note)
        if opening.pid is not None:
            self._dashboard.expect_worker(opening.pid)

    @property
    def context(self) -> str:
        return self._view

    @property
    def view(self) -> Widget:
        """What is shown."""
        return self.get_child_by_id(f"{self._view}-view")

    @property
    def _dashboard(self) -> Dashboard:
        return self.get_child_by_type(Dashboard)

    @property
    def _table(self) -> RunsTable:
        return self.get_child_by_type(RunsTable)

    @property
    def watched(self) -> str:
        """The name of the run on the dashboard; "" if none is there."""
        dashboards = (child for child in self.children if isinstance(child, Dashboard))  # none once it closes
        runs = (dashboard.run_directory for dashboard in dashboards)
        return next((run.name for run in runs if run is not None), "")

    def status(self) -> Status:
        return self._dashboard.status() if self.watched else Status()

    def focus_first(self) -> None:
        focus_in(self.view)

    def _show(self, view: View) -> None:
        self._view = view
        for child in self.children:
            child.display = child is self.view
        self.call_after_refresh(give_focus, self)
        self.refresh_bindings()

    def watch_run(self, name: str) -> None:
        """Show the run ``name`` of the runs folder on the dashboard. Raises ``YsnakesError``."""
        run = open_run(shell_of(self).runs_folder, name)
        self._dashboard.follow(run)
        shell_of(self).remember(last_run=name)
        self._show("train")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("runs", "new_run", "back"):
            return action != self._view
        if action in _FORWARDED:
            view = self.view
            if hasattr(view, f"action_{action}"):
                return view.check_action(action, parameters)
            return self._can_with_watched(action) if self._view == "train" else False
        return super().check_action(action, parameters)

    def label_for(self, action: str) -> str:
        """What the footer calls an action in the view that is shown; "" for what the registry calls it."""
        label_for = getattr(self.view, "label_for", None)
        return str(label_for(action)) if callable(label_for) else ""

    # Between the views.

    def action_runs(self) -> None:
        self._show("runs")

    async def action_new_run(self) -> None:
        await self._open_form(first=False)

    async def new_run_on(self, data: str) -> None:
        """The form of a new run with the text to train on filled in: what its first field takes."""
        await self._open_form(first=False, data=data)

    async def _open_form(self, *, first: bool, data: str = "") -> None:
        form = await self._prepare_form()
        if self._view != "form":
            self._before_form = self._view
        form.begin(first=first, data=data)
        self._show("form")

    async def _prepare_form(self) -> NewRunForm:
        """The form; made if there is none yet, which takes longer than to show it."""
        from ysnakes_tui.train.new_run_form import NewRunForm  # not needed for the first picture

        async with self._preparing:
            if self._form is None:
                self._form = NewRunForm(id="form-view")
                self._form.display = False  # what is built in sight is drawn several times
                await self.mount(self._form)
            return self._form

    async def action_back(self) -> None:
        """Close what is open in the view, else leave it for the list of runs."""
        if self._view == "train":
            if not self._dashboard.hide_crosshair():
                self._show("runs")
        elif self._view == "runs":
            if await self._table.action_back() and self._compared_from == "train":
                self._compared_from = "runs"
                self._show("train")
        elif callable(back := getattr(self.view, "action_back", None)):
            back()

    def on_runs_table_chosen(self, event: RunsTable.Chosen) -> None:
        event.stop()
        self._watch(event.run_name)

    async def on_runs_table_new_run(self, event: RunsTable.NewRun) -> None:
        event.stop()
        await self._open_form(first=event.first)

    def on_new_run_form_started(self, event: NewRunForm.Started) -> None:
        event.stop()
        self._watch(event.run_name)
        if self.watched == event.run_name:
            self._dashboard.expect_worker(event.pid)

    def on_new_run_form_cancelled(self, event: NewRunForm.Cancelled) -> None:
        event.stop()
        self._show(self._before_form)

    def on_runs_table_changed(self, event: RunsTable.Changed) -> None:
        """The run on the dashboard has another name, or is gone."""
        event.stop()
        if not event.before or event.before != self.watched:
            return
        dashboard = self._dashboard
        if event.after:
            dashboard.follow(RunDirectory(shell_of(self).runs_folder / event.after))
            return
        dashboard.leave_run()
        shell_of(self).remember(last_run="")
        if self._view == "train":
            self._show("runs")

    # What the list can do with a run, done with the one on the dashboard.

    def _can_with_watched(self, action: str) -> bool | None:
        if action == "undo":
            return self._table.check_action(action, ())
        if action not in _WITH_WATCHED:
            return False
        watch = self._dashboard.run_watch
        return True if watch is not None and not watch.follower.deleted else None

    async def do_with_watched(self, action: str) -> None:
        table = self._table
        if action == "compare":
            await self._compare(table, self.watched)
        elif action == "open_folder":
            table.open_folder(self.watched)
        elif action == "delete":
            table.delete([self.watched])
        else:
            table.action_undo()

    async def _compare(self, table: RunsTable, name: str) -> None:
        """Compare with the marked runs; where none is, go and mark some."""
        others = [other for other in table.marked if other != name]
        if others:
            self._compared_from = "train"
            self._show("runs")
            await table.compare([name, *others])
        else:
            table.mark(name)
            self._show("runs")
            mark, compare = (key_of(self, each) or "the palette" for each in ("mark", "compare"))
            self.notify(f"Mark others with {mark}, then {compare} draws them on one chart.")

    def _watch(self, name: str) -> None:
        try:
            self.watch_run(name)
        except YsnakesError as error:
            shell_of(self).tell(error, timeout=30)


def _forwarding(name: str) -> Callable[[TrainPane], Any]:
    def act(pane: TrainPane) -> Any:
        if hasattr(pane.view, f"action_{name}"):
            return getattr(pane.view, f"action_{name}")()
        return pane.do_with_watched(name)

    return act


_WITH_WATCHED = frozenset(("compare", "open_folder", "delete", "undo"))
_FORWARDED = frozenset(
    action.id for action in ACTIONS.values() if action.context in ("run", "train", "runs", "form")
) - {"runs", "new_run"}
for _name in _FORWARDED:
    setattr(TrainPane, f"action_{_name}", _forwarding(_name))

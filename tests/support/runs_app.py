"""The app with nothing in its Train pane but the list of runs, and runs to be listed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from driven_app import DrivenApp, drive_app
from seen import notes_of
from textual.app import ComposeResult
from textual.containers import Vertical

from ysnakes_core.configuration import preset_config
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.events import ValidationEvent, to_json
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import keymap_from
from ysnakes_tui.train.app_trash import trash_of
from ysnakes_tui.train.runs_table import RunsTable
from ysnakes_tui.widgets.status_strip import Status

NOW = 1_800_000_000.0  # what the clock of the list says
Test = Callable[["RunsApp"], Coroutine[Any, Any, None]]


def a_run(
    runs: Path,
    name: str,
    status: str = "finished",
    *,
    preset: str = "ys-2m",
    step: int = 100,
    best: float | None = 1.5,
    age: float = 0.0,
    scores: tuple[float, ...] = (),
) -> RunDirectory:
    """A run that was heard of ``age`` seconds ago, with a validation for each score."""
    run = create_run(runs, preset_config(preset))
    run = RunDirectory(run.path.rename(runs / name))
    state = RunState(status=status, heartbeat=NOW - age, step=step, best=best)
    run.write_state(state.of_process(this_process()) if status == "running" else state)
    events = [ValidationEvent(NOW, 10 * n, 64, 1.0, 2.7, score) for n, score in enumerate(scores, start=1)]
    run.events_file.write_text("".join(to_json(event) + "\n" for event in events))
    return run


class RunsHost(Vertical, can_focus=False):
    """A pane around the list, doing the actions of the registry with it."""

    context = "runs"

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.got: list[str] = []
        self._clock = clock

    def compose(self) -> ComposeResult:
        yield RunsTable(clock=self._clock)

    @property
    def table(self) -> RunsTable:
        return self.query_one(RunsTable)

    def status(self) -> Status:
        return Status()

    def focus_first(self) -> None:
        self.table.focus_first()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.table.check_action(action, parameters) if action in ACTIONS else True

    def on_runs_table_chosen(self, event: RunsTable.Chosen) -> None:
        self.got.append(event.run_name)

    def on_runs_table_new_run(self, event: RunsTable.NewRun) -> None:
        self.got.append("a first run" if event.first else "a new run")

    async def action_back(self) -> None:
        if not await self.table.action_back():
            self.got.append("back")


def _doing(name: str) -> Callable[[RunsHost], Any]:
    return lambda host: getattr(host.table, f"action_{name}")()


for _name in ACTIONS:
    if hasattr(RunsTable, f"action_{_name}") and _name != "back":
        setattr(RunsHost, f"action_{_name}", _doing(_name))


class RunsApp(DrivenApp):
    """The app, with what tests ask of it."""

    @property
    def host(self) -> RunsHost:
        return self.app.screen_stack[0].query_one(RunsHost)

    @property
    def table(self) -> RunsTable:
        return self.host.table

    @property
    def names(self) -> list[str]:
        return [row.name for row in self.table.runs]

    @property
    def told(self) -> list[str]:
        return notes_of(self.app)


def drive(
    runs: Path,
    test: Test,
    *,
    size: tuple[int, int] = (80, 24),
    keys: dict[str, object] | None = None,
    ascii: bool = False,
    memory: AppMemory | None = None,
    clock: Callable[[], float] = lambda: NOW,
) -> None:
    """Run the app on the list, once that is read; what was deleted in it is gone after it.

    ``runs`` is the folder of runs in a home as ``plain_home`` makes it.
    """
    apps: list[YsnakesApp] = []

    async def when_ready(driven: RunsApp) -> None:
        apps.append(driven.app)
        await driven.until(lambda: driven.table._is_read)
        await driven.pilot.pause()
        await test(driven)

    drive_app(
        when_ready,
        RunsApp,
        runs.parent,
        memory or AppMemory(),
        makers={"train": lambda: RunsHost(clock)},
        size=size,
        ascii=ascii,
        keymap=keymap_from(keys) if keys else None,
    )
    trash_of(apps[0], runs).empty()

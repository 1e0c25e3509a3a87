"""What the list does with runs, done from the dashboard; and the dashboard, when its run changes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import textual_name, usual_keymap
from ysnakes_tui.panes.train import TrainPane
from ysnakes_tui.train.comparison import Comparison
from ysnakes_tui.train.dashboard import Dashboard
from ysnakes_tui.train.run_dialogs import DeleteScreen, RenameScreen
from ysnakes_tui.train.runs_table import RunsTable
from ysnakes_tui.widgets.status_strip import Status

SECONDS = 20.0


@pytest.fixture
def runs(home: Path) -> Path:
    for name in ("one", "two", "three"):
        run = create_run(home / "runs", RunConfig(), name)
        run.write_state(RunState(status="stopped", heartbeat=time.time(), step=100))
    return home / "runs"


class Driven:
    def __init__(self, app: YsnakesApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def pane(self) -> TrainPane:
        return self.app.screen_stack[0].query_one(TrainPane)

    @property
    def table(self) -> RunsTable:
        return self.pane.query_one(RunsTable)

    @property
    def told(self) -> str:
        return "\n".join(f"{note.title} {note.message}" for note in self.app._notifications)

    async def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.told
            await self.pilot.pause(0.01)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(textual_name(key))
            await self.pilot.pause()

    async def go_to(self, name: str) -> None:
        """In the list, put the cursor on a run."""
        names = [row.name for row in self.table.runs]
        await self.press("home", *["down"] * names.index(name))


def drive(runs: Path, test: Callable[[Driven], Coroutine[Any, Any, None]], last_run: str = "one") -> None:
    async def go() -> None:
        app = YsnakesApp(runs, keymap=usual_keymap(), memory=AppMemory(last_run=last_run))
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await pilot.pause()
            driven = Driven(app, pilot)
            await driven.until(lambda: driven.pane.context == ("train" if last_run else "runs"))
            await test(driven)

    asyncio.run(go())


def test_the_run_on_the_dashboard_is_deleted_and_brought_back(runs: Path) -> None:
    async def test(d: Driven) -> None:
        assert d.app.can_perform("undo") is None
        await d.press("d")
        await d.until(lambda: isinstance(d.app.screen, DeleteScreen))
        await d.press("n")
        assert (runs / "one").exists()
        await d.press("d")
        await d.until(lambda: isinstance(d.app.screen, DeleteScreen))
        await d.press("y")
        await d.until(lambda: d.pane.context == "runs")
        assert not (runs / "one").exists()
        assert d.app.memory.last_run == ""
        assert d.pane.status() == Status()  # nothing tells of it any more
        await d.until(lambda: len(d.table.runs) == 2)
        await d.press("enter")
        await d.until(lambda: d.pane.context == "train")
        await d.press("u")  # from the dashboard of another
        await d.until(lambda: (runs / "one" / "config.toml").is_file())
        assert RunDirectory(runs / "one").read_state().step == 100
        assert d.pane.context == "train"

    drive(runs, test)


def test_a_run_that_is_trained_stays_and_so_does_its_dashboard(runs: Path) -> None:
    busy = RunState(status="running", heartbeat=time.time()).of_process(this_process())
    RunDirectory(runs / "one").write_state(busy)

    async def test(d: Driven) -> None:
        await d.press("d")
        await d.until(lambda: "living worker" in d.told)
        assert not isinstance(d.app.screen, DeleteScreen)
        assert d.pane.context == "train"
        assert d.pane.watched == "one"

    drive(runs, test)


def test_a_run_is_followed_under_its_new_name(runs: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("r")
        await d.until(lambda: d.table.current is not None)
        await d.go_to("one")
        await d.press("e")
        await d.until(lambda: isinstance(d.app.screen, RenameScreen))
        await d.press(*"ones", "enter")  # in place of the old one, which is selected
        await d.until(lambda: d.pane.watched == "ones")
        await d.until(lambda: d.pane.query_one(Dashboard).status().step == 100)
        assert d.app.memory.last_run == "ones"

    drive(runs, test)


def test_the_dashboard_s_run_is_compared_with_those_marked(runs: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("m")  # with what? Some are to be marked first
        await d.until(lambda: d.pane.context == "runs" and len(d.table.runs) == 3)
        await d.until(lambda: d.table.current is not None and d.table.current.name == "one")
        assert d.table.marked == ["one"]
        assert "Mark others with space, then m" in d.told
        await d.go_to("two")
        await d.press("m")
        await d.until(lambda: d.app.query(Comparison))
        assert [run.name for run in d.app.query_one(Comparison).runs] == ["one", "two"]
        await d.press("escape")
        assert d.pane.context == "runs"

        await d.press("escape")  # the marks
        await d.go_to("two")
        await d.press("space")
        await d.go_to("three")
        await d.press("enter")
        await d.until(lambda: d.pane.watched == "three")
        await d.press("m")
        await d.until(lambda: d.app.query(Comparison))
        assert [run.name for run in d.app.query_one(Comparison).runs] == ["three", "two"]
        await d.until(lambda: d.app.query_one(Comparison).chart.has_focus)
        await d.press("escape")
        assert d.pane.context == "train"
        assert not d.app.query(Comparison)

    drive(runs, test)


def test_the_dashboard_s_folder_is_opened(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform != "linux":
        pytest.skip("another system's opener")
    proof, program = tmp_path / "proof", tmp_path / "xdg-open"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{proof}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("DISPLAY", ":0")

    async def test(d: Driven) -> None:
        await d.press("o")
        await d.until(lambda: proof.exists() and proof.read_text())
        assert proof.read_text() == str(runs / "one")

    drive(runs, test)


def test_without_a_run_on_the_dashboard_there_is_nothing_to_do_these_things_with(runs: Path) -> None:
    async def test(d: Driven) -> None:
        d.pane._show("train")
        for action in ("compare", "delete", "open_folder"):
            assert d.app.can_perform(action) is None

    drive(runs, test, last_run="")


def test_filter_and_marks_stay_while_other_things_are_shown(runs: Path) -> None:
    async def test(d: Driven) -> None:
        await d.until(lambda: len(d.table.runs) == 3)
        await d.go_to("two")
        await d.press("space", "/", *"two", "enter", "enter")
        await d.until(lambda: d.pane.context == "train")
        await d.press("1", "2", "r")
        await d.until(lambda: d.pane.context == "runs")
        assert [row.name for row in d.table.runs] == ["two"]
        assert d.table.marked == ["two"]
        await d.press("escape")
        await d.until(lambda: len(d.table.runs) == 3)
        assert d.table.marked == ["two"]

    drive(runs, test, last_run="")

"""Scores by position in the app: the screen alone, and over the Complete pane with a process that scores."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from complete_app import TalkApp, a_run, drive
from run_with_model import run_with_model
from written_positions import written_positions as found

from ysnakes_core.runs.talking import Begun, Failed, Positions
from ysnakes_tui.complete.positions_screen import PositionsScreen, told_text

Test = Callable[["Alone"], Coroutine[Any, Any, None]]


class Alone:
    """The screen over the app, with what it asked for and cancelled."""

    def __init__(self, app: TalkApp) -> None:
        self.app = app
        self.asked = 0
        self.cancelled: list[int] = []
        self.screen = PositionsScreen("quiet-cobra", self._ask, self.cancelled.append)

    def _ask(self) -> int:
        self.asked += 1
        return 41

    @property
    def is_shown(self) -> bool:
        return self.app.app.screen is self.screen


def show(home: Path, test: Test, size: tuple[int, int] = (80, 24), *, ascii: bool = False) -> None:
    async def run(d: TalkApp) -> None:
        alone = Alone(d)
        d.app.push_screen(alone.screen)
        await d.until(lambda: alone.asked == 1 and alone.is_shown)
        await d.pilot.pause()
        await test(alone)

    drive(run, home, size=size, ascii=ascii)


@pytest.fixture
def run(home: Path) -> None:
    a_run(home)


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("ascii", [False, True])
def test_progress_then_plot_and_findings_then_figures(home: Path, size: tuple[int, int], ascii: bool) -> None:
    async def test(a: Alone) -> None:
        await a.app.sees("quiet-cobra by position", "validation text", "reading the model")
        assert a.screen.take(Begun(41, "step-00000080", 80, 2.0, 1_000))
        await a.app.sees("step-00000080", "reading its text")
        assert a.screen.take(Positions(41, None, 0.37))
        await a.app.sees("37%")
        assert a.screen.take(Positions(41, found(), 1.0))
        await a.app.sees("bits per byte by position", "8k", "It levels off at 128 tokens")
        assert ("●" in a.app.screen) != ascii
        lines = a.screen.plain.splitlines()
        assert sum(line.count("○") + line.count("◉") for line in lines[1:14]) == 11  # a band each, all whole
        await a.app.press("end")
        await a.app.sees("above all of it")
        await a.app.press("escape")
        await a.app.until(lambda: not a.is_shown)
        assert a.cancelled == []

    show(home, test, size, ascii=ascii)


@pytest.mark.usefixtures("run")
def test_what_is_meant_for_others_is_left_to_them(home: Path) -> None:
    async def test(a: Alone) -> None:
        assert not a.screen.take(Positions(40, found(), 1.0))
        assert "●" not in a.screen.plain

    show(home, test)


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("key", ["escape", "q"])
def test_leaving_stops_the_scoring(home: Path, key: str) -> None:
    async def test(a: Alone) -> None:
        a.screen.take(Positions(41, None, 0.2))
        await a.app.press(key)
        await a.app.until(lambda: not a.is_shown)
        assert a.cancelled == [41]
        assert not a.app.app.is_running or a.app.pane.is_whole

    show(home, test)


@pytest.mark.usefixtures("run")
def test_what_fails_is_told_with_what_to_do_and_nothing_of_it_is_markup(home: Path) -> None:
    async def test(a: Alone) -> None:
        a.screen.take(Failed(41, "the text of [red]\x1b[31mit is gone", "put [b]it back"))
        await a.app.sees("the text of [red]␛[31mit is gone", "put [b]it back", "esc: leave")
        await a.app.press("escape")
        await a.app.until(lambda: not a.is_shown)
        assert a.cancelled == []

    show(home, test)


@pytest.mark.usefixtures("run")
def test_all_of_it_can_be_copied(home: Path) -> None:
    async def test(a: Alone) -> None:
        await a.app.press("y")  # nothing yet, so nothing happens
        a.screen.take(Positions(41, found(), 1.0))
        await a.app.press("y")
        await a.app.until(lambda: a.app.app.clipboard)
        assert a.app.app.clipboard == told_text(found(), 79).plain

    show(home, test)


def test_the_model_that_is_talked_to_is_scored(home: Path) -> None:
    run_with_model(home, steps=(40, 80))

    async def test(d: TalkApp) -> None:
        await d.until(lambda: d.talk.warmth == "ready")
        await d.press("escape", "P")
        await d.sees("quiet-cobra by position, step-00000080", "End to end without a fresh state")
        await d.press("escape")
        await d.until(lambda: not isinstance(d.app.screen, PositionsScreen))
        await d.press("P")
        await d.press("escape")
        await d.until(lambda: not isinstance(d.app.screen, PositionsScreen))
        await d.press("i")
        await d.said("What is 7?")  # the process goes on
        assert d.answer.tokens

    drive(test, home, command=None)


def test_without_a_model_there_is_nothing_to_score(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.press("P")
        assert not isinstance(d.app.screen, PositionsScreen)

    drive(test, home)

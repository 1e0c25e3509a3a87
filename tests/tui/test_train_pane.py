"""The Train pane over a run whose directory is written as a worker writes it: what it shows, each key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from ysnakes_core.configuration import EarlyStoppingConfig, RunConfig, TrainingConfig, ValidationConfig
from ysnakes_core.runs.control import acknowledge, pending
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.event_log import EventLog
from ysnakes_core.runs.events import (
    CheckpointEvent,
    EarlyStoppingEvent,
    Event,
    MemoryEvent,
    RunEndedEvent,
    RunStartedEvent,
    SampleEvent,
    StepEvent,
    ValidationEvent,
    WarningEvent,
)
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import textual_name, usual_keymap
from ysnakes_tui.panes.train import TrainPane
from ysnakes_tui.train.ask_screen import AskScreen
from ysnakes_tui.train.dashboard import Dashboard
from ysnakes_tui.train.runs_table import RunsTable
from ysnakes_tui.train.text_panel import TextPanel
from ysnakes_tui.widgets.line_chart import LineChart
from ysnakes_tui.widgets.meter import Meter

HOSTILE = "[red]x[/] \x1b[2J\x00\u202eevil " + "日本語" * 40 + "y" * 10_000
SECONDS = 20.0  # until something that a thread does is given up
Test = Callable[["Driven"], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    monkeypatch.setenv("YSNAKES_HOME", str(place))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    for name in ("NO_COLOR", "YSNAKES_ASCII", "TMUX", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    return place


class Worker:
    """Writes a run's directory as a worker does, and is as alive as this process."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.log = EventLog(run.events_file)
        self.state = RunState(status="running", heartbeat=time.time(), total_steps=400).of_process(
            this_process()
        )
        self.step = 0

    def write(self, *events: Event) -> None:
        for event in events:
            self.log.append(event)

    def stand(self, **changes: Any) -> None:
        self.state = replace(self.state, heartbeat=time.time(), **changes)
        self.run.write_state(self.state)

    def train(self, steps: int) -> None:
        now = time.time()
        for _ in range(steps):
            self.step += 1
            loss = 1.0 + 4.0 / self.step
            self.write(StepEvent(now, self.step, 512 * self.step, loss, 0.01, 0.5, 2749.4, 256, 2))
        self.stand(step=self.step, tokens=512 * self.step, eta=90.0)

    def validate(self, score: float, waited: int, best: float, best_step: int) -> None:
        now, tokens = time.time(), 512 * self.step
        self.write(
            ValidationEvent(now, self.step, tokens, 3 * score, 20.0, score),
            EarlyStoppingEvent(now, self.step, tokens, waited, 3, 0.0, best, best_step),
        )
        self.stand(best=best, best_step=best_step)

    def save(self, *, best: bool = False) -> str:
        name = f"step-{self.step:08d}"
        (self.run.checkpoints_folder / name).mkdir()
        if best:
            (self.run.checkpoints_folder / "best").write_text(name)
        self.write(CheckpointEvent(time.time(), self.step, 512 * self.step, name, 1.9, best))
        return name

    def answer(self, message: str = "done") -> str:
        """Acknowledge the command that waits; its name and arguments."""
        (command,) = pending(self.run)
        acknowledge(command, message, log=self.log, now=time.time(), step=self.step, tokens=0)
        return f"{command.name} {dict(command.arguments)}"

    def end(self, status: str, reason: str) -> None:
        self.write(RunEndedEvent(time.time(), self.step, 0, status, reason, 1.9, 40))
        self.stand(status=status, message=reason, eta=None)


@pytest.fixture
def worker(home: Path) -> Iterator[Worker]:
    config = replace(
        RunConfig(),
        preset="ys-1m",
        early_stopping=EarlyStoppingConfig(patience=3),
        validation=ValidationConfig(validate_every=10),
        training=TrainingConfig(steps=400),
    )
    run = create_run(home / "runs", config, "quiet-cobra")
    worker = Worker(run)
    worker.write(
        RunStartedEvent(
            time.time() - 100, 0, 0, "quiet-cobra", None, 1_010_000, 512, "cpu", "float32", 20_000
        )
    )
    worker.write(MemoryEvent(time.time(), 0, 0, {"rss": 512_000_000, "available": 8_000_000_000}))
    worker.train(40)
    worker.validate(1.9, 0, 1.9, 40)
    yield worker
    worker.log.close()


class Driven:
    """The app on one run, with what tests ask of it."""

    def __init__(self, app: YsnakesApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def pane(self) -> TrainPane:
        return self.app.query_one(TrainPane)

    @property
    def dashboard(self) -> Dashboard:
        return self.app.screen_stack[0].query_one(Dashboard)

    def text(self, place: str) -> str:
        widget = self.dashboard.query_one(place)
        if isinstance(widget, TextPanel):
            return widget.plain
        if isinstance(widget, Meter | LineChart):
            return "\n".join(widget.plain_text())
        assert isinstance(widget, Static)
        return str(widget.content)

    async def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError("it never came to be")
            await self.pilot.pause(0.01)

    async def shows(self, place: str, *words: str) -> None:
        await self.until(lambda: all(word in self.text(place) for word in words))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*map(textual_name, keys))
        await self.pilot.pause()

    async def type_over(self, **values: str) -> None:
        """Fill in the dialog that is open, and answer it."""
        await self.until(lambda: isinstance(self.app.screen, AskScreen))
        for name, value in values.items():
            self.app.screen.query_one(f"#ask-{name}", Input).value = value
        await self.press("enter")


def drive(test: Test, *, size: tuple[int, int] = (80, 24), last_run: str = "quiet-cobra", home: Path) -> None:
    async def run() -> None:
        app = YsnakesApp(home / "runs", keymap=usual_keymap(), memory=AppMemory(last_run=last_run))
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            driven = Driven(app, pilot)
            if last_run:
                await driven.until(lambda: driven.dashboard.status().step)
            await test(driven)

    asyncio.run(run())


# What is shown.


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_run_is_shown_as_it_stands(worker: Worker, home: Path, size: tuple[int, int]) -> None:
    async def test(d: Driven) -> None:
        await d.shows("#title", "running", "quiet-cobra")
        await d.shows("#facts", "40 of 400", "1.9000", "1:30", "2,749", "1.02")
        await d.shows("#memory", "512 MB", "8.0 GB free")
        await d.shows("#loss-chart", "smoothed", "★" if size[0] > 80 else "loss")
        status = d.dashboard.status()
        assert (status.run, status.state, status.step, status.total_steps) == (
            "quiet-cobra",
            "running",
            40,
            400,
        )

    drive(test, size=size, home=home)


def test_news_come_without_a_key(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        worker.train(10)
        await d.shows("#facts", "50 of 400")
        worker.validate(1.7, 0, 1.7, 50)
        await d.shows("#facts", "1.7000")
        chart = d.dashboard.query_one("#bits-chart", LineChart)
        await d.until(lambda: chart.span == (40.0, 50.0))

    drive(test, home=home)


def test_a_run_that_was_rolled_back_loses_the_steps_it_took_back(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        chart = d.dashboard.query_one("#loss-chart", LineChart)
        await d.until(lambda: chart.span == (1.0, 40.0))
        worker.step = 20
        worker.train(1)
        await d.until(lambda: chart.span == (1.0, 21.0))

    drive(test, home=home)


def test_everything_from_outside_is_literal(worker: Worker, home: Path) -> None:
    now = time.time()
    worker.write(
        SampleEvent(now, 40, 0, HOSTILE, HOSTILE),
        WarningEvent(now, 40, 0, HOSTILE, HOSTILE),
        WarningEvent(1e300, 40, 0, "from another time"),
    )

    async def test(d: Driven) -> None:
        await d.shows("#samples", "[red]x[/] ␛[2J␀‹U+202E›evil")
        await d.shows("#log", "[red]x[/] ␛[2J␀‹U+202E›evil", "??:??:?? warning: from another time")
        for place in ("#samples", "#log"):
            assert not set("\x1b\x00\u202e") & set(d.text(place))

    drive(test, home=home)


def test_early_stopping_says_when_and_why_it_would_stop(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.shows("#words", "after 3 validations in a row that do not beat the 1.9000 of step 40")
        worker.train(10)
        worker.validate(1.95, 1, 1.9, 40)
        await d.shows(
            "#words", "one of the next 2 validations beats the 1.9000", "near step 70, in 0:0", "z: not yet"
        )
        await d.shows("#patience", "1 of 3")
        worker.train(10)
        worker.validate(1.95, 2, 1.9, 40)
        await d.shows("#words", "Unless the next validation beats", "it stops near step 70")
        worker.validate(1.95, 0, 1.9, 40)  # put off
        await d.shows("#words", "after 3 validations in a row")
        await d.shows("#patience", "0 of 3")

    drive(test, size=(120, 40), home=home)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_run_that_ended_says_what_was_best_and_what_is_next(
    worker: Worker, home: Path, size: tuple[int, int]
) -> None:
    async def test(d: Driven) -> None:
        name = worker.save(best=True)
        assert not d.dashboard.query_one("#ending").display
        worker.end("stopped", "no improvement in 3 validations")
        await d.until(lambda: d.dashboard.query_one("#ending").display)
        await d.shows("#ending", "Stopped: no improvement", "1.9000 bits per byte at step 40", name)
        await d.shows("#ending", "enter train on", "3 talk to it", "y copy the command")
        assert not d.dashboard.query_one("#stopping").display

    drive(test, size=size, home=home)


def test_a_crash_is_told_with_the_last_words(worker: Worker, home: Path) -> None:
    worker.run.worker_log.write_text("=== worker 1\nan earlier line\n\x1b[2Jout of memory\n")
    worker.run.write_state(replace(worker.state, process_started=-1.0))  # a pid that another process has now

    async def test(d: Driven) -> None:
        await d.shows("#ending", "Crashed", "step 40", "␛[2Jout of memory", "enter train on")
        assert d.dashboard.status().state == "crashed"

    drive(test, home=home)


def test_a_run_that_is_deleted_meanwhile_is_said_to_be(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        worker.run.path.rename(home / "elsewhere")
        await d.shows("#facts", "deleted or moved")

    drive(test, home=home)


# Commands.


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("space", "pause {}"),
        ("x", "stop {}"),
        ("v", "validate {}"),
        ("c", "checkpoint {}"),
        ("]", "set {'learning_rate_scale': 1.25}"),
        ("[", "set {'learning_rate_scale': 0.8}"),
        ("e", "set {'early_stopping.enabled': False}"),
        ("z", "snooze {}"),
    ],
)
def test_a_key_is_requested_and_then_acknowledged(worker: Worker, home: Path, key: str, sent: str) -> None:
    async def test(d: Driven) -> None:
        await d.press(key)
        await d.until(lambda: pending(worker.run))
        await d.shows("#log", "requested")
        await d.until(lambda: "requested" in d.dashboard.status().command)
        assert worker.answer("as you wish") == sent
        await d.shows("#log", "✓ ", "as you wish")
        await d.until(lambda: "as you wish" in d.dashboard.status().command)
        assert "requested" not in d.text("#log")

    drive(test, home=home)


def test_a_paused_run_goes_on_with_the_same_key(worker: Worker, home: Path) -> None:
    worker.stand(status="paused")

    async def test(d: Driven) -> None:
        await d.press("space")
        await d.until(lambda: pending(worker.run))
        assert worker.answer() == "resume {}"

    drive(test, home=home)


def test_a_refusal_is_shown(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("v")
        await d.until(lambda: pending(worker.run))
        (command,) = pending(worker.run)
        acknowledge(command, "not now", log=worker.log, now=1.0, step=40, tokens=0, accepted=False)
        await d.shows("#log", "✗ validate: refused: not now")

    drive(test, home=home)


@pytest.mark.parametrize(
    ("key", "values", "sent"),
    [
        (".", {"n": "25"}, "run_steps {'n': 25}"),
        ("s", {"prompt": "[b]Once\u202e"}, "sample {'prompt': '[b]Once\\u202e'}"),
        (
            "E",
            {"patience": "9", "min_delta": "0.01", "target": "1.5"},
            "set {'early_stopping.patience': 9, 'early_stopping.min_delta': 0.01, "
            "'early_stopping.target': 1.5}",
        ),
    ],
)
def test_what_needs_a_value_asks_for_it(
    worker: Worker, home: Path, key: str, values: dict[str, str], sent: str
) -> None:
    async def test(d: Driven) -> None:
        await d.press(key)
        await d.type_over(**values)
        await d.until(lambda: pending(worker.run))
        assert worker.answer() == sent

    drive(test, home=home)


@pytest.mark.parametrize(
    ("key", "field", "wrong"), [(".", "n", "many"), (".", "n", "0"), ("E", "patience", "-1")]
)
def test_a_value_that_cannot_be_used_is_refused_in_the_dialog(
    worker: Worker, home: Path, key: str, field: str, wrong: str
) -> None:
    async def test(d: Driven) -> None:
        await d.press(key)
        await d.type_over(**{field: wrong})
        assert isinstance(d.app.screen, AskScreen)
        assert wrong in str(d.app.screen.query_one("#problem", Static).content)
        await d.press("escape")
        assert not isinstance(d.app.screen, AskScreen)
        assert not pending(worker.run)

    drive(test, home=home)


def test_repeated_keys_build_on_what_was_asked_for(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("]", "]")
        await d.until(lambda: len(pending(worker.run)) == 2)
        scales = [command.arguments["learning_rate_scale"] for command in pending(worker.run)]
        assert scales == [1.25, 1.56]

    drive(test, home=home)


def test_without_a_worker_nothing_is_asked_of_it(worker: Worker, home: Path) -> None:
    worker.end("stopped", "asked to stop")

    async def test(d: Driven) -> None:
        await d.until(lambda: d.dashboard.status().state == "stopped")
        for key in ("x", "v", "c", "s", ".", "[", "]", "e", "E", "z"):
            await d.press(key)
            assert d.app.screen is d.app.screen_stack[0]
        assert not pending(worker.run)

    drive(test, home=home)


def test_the_command_that_resumes_it_is_copied(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("y")
        assert d.app.clipboard == "ysnakes train --resume quiet-cobra"

    drive(test, home=home)


# Charts and panels.


def test_the_charts_zoom_and_pan_together(worker: Worker, home: Path) -> None:
    worker.train(40)
    worker.validate(1.8, 0, 1.8, 80)

    async def test(d: Driven) -> None:
        loss, score = (d.dashboard.query_one(f"#{name}-chart", LineChart) for name in ("loss", "bits"))
        await d.until(lambda: loss.span == (1.0, 80.0))
        await d.press("+")
        assert loss.view is not None
        assert loss.view[1] == 80.0
        await d.press("<")
        assert loss.view[1] < 80.0
        await d.press(">")
        assert loss.view[1] == 80.0
        worker.train(20)
        await d.until(lambda: loss.view is not None and loss.view[1] == 100.0)  # the latest stay in view
        await d.press("-")
        await d.press("0")
        assert [loss.view, score.view] == [None, None]
        await d.press("l")
        assert loss.log_scale
        assert score.log_scale

    drive(test, home=home)


def test_the_crosshair_moves_and_escape_takes_it_away_before_it_leaves(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        loss = d.dashboard.query_one("#loss-chart", LineChart)
        await d.until(lambda: loss.span)
        await d.press("i")
        assert loss.crosshair == 40.0
        await d.press("left")
        assert loss.crosshair is not None
        assert loss.crosshair < 40.0
        await d.press("right")
        assert loss.crosshair == 40.0
        await d.press("escape")
        assert loss.crosshair is None
        assert d.pane.context == "train"
        await d.press("escape")
        assert d.pane.context == "runs"

    drive(test, home=home)


def test_the_log_and_the_checkpoints_have_keys(worker: Worker, home: Path) -> None:
    worker.save()

    async def test(d: Driven) -> None:
        await d.press("k")
        checkpoints = d.dashboard.query_one("#checkpoints", OptionList)
        await d.until(lambda: checkpoints.has_focus and checkpoints.option_count == 1)
        assert not d.dashboard.query_one("#samples").display
        await d.press("w")
        assert d.dashboard.query_one("#log").has_focus
        assert not checkpoints.display

    drive(test, home=home)


def test_scrolling_back_is_not_stolen(worker: Worker, home: Path) -> None:
    for number in range(40):
        worker.write(WarningEvent(time.time(), 40, 0, f"warning number {number}"))

    async def test(d: Driven) -> None:
        await d.press("w")
        log = d.dashboard.query_one("#log", TextPanel)
        await d.shows("#log", "warning number 39")
        await d.until(lambda: log.max_scroll_y > 0 and log.scroll_y == log.max_scroll_y)
        await d.press("home")
        await d.until(lambda: log.scroll_y == 0)
        worker.write(WarningEvent(time.time(), 40, 0, "one more"))
        await d.shows("#log", "one more")
        await d.pilot.pause()
        assert log.scroll_y == 0

    drive(test, home=home)


# Views.


def test_runs_are_chosen_from_the_list(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        assert d.pane.context == "runs"
        table = d.pane.query_one(RunsTable)
        await d.until(lambda: table.current is not None)
        await d.press("enter")
        await d.until(lambda: d.pane.context == "train" and d.dashboard.status().step == 40)
        assert d.app.memory.last_run == "quiet-cobra"
        await d.press("r")
        assert d.pane.context == "runs"
        assert table.display

    drive(test, last_run="", home=home)


def test_a_last_run_that_is_gone_leads_to_the_list(home: Path) -> None:
    async def test(d: Driven) -> None:
        assert d.pane.context == "runs"

    async def run() -> None:
        app = YsnakesApp(home / "runs", keymap=usual_keymap(), memory=AppMemory(last_run="../../etc"))
        async with app.run_test() as pilot:
            await pilot.pause()
            await test(Driven(app, pilot))

    asyncio.run(run())


def test_in_ascii_there_is_nothing_else(worker: Worker, home: Path) -> None:
    async def run() -> None:
        app = YsnakesApp(
            home / "runs", keymap=usual_keymap(), memory=AppMemory(last_run="quiet-cobra"), ascii=True
        )
        async with app.run_test(size=(120, 40)) as pilot:
            d = Driven(app, pilot)
            await d.until(lambda: d.dashboard.query_one("#loss-chart", LineChart).glyphs == "ascii")
            await d.shows("#loss-chart", "smoothed")
            lines = [segment.text for strip in app.screen._compositor.render_strips() for segment in strip]
            shown = "".join(lines)
            assert "quiet-cobra" in shown

    asyncio.run(run())


def test_another_run_takes_the_place_of_the_first_with_nothing_left_of_it(worker: Worker, home: Path) -> None:
    other = Worker(create_run(home / "runs", RunConfig(), "other"))
    worker.write(SampleEvent(time.time(), 40, 0, "of the first", "run"))
    other.train(3)

    async def test(d: Driven) -> None:
        await d.shows("#samples", "of the first")
        d.pane.watch_run("other")
        await d.shows("#facts", "3 of 400")
        chart = d.dashboard.query_one("#loss-chart", LineChart)
        await d.until(lambda: chart.span == (1.0, 3.0))
        await d.until(lambda: "of the first" not in d.text("#samples"))
        assert "bits per byte" not in d.text("#log")
        await d.press("c")
        await d.until(lambda: pending(other.run))
        assert not pending(worker.run)

    drive(test, home=home)
    other.log.close()


def test_a_run_that_can_no_longer_be_followed_is_said_to_be(
    worker: Worker, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(d: Driven) -> None:
        def fail(follower: RunFollower, budget_seconds: float = 0.0) -> bool:
            raise ZeroDivisionError("of [b]something[/]")

        monkeypatch.setattr(RunFollower, "poll", fail)
        await d.until(
            lambda: any("of [b]something[/]" in str(t.render()) for t in d.app.screen.query("Toast"))
        )

    drive(test, home=home)

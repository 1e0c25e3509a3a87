"""The app on a run whose directory is written as a worker writes it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

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
    StepEvent,
    ValidationEvent,
)
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import textual_name, usual_keymap
from ysnakes_tui.panes.train import TrainPane
from ysnakes_tui.train.ask_screen import AskScreen
from ysnakes_tui.train.dashboard import Dashboard
from ysnakes_tui.train.ending_panel import EndingPanel
from ysnakes_tui.train.text_panel import TextPanel
from ysnakes_tui.widgets.line_chart import LineChart
from ysnakes_tui.widgets.meter import Meter

SECONDS = 20.0  # until something that a thread does is given up
Test = Callable[["Driven"], Coroutine[Any, Any, None]]


def plain_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for the test, in a terminal that says nothing special."""
    monkeypatch.setenv("YSNAKES_HOME", str(folder))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    for name in ("NO_COLOR", "YSNAKES_ASCII", "TMUX", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    return folder


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

    def tell_memory(self, **bytes: int) -> None:
        self.write(MemoryEvent(time.time(), self.step, 512 * self.step, bytes))

    def validate(self, score: float, waited: int, best: float, best_step: int, **more: Any) -> None:
        now, tokens = time.time(), 512 * self.step
        self.write(
            ValidationEvent(now, self.step, tokens, 3 * score, 20.0, score),
            EarlyStoppingEvent(now, self.step, tokens, waited, 3, 0.0, best, best_step, **more),
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


@contextlib.contextmanager
def run_being_trained(home: Path) -> Iterator[Worker]:
    """The run ``quiet-cobra``, at step 40 of 400, which validated once."""
    config = replace(
        RunConfig(),
        preset="ys-1m",
        early_stopping=EarlyStoppingConfig(patience=3),
        validation=ValidationConfig(validate_every=10),
        training=TrainingConfig(steps=400),
    )
    worker = Worker(create_run(home / "runs", config, "quiet-cobra"))
    worker.write(
        RunStartedEvent(
            time.time() - 100, 0, 0, "quiet-cobra", None, 1_010_000, 512, "cpu", "float32", 20_000
        )
    )
    worker.tell_memory(rss=512_000_000, available=8_000_000_000)
    worker.train(40)
    worker.validate(1.9, 0, 1.9, 40)
    with worker.log:
        yield worker


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
        if isinstance(widget, TextPanel | EndingPanel):
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

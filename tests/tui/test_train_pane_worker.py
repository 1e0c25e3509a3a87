"""The Train pane and a real worker on a small text: resumed, paused, stepped, stopped and killed, by keys."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from ysnakes_core.configuration import ModelConfig, RunConfig, apply_settings
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.processes import ProcessIdentity
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import textual_name, usual_keymap
from ysnakes_tui.train.ask_screen import AskScreen, ConfirmScreen
from ysnakes_tui.train.dashboard import Dashboard
from ysnakes_tui.train.ending_panel import EndingPanel
from ysnakes_tui.train.text_panel import TextPanel

SECONDS = 90.0
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunDirectory]:
    """A run that nobody has begun yet; whoever trains it at the end is ended."""
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("NO_COLOR", "YSNAKES_ASCII", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    text = tmp_path / "text"
    text.mkdir()
    for number in range(20):
        words = " ".join(f"the {number} snake sees {other} stones" for other in range(30))
        (text / f"{number}.txt").write_text(words)
    config = apply_settings(
        RunConfig(model=ModelConfig(d_model=16, n_layers=1, d_state=8, head_dim=8)),
        [
            *(f"data.paths={text}", "steps=1000000", "seq_len=32", "batch_size=2", "vocab_size=300"),
            *("validate_every=100000", "sample_tokens=4", "device=cpu"),
        ],
    )
    run = create_run(tmp_path / "home" / "runs", config, "tiny")
    yield run
    process = _process(run)
    if process.is_alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def _process(run: RunDirectory) -> ProcessIdentity:
    return run.read_state().process


class Driven:
    def __init__(self, app: YsnakesApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def dashboard(self) -> Dashboard:
        return self.app.screen_stack[0].query_one(Dashboard)

    @property
    def step(self) -> int:
        return self.dashboard.status().step or 0

    @property
    def log(self) -> str:
        return self.dashboard.query_one("#log", TextPanel).plain

    async def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline, (self.dashboard.status(), self.log)
            await self.pilot.pause(0.02)

    async def state(self, wanted: str) -> None:
        await self.until(lambda: self.dashboard.status().state == wanted)

    async def press(self, key: str) -> None:
        await self.pilot.press(textual_name(key))
        await self.pilot.pause()


def drive(run: RunDirectory, test: Callable[[Driven], Coroutine[Any, Any, None]]) -> None:
    async def go() -> None:
        app = YsnakesApp(run.path.parent, keymap=usual_keymap(), memory=AppMemory(last_run=run.name))
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            await test(Driven(app, pilot))

    asyncio.run(go())


def test_a_run_is_started_paused_stepped_resumed_and_stopped_from_keys(run: RunDirectory) -> None:
    async def test(d: Driven) -> None:
        await d.state("stopped")
        await d.press("enter")
        await d.state("running")
        await d.until(lambda: d.step >= 5)
        await d.press("space")
        await d.state("paused")
        await d.until(lambda: "✓ pause: paused" in d.log)
        at = d.step
        await d.press(".")
        await d.until(lambda: isinstance(d.app.screen, AskScreen))
        d.app.screen.query_one("#ask-n", Input).value = "7"
        await d.press("enter")
        await d.until(lambda: d.dashboard.status().state == "paused" and d.step == at + 7)
        await d.press("space")
        await d.until(lambda: d.dashboard.status().state == "running" and d.step > at + 7)
        await d.press("x")
        await d.state("stopped")
        await d.until(lambda: d.dashboard.query_one("#ending").display)
        assert "✓ stop" in d.log

    drive(run, test)


def test_leaving_the_app_leaves_the_worker_which_is_there_the_next_time(run: RunDirectory) -> None:
    seen = 0

    async def begin(d: Driven) -> None:
        nonlocal seen
        await d.state("stopped")
        await d.press("enter")
        await d.until(lambda: d.step >= 3)
        seen = d.step

    async def again(d: Driven) -> None:
        await d.state("running")
        await d.until(lambda: d.step > seen)

    drive(run, begin)
    process = _process(run)
    drive(run, again)
    assert process == _process(run)
    assert process.is_alive()


def test_a_killed_worker_is_seen_as_crashed_and_resumed_with_one_key(run: RunDirectory) -> None:
    async def test(d: Driven) -> None:
        await d.state("stopped")
        await d.press("enter")
        await d.until(lambda: d.step >= 5)
        await d.press("c")
        await d.until(lambda: "✓ checkpoint: saved step-" in d.log)
        killed = _process(run)
        os.kill(killed.pid, signal.SIGKILL)
        await d.state("crashed")
        await d.press("enter")
        await d.state("running")
        await d.until(lambda: d.step > 5 and "going on from step" in d.log)
        assert _process(run) != killed

    drive(run, test)


def test_a_run_that_stopped_early_goes_on_with_its_whole_patience_by_one_key(run: RunDirectory) -> None:
    config = run.read_config()
    early = replace(config.early_stopping, patience=2)
    validation = replace(config.validation, validate_every=4)
    training = replace(config.training, learning_rate_scale=0.0)
    run.write_config(replace(config, early_stopping=early, validation=validation, training=training))

    async def test(d: Driven) -> None:
        await d.state("stopped")
        await d.press("space")
        await d.until(lambda: d.dashboard.query_one("#ending").display and d.step > 0)
        await d.state("finished")
        ending = d.dashboard.query_one(EndingPanel)
        await d.until(lambda: "Stopped early: no improvement in 2" in ending.plain)
        stopped_at = d.step
        await d.press("space")
        await d.until(lambda: d.dashboard.status().state == "finished" and d.step == stopped_at + 8)
        assert run.read_state().sessions == 2

    drive(run, test)


def test_a_run_that_finished_is_trained_longer_from_a_checkpoint_that_was_chosen(run: RunDirectory) -> None:
    config = run.read_config()
    run.write_config(replace(config, training=replace(config.training, steps=6)))

    async def test(d: Driven) -> None:
        await d.state("stopped")
        await d.press("enter")
        await d.state("finished")
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, AskScreen))
        d.app.screen.query_one("#ask-more", Input).value = "4"
        await d.press("enter")
        await d.until(lambda: d.dashboard.status().state == "finished" and d.step == 10)
        assert run.read_config().training.steps == 10

        await d.press("k")
        checkpoints = d.dashboard.query_one("#checkpoints", OptionList)
        await d.until(lambda: checkpoints.has_focus and checkpoints.option_count > 1)
        await d.press("down")
        chosen = d.dashboard.checkpoint_rows[1][0]
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, AskScreen))
        await d.press("enter")
        at = int(chosen.removeprefix("step-"))
        await d.until(lambda: f"going on from step {at}" in d.log)
        await d.until(lambda: d.dashboard.status().state == "finished" and d.step == 20)

    drive(run, test)

"""From nothing to a training model: the welcome, the form and a real worker on a small text."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ysnakes_core.runs.directory import RunDirectory, find_runs
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import usual_keymap
from ysnakes_tui.panes.train import TrainPane

SETTINGS = """
[data]
paths = ["{text}"]
[model]
d_model = 16
n_layers = 1
d_state = 8
head_dim = 8
[text]
vocab_size = 300
[training]
steps = 1000000
seq_len = 32
batch_size = 2
device = "cpu"
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("NO_COLOR", "YSNAKES_ASCII", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(f"the {n} snake sees {n * n} stones" for n in range(400)))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(SETTINGS.format(text=text))
    return tmp_path / "home" / "runs"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_three_keys_lead_from_nothing_to_a_model_that_trains(runs: Path) -> None:
    async def go() -> None:
        app = YsnakesApp(runs, keymap=usual_keymap(), memory=AppMemory())
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            pane = app.screen_stack[0].query_one(TrainPane)

            async def until(holds: Callable[[], object]) -> None:
                deadline = time.monotonic() + 90
                while not holds():
                    assert time.monotonic() < deadline, list(app._notifications)
                    await pilot.pause(0.02)

            def focused(id: str) -> bool:
                return app.screen.focused is not None and app.screen.focused.id == id

            await until(lambda: focused("accept"))
            await pilot.press("enter")
            await until(lambda: focused("start"))
            assert find_runs(runs) == []
            await pilot.press("enter")
            await until(lambda: pane.context == "train")
            await until(lambda: pane.status().state == "running" and pane.status().step)
            assert app.memory.last_run == pane.watched

    try:
        asyncio.run(go())
        (run,) = find_runs(runs)
        assert run.read_state().process.is_alive()  # the app has been closed
    finally:
        for folder in runs.glob("*"):
            process = RunDirectory(folder).read_state().process
            if process.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)

"""``ysnakes train`` with the app: what is started, what is shown at once, and what is said afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.control import send
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.launching import start_worker
from ysnakes_core.runs.processes import start_of, this_process
from ysnakes_core.runs.state import RunState
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.app_opening import say_what_goes_on
from ysnakes_tui.keymap import usual_keymap
from ysnakes_tui.panes.makers import PANE_MAKERS
from ysnakes_tui.panes.train import TrainPane
from ysnakes_tui.train.dashboard import Dashboard
from ysnakes_tui.train.ending_panel import EndingPanel
from ysnakes_tui.train.opening import Opening

if sys.platform == "win32":
    pytest.skip("there are no such terminals on Windows", allow_module_level=True)

from terminal import Terminal

TINY = [
    *("--seq-len", "16", "--batch-size", "2", "--set", "d_model=16", "--set", "head_dim=8"),
    *("--set", "n_layers=1", "--set", "d_state=4", "--set", "vocab_size=300", "--set", "sample_tokens=4"),
    *("--set", "validate_every=100000", "--set", "early_stopping.enabled=false"),
]
Opener = Callable[..., Terminal]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("YSNAKES_HOME", str(place))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return place


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "squares.md"
    lines = (f"What is {i}?<start>It is {i}, and {i * i} is its square.<end>" for i in range(99))
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture
def ysnakes(home: Path) -> Iterator[Opener]:
    """Opens ``ysnakes`` with arguments on a terminal; it and all workers are ended afterwards."""
    opened: list[Terminal] = []

    def opener(*args: str, **environment: str) -> Terminal:
        words = ("-m", "ysnakes_tui", *args)
        opened.append(Terminal(home, *words, size=(120, 40), OMP_NUM_THREADS="1", **environment))
        return opened[-1]

    yield opener
    for terminal in opened:
        terminal.kill()
    for folder in (home / "runs").glob("*"):
        process = RunDirectory(folder).read_state().process
        if process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_the_app_opens_on_a_worker_that_outlives_it_and_is_found_again(
    home: Path, text: Path, ysnakes: Opener
) -> None:
    terminal = ysnakes("train", str(text), *TINY, "--steps", "1000000", "--run", "tiny")
    terminal.until("● running")
    run = RunDirectory(home / "runs" / "tiny")
    worker = run.read_state().pid
    assert worker not in (0, terminal.pid)
    terminal.type(b"q")
    assert terminal.end() == 0
    told = (
        "tiny goes on training; come back with: ysnakes runs attach tiny; end it with: ysnakes runs stop tiny"
    )
    assert terminal.text.rstrip().endswith(told)
    reached = run.read_state().step
    until(lambda: run.read_state().step > reached)

    again = ysnakes("train", "--resume", "tiny")
    again.until("It was being trained already")
    again.until("● running")
    assert run.read_state().pid == worker
    changed = ysnakes("train", "--resume", "tiny", "--steps", "7")  # that cannot be done to it now
    assert changed.end() == 1
    assert "is being trained by another process" in changed.text
    assert "ysnakes runs stop tiny" in changed.text
    again.kill()  # the hard way: that is nothing to the worker either
    assert run.read_state().process.is_alive()
    send(run, "stop")
    until(lambda: run.read_state().status == "stopped")

    resumed = ysnakes("train", "--resume", "tiny")
    resumed.until("● running")
    assert run.read_state().pid != worker
    send(run, "stop")
    resumed.until("■ stopped")
    resumed.type(b"q")
    assert resumed.end() == 0
    assert "goes on training" not in resumed.text


@pytest.mark.slow
def test_text_that_cannot_be_used_is_told_in_the_app(tmp_path: Path, ysnakes: Opener) -> None:
    (tmp_path / "broken.md").write_bytes(b"\xff\xfe\x00not text")
    terminal = ysnakes("train", str(tmp_path / "broken.md"), *TINY, "--run", "tiny")
    terminal.until("✗ failed")
    terminal.until("it is a binary file")


@pytest.mark.slow
def test_a_dumb_terminal_has_no_app_so_it_is_trained_there(home: Path, text: Path, ysnakes: Opener) -> None:
    terminal = ysnakes("train", str(text), *TINY, "--steps", "3", "--run", "tiny", TERM="dumb")
    assert terminal.end() == 0
    assert terminal.text.startswith("there is no terminal for the app")
    assert b"\x1b[?1049h" not in terminal.shown
    assert RunDirectory(home / "runs" / "tiny").read_state().status == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--json", "--quiet"])
def test_what_is_meant_for_programs_never_opens_the_app(text: Path, ysnakes: Opener, option: str) -> None:
    terminal = ysnakes("train", str(text), *TINY, "--steps", "3", "--run", "tiny", option)
    assert terminal.end() == 0
    assert b"\x1b[?1049h" not in terminal.shown
    assert "there is no terminal" not in terminal.text


def test_a_worker_that_ends_before_it_can_say_why_is_told_of_for_good(home: Path) -> None:
    run = create_run(home / "runs", RunConfig(), "quiet-cobra")

    async def drive() -> None:
        with run.training_lock():  # so that the worker cannot take the run up, nor write its state
            pid = start_worker(run)
            app = YsnakesApp(
                home / "runs",
                keymap=usual_keymap(),
                memory=AppMemory(last_run="quiet-cobra"),
                makers={**PANE_MAKERS, "train": lambda: TrainPane(Opening("quiet-cobra", pid))},
            )
            async with app.run_test(size=(120, 40), notifications=True) as pilot:
                dashboard = app.query_one(Dashboard)
                ending = dashboard.query_one(EndingPanel)
                deadline = time.monotonic() + 60
                while "Did not start" not in ending.plain:
                    assert time.monotonic() < deadline
                    await pilot.pause(0.02)
                assert start_of(pid) is None
                (note,) = app._notifications
                assert "ended before it began: error: the run “quiet-cobra” is being" in note.message
                app.clear_notifications()
                await pilot.pause(1.2)  # longer than it takes to look at the run twice
                text = ending.plain
                assert "Did not start: its worker ended before it began; see " in text
                assert "│ error: the run “quiet-cobra” is being worked on by another process" in text
                assert "try again" in text
                assert ending.display
                assert dashboard.status().note == "its last start failed"

    asyncio.run(drive())


def test_it_is_said_what_goes_on_and_only_that(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(home / "runs", RunConfig(), "quiet cobra")

    def told(state: RunState, started: int | None = None) -> str:
        run.write_state(state)
        say_what_goes_on(run, started, time.time())
        return capsys.readouterr().err

    busy = RunState(status="running", heartbeat=time.time()).of_process(this_process())
    assert told(busy) == (
        "quiet cobra goes on training; come back with: ysnakes runs attach 'quiet cobra'; "
        "end it with: ysnakes runs stop 'quiet cobra'\n"
    )
    assert told(replace(busy, status="paused")).startswith("quiet cobra is paused; come back with: ")
    assert told(replace(busy, status="finished")) == ""
    gone = replace(busy, status="stopped", pid=0)
    assert told(gone) == ""
    assert told(gone, started=os.getpid()).startswith("quiet cobra goes on training")
    assert told(gone, started=0) == ""

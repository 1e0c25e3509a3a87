"""Starts that come to nothing, in real processes, and leaving a run whose watch is held up."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from seen import screen_text
from textual.widgets import Input
from written_run import Driven, Worker, drive

from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.control import pending
from ysnakes_core.runs.directory import RunDirectory, find_runs
from ysnakes_core.runs.following import RunFollower
from ysnakes_tui.train.new_run_form import NewRunForm
from ysnakes_tui.train.run_watch import RunWatch
from ysnakes_tui.widgets.key_footer import KeyFooter

NEEDS_POSIX = pytest.mark.skipif(os.name == "nt", reason="a script stands in for Python")


@pytest.fixture
def broken_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Workers are started with it; the words that it leaves."""
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'No module named [b]torch[/]'\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    return "│ No module named [b]torch[/]"


def end_worker(run: RunDirectory) -> None:
    process = run.read_state().process
    if process.is_alive() and process.pid != os.getpid():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


@NEEDS_POSIX
def test_a_python_that_does_not_work_is_said_on_the_dashboard_and_tried_again_with_one_key(
    worker: Worker, home: Path, broken_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.end("stopped", "asked to")
    config = worker.run.read_config()
    worker.run.write_config(replace(config, data=replace(config.data, paths=(str(home / "gone.md"),))))

    async def test(d: Driven) -> None:
        await d.shows("#ending", "Stopped: asked to")
        await d.press("enter")
        await d.shows("#ending", "Did not start: its worker ended before it began; see", broken_python)
        await d.shows("#ending", "try again")
        assert d.dashboard.status().state == "stopped"
        monkeypatch.undo()
        monkeypatch.setenv("YSNAKES_HOME", str(home))
        try:
            await d.press("enter")
            await d.until(lambda: not d.dashboard.query_one("#ending").display)
            await d.until(lambda: d.dashboard.status().state == "failed")  # this one could say why
            await d.shows("#ending", "Failed: ", "gone.md")
            assert "Did not start" not in d.text("#ending")
        finally:
            end_worker(worker.run)

    drive(test, size=(120, 40), home=home)


@NEEDS_POSIX
def test_a_new_run_whose_worker_ends_at_once_is_shown_with_the_reason(home: Path, broken_python: str) -> None:
    async def test(d: Driven) -> None:
        await d.press("n")
        await d.until(lambda: d.pane.context == "form")
        form = d.pane.query_one(NewRunForm)
        form.query_one("#name", Input).value = "first"
        form.focus_first()
        await d.press("enter")
        await d.until(lambda: form.plan is not None and form.plan.failure)  # it has no Python either
        await d.until(lambda: "start it once more" in screen_text(d.app))
        await d.press("enter")
        await d.until(lambda: d.pane.context == "train")
        await d.shows("#ending", "Did not start", broken_python, "try again")
        assert [run.name for run in find_runs(home / "runs")] == ["first"]

    drive(test, size=(120, 40), last_run="", home=home)


def test_a_start_that_fails_leaves_no_key_for_a_worker(
    worker: Worker, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.end("stopped", "asked to")
    go = threading.Event()

    def fail(*arguments: object, **more: object) -> int:
        assert go.wait(30)
        raise YsnakesError("config.toml is wrong")

    monkeypatch.setattr("ysnakes_tui.train.run_watch.start_worker", fail)

    async def test(d: Driven) -> None:
        await d.shows("#ending", "Stopped: asked to")
        footer = d.app.screen_stack[0].query_one(KeyFooter)
        for _ in range(2):  # also where it fails with the same words
            go.clear()
            await d.press("space")
            await d.until(lambda: "stop" in {hint.action for hint in footer.shown})
            go.set()
            await d.until(lambda: "stop" not in {hint.action for hint in footer.shown})
            await d.shows("#ending", "Did not start: config.toml is wrong")

    drive(test, size=(120, 40), home=home)


def test_leaving_a_run_does_not_wait_for_its_watch_and_what_was_asked_for_is_still_sent(
    worker: Worker, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, go = threading.Event(), threading.Event()
    poll = RunFollower.poll

    def held_up(follower: RunFollower, budget_seconds: float = 0.0) -> bool:
        if held.is_set():
            assert go.wait(30)
        return poll(follower, budget_seconds)

    monkeypatch.setattr(RunFollower, "poll", held_up)

    async def test(d: Driven) -> None:
        watch = d.dashboard.run_watch
        assert watch is not None
        held.set()
        await d.press("c")
        began = time.monotonic()
        d.dashboard.leave_run()
        assert time.monotonic() - began < 0.1
        assert watch.is_working
        go.set()  # the app is left now, at once

    drive(test, home=home)
    assert [command.name for command in pending(worker.run)] == ["checkpoint"]


def test_a_watch_that_hangs_keeps_nobody_in_the_app(
    worker: Worker, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    left: list[float] = []

    async def test(d: Driven) -> None:
        monkeypatch.setattr(RunFollower, "poll", lambda follower, budget_seconds=0.0: go.wait(30))
        await d.until(lambda: True)
        left.append(time.monotonic())

    drive(test, home=home)
    assert time.monotonic() - left[0] < 5.0
    go.set()


def test_a_watch_that_was_closed_tells_no_news(worker: Worker) -> None:
    told = threading.Event()
    watch = RunWatch(worker.run, lambda watch: told.set(), lambda error: None)
    watch.close()
    watch.wait(1.0)  # one that was never begun is nothing to wait for
    watch.start()
    watch.wait(20.0)
    assert not watch.is_working
    assert not told.is_set()

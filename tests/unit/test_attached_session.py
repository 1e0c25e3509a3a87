"""Attached to a run: what has been is told, what comes is told, and the end is the run's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ysnakes_core.configuration import RunConfig, apply_settings
from ysnakes_core.errors import RunError
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.event_log import EventLog, read
from ysnakes_core.runs.events import (
    Event,
    RunEndedEvent,
    RunStartedEvent,
    StepEvent,
    ValidationEvent,
    WarningEvent,
)
from ysnakes_core.runs.processes import boot_id, this_process
from ysnakes_core.runs.state import RunState
from ysnakes_tui.attached_session import AttachedSession


def step(number: int) -> StepEvent:
    return StepEvent(1000.0 + 11 * number, number, 64 * number, 2.0, 0.001, 0.5, 3000.0, 32, 2)


STARTED = RunStartedEvent(1000.0, 0, 0, "quiet-cobra", None, 1000, 300, "cpu", "float32", 5000, 500)
SCORED = ValidationEvent(1000.0, 2, 128, 2.0, 7.4, 1.25)
WARNED = WarningEvent(1000.0, 2, 128, "look \x1b[2J here")


@dataclass
class Worker:
    """Writes a run directory as a worker does; each time somebody waits, it does the next thing."""

    run: RunDirectory
    then: list[Callable[[], None]] = field(default_factory=list)
    waits: int = 0

    def log(self, *events: Event) -> None:
        with EventLog(self.run.events_file) as log:
            for event in events:
                log.append(event)

    def state(self, status: str, message: str = "", step: int = 2) -> None:
        state = RunState(status=status, message=message, step=step, best=1.25, best_step=2)
        self.run.write_state(state.of_process(this_process()))

    def end(self, status: str, reason: str) -> None:
        self.log(RunEndedEvent(1000.0, 2, 128, status, reason))
        self.state(status, reason)

    def die(self) -> None:
        self.run.write_state(RunState(status="running", pid=2**22 + 1, boot_id=boot_id(), step=2))

    def sleep(self, seconds: float) -> None:
        self.waits += 1
        self.then.pop(0)()

    def attach(self, **options: bool) -> int:
        return AttachedSession(self.run, self.run.path.parent, sleep=self.sleep, **options).follow()


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    config = apply_settings(RunConfig(), ["steps=4"])
    worker = Worker(create_run(tmp_path, config, "quiet-cobra"))
    worker.log(STARTED, step(1), step(2), SCORED, WARNED)
    worker.state("running")
    return worker


def leave() -> None:
    raise KeyboardInterrupt


def test_what_has_been_and_what_comes_is_told_until_the_end(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.then = [lambda: worker.log(step(3)), lambda: worker.end("finished", "the budget is spent")]
    assert worker.attach() == 0
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert lines[0].startswith("quiet-cobra: 1,000 parameters")
    assert "validation 1.2500 bits per byte, the best so far" in lines[1]
    assert lines[2] == "warning: look ␛[2J here"
    assert lines[3].startswith("step 3 · 75 %")
    facts = dict(line.split(None, 1) for line in out.splitlines())
    assert facts["ended"] == "finished: the budget is spent"
    assert facts["best"] == "1.2500 bits per byte at step 2"
    assert facts["trained"] == "2 steps"


def test_json_is_the_log_and_nothing_else_on_stdout(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.then = [lambda: worker.log(step(3)), lambda: worker.end("finished", "")]
    assert worker.attach(json=True) == 0
    out, err = capsys.readouterr()
    log = worker.run.events_file.read_text().splitlines()
    assert [json.loads(line) for line in out.splitlines()] == [json.loads(line) for line in log]
    assert len(log) == 7
    assert err == ""


def test_quiet_tells_new_warnings_and_the_result(worker: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    new = WarningEvent(1000.0, 3, 192, "a new one")
    worker.then = [lambda: worker.log(step(3), SCORED, new), lambda: worker.end("finished", "")]
    assert worker.attach(quiet=True) == 0
    out, err = capsys.readouterr()
    assert err == "warning: a new one\n"
    assert "finished" in out


def test_ctrl_c_leaves_the_training_alone_and_says_how_to_come_back(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.then = [leave]
    before = worker.run.state_file.read_bytes(), read(worker.run.events_file)
    assert worker.attach() == 130
    err = capsys.readouterr().err
    assert "the training goes on" in err
    assert "ysnakes runs attach quiet-cobra --runs-dir" in err
    assert (worker.run.state_file.read_bytes(), read(worker.run.events_file)) == before
    assert list(worker.run.control_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        ("finished", "stopped early: enough", 0),
        ("stopped", "asked to stop", 3),
        ("stopped", "interrupted", 130),
    ],
)
def test_the_exit_code_is_the_run_s_own_also_long_after(
    worker: Worker, status: str, reason: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.end(status, reason)
    assert worker.attach() == code
    out, err = capsys.readouterr()
    assert worker.waits == 0
    assert f"{status}: {reason}" in out
    assert ("--resume quiet-cobra" in err) == (code != 0)


def test_a_failure_is_told_with_its_reason(worker: Worker) -> None:
    worker.then = [lambda: worker.end("failed", "the disk is full; free some space")]
    with pytest.raises(RunError, match="the disk is full"):
        worker.attach()


def test_a_worker_that_vanished_is_told_with_its_last_words(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.run.worker_log.write_text("=== worker 7, now\nSegmentation fault\n")
    worker.then = [worker.die]
    with pytest.raises(RunError, match="vanished at step 2") as caught:
        worker.attach()
    assert "--resume quiet-cobra" in caught.value.hint
    assert "  Segmentation fault" in capsys.readouterr().err


def test_events_between_the_last_look_and_the_end_are_told(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.then = [lambda: (worker.log(step(3)), worker.end("stopped", "asked to stop"))[0]]
    worker.attach(json=True)
    assert [json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()][-2:] == [
        "step",
        "run_ended",
    ]


def test_a_paused_run_is_waited_for(worker: Worker) -> None:
    worker.state("paused")
    worker.then = [lambda: None, lambda: worker.state("running"), lambda: worker.end("finished", "")]
    assert worker.attach() == 0
    assert worker.waits == 3


def test_a_preparation_is_told_once_per_thing_that_is_prepared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = Worker(create_run(tmp_path, RunConfig(), "quiet-cobra"))
    worker.state("starting", "reading text")
    worker.then = [
        lambda: worker.state("starting", "encoding 10 %"),
        lambda: worker.state("starting", "encoding 60 %"),
        lambda: (worker.log(STARTED), worker.state("running"))[0],
        lambda: worker.end("finished", ""),
    ]
    assert worker.attach() == 0
    assert capsys.readouterr().err.splitlines()[:2] == ["reading text…", "encoding…"]


def test_a_run_that_nobody_began_is_not_waited_for(tmp_path: Path) -> None:
    worker = Worker(create_run(tmp_path, RunConfig(), "quiet-cobra"))
    with pytest.raises(RunError, match="has not begun"):
        worker.attach()


def test_a_run_deleted_under_it_is_said(worker: Worker) -> None:
    worker.then = [lambda: shutil.rmtree(worker.run.path)]
    with pytest.raises(RunError, match="deleted"):
        worker.attach()

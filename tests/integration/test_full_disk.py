"""A worker on a disk that is full, refuses, fails or is away: it waits, goes on and loses nothing."""

from __future__ import annotations

import errno
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from safetensors import SafetensorError

from ysnakes_core.configuration import ModelConfig, RunConfig, apply_settings
from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs import steering
from ysnakes_core.runs.control import send
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.event_log import read
from ysnakes_core.runs.events import CheckpointEvent, CommandEvent, Event, StepEvent
from ysnakes_core.runs.state import RunState
from ysnakes_core.runs.worker import RunOutcome, StopRequest, execute
from ysnakes_core.training import checkpoint
from ysnakes_core.training.checkpoint import available

SECONDS = 20  # until a test gives up waiting


class Disk:
    """What the system answers to writes: ``little`` has room for lines, ``full`` for nothing at all.

    ``shut`` refuses whoever wants to make a checkpoint, ``denied`` and ``failing`` take nothing either.
    """

    ERRORS: ClassVar = {"full": errno.ENOSPC, "denied": errno.EACCES, "failing": errno.EIO}

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.state = "roomy"
        write, save_file = os.write, checkpoint.save_file

        def writes(descriptor: int, content: bytes) -> int:
            if (number := self.ERRORS.get(self.state)) is not None:
                raise OSError(number, os.strerror(number))
            return write(descriptor, content)

        def saves(*arguments: Any) -> None:
            if self.state != "roomy":
                number = {"shut": errno.EROFS, "little": errno.ENOSPC}.get(self.state)
                number = self.ERRORS[self.state] if number is None else number
                raise SafetensorError(f"Error while serializing: I/O error: … (os error {number})")
            save_file(*arguments)

        patch.setattr(os, "write", writes)
        patch.setattr(checkpoint, "save_file", saves)


class Worker:
    """A run that trains in a thread, and what comes of it."""

    def __init__(self, run: RunDirectory, disk: Disk) -> None:
        self.run, self.disk, self.stop = run, disk, StopRequest()
        self.ended: RunOutcome | None = None
        self.failed: YsnakesError | None = None
        self._events: queue.Queue[Event] = queue.Queue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        try:
            self.ended = execute(self.run, listener=self._events.put, stop=self.stop)
        except YsnakesError as error:
            self.failed = error

    def until(self, holds: Callable[[Any], object]) -> Any:
        while True:
            event = self._events.get(timeout=SECONDS)
            if holds(event):
                return event

    def until_it_waits(self) -> Any:
        return self.until(lambda event: "training waits" in getattr(event, "message", ""))

    def until_state(self, holds: Callable[[RunState], object]) -> None:
        pause = threading.Event()
        for _ in range(100 * SECONDS):
            if holds(self.run.read_state()):
                return
            pause.wait(0.01)
        raise AssertionError(self.run.read_state())

    def join(self) -> None:
        self._thread.join(SECONDS)

    def outcome(self) -> RunOutcome:
        self.join()
        assert self.ended is not None
        return self.ended

    def log(self) -> list[Event]:
        """All events; there is none twice, and no line of the log is anything else."""
        events = read(self.run.events_file)[0]
        assert len(events) == self.run.events_file.read_bytes().count(b"\n")
        steps = [event.step for event in events if isinstance(event, StepEvent)]
        assert steps == list(range(1, len(steps) + 1))
        return events


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(steering, "ROOM_SECONDS", 0.02)
    return Disk(monkeypatch)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Disk) -> Iterator[Callable[..., Worker]]:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    text = tmp_path / "text.md"
    text.write_text("\n".join(f"What is {i}?<start>It is {i}.<end>" for i in range(99)), encoding="utf-8")
    workers: list[Worker] = []

    def begin(first: Callable[[Event], bool] = _is_step, **settings: object) -> Worker:
        usual = {"data.paths": text, "steps": 100_000, "seq_len": 16, "batch_size": 2, "vocab_size": 300}
        usual |= {"sample_tokens": 4, "enabled": "false", "validate_every": 100_000, "checkpoint_every": 5}
        config = apply_settings(
            RunConfig(model=ModelConfig(d_model=16, n_layers=1, d_state=4, head_dim=8)),
            [f"{key}={value}" for key, value in (usual | settings).items()],
        )
        workers.append(Worker(create_run(tmp_path / "runs", config, "patient"), disk))
        workers[-1].until(first)
        return workers[-1]

    yield begin
    disk.state = "roomy"
    for worker in workers:
        worker.stop.request("interrupt")
        worker.join()


def _is_step(event: Event) -> bool:
    return isinstance(event, StepEvent)


@pytest.mark.parametrize("how", ["little", "full", "shut", "denied", "failing"])
def test_it_waits_and_goes_on_by_itself_with_all_that_was_trained(
    start: Callable[..., Worker], disk: Disk, how: str
) -> None:
    worker = start()
    disk.state = how
    at = worker.until_it_waits().step
    if how in ("little", "shut"):
        todo = "free some space" if how == "little" else "(read-only file system): see that"
        worker.until_state(lambda state: state.status == "paused" and todo in state.message)
        assert worker.run.read_state().has_worker(0.0)
    disk.state = "roomy"
    assert worker.until(lambda event: isinstance(event, StepEvent)).step == at + 1
    assert (worker.run.read_state().status, worker.run.read_state().message) == ("running", "")
    worker.stop.request("interrupt")
    outcome = worker.outcome()
    events = worker.log()
    assert available(worker.run.checkpoints_folder)[-1] == f"step-{outcome.step:08d}"
    if how in ("little", "shut"):
        assert at in [event.step for event in events if isinstance(event, CheckpointEvent)]


def test_a_pause_on_a_full_disk_holds_and_is_saved_when_there_is_room(
    start: Callable[..., Worker], disk: Disk
) -> None:
    worker = start(checkpoint_every=100_000)
    disk.state = "little"
    asked = send(worker.run, "pause")
    answer = worker.until(lambda event: isinstance(event, CommandEvent) and event.id == asked)
    assert answer.accepted
    assert "when there is room" in answer.message
    disk.state = "roomy"
    assert worker.until(lambda event: isinstance(event, CheckpointEvent)).step == answer.step
    worker.until_state(lambda state: (state.status, state.message) == ("paused", ""))
    assert [event for event in worker.log() if isinstance(event, StepEvent)][-1].step == answer.step


def test_a_pause_that_is_refused_leaves_it_running(
    start: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start(checkpoint_every=100_000)

    def refuse(*arguments: Any) -> None:
        raise SafetensorError("a tensor that is none")  # waiting would not help

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", refuse)
        asked = send(worker.run, "pause")
        answer = worker.until(lambda event: isinstance(event, CommandEvent) and event.id == asked)
    assert not answer.accepted
    worker.until(lambda event: isinstance(event, StepEvent))
    assert worker.run.read_state().status == "running"


@pytest.mark.skipif(os.name == "nt", reason="a folder with open files cannot be moved there")
def test_where_its_drive_is_away_it_waits_and_where_only_the_run_is_gone_it_ends(
    start: Callable[..., Worker],
) -> None:
    worker = start()
    place, aside = worker.run.path.parent, worker.run.path.parent.with_name("away")
    place.rename(aside)
    at = worker.until_it_waits().step
    aside.rename(place)
    assert worker.until(lambda event: isinstance(event, StepEvent)).step == at + 1
    worker.log()
    worker.run.path.rename(aside)
    with pytest.raises(AssertionError):
        worker.outcome()
    assert "was moved, deleted or replaced" in str(worker.failed)


def test_what_is_refused_before_anything_is_trained_is_said_at_once(
    start: Callable[..., Worker], disk: Disk
) -> None:
    disk.state = "shut"
    worker = start(first=lambda event: event.type == "run_ended")
    with pytest.raises(AssertionError):
        worker.outcome()
    assert "read-only file system" in str(worker.failed)
    assert worker.run.read_state().status == "failed"


@pytest.mark.parametrize(("how", "on"), [("stop", "little"), ("interrupt", "little"), ("stop", "shut")])
def test_asked_to_stop_it_waits_to_save_and_asked_again_it_ends(
    start: Callable[..., Worker], disk: Disk, how: str, on: str
) -> None:
    worker = start()
    disk.state = on
    worker.until_it_waits()
    if how == "stop":
        send(worker.run, "stop")
    else:
        worker.stop.request("interrupt")
    worker.until_state(lambda state: state.status == "stopping" and "asked to stop again" in state.message)
    saved = available(worker.run.checkpoints_folder)[-1]
    send(worker.run, "stop")
    outcome = worker.outcome()
    assert outcome.status == "stopped"
    assert outcome.reason.endswith(f"what came after step {int(saved[5:]):,} is not saved")
    assert worker.run.read_state().message == outcome.reason
    worker.log()


def test_stopped_on_a_full_disk_it_saves_once_there_is_room(start: Callable[..., Worker], disk: Disk) -> None:
    worker = start(checkpoint_every=100_000)
    disk.state = "full"
    worker.until_it_waits()
    worker.stop.request("interrupt")
    disk.state = "roomy"
    outcome = worker.outcome()
    assert (outcome.status, outcome.reason) == ("stopped", "interrupted")
    assert available(worker.run.checkpoints_folder)[-1] == f"step-{outcome.step:08d}"
    assert worker.log()[-1].type == "run_ended"


def test_at_its_end_it_waits_for_room_as_well(start: Callable[..., Worker], disk: Disk) -> None:
    worker = start(checkpoint_every=100_000, steps=30)
    disk.state = "little"
    worker.until_it_waits()
    disk.state = "roomy"
    assert (worker.outcome().status, worker.outcome().step) == ("finished", 30)
    assert available(worker.run.checkpoints_folder)[-1] == "step-00000030"

"""A worker obeys the files in control/, and its directory says so."""

from __future__ import annotations

import errno
import queue
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ysnakes_core.configuration import ModelConfig, RunConfig, apply_settings
from ysnakes_core.errors import RunError, YsnakesError
from ysnakes_core.runs import control
from ysnakes_core.runs.control import send
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.event_log import read
from ysnakes_core.runs.events import CommandEvent, EarlyStoppingEvent, Event, WarningEvent
from ysnakes_core.runs.opening import open_model
from ysnakes_core.runs.worker import RunOutcome, StopRequest, execute
from ysnakes_core.training.checkpoint import available, load_newest

SECONDS = 60  # until a test gives up waiting for an event


class Worker:
    """A run that trains in a thread, whose events can be waited for."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.stop = StopRequest()
        self.outcome: RunOutcome | None = None
        self.error: YsnakesError | None = None
        self._events: queue.Queue[Event] = queue.Queue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        try:
            self.outcome = execute(self.run, listener=self._events.put, stop=self.stop)
        except YsnakesError as error:
            self.error = error

    def wait_for(self, kind: str) -> Any:
        while True:
            event = self._events.get(timeout=SECONDS)
            if event.type == kind:
                return event

    def ask(self, command: str, **arguments: Any) -> CommandEvent:
        identifier = send(self.run, command, **arguments)
        while True:
            event = self.wait_for("command")
            if event.id == identifier:
                return event

    def end(self) -> RunOutcome:
        self._thread.join(SECONDS)
        if self.error is not None:
            raise self.error
        assert self.outcome is not None
        return self.outcome


SHAPE = ModelConfig(d_model=16, n_layers=1, d_state=4, head_dim=8)
SMALL = ["seq_len=16", "batch_size=2", "vocab_size=300", "sample_tokens=4", "enabled=false"]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "text.md"
    file.write_text(
        "\n".join(
            f"What is {i}?<start>It is a number, {i} or so, and {i * i} is its square.<end>"
            for i in range(99)
        ),
        encoding="utf-8",
    )
    return file


@pytest.fixture
def worker(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    settings = [f"data.paths={text}", "validate_every=100000", "steps=100000", *SMALL]
    config = apply_settings(RunConfig(model=SHAPE), settings)
    running = Worker(create_run(tmp_path / "runs", config, "obedient"))
    running.wait_for("step")
    yield running
    running.stop.request("interrupt")
    running.end()


def test_pause_resume_and_a_number_of_steps(worker: Worker) -> None:
    paused = worker.ask("pause")
    assert paused.accepted
    assert worker.run.read_state().status == "paused"
    assert available(worker.run.checkpoints_folder)[-1] == f"step-{paused.step:08d}"

    stepped = worker.ask("run_steps", n=3)
    assert stepped.step == paused.step  # nothing was trained while it was paused
    assert worker.wait_for("checkpoint").step == paused.step + 3
    assert worker.ask("pause").step == paused.step + 3
    assert worker.run.read_state().status == "paused"

    assert worker.ask("resume").accepted
    assert worker.wait_for("step").step > paused.step + 3
    assert worker.run.read_state().status == "running"


def test_validate_checkpoint_and_sample_now(worker: Worker) -> None:
    validated = worker.ask("validate")
    assert "bits per byte" in validated.message
    saved = worker.ask("checkpoint")
    assert saved.message.removeprefix("saved ") in available(worker.run.checkpoints_folder)
    sampled = worker.ask("sample", prompt="What is <end>?")
    events = [e for e in read(worker.run.events_file)[0] if e.type == "sample"]
    assert [vars(e)["prompt"] for e in events if vars(e)["command"] == sampled.id] == ["What is <end>?"]


def test_settings_change_while_it_trains_and_stay_for_a_resume(worker: Worker) -> None:
    before = worker.wait_for("step").learning_rate
    answer = worker.ask("set", **{"learning_rate_scale": 0.125, "early_stopping.patience": 3})
    assert answer.accepted
    assert worker.wait_for("step").learning_rate < before
    config = worker.run.read_config()
    assert (config.training.learning_rate_scale, config.early_stopping.patience) == (0.125, 3)


def test_a_command_whose_file_cannot_be_removed_is_done_once_and_training_goes_on(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_use(path: Path) -> None:
        raise PermissionError(errno.EACCES, "in use", str(path))

    worker.wait_for("step")
    with monkeypatch.context() as patch:
        patch.setattr(control, "remove", in_use)
        send(worker.run, "checkpoint")
        assert "could not remove" in worker.wait_for("warning").message
    worker.wait_for("step")
    worker.ask("validate")
    told = [event.type for event in read(worker.run.events_file)[0]]
    assert told.count("warning") == 1


def test_a_setting_that_cannot_be_kept_is_refused_and_does_not_hold(worker: Worker) -> None:
    before = worker.wait_for("step").learning_rate
    worker.run.config_file.unlink()
    worker.run.config_file.mkdir()  # so that nothing can be written there
    answer = worker.ask("set", **{"learning_rate_scale": 0.125, "validate_every": 1})
    worker.run.config_file.rmdir()
    assert not answer.accepted
    assert worker.wait_for("step").learning_rate >= before  # it still warms up
    assert worker.ask("set", learning_rate_scale=0.5).accepted
    config = worker.run.read_config()
    assert (config.training.learning_rate_scale, config.validation.validate_every) == (0.5, 100_000)


def test_a_model_that_diverged_is_rolled_back_though_it_cannot_write_a_sample(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    far = ["learning_rate=1", "muon_learning_rate=1", "learning_rate_scale=1000", "warmup_fraction=0"]
    settings = [f"data.paths={text}", "steps=30", "validate_every=2", "checkpoint_every=100", *far, *SMALL]
    run = create_run(tmp_path / "runs", apply_settings(RunConfig(model=SHAPE), settings), "far")
    diverging = Worker(run)
    diverging.wait_for("rollback")
    diverging.stop.request("interrupt")
    diverging.end()
    warnings = [event.message for event in read(run.events_file)[0] if isinstance(event, WarningEvent)]
    assert any("no sample could be written" in each for each in warnings)


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.skipif("sys.platform == 'win32'", reason="Windows does not let go of a folder in use")
def test_a_run_that_is_moved_away_is_written_nowhere_else(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    settings = [f"data.paths={text}", "steps=100000", "validate_every=100000", *SMALL]
    worker = Worker(create_run(tmp_path / "runs", apply_settings(RunConfig(model=SHAPE), settings), "here"))
    worker.wait_for("step")
    place, moved = worker.run.path, worker.run.path.with_name("moved")
    place.rename(moved)
    if replaced:
        shutil.copytree(moved, place)
        shutil.rmtree(place / "checkpoints")
    before = sorted(place.rglob("*")) if replaced else []
    with pytest.raises(RunError, match="was moved"):
        worker.end()
    assert place.exists() == replaced
    assert sorted(place.rglob("*")) == before
    assert available(moved / "checkpoints")


def test_a_snooze_is_shown_at_once_and_kept_over_a_kill(worker: Worker) -> None:
    refused = worker.ask("snooze")
    assert not refused.accepted
    assert "early stopping is off" in refused.message

    settings = {"early_stopping.enabled": True, "early_stopping.patience": 10**6, "learning_rate_scale": 0.0}
    worker.ask("set", validate_every=1, **settings)
    while worker.wait_for("early_stopping").waited < 2:
        pass
    worker.ask("pause")
    asked = worker.ask("snooze")
    assert asked.accepted
    last = [event for event in read(worker.run.events_file)[0] if isinstance(event, EarlyStoppingEvent)][-1]
    assert (last.waited, last.stopping, last.step) == (0, False, asked.step)
    saved = load_newest(worker.run.checkpoints_folder)[0]
    assert saved.state["progress"]["step"] == asked.step
    assert saved.state["early_stopping"]["waited"] == 0
    assert worker.run.read_config().early_stopping.patience == 10**6


def test_early_stopping_turned_on_begins_its_patience_and_says_so_at_once(worker: Worker) -> None:
    worker.ask("set", validate_every=1, learning_rate_scale=0.0)
    for _ in range(4):
        assert worker.wait_for("early_stopping").waited == 0  # while it is off
    worker.ask("pause")
    settings = {"early_stopping.enabled": True, "early_stopping.patience": 10**6}
    identifier = send(worker.run, "set", **settings)
    stands = worker.wait_for("early_stopping")
    while (answer := worker.wait_for("command")).id != identifier:
        pass
    assert (stands.waited, stands.patience, stands.step) == (0, 10**6, answer.step)
    worker.ask("resume")
    assert worker.wait_for("early_stopping").waited == 1


def test_a_run_that_stopped_early_goes_on_with_its_whole_patience_when_it_is_resumed(worker: Worker) -> None:
    settings = {"early_stopping.enabled": True, "early_stopping.patience": 2, "learning_rate_scale": 0.0}
    worker.ask("set", validate_every=5, **settings)
    first = worker.end()
    assert first.reason.startswith("stopped early")
    state = worker.run.read_state()
    assert (state.sessions, state.seconds) == (1, first.seconds)

    second = execute(worker.run, resume=True)
    assert second.reason.startswith("stopped early")
    assert second.step >= first.step + 2 * 5
    state = worker.run.read_state()
    assert first.seconds < second.seconds
    assert (state.sessions, state.seconds) == (2, second.seconds)


def test_a_run_that_reached_its_target_ends_again_with_the_reason_and_the_way_on(worker: Worker) -> None:
    worker.ask("set", **{"early_stopping.enabled": True, "early_stopping.target": 100.0})
    assert "bits per byte" in worker.ask("validate").message
    first = worker.end()
    assert first.reason.startswith("stopped early: the target of 100")

    second = execute(worker.run, resume=True)
    assert (second.reason, second.step) == (first.reason, first.step)
    warnings = [event for event in read(worker.run.events_file)[0] if isinstance(event, WarningEvent)]
    assert "target" in warnings[-1].hint


def test_the_heartbeat_tells_how_busy_the_machine_is(worker: Worker) -> None:
    while (state := worker.run.read_state()).cpu_percent is None:
        worker.wait_for("step")
    assert state.cpu_count is not None
    assert state.system_percent is not None
    assert 0 < state.cpu_percent <= 100 * state.cpu_count + 10
    assert state.gpu_percent is None


def test_stop_validates_saves_and_ends(worker: Worker) -> None:
    assert worker.ask("stop").accepted
    outcome = worker.end()
    assert (outcome.status, outcome.interrupted) == ("stopped", False)
    assert outcome.best is not None
    assert worker.run.read_state().status == "stopped"
    assert open_model(worker.run).step == outcome.step


def test_an_interrupt_saves_without_validating(worker: Worker) -> None:
    worker.stop.request("interrupt")
    outcome = worker.end()
    assert outcome.interrupted
    assert outcome.best is None
    assert available(worker.run.checkpoints_folder)[-1] == f"step-{outcome.step:08d}"


def test_what_is_no_command_is_refused_and_training_goes_on(worker: Worker) -> None:
    (worker.run.control_folder / "nonsense.json").write_text("{", encoding="utf-8")
    refused = worker.wait_for("command")
    assert not refused.accepted
    assert worker.wait_for("step").step > 0

"""A run killed at any moment and resumed goes on bit for bit as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ysnakes_core.configuration import ModelConfig, RunConfig, apply_settings
from ysnakes_core.errors import RunError, TrainingError
from ysnakes_core.runs import steering
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.event_log import losses_by_step, read
from ysnakes_core.runs.events import CheckpointEvent, EarlyStoppingEvent, Event, RunStartedEvent
from ysnakes_core.runs.opening import open_model
from ysnakes_core.runs.worker import execute
from ysnakes_core.training.loop import Trainer

STEPS = 60
WORKER = """
import sys
from pathlib import Path
from ysnakes_core.runs.directory import open_run
from ysnakes_core.runs.worker import execute

def heard(event):
    print(event.type, event.step, flush=True)

run = open_run(Path(sys.argv[1]), sys.argv[2])
execute(run, resume=True, listener=heard, progress=lambda what, done, total: print(what, flush=True))
"""


def tiny_config(text: Path, **settings: object) -> RunConfig:
    config = RunConfig(model=ModelConfig(d_model=32, n_layers=2, d_state=8, head_dim=16, dropout=0.1))
    changes = {
        "data.paths": text,
        "vocab_size": 400,
        "validation_fraction": 0.1,
        "steps": STEPS,
        "seq_len": 32,
        "batch_size": 4,
        "micro_batch_size": 3,
        "stages": "16x8,32x4",
        "checkpoint_every": 7,
        "validate_every": 11,
        "sample_tokens": 5,
        **settings,
    }
    return apply_settings(config, [f"{key}={value}" for key, value in changes.items()])


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    rng = random.Random(0)
    words = ["the", "fox", "saw", "a", "red", "kite", "and", "ran", "over", "hills", "to", "her", "friend"]
    records = (
        f"Tell story {i}<start>{' '.join(rng.choices(words, k=rng.randint(10, 60)))}.<end>"
        for i in range(120)
    )
    file = tmp_path / "text.md"
    file.write_text("\n".join(records), encoding="utf-8")
    return file


def start_worker(run: RunDirectory) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(run.path.parent), run.name],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def run_to_the_end(run: RunDirectory) -> None:
    worker = start_worker(run)
    worker.communicate(timeout=240)
    assert worker.returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_ten_times_the_losses_are_those_of_an_uninterrupted_run(text: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    whole = create_run(runs, tiny_config(text), "whole")
    run_to_the_end(whole)
    expected = losses_by_step(read(whole.events_file)[0])
    assert sorted(expected) == list(range(1, STEPS + 1))

    killed = create_run(runs, tiny_config(text), "killed")
    rng = random.Random(7)
    for _ in range(10):
        worker = start_worker(killed)
        assert worker.stdout is not None
        lines = rng.randint(2, 22)  # somewhere between reading the text and deep in training
        for _, _line in zip(range(lines), worker.stdout, strict=False):
            pass
        moment = threading.Timer(rng.random() * 0.05, worker.kill)  # and anywhere between two lines
        moment.start()
        worker.stdout.read()
        assert worker.wait(timeout=60) in (-signal.SIGKILL, 0)
        moment.join()
    run_to_the_end(killed)
    assert losses_by_step(read(killed.events_file)[0]) == expected
    assert killed.read_state().best == whole.read_state().best


def test_a_run_can_be_extended_and_goes_on_from_where_it_was(text: Path, tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", tiny_config(text, steps=12, stages=""), "longer")
    execute(run)
    config = run.read_config()
    run.write_config(replace(config, training=replace(config.training, steps=20)))
    outcome = execute(run, resume=True)
    assert (outcome.status, outcome.step) == ("finished", 20)
    started = [e for e in read(run.events_file)[0] if e.type == "run_started"]
    assert [vars(e)["resumed_from"] for e in started] == [None, 12]


def test_gone_back_behind_the_best_everything_tells_of_one_best(text: Path, tmp_path: Path) -> None:
    settings = {"stages": "", "checkpoint_every": 5, "validate_every": 5, "keep": 99}
    run = create_run(tmp_path / "runs", tiny_config(text, steps=20, **settings), "back")
    best = execute(run).best
    assert run.read_state().best_step == 20
    worse = apply_settings(run.read_config(), ["learning_rate_scale=0", "steps=22"])
    run.write_config(worse)

    outcome = execute(run, resume=True, checkpoint="step-00000010")
    assert (outcome.best, outcome.best_step) == (best, 20)
    assert (run.read_state().best, run.read_state().best_step) == (best, 20)
    model = open_model(run, "best")
    assert (model.checkpoint, model.bits_per_byte) == ("step-00000020-kept", best)
    events = read(run.events_file)[0]
    again = [event for event in events if isinstance(event, RunStartedEvent)]
    assert [event.resumed_from for event in again] == [None, 10]
    after = events[events.index(again[1]) + 1 :]
    told = [event for event in after if isinstance(event, EarlyStoppingEvent)]
    assert {(event.best, event.best_step) for event in told} == {(best, 20)}
    assert told[0].step == 10  # before anything was validated
    assert not any(event.best for event in after if isinstance(event, CheckpointEvent))


def test_until_a_resumed_run_trains_it_stands_where_it_was(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"steps": 12, "stages": "", "checkpoint_every": 4, "keep": 9}
    run = create_run(tmp_path / "runs", tiny_config(text, **settings), "same")
    execute(run)
    before, during, after = run.read_state(), [], []
    resume = Trainer.resume

    def slowly(trainer: Trainer, prefer: str | None = None) -> str:
        beats = {run.read_state().heartbeat}
        while len(beats) < 4:
            beats.add(run.read_state().heartbeat)
        during.append(run.read_state())
        return resume(trainer, prefer)

    def hear(event: Event) -> None:
        if event.type == "stage":
            after.append(run.read_state())

    monkeypatch.setattr(Trainer, "resume", slowly)
    monkeypatch.setattr(steering, "HEARTBEAT_SECONDS", 0.01)
    execute(run, resume=True, checkpoint="step-00000008", listener=hear)
    for state in during:
        assert state.status == "starting"
        assert state.sessions == 2
        assert (state.step, state.tokens, state.total_steps) == (12, before.tokens, 12)
        assert (state.seconds, state.best) == (before.seconds, before.best)
    assert [(state.status, state.step) for state in after] == [("running", 8)]


def test_a_run_that_begins_again_and_fails_does_not_stand_where_it_once_was(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path / "runs", tiny_config(text, steps=12, stages=""), "anew")
    execute(run)
    shutil.rmtree(run.checkpoints_folder)

    def fail(trainer: Trainer) -> None:
        raise TrainingError("there is no way on")

    monkeypatch.setattr(Trainer, "run", fail)
    with pytest.raises(TrainingError):
        execute(run, resume=True)
    state = run.read_state()
    assert (state.status, state.step, state.message) == ("failed", 0, "there is no way on")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("text", "the text was"),
        ("tokenizer", "the tokenizer was"),
        ("model.n_layers=3", "model.n_layers was 2 and is 3"),
        ("model.d_state=4", "model.d_state was 8 and is 4"),
    ],
)
def test_resuming_with_something_changed_is_refused_by_name(
    text: Path, tmp_path: Path, change: str, named: str
) -> None:
    run = create_run(tmp_path / "runs", tiny_config(text, steps=6), "changed")
    execute(run)
    if change == "text":
        text.write_text(text.read_text() + "\nOne more<start>A new record about a boat on the sea.<end>")
    elif change == "tokenizer":
        other = create_run(tmp_path / "runs", tiny_config(text, steps=1, tokenizer="word"), "other")
        execute(other)
        run.tokenizer_file.write_bytes(other.tokenizer_file.read_bytes())
    else:
        run.write_config(apply_settings(run.read_config(), [change]))
    with pytest.raises(RunError, match=named):
        execute(run, resume=True)
    assert run.read_state().status == "failed"


def test_two_workers_never_train_one_run(text: Path, tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", tiny_config(text), "busy")
    with run.training_lock(), pytest.raises(RunError, match="another process"):
        execute(run)

"""The training loop on a tiny model: faults, early stopping, stages, accumulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ysnakes_core.configuration import ModelConfig, RunConfig, apply_settings
from ysnakes_core.errors import TrainingError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.runs.directory import create_run
from ysnakes_core.runs.event_log import PatientLog
from ysnakes_core.runs.events import Event
from ysnakes_core.runs.state import RunState
from ysnakes_core.runs.steering import MEMORY_SECONDS, Steering, StopRequest
from ysnakes_core.text.corpus import Corpus
from ysnakes_core.text.token_stream import make_stream
from ysnakes_core.training.checkpoint import available, load_checkpoint, pointed
from ysnakes_core.training.evaluation import evaluate
from ysnakes_core.training.loop import Limits, Trainer
from ysnakes_core.training.schedule import Budget
from ysnakes_core.training.stages import parse_stages

VOCABULARY = 30
SHAPE = ModelConfig(d_model=16, n_layers=2, d_state=4, head_dim=8, chunk_size=8)


class Recorder:
    """An observer that keeps the events and lets a test step in before every step."""

    def __init__(self, before_step: Callable[[Trainer], None] = lambda trainer: None) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._before_step = before_step

    def emit(self, kind: str, **fields: Any) -> None:
        self.events.append((kind, fields))

    def between_steps(self, trainer: Trainer) -> None:
        self._before_step(trainer)

    def wait_for_room(self, trainer: Trainer) -> None:
        return None

    def sample(self, trainer: Trainer) -> None:
        self.events.append(("sample", {}))

    def stopping(self) -> bool:
        return False

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.events if name == kind]


def corpus(documents: int = 40) -> Corpus:
    rng = np.random.default_rng(0)

    def document() -> tuple[list[int], int]:
        first = int(rng.integers(2, VOCABULARY))
        return [2 + (first + i) % (VOCABULARY - 2) for i in range(int(rng.integers(5, 30)))], 20

    sides = [make_stream([document() for _ in range(n)], 0, VOCABULARY) for n in (documents, 6)]
    return Corpus(sides[0], sides[1], "hash", [])


def trainer(folder: Path, observer: Recorder, micro: int = 4, **settings: object) -> Trainer:
    changes = {"steps": 30, "seq_len": 16, "batch_size": 4, "checkpoint_every": 5, **settings}
    config = apply_settings(RunConfig(model=SHAPE), [f"{k}={v}" for k, v in changes.items()])
    stages = parse_stages(config.training.stages, config.training.seq_len, config.training.batch_size)
    torch.manual_seed(0)
    return Trainer(
        config,
        LanguageModel(config.model, VOCABULARY),
        corpus(),
        stages,
        Limits((micro,) * len(stages)),
        observer,
        end_id=0,
        identity={"the text": "hash"},
        checkpoints=folder,
    )


def poison(trained: Trainer) -> None:
    with torch.no_grad():
        trained.model.embedding.weight.fill_(math.nan)


def test_training_learns_and_ends_with_the_best_checkpoint(tmp_path: Path) -> None:
    seen = Recorder()
    trained = trainer(tmp_path, seen, steps=80)
    outcome = trained.run()
    assert (outcome.status, trained.progress.step) == ("finished", 80)
    scores = [event["bits_per_byte"] for event in seen.all("validation")]
    assert scores[-1] < 0.6 * scores[0]
    best = pointed(tmp_path, "best")
    assert best is not None
    model = LanguageModel(SHAPE, VOCABULARY)
    model.load_state_dict(load_checkpoint(tmp_path, best).model)
    found = evaluate(model, trained.corpus.validation)
    assert found is not None
    assert found.bits_per_byte == pytest.approx(min(scores), abs=1e-9)


def test_one_bad_step_is_skipped_and_changes_no_weight(tmp_path: Path) -> None:
    before: list[torch.Tensor] = []

    def spoil(trained: Trainer) -> None:
        step, weight = trained.progress.step, trained.model.norm.weight
        if step == 10:
            before.append(weight.detach().clone())
            weight.data[0] = math.nan
        elif step == 11:
            weight.data[0] = before[0][0]
            assert torch.equal(weight.detach(), before[0])

    seen = Recorder(spoil)
    trainer(tmp_path, seen).run()
    losses = [event["loss"] for event in seen.all("step")]
    assert [i for i, loss in enumerate(losses) if not math.isfinite(loss)] == [10]
    assert len(seen.all("warning")) == 1
    assert not seen.all("rollback")


def test_bad_steps_in_a_row_roll_back_with_half_the_learning_rate_and_training_goes_on(
    tmp_path: Path,
) -> None:
    poisoned: list[int] = []

    def spoil(trained: Trainer) -> None:
        if trained.progress.step == 12 and not poisoned:
            poisoned.append(1)
            poison(trained)

    seen = Recorder(spoil)
    trained = trainer(tmp_path, seen, validate_every=100)
    assert trained.run().status == "finished"
    (event,) = seen.all("rollback")
    assert (event["checkpoint"], event["to_step"], event["learning_rate_scale"]) == ("step-00000010", 10, 0.5)
    assert math.isfinite(seen.all("step")[-1]["loss"])
    assert all(bool(p.isfinite().all()) for p in trained.model.parameters())


def test_after_three_roll_backs_it_gives_up_and_says_so(tmp_path: Path) -> None:
    seen = Recorder(lambda trained: poison(trained) if trained.progress.step >= 7 else None)
    with pytest.raises(TrainingError, match="not finite") as error:
        trainer(tmp_path, seen).run()
    assert "learning_rate_scale" in error.value.hint
    assert [event["learning_rate_scale"] for event in seen.all("rollback")] == [0.5, 0.25, 0.125]
    good = load_checkpoint(tmp_path, available(tmp_path)[-1])
    assert all(bool(t.isfinite().all()) for t in good.model.values())


def test_early_stopping_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    seen = Recorder()
    trained = trainer(tmp_path, seen, steps=200, validate_every=1, patience=2, learning_rate_scale=0)
    outcome = trained.run()
    assert outcome.status == "finished"
    assert outcome.reason.startswith("stopped early: no improvement")
    assert trained.progress.step < 10
    assert seen.all("early_stopping")[-1]["stopping"] is True


def test_gone_back_behind_the_best_it_stays_the_best_until_a_model_beats_it(tmp_path: Path) -> None:
    settings = {"validate_every": 10, "checkpoint_every": 5, "enabled": False, "keep": 9}
    first = trainer(tmp_path, Recorder(), steps=20, **settings)
    first.run()
    best, weights = pointed(tmp_path, "best"), load_checkpoint(tmp_path, "best").model
    assert best == "step-00000020"

    seen = Recorder()
    again = trainer(tmp_path, seen, steps=30, learning_rate_scale=0, **settings)  # it gets no better
    again.resume("step-00000005")
    assert (again.early_stopping.best, again.early_stopping.best_step) == (first.early_stopping.best, 20)
    again.run()
    assert len(seen.all("validation")) == 3
    assert not any(event["best"] for event in seen.all("checkpoint"))
    assert seen.all("early_stopping")[-1]["best"] == first.early_stopping.best
    assert pointed(tmp_path, "best") == "step-00000020-kept"
    kept = load_checkpoint(tmp_path, "best").model
    assert all(torch.equal(kept[name], weights[name]) for name in weights)

    better = trainer(tmp_path, Recorder(), steps=60, **settings)
    better.resume()
    better.run()
    assert better.early_stopping.best is not None
    assert first.early_stopping.best is not None
    assert better.early_stopping.best < first.early_stopping.best
    assert pointed(tmp_path, "best") == f"step-{better.early_stopping.best_step:08d}"


def test_the_patience_after_going_back_is_for_scores_of_the_new_course(tmp_path: Path) -> None:
    settings = {"validate_every": 10, "checkpoint_every": 5, "patience": 2}
    trainer(tmp_path, Recorder(), steps=40, keep=99, **settings).run()
    seen = Recorder()
    again = trainer(tmp_path, seen, steps=40, learning_rate_scale=0.5, keep=99, **settings)
    again.resume("step-00000010")
    again.run()
    assert len(seen.all("validation")) == 3  # getting better all the while, though not better than before
    assert [event["waited"] for event in seen.all("early_stopping")] == [0, 0, 0]


def test_asking_how_it_stands_does_not_stop_a_run(tmp_path: Path) -> None:
    def ask(trained: Trainer) -> None:
        trained.validate()

    seen = Recorder(ask)
    trained = trainer(tmp_path, seen, steps=12, validate_every=100, patience=1, learning_rate_scale=0)
    assert trained.run().reason == "the budget of 12 steps is spent"
    assert len(seen.all("validation")) > 12


def test_a_snooze_at_the_last_moment_lets_it_go_on_and_is_kept_by_a_checkpoint(tmp_path: Path) -> None:
    waited: list[int] = []

    def snooze(trained: Trainer) -> None:
        if trained.early_stopping.stopped and not waited:
            waited.append(trained.early_stopping.waited)
            trained.snooze()

    seen = Recorder(snooze)
    settings = {"steps": 200, "validate_every": 1, "patience": 3, "learning_rate_scale": 0}
    trained = trainer(tmp_path, seen, checkpoint_every=1000, **settings)
    assert trained.run().reason.startswith("stopped early")
    assert waited == [3]
    stands = [(event["waited"], event["stopping"]) for event in seen.all("early_stopping")]
    assert stands == [(n, n == 3) for n in (0, 1, 2, 3, 0, 1, 2, 3)]
    snoozed, stopped = (event["name"] for event in seen.all("checkpoint")[-2:])

    again = trainer(tmp_path, Recorder(), **settings)
    again.resume(snoozed)
    assert (again.early_stopping.waited, again.early_stopping.stopped) == (0, "")
    again.resume(stopped)
    assert again.early_stopping.stopped == trained.early_stopping.stopped


def test_micro_batches_give_the_gradients_of_the_whole_batch(tmp_path: Path) -> None:
    runs = [trainer(tmp_path / str(micro), Recorder(), micro=micro, steps=4) for micro in (1, 3, 4)]
    for run in runs:
        run.run()
    for name, whole in runs[-1].model.named_parameters():
        for other in runs[:-1]:
            assert torch.allclose(dict(other.model.named_parameters())[name], whole, atol=1e-5), name


def test_stages_follow_each_other(tmp_path: Path) -> None:
    seen = Recorder()
    trainer(tmp_path, seen, stages="8x8@2.9,16x4,24x3").run()
    stages = seen.all("stage")
    assert [(s["seq_len"], s["batch_size"]) for s in stages] == [(8, 8), (16, 4), (24, 3)]
    assert [s["seq_len"] for s in seen.all("step")][-1] == 24


def test_a_budget_in_minutes_ends_by_the_clock(tmp_path: Path) -> None:
    now = [0.0]

    def tick() -> float:
        now[0] += 0.5
        return now[0]

    seen = Recorder()
    trained = trainer(tmp_path, seen, steps=0, minutes=1.0)
    trained._clock = tick
    assert trained.budget == Budget("minutes", 1.0)
    trained.run()
    rates = [event["learning_rate"] for event in seen.all("step")]
    assert trained.progress.seconds >= 60
    assert 10 < len(rates) < 60
    assert rates[-1] < 0.2 * max(rates)


@pytest.mark.parametrize(("every", "at_most"), [(0, 0.2), (1, 1.0)])
def test_validation_takes_a_small_part_of_a_budget_in_minutes(
    tmp_path: Path, every: int, at_most: float
) -> None:
    now = [0.0]

    class Slow(Recorder):
        def sample(self, trainer: Trainer) -> None:
            now[0] += 6.0

    def tick() -> float:
        now[0] += 0.1
        return now[0]

    seen = Slow()
    trained = trainer(tmp_path, seen, steps=0, minutes=2.0, validate_every=every)
    trained._clock = tick
    trained.run()
    validations = len(seen.all("validation"))
    assert 6.0 * validations <= at_most * now[0] + 6.0
    assert validations >= (2 if every == 0 else 15)


def test_evaluation_of_documents_longer_than_a_block_equals_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    text = corpus()
    torch.manual_seed(0)
    model = LanguageModel(SHAPE, VOCABULARY)
    whole = evaluate(model, text.train)
    monkeypatch.setattr("ysnakes_core.training.evaluation.BLOCK_TOKENS", 7)
    small = evaluate(model, text.train)
    assert whole is not None
    assert small is not None
    assert small.nats == pytest.approx(whole.nats, rel=1e-6)
    assert small.tokens == whole.tokens == text.train.n_tokens - 1  # nothing follows the last mark


def test_memory_is_told_of_also_after_the_clock_was_put_back(tmp_path: Path) -> None:
    clock, since_start = [1e9], [0.0]
    told: list[Event] = []
    run = create_run(tmp_path / "runs", RunConfig(), "late")
    trained = trainer(tmp_path, Recorder())
    with PatientLog(run.events_file) as log:
        steering = Steering(
            run,
            log,
            RunState(),
            StopRequest(),
            told.append,
            clock=lambda: clock[0],
            monotonic=lambda: since_start[0],
        )
        for _ in range(3):
            steering.between_steps(trained)
            clock[0] -= 3600.0
            since_start[0] += MEMORY_SECONDS
    assert [event.type for event in told] == ["memory"] * 3


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scale", [1, 4])
def test_two_thousand_steps_stay_finite(tmp_path: Path, scale: int) -> None:
    seen = Recorder()
    trained = trainer(
        tmp_path, seen, steps=2000, learning_rate_scale=scale, checkpoint_every=1000, enabled=False
    )
    trained.run()
    assert len(seen.all("step")) == 2000
    assert all(math.isfinite(event["loss"]) for event in seen.all("step"))
    assert not seen.all("warning")

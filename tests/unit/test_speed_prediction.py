"""Predicting the speed of training: trials that are kept, and the table made of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ysnakes_core.configuration import ModelConfig, RunConfig, TrainingConfig, apply_settings, preset_config
from ysnakes_core.model.head_loss import block_rows
from ysnakes_core.training.plan_table import plan_table
from ysnakes_core.training.speed import KEPT_SECONDS, NotWanted, Trials, predict_speed, step_seconds

SHAPE = ModelConfig(d_model=32, n_layers=3, d_state=8, head_dim=16, chunk_size=16)
CONFIG = RunConfig(model=SHAPE)


def ticks(seconds: float) -> Callable[[], float]:
    """A clock by which every trial takes ``seconds``."""
    times = itertools.count()
    return lambda: next(times) * seconds


def trials(path: Path | None = None, seconds: float = 0.01, now: float = 0.0) -> Trials:
    return Trials("cpu", path, clock=ticks(seconds), now=lambda: now)


def test_a_step_takes_the_sum_of_its_parts() -> None:
    tried = trials()
    batch, seq_len, vocabulary = 8, 64, 100
    seconds = step_seconds(CONFIG, vocabulary, seq_len, batch, tried)
    tokens = batch * seq_len
    blocks = tokens * SHAPE.n_layers * tried.block(SHAPE, seq_len)
    head = tokens * tried.head(SHAPE.d_model, vocabulary)
    assert blocks + head < seconds
    more = step_seconds(CONFIG, vocabulary, seq_len, 2 * batch, tried)
    assert seconds + blocks + head == pytest.approx(more)  # the optimizers step once, whatever the batch
    assert predict_speed(CONFIG, vocabulary, seq_len, batch, trials=tried) == pytest.approx(tokens / seconds)


def test_a_slower_machine_and_a_larger_model_are_slower() -> None:
    deeper = apply_settings(CONFIG, ["n_layers=6"])
    usual = predict_speed(CONFIG, 100, 64, 8, trials=trials())
    assert predict_speed(CONFIG, 100, 64, 8, trials=trials(seconds=0.02)) == pytest.approx(usual / 2)
    assert predict_speed(deeper, 100, 64, 8, trials=trials()) < usual


def test_trials_are_kept_for_the_next_process_until_they_are_old(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "speed.json"
    first = trials(path)
    block = first.block(SHAPE, 64)
    first.save()
    assert trials(path, seconds=0.012).block(SHAPE, 64) == block
    assert trials(path, seconds=0.012, now=KEPT_SECONDS + 1).block(SHAPE, 64) == pytest.approx(1.2 * block)


@pytest.mark.parametrize("seconds", [0.001, 0.1])
def test_a_machine_whose_speed_changed_is_tried_again(tmp_path: Path, seconds: float) -> None:
    path = tmp_path / "speed.json"
    first = trials(path)
    block = first.block(SHAPE, 64)
    first.save()
    assert trials(path, seconds=seconds).block(SHAPE, 64) == pytest.approx(block * seconds / 0.01)


def by_turns(*seconds: float) -> Callable[[], float]:
    """A clock by which each trial's first run takes the first of ``seconds``, and so on."""
    now, begun, turn = 0.0, False, itertools.cycle(seconds)

    def clock() -> float:
        nonlocal now, begun
        now, begun = now + (next(turn) if begun else 0.0), not begun
        return now

    return clock


def test_what_is_done_for_the_first_time_does_not_count() -> None:
    tried = Trials(clock=by_turns(1.5, 0.25, 0.2))  # the first run of a process, on a busy machine
    assert tried.head(32, 100) == pytest.approx(0.2 / block_rows(100))


@pytest.mark.parametrize(
    ("seconds", "kept"), [((0.2, 0.2, 0.2), True), ((0.2, 0.5, 0.2), False), ((3.0, 3.0), False)]
)
def test_what_is_not_the_same_each_time_is_not_kept_for_others(
    tmp_path: Path, seconds: tuple[float, ...], kept: bool
) -> None:
    path = tmp_path / "speed.json"
    first = Trials("cpu", path, clock=by_turns(*seconds))
    first.head(32, 100)
    first.save()
    assert bool(json.loads(path.read_text())["trials"]) is kept


def test_a_trial_that_takes_long_is_not_repeated() -> None:
    turns: list[float] = []
    clock = by_turns(30.0)

    def counted() -> float:
        turns.append(0.0)
        return clock()

    Trials(clock=counted).head(32, 100)
    assert len(turns) == 2 * 2


def test_trials_end_between_two_runs_where_nobody_waits() -> None:
    left = 3

    def wanted() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    with pytest.raises(NotWanted):
        Trials(clock=ticks(0.01), wanted=wanted).passes()
    assert left == -1


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff", b'{"machine": 1}', b'{"machine": "x", "trials": {}}']
)
def test_a_broken_or_foreign_cache_is_ignored(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "speed.json"
    path.write_bytes(content)
    assert trials(path).block(SHAPE, 64) == trials().block(SHAPE, 64)


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    tried = trials(tmp_path / "file" / "speed.json")
    tried.block(SHAPE, 64)
    tried.save()


def test_trials_leave_torchs_random_state_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    predict_speed(CONFIG, 100, 64, 8, trials=trials())
    assert torch.equal(torch.rand(3), expected)


def test_the_table_has_a_row_for_each_configuration() -> None:
    def speed(config: RunConfig, vocab_size: int, seq_len: int, batch_size: int) -> float:
        return 1e6 / (config.model.n_layers + vocab_size + seq_len + batch_size)

    small = preset_config("ys-4m")
    batched = apply_settings(small, ["batch_size=64", "seq_len=128", "micro_batch_size=2"])
    large = preset_config("ys-296m")
    rows = plan_table([small, batched, large], limit=2_000_000_000, tokens=10**6, speed=speed)
    assert [row.preset for row in rows] == ["ys-4m", "ys-4m", "ys-296m"]
    assert [row.fits for row in rows] == [True, True, False]
    assert (rows[1].batch_size, rows[1].micro_batch_size, rows[1].seq_len) == (64, 2, 128)
    assert rows[1].seconds == pytest.approx(small.model.n_layers + 4096 + 128 + 64)
    assert rows[2].memory.total > 2_000_000_000
    assert (rows[2].tokens_per_second, rows[2].seconds) == (None, None)
    assert rows[0].parameters == pytest.approx(4e6, rel=0.03)


def test_the_table_without_a_speed_has_memory_only() -> None:
    config = RunConfig(model=SHAPE, training=TrainingConfig(seq_len=64, batch_size=4))
    (row,) = plan_table([config], limit=10**10, tokens=1000)
    assert (row.fits, row.batch_size, row.tokens_per_second, row.seconds) == (True, 4, None, None)


@pytest.mark.slow
def test_what_is_predicted_is_about_what_is_measured() -> None:
    """Both by processor time on one thread, so that a busy machine falls on neither."""
    import time

    from ysnakes_core.model.language_model import LanguageModel
    from ysnakes_core.training.optimizer import make_optimizer

    config, vocabulary, seq_len, batch = preset_config("ys-1m"), 4096, 128, 8
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        tried = Trials(clock=time.process_time)
        predicted = batch * seq_len / step_seconds(config, vocabulary, seq_len, batch, tried)
        model = LanguageModel(config.model, vocabulary)
        optimizer = make_optimizer(model, config.training)
        tokens = torch.randint(vocabulary, (batch, seq_len))
        spent = []
        for _ in range(4):
            began = time.process_time()
            model.loss(tokens, tokens).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            spent.append(time.process_time() - began)
    finally:
        torch.set_num_threads(threads)
    assert predicted == pytest.approx(batch * seq_len / min(spent), rel=0.5)

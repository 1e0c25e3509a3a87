"""Which models are held, and for how long."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
from run_with_model import add_checkpoint, run_with_model

from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_core.runs.talking_models import Held, Models

NOW = 1_800_000_000.0
NAMES = ("step-00000040", "step-00000041", "step-00000042")


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return run_with_model(tmp_path, steps=(40, 41, 42))


def get(models: Models, run: RunDirectory, checkpoint: str | None = None, precision: str = "float32") -> Held:
    told: list[int] = []
    held = models.get(run.path, checkpoint, precision, lambda: told.append(1))
    assert len(told) == held.fresh, "that it is read is said before"
    return held


def test_two_are_held_where_there_is_memory(run: RunDirectory) -> None:
    models = Models(free=lambda: 2**40)
    fresh = [get(models, run, NAMES[i]).fresh for i in (0, 1, 0, 1, 2, 1, 0)]
    assert fresh == [True, True, False, False, True, False, True]


def test_one_is_held_where_there_is_memory_for_one(run: RunDirectory) -> None:
    models = Models(free=lambda: 1000)
    fresh = [get(models, run, NAMES[i]).fresh for i in (0, 0, 1, 1, 0)]
    assert fresh == [True, False, True, False, True]


def test_what_is_let_go_is_gone(run: RunDirectory) -> None:
    models = Models(free=lambda: 1000)
    first = weakref.ref(get(models, run, NAMES[0]).opened.model)
    assert first() is not None
    get(models, run, NAMES[1])
    gc.collect()
    assert first() is None


def test_each_precision_is_a_model_of_its_own(run: RunDirectory) -> None:
    models = Models(free=lambda: 2**40)
    assert get(models, run, precision="float32").fresh
    assert get(models, run, precision="bfloat16").fresh
    assert not get(models, run, precision="float32").fresh


def test_without_a_name_it_is_the_best_and_the_latest_while_it_trains(run: RunDirectory) -> None:
    models = Models(clock=lambda: NOW)
    add_checkpoint(run, 50, best=False)
    assert get(models, run).opened.step == 42
    run.write_state(RunState(status="running", heartbeat=NOW).of_process(this_process()))
    assert get(models, run).opened.step == 50
    run.write_state(RunState(status="finished", heartbeat=NOW))
    again = get(models, run)
    assert (again.opened.step, again.fresh) == (42, False)


def test_a_checkpoint_that_is_gone_gives_way_to_another_which_is_said(run: RunDirectory) -> None:
    opened = get(Models(), run, "step-00000099").opened
    assert opened.step == 42
    assert any("step-00000099" in note for note in opened.notes)


@pytest.mark.parametrize("name", ["../../x", "\0", "x" * 5000, "step-1"])
def test_what_is_no_name_of_a_checkpoint_is_refused(run: RunDirectory, name: str) -> None:
    with pytest.raises(YsnakesError, match="no checkpoint's name"):
        get(Models(), run, name)

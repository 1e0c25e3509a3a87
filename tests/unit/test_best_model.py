"""Which model is a run's best when training goes back, and that it stays on the disk until one beats it."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from ysnakes_core.training.best_model import Scored, settle_best
from ysnakes_core.training.checkpoint import (
    available,
    checkpoint_name,
    load_checkpoint,
    load_newest,
    point,
    pointed,
    prune,
    save_checkpoint,
    step_of,
)


def save(folder: Path, step: int, score: float | None = None, *, weight: float = 0.0) -> str:
    """A checkpoint of ``step``, validated there if there is a ``score``; ``weight`` tells models apart."""
    name = checkpoint_name(step)
    state: dict[str, Any] = {
        "progress": {"step": step, "validated_at": -1 if score is None else step, "bits_per_byte": score}
    }
    tensors = {"weight": torch.tensor([weight])}
    save_checkpoint(folder, name, model=tensors, optimizer={}, state=state)
    return name


def weight_of(folder: Path, name: str) -> float:
    return float(load_checkpoint(folder, name).model["weight"])


@pytest.fixture
def gone_back(tmp_path: Path) -> Path:
    """Training went back to step 20, behind the best one of step 30."""
    save(tmp_path, 20, 2.0)
    point(tmp_path, "best", save(tmp_path, 30, 1.5, weight=1.0))
    save(tmp_path, 40, 1.7)
    assert settle_best(tmp_path, "step-00000020", 20, 20) == Scored(1.5, 30, "step-00000030-kept")
    point(tmp_path, "latest", "step-00000020")
    return tmp_path


def test_the_best_of_steps_left_behind_is_kept_whatever_is_saved_and_pruned_after(gone_back: Path) -> None:
    for step in (25, 30, 35, 40, 45):
        save(gone_back, step, 1.9)
        prune(gone_back, 1)
    assert available(gone_back) == ["step-00000030-kept", "step-00000045"]
    assert weight_of(gone_back, "best") == 1.0
    assert step_of("step-00000030-kept") == 30


def test_it_is_deleted_once_another_is_the_best(gone_back: Path) -> None:
    point(gone_back, "best", save(gone_back, 30, 1.4))
    save(gone_back, 40)
    prune(gone_back, 1)
    assert available(gone_back) == ["step-00000030", "step-00000040"]


def test_going_back_again_changes_nothing(gone_back: Path) -> None:
    save(gone_back, 25, 1.9)
    before = available(gone_back)
    assert settle_best(gone_back, "step-00000020", 20, 20) == Scored(1.5, 30, "step-00000030-kept")
    assert available(gone_back) == before


def test_the_same_step_may_be_left_behind_twice(gone_back: Path) -> None:
    point(gone_back, "best", save(gone_back, 30, 1.4, weight=2.0))
    assert settle_best(gone_back, "step-00000020", 20, 20) == Scored(1.4, 30, "step-00000030-kept")
    assert weight_of(gone_back, "best") == 2.0


def test_training_can_go_on_from_the_kept_one_but_does_not_fall_back_to_it(gone_back: Path) -> None:
    save(gone_back, 35, 1.9)
    (gone_back / "step-00000035" / "model.safetensors").unlink()
    assert load_newest(gone_back)[0].name == "step-00000020"
    assert load_newest(gone_back, "best")[0].name == "step-00000030-kept"
    point(gone_back, "latest", "step-00000030-kept")
    assert load_newest(gone_back)[0].name == "step-00000030-kept"
    assert settle_best(gone_back, "step-00000030-kept", 30, 30) == Scored(1.5, 30, "step-00000030-kept")


@pytest.mark.parametrize("links", [True, False])
def test_killed_at_any_moment_of_going_back_the_best_is_there_and_named(
    tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:  # as on a USB stick

        def refuse(self: Path, target: Path) -> None:
            raise OSError("no links here")

        monkeypatch.setattr(Path, "hardlink_to", refuse)

    class Killed(BaseException):
        pass

    def kill(*arguments: object, **more: object) -> None:
        raise Killed

    for moment in ("sync_folder", "point", "remove_checkpoint"):
        folder = tmp_path / moment
        save(folder, 20, 2.0)
        point(folder, "best", save(folder, 30, 1.5, weight=1.0))
        with monkeypatch.context() as patch:
            patch.setattr(f"ysnakes_core.training.best_model.{moment}", kill)
            with pytest.raises(Killed):
                settle_best(folder, "step-00000020", 20, 20)
        assert weight_of(folder, "best") == 1.0
        assert settle_best(folder, "step-00000020", 20, 20) == Scored(1.5, 30, "step-00000030-kept")
        assert weight_of(folder, "best") == 1.0


def test_a_kill_before_the_best_was_named_takes_nothing_from_it(tmp_path: Path) -> None:
    point(tmp_path, "best", save(tmp_path, 20, 2.0))
    save(tmp_path, 30, 1.5)
    assert settle_best(tmp_path, "step-00000030", 30, 30) == Scored(1.5, 30, "step-00000030")
    assert pointed(tmp_path, "best") == "step-00000030"


def test_where_the_best_is_gone_it_is_the_best_of_what_is_gone_on_from(tmp_path: Path) -> None:
    save(tmp_path, 20, 2.0)
    save(tmp_path, 25)
    point(tmp_path, "best", save(tmp_path, 30, 1.5))
    shutil.rmtree(tmp_path / "step-00000030")
    assert settle_best(tmp_path, "step-00000025", 25, 20) == Scored(2.0, 20, "step-00000020")
    assert pointed(tmp_path, "best") == "step-00000020"


def test_a_checkpoint_that_was_never_scored_is_no_best(tmp_path: Path) -> None:
    save(tmp_path, 20)
    save(tmp_path, 30, math.nan)
    point(tmp_path, "best", "step-00000030")
    assert settle_best(tmp_path, "step-00000020", 20, None) is None

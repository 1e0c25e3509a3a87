"""The best model of a run: the one that ``checkpoints/best`` names, whatever course training took since.

Scores are bits per byte of the same validation text, so those of steps that training went back behind can
be compared with those that came after. What was best stays best, and stays on the disk, until a model beats
it. Its step may come again in the new course, so it is kept under a name that no step has.
"""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import explain, sync_file, sync_folder
from ysnakes_core.training.checkpoint import (
    KEPT,
    TEMPORARY,
    available,
    checkpoint_name,
    place_of,
    point,
    pointed,
    read_record,
    remove_checkpoint,
)


@dataclass(frozen=True)
class Scored:
    """A checkpoint whose very model was scored on the validation text."""

    bits_per_byte: float
    step: int
    name: str


def scored(folder: Path, name: str) -> Scored | None:
    """What a checkpoint says of its model's score; None if it was not validated or cannot be read."""
    try:
        progress = read_record(place_of(folder, name), name)["state"].get("progress")
    except (YsnakesError, OSError):
        return None
    if not isinstance(progress, dict):
        return None
    step, score = progress.get("step"), progress.get("bits_per_byte")
    if type(step) is not int or progress.get("validated_at") != step or type(score) is not float:
        return None
    return Scored(score, step, name) if math.isfinite(score) else None


def settle_best(folder: Path, resumed: str, step: int, best_step: int | None) -> Scored | None:
    """Find the best model when training goes on from ``resumed``, and see that it stays.

    That is the one which ``best`` names. A kill may have come before it was named; then it is what is gone on
    from, or the best that this knew of (``best_step``). One that lies after ``step`` gets its name for good.
    None where nothing on the disk was scored. Raises ``YsnakesError``.
    """
    named = pointed(folder, "best")
    names = {named, resumed, checkpoint_name(best_step) if best_step is not None else None}
    there = names & set(available(folder))
    found = [score for name in sorted(filter(None, there)) if (score := scored(folder, name)) is not None]
    if not found:
        return None
    # Of equal ones the one that is named, so that nothing changes without need.
    best = min(found, key=lambda score: (score.bits_per_byte, score.name != named))
    if best.step > step and not best.name.endswith(KEPT):
        best = _keep(folder, best)
    elif best.name != named:
        point(folder, "best", best.name)
    return best


def _keep(folder: Path, best: Scored) -> Scored:
    """Give the best model a name that no step has; at every moment ``best`` names a whole one."""
    kept = best.name + KEPT
    temporary = folder / f"{TEMPORARY}{os.getpid()}-{kept}"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        remove_checkpoint(folder, kept)  # of an earlier time: it is not the best
        temporary.mkdir()
        for file in place_of(folder, best.name).iterdir():
            _link(file, temporary / file.name)
        sync_folder(temporary)
        temporary.rename(folder / kept)
        sync_folder(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise explain(error, folder / kept, "keep the best checkpoint as") from error
    point(folder, "best", kept)
    remove_checkpoint(folder, best.name)
    return Scored(best.bits_per_byte, best.step, kept)


def _link(file: Path, target: Path) -> None:
    """Another name for a file, a copy where the file system has no such thing."""
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, target)
        sync_file(target)

"""The models that the talking process holds: those used last, each as its files stand now."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ysnakes_core.completion.engine import Completer
from ysnakes_core.model.precision import Precision
from ysnakes_core.runs.directory import RunDirectory, open_run
from ysnakes_core.runs.opening import OpenedModel, is_training, open_model
from ysnakes_core.training.checkpoint import MODEL_FILE, POINTERS, available, pointed
from ysnakes_core.training.memory import available_memory

HELD = 2  # so that two can be compared
NEEDED = 2.5  # times the bytes of a checkpoint's weights: while it is read they are there twice


@dataclass(frozen=True)
class Held:
    """A model, ready to complete text with. ``fresh``: it was read from the disk for whoever asked."""

    run: RunDirectory
    opened: OpenedModel
    completer: Completer
    fresh: bool


class Models:
    """The models used last, ``HELD`` at most, and fewer where there is no memory for so many.

    One that somebody still computes with lives on until that ends. ``clock`` gives Unix seconds, ``free`` the
    bytes of memory that could be had.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        free: Callable[[], int] = lambda: available_memory("cpu"),
    ) -> None:
        self._clock, self._free = clock, free
        self._held: OrderedDict[tuple[Any, ...], tuple[OpenedModel, Completer]] = OrderedDict()

    def get(self, path: Path, checkpoint: str | None, precision: str, loading: Callable[[], None]) -> Held:
        """The model of the run in ``path`` that is meant now; ``loading`` is called before it is read.

        Raises ``YsnakesError`` as ``open_model`` does, and where the run is gone, even if it is held.
        """
        run = open_run(path.parent, path.name)
        name = self._meant(run, checkpoint)
        weights = run.checkpoints_folder / name / MODEL_FILE
        files = [_stamp(file) for file in (weights, run.config_file, run.tokenizer_file)]
        key = (str(path), precision, name, *files)
        fresh = key not in self._held
        if fresh:
            loading()
            self._make_room(NEEDED * files[0].size)
            opened = open_model(run, checkpoint, precision=cast(Precision, precision), now=self._clock())
            self._held[key] = opened, Completer(opened.model, opened.tokenizer)
        self._held.move_to_end(key)
        return Held(run, *self._held[key], fresh)

    def _make_room(self, needed: float) -> None:
        """Let those go that were not used for longest, until there is room for one more of so many bytes."""
        while len(self._held) >= HELD or (self._held and self._free() < needed):
            self._held.popitem(last=False)

    def _meant(self, run: RunDirectory, checkpoint: str | None) -> str:
        """The name of the checkpoint that is meant now; "" if there is none."""
        folder = run.checkpoints_folder
        name = checkpoint or ("latest" if is_training(run, self._clock()) else "best")
        if name not in POINTERS:
            return name
        return pointed(folder, name) or pointed(folder, "latest") or "".join(available(folder)[-1:])


@dataclass(frozen=True)
class _Stamp:
    """What tells a file from another of the same name; all zero where there is none."""

    changed: int = 0
    size: int = 0
    inode: int = 0


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except (OSError, ValueError):  # a name with a zero byte in it is none
        return _Stamp()
    return _Stamp(status.st_mtime_ns, status.st_size, status.st_ino)

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

HELD = 2  # so that two can be compared


@dataclass(frozen=True)
class Held:
    """A model, ready to complete text with. ``fresh``: it was read from the disk for whoever asked."""

    run: RunDirectory
    opened: OpenedModel
    completer: Completer
    fresh: bool


class Models:
    """The models used last, ``HELD`` at most. ``clock`` gives Unix seconds.

    One that somebody still computes with lives on until that ends.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._held: OrderedDict[tuple[Any, ...], tuple[OpenedModel, Completer]] = OrderedDict()

    def get(self, path: Path, checkpoint: str | None, precision: str, loading: Callable[[], None]) -> Held:
        """The model of the run in ``path`` that is meant now; ``loading`` is called before it is read.

        Raises ``YsnakesError`` as ``open_model`` does, and where the run is gone, even if it is held.
        """
        run = open_run(path.parent, path.name)
        key = (str(path), precision, *self._identity(run, checkpoint))
        fresh = key not in self._held
        if fresh:
            loading()
            while len(self._held) >= HELD:  # first, so that there is memory for the new one
                self._held.popitem(last=False)
            opened = open_model(run, checkpoint, precision=cast(Precision, precision), now=self._clock())
            self._held[key] = opened, Completer(opened.model, opened.tokenizer)
        self._held.move_to_end(key)
        return Held(run, *self._held[key], fresh)

    def _identity(self, run: RunDirectory, checkpoint: str | None) -> tuple[Any, ...]:
        """Which checkpoint is meant now, and what tells its files from others of the same name."""
        folder = run.checkpoints_folder
        name = checkpoint or ("latest" if is_training(run, self._clock()) else "best")
        if name in POINTERS:
            name = pointed(folder, name) or pointed(folder, "latest") or "".join(available(folder)[-1:])
        return name, *map(_stamp, (folder / name / MODEL_FILE, run.config_file, run.tokenizer_file))


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except (OSError, ValueError):  # a name with a zero byte in it is none
        return 0, 0, 0
    return status.st_mtime_ns, status.st_size, status.st_ino

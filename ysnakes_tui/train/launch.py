"""From a configuration to a run for which a worker was started."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory, create_run, delete_run


def launch(
    runs_folder: Path, config: RunConfig, name: str | None, start: Callable[[RunDirectory], int]
) -> tuple[RunDirectory, int]:
    """Make a run (None: with a friendly name) and ``start`` its worker, which may not be there yet; its pid.

    Where that fails no run is left behind. Raises what ``create_run`` and ``start`` do.
    """
    run = create_run(runs_folder, config, name)
    try:
        return run, start(run)
    except BaseException:
        with contextlib.suppress(YsnakesError):
            delete_run(runs_folder, run.name, time.time())
        raise

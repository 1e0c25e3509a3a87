"""From a configuration to a run that a worker trains."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory, create_run, delete_run
from ysnakes_core.runs.launching import has_started, start_worker, worker_log_tail

WAIT_SECONDS = 10.0  # for a worker to be there; on a machine that is slower than that it comes later
_LOOK_SECONDS = 0.05


def start_and_see(run: RunDirectory) -> None:
    """Start a worker, and wait until it is there: what the run's state says from then on is about it.

    Raises ``YsnakesError`` if it cannot be started or ended at once.
    """
    pid = start_worker(run)
    deadline = time.monotonic() + WAIT_SECONDS
    while not has_started(run, pid) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def launch(
    runs_folder: Path, config: RunConfig, name: str | None, start: Callable[[RunDirectory], object]
) -> RunDirectory:
    """Make a run (None: with a friendly name) and ``start`` it.

    Where that fails no run is left behind, unless there is a log in it that says why. Raises what
    ``create_run`` and ``start`` do.
    """
    run = create_run(runs_folder, config, name)
    try:
        start(run)
    except BaseException:
        if not worker_log_tail(run):
            with contextlib.suppress(YsnakesError):
                delete_run(runs_folder, run.name, time.time())
        raise
    return run

"""From what a person types to a run, and from a run to what a person can type."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ysnakes_core.errors import UsageError
from ysnakes_core.files import printable
from ysnakes_core.paths import runs_dir
from ysnakes_core.runs.directory import RunDirectory, find_runs, list_runs, open_run

if TYPE_CHECKING:
    from ysnakes_core.runs.opening import OpenedModel

LATEST = "latest"


def find_run(named: str, folder: Path | None) -> RunDirectory:
    """The run of that name in the runs folder, else at that path, else (``latest``) the one last alive.

    ``folder`` is what ``--runs-dir`` gave. Raises ``UsageError`` if there is none.
    """
    runs = runs_dir(folder)
    is_name = "/" not in named and "\\" not in named
    if is_name and (runs / named / "config.toml").is_file():
        return open_run(runs, named)
    if named == LATEST:
        if not find_runs(runs):
            raise UsageError("there is no run yet", "make one with: ysnakes train")
        usable = [found for found in list_runs(runs, time.time()) if found.status != "broken"]
        if not usable:
            raise UsageError("there is no run that can be read", "see what is wrong with: ysnakes runs list")
        return open_run(runs, usable[0].run.name)
    path = Path(named).expanduser()
    if (path / "config.toml").is_file():
        path = path.absolute() if path.name not in ("", "..") else path.resolve()
        return open_run(path.parent, path.name)
    if not is_name:
        raise UsageError(f"there is no run at {named}", "a run is a folder with a config.toml in it")
    return open_run(runs, named)  # says which runs there are


def checked_checkpoint(run: RunDirectory, name: str | None) -> str | None:
    """``name`` if the run has that checkpoint. One that is broken is fallen back from, one never there isn't.

    Raises ``UsageError``.
    """
    from ysnakes_core.training.checkpoint import POINTERS, available

    names = available(run.checkpoints_folder)
    if name is None or name in POINTERS or name in names:
        return name
    there = ", ".join(["best", "latest", *names[-6:]])
    raise UsageError(f"the run “{run.name}” has no checkpoint “{name}”", f"choose one of: {there}")


def chosen_checkpoint(opened: OpenedModel, asked: str | None) -> str:
    """The checkpoint that answers, and why it is that one where nobody asked for it."""
    if asked is None and opened.training:
        return f"{opened.checkpoint} (its latest, for it is still training)"
    return opened.checkpoint


def command(verb: str, run: RunDirectory, folder: Path | None, *rest: str) -> str:
    """The command line that does ``verb`` with a run, as it can be typed here.

    It is safe to show, so that of a folder with control characters in its name cannot be typed.
    """
    if run.path.parent == runs_dir(None):
        words = [run.name]
    elif folder is not None and run.path.parent == runs_dir(folder):
        words = [run.name, "--runs-dir", str(folder)]
    else:
        words = [str(run.path)]
    return printable(" ".join([f"ysnakes {verb}", *map(shlex.quote, words), *rest]))

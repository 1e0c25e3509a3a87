"""A run on disk: ``runs/<name>/`` is the single source of truth for everyone who shows or steers it.

::

    config.toml      everything resolved, editable before a resume
    tokenizer.json
    events.jsonl     append-only log (see ``events``)
    state.json       how the run stands (see ``state``)
    control/         commands to the worker (see ``control``)
    checkpoints/     step-00001200/ …, best, latest (see ``training.checkpoint``)
    worker.log       what the worker printed
    lock             held by whoever trains
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ysnakes_core.configuration import RunConfig, from_toml, to_toml
from ysnakes_core.errors import RunError, UsageError, YsnakesError
from ysnakes_core.files import (
    explain,
    holding,
    printable,
    read_limited,
    remove_leftovers,
    safe_name,
    sync_folder,
    write_atomically,
    write_new,
)
from ysnakes_core.runs.names import friendly_name
from ysnakes_core.runs.state import RunState

MAX_CONFIG_BYTES = 2**20
MAX_STATE_BYTES = 2**16
_LEFTOVER_SECONDS = 600.0  # no write takes this long, so an older temporary file has no writer
_NEW, _DELETED = ".new-", ".deleted-"


@dataclass(frozen=True)
class RunDirectory:
    """The places and small files of one run. Make one with ``create_run`` or ``open_run``."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def config_file(self) -> Path:
        return self.path / "config.toml"

    @property
    def tokenizer_file(self) -> Path:
        return self.path / "tokenizer.json"

    @property
    def events_file(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    @property
    def control_folder(self) -> Path:
        return self.path / "control"

    @property
    def checkpoints_folder(self) -> Path:
        return self.path / "checkpoints"

    @property
    def worker_log(self) -> Path:
        return self.path / "worker.log"

    @property
    def lock_file(self) -> Path:
        return self.path / "lock"

    def read_config(self) -> RunConfig:
        """What ``config.toml`` says. Raises ``YsnakesError`` if unreadable, ``UsageError`` if it is wrong."""
        try:
            content = read_limited(self.config_file, MAX_CONFIG_BYTES).decode()
        except UnicodeDecodeError as error:
            raise RunError(f"{self._shown}'s config.toml is not UTF-8 text", "mend or restore it") from error
        except OSError as error:
            raise explain(error, self.config_file, "read") from error
        try:
            return from_toml(content)
        except UsageError as error:
            raise UsageError(f"in {self._shown}'s config.toml: {error.what}", error.hint) from error

    def write_config(self, config: RunConfig) -> None:
        write_atomically(self.config_file, to_toml(config))

    def read_state(self) -> RunState:
        """What ``state.json`` says; one that no worker began is ``stopped``. Raises ``YsnakesError``."""
        try:
            return RunState.from_json(read_limited(self.state_file, MAX_STATE_BYTES))
        except FileNotFoundError:
            return RunState(status="stopped", message="not begun")
        except OSError as error:
            raise explain(error, self.state_file, "read") from error

    def write_state(self, state: RunState) -> None:
        write_atomically(self.state_file, state.to_json())

    @contextlib.contextmanager
    def training_lock(self) -> Iterator[None]:
        """Held by whoever trains the run, so that two never do. Raises ``RunError`` if another holds it."""
        busy = RunError(
            f"{self._shown} is being worked on by another process",
            f"see it with: ysnakes runs show {self.name}; end that with: ysnakes runs stop {self.name}",
        )
        with holding(self.lock_file, busy):
            for folder in (self.path, self.control_folder, self.checkpoints_folder):
                remove_leftovers(folder, time.time() - _LEFTOVER_SECONDS)
            yield

    @property
    def _shown(self) -> str:
        return f"the run “{printable(self.name, 60)}”"


def create_run(
    runs_folder: Path, config: RunConfig, name: str | None = None, *, rng: random.Random | None = None
) -> RunDirectory:
    """A new run with its configuration, there whole or not at all; without a ``name`` it gets a friendly one.

    Raises ``UsageError`` for a name that is taken or not allowed, ``YsnakesError`` if it cannot be written.
    """
    if name is not None:
        safe_name(name)
    rng = rng or random.Random()
    fresh = runs_folder / f"{_NEW}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        runs_folder.mkdir(parents=True, exist_ok=True)
        try:
            for folder in (fresh, fresh / "control", fresh / "checkpoints"):
                folder.mkdir()
            write_new(fresh / "config.toml", to_toml(config).encode())
            sync_folder(fresh)
            while True:
                chosen = name or friendly_name(rng, lambda taken: os.path.lexists(runs_folder / taken))
                if not os.path.lexists(runs_folder / chosen) and _claimed(fresh, runs_folder / chosen):
                    break
                if name is not None:
                    raise UsageError(
                        f"there is already a run “{name}”", f"choose another name, or: --resume {name}"
                    )
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        sync_folder(runs_folder)
    except OSError as error:
        raise explain(error, runs_folder, "make a run in") from error
    return RunDirectory(runs_folder / chosen)


def _claimed(fresh: Path, target: Path) -> bool:
    """Whether ``fresh`` became ``target``; not so if another process was first."""
    try:
        fresh.rename(target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            return False
        raise
    return True


def open_run(runs_folder: Path, name: str) -> RunDirectory:
    """The run ``name``. Raises ``UsageError`` if there is none, ``RunError`` if it is not safe to use.

    A link inside a run from someone else could make training write anywhere, so there may be none.
    """
    run = RunDirectory(runs_folder / safe_name(name))
    if not run.config_file.is_file():
        names = ", ".join(found.name for found in find_runs(runs_folder)[:8])
        hint = f"there are: {names}" if names else "make one with: ysnakes train"
        raise UsageError(f"there is no run “{printable(name)}” in {printable(str(runs_folder))}", hint)
    for place in run.path.iterdir():
        if place.is_symlink():
            raise RunError(
                f"the run “{name}” has a link in it: {printable(place.name, 60)}",
                "put the file or folder itself in its place (the run's whole folder may be a link)",
            )
    return run


def find_runs(runs_folder: Path) -> list[RunDirectory]:
    """Every folder that looks like a run, also a broken one, by name. No folder, no runs."""
    parts = ("config.toml", "state.json", "events.jsonl", "checkpoints")
    try:
        entries = sorted(runs_folder.iterdir())
    except OSError:
        return []
    folders = [entry for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    return [RunDirectory(f) for f in folders if any(os.path.lexists(f / part) for part in parts)]


@dataclass(frozen=True)
class RunSummary:
    """One line of a list of runs. A broken run has a ``problem`` and what could be read."""

    run: RunDirectory
    status: str  # as ``RunState.effective_status``, or "broken"
    state: RunState | None
    config: RunConfig | None
    problem: str = ""


def list_runs(runs_folder: Path, now: float) -> list[RunSummary]:
    """All runs, broken ones too, the one last alive first. ``now`` is Unix seconds."""
    summaries = [summarize(run, now) for run in find_runs(runs_folder)]
    return sorted(summaries, key=lambda summary: -_last_seen(summary))


def summarize(run: RunDirectory, now: float) -> RunSummary:
    """How ``run`` stands; what is broken about it is told, not raised."""
    state, config, problems = None, None, []
    try:
        state = run.read_state()
    except YsnakesError as error:
        problems.append(error.what)
    try:
        config = run.read_config()
    except YsnakesError as error:
        problems.append(error.what)
    status = "broken" if state is None or config is None else state.effective_status(now)
    return RunSummary(run, status, state, config, "; ".join(problems))


def _last_seen(summary: RunSummary) -> float:
    if summary.state is not None and summary.state.heartbeat:
        return summary.state.heartbeat
    try:
        return summary.run.path.stat().st_mtime
    except OSError:
        return 0.0


def delete_run(runs_folder: Path, name: str, now: float) -> None:
    """Delete the run ``name`` with all it holds; links are removed, never followed.

    Raises ``UsageError`` if it is no run, ``RunError`` while a worker has it.
    """
    run = RunDirectory(runs_folder / safe_name(name))
    if run.path.is_symlink() or not _is_plain_file(run.config_file):
        raise UsageError(
            f"“{name}” is not a run in {printable(str(runs_folder))}, so it is left alone",
            "only a folder with a config.toml in it can be deleted; remove a link or a broken run by hand",
        )
    try:
        working = run.read_state().has_worker(now)
    except YsnakesError:
        working = False  # a damaged state is no reason to keep it; the lock below still is
    if working:
        raise RunError(f"the run “{name}” has a living worker", f"stop it first: ysnakes runs stop {name}")
    doomed = runs_folder / f"{_DELETED}{name}-{secrets.token_hex(4)}"
    try:
        with run.training_lock():
            if os.name != "nt":  # Windows cannot rename a folder with an open file in it
                run.path.rename(doomed)
        if os.name == "nt":
            run.path.rename(doomed)
        shutil.rmtree(doomed)
        _sweep(runs_folder, now)
    except OSError as error:
        raise explain(error, run.path, "delete") from error


def _sweep(runs_folder: Path, now: float) -> None:
    """Remove what killed deletions and creations left."""
    for entry in list(runs_folder.iterdir()):
        with contextlib.suppress(FileNotFoundError):  # another process sweeps too
            unfinished = entry.name.startswith(_NEW) and entry.lstat().st_mtime < now - _LEFTOVER_SECONDS
            if unfinished or entry.name.startswith(_DELETED):
                shutil.rmtree(entry, ignore_errors=True)


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False

"""Renaming runs, and deleting them in a way that can be undone until whoever deleted them ends.

A deleted run is moved aside, within the runs folder, so that nothing is copied and undoing is a rename::

    runs/.trash/<session>/<number>/<name>/
    runs/.trash/<session>.lock             held while the session lives

A session that was killed leaves its folder behind; ``sweep_trash`` removes it, as nobody holds its lock.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from ysnakes_core.errors import RunError, UsageError, YsnakesError
from ysnakes_core.files import explain, printable, safe_name, sync_folder, try_lock
from ysnakes_core.runs.directory import RunDirectory, find_runs

TRASH = ".trash"
KEPT_SECONDS = 24 * 3600.0  # what a program deleted that did not end properly can be brought back so long


def rename_run(runs_folder: Path, name: str, new_name: str, now: float) -> RunDirectory:
    """Give the run ``name`` another name; the run under it. ``now`` is Unix seconds.

    Raises:
        UsageError: there is no such run, or the new name is taken or not allowed.
        RunError: a worker has the run.
    """
    run = _existing(runs_folder, name)
    target = runs_folder / safe_name(new_name)
    if new_name == name:
        return run
    if os.path.lexists(target) and not _same(run.path, target):  # the same where case makes no difference
        raise UsageError(f"there is already a run “{new_name}”", "choose another name")
    _move(run, target, now, "rename")
    return RunDirectory(target)


@dataclass(frozen=True)
class Trashed:
    """A run that was moved aside."""

    name: str
    place: Path


class Trash:
    """What one program deleted from a runs folder. Its methods may be called from any thread."""

    def __init__(self, runs_folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        """``clock`` gives Unix seconds. Nothing is made on the disk before something is deleted."""
        self.runs_folder = runs_folder
        self._clock = clock
        self._content: list[Trashed] = []
        self._left: list[Trashed] = []  # by programs that did not end properly
        self._folder: Path | None = None
        self._lock: FileLock | None = None
        self._number = 0
        self._busy = threading.Lock()

    @property
    def content(self) -> tuple[Trashed, ...]:
        """What can be brought back, the last deleted last; before it what ``find_left`` found."""
        return (*self._left, *self._content)

    def find_left(self) -> None:
        """See what programs deleted that did not end properly. It can be brought back, too, and stays there
        when this one's is removed: nobody was told that it would be gone.
        """
        with self._busy:
            self._left = _left_in(self.runs_folder / TRASH)

    def delete(self, name: str) -> Trashed:
        """Move the run ``name`` aside.

        Raises:
            UsageError: it is no run, so it is left alone.
            RunError: a worker has it.
        """
        with self._busy:
            return self._delete(name)

    def _delete(self, name: str) -> Trashed:
        run = _existing(self.runs_folder, name)
        if run.path.is_symlink() or not _is_plain_file(run.config_file):
            raise UsageError(
                f"“{printable(name, 60)}” is a link or has no config.toml, so it is left alone",
                "remove it by hand if it is not wanted",
            )
        try:
            place = self._session() / str(self._number) / name
            self._number += 1
            place.parent.mkdir()
        except OSError as error:
            raise explain(error, self.runs_folder / TRASH, "make a folder in") from error
        _move(run, place, self._clock(), "delete")
        trashed = Trashed(name, place)
        self._content.append(trashed)
        return trashed

    def undo(self) -> RunDirectory:
        """Bring back what was deleted last, under another name if its own is taken meanwhile.

        Raises ``UsageError`` if there is nothing, ``YsnakesError`` if it cannot be moved.
        """
        with self._busy:
            return self._undo()

    def _undo(self) -> RunDirectory:
        content = self._content or self._left
        if not content:
            raise UsageError("nothing was deleted since the app was opened", "there is nothing to bring back")
        trashed = content[-1]
        name, number = trashed.name, 2
        while os.path.lexists(self.runs_folder / name):
            name, number = f"{trashed.name}-{number}", number + 1
        try:
            trashed.place.rename(self.runs_folder / name)
            sync_folder(self.runs_folder)
        except OSError as error:
            raise explain(error, trashed.place, "bring back") from error
        content.pop()
        return RunDirectory(self.runs_folder / name)

    def empty(self) -> None:
        """Remove for good what was deleted. What cannot be removed now, a later ``sweep_trash`` tries."""
        with self._busy:
            self._content.clear()
            if self._folder is not None and self._lock is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                _release(self._lock)
                with contextlib.suppress(OSError):
                    self._folder.parent.rmdir()
            self._folder = self._lock = None

    def _session(self) -> Path:
        """The folder of this session. Its lock comes first, so that nobody takes it for a dead one's."""
        if self._folder is None:
            trash = self.runs_folder / TRASH
            trash.mkdir(exist_ok=True)
            folder = trash / secrets.token_hex(8)
            lock = try_lock(folder.with_suffix(".lock"))
            if lock is None:
                raise RunError("the folder of deleted runs is in use", "try again")
            self._lock = lock
            folder.mkdir()
            self._folder = folder
        return self._folder


def sweep_trash(runs_folder: Path, now: float) -> None:
    """Remove what sessions that did not end properly deleted more than ``KEPT_SECONDS`` ago.

    ``now`` is Unix seconds. Never raises for what is there.
    """
    trash = runs_folder / TRASH
    with contextlib.suppress(OSError, YsnakesError):
        for folder in _sessions(trash):
            if now - folder.stat().st_mtime < KEPT_SECONDS:  # it changes with each deletion
                continue
            lock = try_lock(folder.with_suffix(".lock"))
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                _release(lock)
        if not trash.is_symlink():
            trash.rmdir()


def _sessions(trash: Path) -> list[Path]:
    if trash.is_symlink() or not trash.is_dir():
        return []
    return [entry for entry in trash.iterdir() if entry.is_dir() and not entry.is_symlink()]


def _left_in(trash: Path) -> list[Trashed]:
    """What is in folders whose session is over, the last deleted last."""
    found: list[tuple[float, int, Trashed]] = []
    with contextlib.suppress(OSError, YsnakesError):
        for folder in _sessions(trash):
            lock = try_lock(folder.with_suffix(".lock"))
            if lock is None:
                continue
            try:
                when = folder.stat().st_mtime
                for place in folder.glob("[0-9]*/*"):
                    if place.parent.name.isdecimal() and _is_plain_file(place / "config.toml"):
                        found.append((when, int(place.parent.name), Trashed(place.name, place)))
            finally:
                _release(lock)
    return [trashed for _, _, trashed in sorted(found, key=lambda each: each[:2])]


def _existing(runs_folder: Path, name: str) -> RunDirectory:
    """The run of exactly that name, also one that we would not give (made by hand, or a stranger's)."""
    for run in find_runs(runs_folder):
        if run.name == name:
            return run
    raise UsageError(
        f"there is no run “{printable(name, 60)}” in {printable(str(runs_folder))}", "it may be gone already"
    )


def refuse_if_trained(run: RunDirectory, now: float, doing: str) -> None:
    """Raise ``RunError`` if a worker has the run, so that nobody may ``doing`` (delete, rename) it.

    ``now`` is Unix seconds.
    """
    shown = printable(run.name, 60)
    try:
        working = run.read_state().has_worker(now)
    except YsnakesError:
        working = False  # a damaged state is no reason to keep it; the lock below still is
    if working:
        raise RunError(
            f"the run “{shown}” has a living worker, so it cannot be {doing}d now",
            f"stop it first: ysnakes runs stop {shown}",
        )


def _move(run: RunDirectory, target: Path, now: float, doing: str) -> None:
    refuse_if_trained(run, now, doing)
    try:
        with run.training_lock():
            if os.name != "nt":  # Windows cannot rename a folder with an open file in it
                run.path.rename(target)
        if os.name == "nt":
            run.path.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise explain(error, run.path, doing) from error


def _release(lock: FileLock) -> None:
    lock.release()
    with contextlib.suppress(OSError):
        Path(lock.lock_file).unlink()


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False

"""The way back: what files were before they were changed, in a hidden folder beside them.

``.ysnakes-originals`` in the folder of a changed file holds its earlier contents, ``<name>.<number>``, and
``originals.jsonl`` with one line for each: name, number, and the SHA-256 of the file before and after. They
are there, and on the disk, before the file itself is touched. Restoring takes the last of them back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ysnakes_core.errors import DataError, UsageError
from ysnakes_core.files import append_line, explain, holding, printable, write_atomically
from ysnakes_core.synthesis.curation.file_edits import FileEdit

FOLDER = ".ysnakes-originals"
_LOG = "originals.jsonl"
_LOCK = "lock"
_NUMBERED = re.compile(r"(.+)\.(\d{1,9})")


@dataclass(frozen=True)
class Restored:
    """A file that has its earlier content again; ``edited`` is where later changes by others were kept."""

    path: Path
    edited: Path | None = None


def write_edits(edits: Sequence[FileEdit]) -> list[Path]:
    """Write the edits, each file whole or not at all, its original kept first; the files that were written.

    DataError where a file is not what the edit was made from; YsnakesError where the disk says no. What was
    written before that stays written, and can be restored.
    """
    written = []
    for edit in edits:
        if edit.after == edit.before:
            continue
        path = edit.path.resolve()
        with _locked(path.parent):
            if _content(path) != edit.before:
                raise DataError(
                    f"{printable(str(path))} was changed in the meantime and is left as it is",
                    "run the command again",
                )
            _keep(path, edit.before, edit.after)
            _replace(path, edit.after)
        written.append(path)
    return written


def restore(paths: Iterable[Path]) -> list[Restored]:
    """Give each file under ``paths`` the content it had before it was last changed here.

    Once more goes one change further back. UsageError where nothing is kept for any of them.
    """
    restored = []
    paths = [path.expanduser() for path in paths]
    for path in paths:
        for folder, name in _places(path):
            for found in sorted(_kept_names(folder)):
                if name in (None, found):
                    with _locked(folder):
                        restored.append(_restore(folder, found))
    if not restored:
        names = ", ".join(printable(str(path)) for path in paths)
        raise UsageError(
            f"no originals are kept for {names}",
            "--restore goes back to before `ysnakes data check --fix` or `dedup --fix`",
        )
    return restored


def _places(path: Path) -> Iterable[tuple[Path, str | None]]:
    """Folders to look into and, for a file, its name."""
    if not path.is_dir():
        real = path.resolve()
        return [(real.parent, real.name)]
    # The originals' own folders are hidden, like all that reading leaves out.
    found = []
    for place, folders, _ in os.walk(path):
        if FOLDER in folders:
            found.append((Path(place).resolve(), None))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
    return found


def _kept_names(folder: Path) -> set[str]:
    names = set()
    with contextlib.suppress(OSError):
        for entry in (folder / FOLDER).iterdir():
            numbered = _NUMBERED.fullmatch(entry.name)
            if numbered and entry.is_file() and not entry.is_symlink():
                names.add(numbered[1])
    return names


def _last_number(folder: Path, name: str) -> int:
    numbers = [0]
    with contextlib.suppress(OSError):
        for entry in (folder / FOLDER).iterdir():
            numbered = _NUMBERED.fullmatch(entry.name)
            if numbered and numbered[1] == name:
                numbers.append(int(numbered[2]))
    return max(numbers)


def _keep(path: Path, before: bytes, after: bytes) -> None:
    number = _last_number(path.parent, path.name) + 1
    write_atomically(path.parent / FOLDER / f"{path.name}.{number}", before)
    entry = {"name": path.name, "number": number, "before": _hash(before), "after": _hash(after)}
    append_line(path.parent / FOLDER / _LOG, json.dumps(entry), durable=True)


def _restore(folder: Path, name: str) -> Restored:
    path = folder / name
    number = _last_number(folder, name)
    kept = folder / FOLDER / f"{name}.{number}"
    original = _content(kept)
    edited = None
    try:
        now: bytes | None = path.read_bytes()
    except FileNotFoundError:
        now = None
    except OSError as error:
        raise explain(error, path, "read") from error
    if now is not None and now != original and _hash(now) != _after(folder, name, number):
        # Somebody went on with the changed file; that must not be lost either.
        edited = _free_name(folder / FOLDER / f"{name}.edited")
        write_atomically(edited, now)
    if now != original:
        _replace(path, original)
    kept.unlink()
    return Restored(path, edited)


def _after(folder: Path, name: str, number: int) -> str:
    """The hash that the file had after it was changed; "" where that is not known."""
    found = ""
    with contextlib.suppress(OSError):
        for line in (folder / FOLDER / _LOG).read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and (entry.get("name"), entry.get("number")) == (name, number):
                    found = str(entry.get("after", ""))
    return found


def _free_name(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return free


def _replace(path: Path, content: bytes) -> None:
    """Replace a file's content and keep its permissions."""
    mode = None
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
    write_atomically(path, content)
    if mode is not None:
        with contextlib.suppress(OSError):
            path.chmod(mode)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error


def _locked(folder: Path) -> contextlib.AbstractContextManager[None]:
    kept = folder / FOLDER
    try:
        kept.mkdir(exist_ok=True)
    except OSError as error:
        raise explain(error, kept, "make") from error
    return holding(
        kept / _LOCK,
        DataError(
            f"another command is changing files in {printable(str(folder))}", "wait for it and run again"
        ),
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

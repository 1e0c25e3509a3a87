"""Checkpoints that are whole or not there: two safetensors files and a JSON state that holds their hashes.

``checkpoints/step-00001200/`` holds ``model.safetensors``, ``optimizer.safetensors`` and ``state.json``;
``checkpoints/best`` and ``checkpoints/latest`` hold the name of one. Nothing is ever unpickled, so opening
a stranger's checkpoint cannot run code. Where training went back behind the best one, that is called
``step-00001200-kept`` (see ``best_model``): the step may come again.

A checkpoint is written to ``.tmp-…``, every file and the folder are fsynced, and only then is it renamed.
Saving a name that exists already moves the old one to ``.replaced-NAME`` for the moment between two
renames; if a kill falls there, readers still find it and the next save puts it back.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ysnakes_core.errors import RunError, UsageError, YsnakesError
from ysnakes_core.files import (
    explain,
    printable,
    read_limited,
    sync_file,
    sync_folder,
    write_atomically,
    write_new,
)
from ysnakes_core.training.checkpoint_state import decode_state, encode_state

POINTERS = ("best", "latest")
FORMAT = 1
MODEL_FILE, OPTIMIZER_FILE, STATE_FILE = "model.safetensors", "optimizer.safetensors", "state.json"
MAX_STATE_BYTES = 32 * 2**20
KEPT = "-kept"
_NAME = re.compile(rf"step-[0-9]{{8}}(?:{KEPT})?")
_SYSTEM_ERROR = re.compile(r"os error ([0-9]{1,6})\)")
_HASH = re.compile(r"[0-9a-f]{64}")
TEMPORARY, _REPLACED = ".tmp-", ".replaced-"
_OTHER_VERSION = "use the version of ysnakes that made it"
_NOTHING_USABLE = "start the run again, or restore its checkpoints from a copy"


@dataclass(frozen=True)
class Checkpoint:
    """What was saved, on the CPU. Tensors that shared memory (a tied head) share it again."""

    name: str
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]


def checkpoint_name(step: int) -> str:
    """The name of the checkpoint of a step: ``step-00001200``."""
    return checked_name(f"step-{step:08d}")


def step_of(name: str) -> int:
    """The step that a checkpoint's name says."""
    return int(checked_name(name).removeprefix("step-").removesuffix(KEPT))


def checked_name(name: str) -> str:
    """``name`` if it is like ``step-00001200`` (so never a path), else ``UsageError``."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"“{printable(name, 60)}” is no checkpoint's name",
            "they are named like step-00001200, best or latest",
        )
    return name


def save_checkpoint(
    folder: Path,
    name: str,
    *,
    model: Mapping[str, Tensor],
    optimizer: Mapping[str, Tensor],
    state: Mapping[str, Any],
) -> None:
    """Save a checkpoint under ``folder`` and point ``latest`` to it; what was there stays whole until then.

    Tensors may be on any device, non-contiguous or shared; shared ones are stored once. ``state`` is JSON:
    None, booleans, whole numbers, floats (exact, also infinities and not-a-number), texts, bytes, lists and
    mappings with text keys. Raises ``YsnakesError`` (full disk, no permission) with nothing changed, and
    ``UsageError`` for a state that cannot be stored exactly.
    """
    checked_name(name)
    encoded = encode_state(state)
    target, temporary = folder / name, folder / f"{TEMPORARY}{os.getpid()}-{name}"
    replaced = folder / f"{_REPLACED}{name}"
    try:
        folder.mkdir(exist_ok=True)  # not what it lies in: a run that was moved away is not to be made anew
        _mend(folder)
        try:
            temporary.mkdir()
            files, tied = {}, {}
            for file, tensors in ((MODEL_FILE, model), (OPTIMIZER_FILE, optimizer)):
                tied[file] = _write_tensors(temporary / file, tensors)
                files[file] = {
                    "bytes": (temporary / file).stat().st_size,
                    "sha256": _sha256(temporary / file),
                }
            content = {"format": FORMAT, "name": name, "files": files, "tied": tied, "state": encoded}
            write_new(temporary / STATE_FILE, json.dumps(content, allow_nan=False, indent=1).encode())
            sync_folder(temporary)
            if target.exists():
                target.rename(replaced)
            temporary.rename(target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        sync_folder(folder)
        shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        raise explain(error, target, "save the checkpoint") from error
    except SafetensorError as error:  # wraps the operating system's error in its message
        if (told := _told_of(error)) is not None:
            raise explain(told, target, "save the checkpoint") from error
        raise YsnakesError(
            f"could not save the checkpoint {target}: {error}",
            "see that the disk works; the checkpoint before is untouched",
        ) from error
    point(folder, "latest", name)


def _told_of(error: SafetensorError) -> OSError | None:
    """The system's error that it tells of; None if it is about something else."""
    found = _SYSTEM_ERROR.search(str(error))
    if found is None:
        return None
    number = int(found[1])
    if sys.platform == "win32":
        return ctypes.WinError(number)
    return OSError(number, os.strerror(number))


def _mend(folder: Path) -> None:
    """Undo what a kill left half done: unfinished folders go, a checkpoint moved aside comes back."""
    for entry in list(folder.iterdir()):
        if entry.name.startswith(TEMPORARY):
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name.startswith(_REPLACED):
            original = folder / entry.name.removeprefix(_REPLACED)
            if original.exists():
                shutil.rmtree(entry, ignore_errors=True)
            elif _NAME.fullmatch(original.name):
                entry.rename(original)


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Write and fsync one tensor file; returns the names left out, each with the one it is tied to."""
    stored: dict[str, Tensor] = {}
    tied: dict[str, str] = {}
    seen: dict[object, str] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        detached = tensor.detach()
        if detached.numel():
            place = (detached.untyped_storage().data_ptr(), detached.storage_offset(), detached.shape)
            first = seen.setdefault((*place, detached.stride(), detached.dtype, detached.device), name)
            if first != name:
                tied[name] = first
                continue
        cpu = detached.to("cpu").contiguous()
        # Another view of a storage would be refused; one of a part would drag the whole storage with it.
        storage = cpu.untyped_storage()
        own = storage.nbytes() == cpu.numel() * cpu.element_size() and storage.data_ptr() not in storages
        storages.add(storage.data_ptr())
        stored[name] = cpu if own else cpu.clone()
    save_file(stored, path)
    sync_file(path)
    return tied


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_checkpoint(folder: Path, name: str, *, optimizer: bool = True) -> Checkpoint:
    """The checkpoint ``name`` (or the one that ``best`` or ``latest`` points to), its hashes checked.

    Without ``optimizer``, the optimizer's tensors are neither read nor checked.
    Raises ``RunError`` saying what is missing or damaged, ``UsageError`` for a name that is none.
    """
    if name in POINTERS:
        target = pointed(folder, name)
        if target is None:
            raise RunError(
                f"there is no “{name}” checkpoint in {printable(str(folder))} yet", "choose another"
            )
        name = target
    place = place_of(folder, checked_name(name))
    try:
        record = read_record(place, name)
        wanted = (MODEL_FILE, OPTIMIZER_FILE) if optimizer else (MODEL_FILE,)
        tensors = {file: _read_tensors(place / file, record, file) for file in wanted}
        state = decode_state(record["state"])
    except (ValueError, RecursionError) as error:
        raise _broken(name, f"the state in {STATE_FILE} cannot be decoded") from error
    except FileNotFoundError as error:
        raise _broken(name, f"{Path(str(error.filename)).name} is missing") from error
    except OSError as error:
        raise _broken(name, (error.strerror or str(error)).lower()) from error
    except SafetensorError as error:
        raise _broken(name, f"its tensors cannot be read ({printable(str(error), 100)})") from error
    return Checkpoint(name, tensors[MODEL_FILE], tensors.get(OPTIMIZER_FILE, {}), state)


def place_of(folder: Path, name: str) -> Path:
    """Where a checkpoint stands: its own folder, or the one it was moved aside to when a kill came."""
    aside = folder / f"{_REPLACED}{name}"
    return aside if aside.is_dir() and not (folder / name).exists() else folder / name


def _broken(name: str, why: str) -> RunError:
    return RunError(f"the checkpoint {name} is damaged: {why}", "use another with --checkpoint, or delete it")


def read_record(place: Path, name: str) -> dict[str, Any]:
    """The content of ``state.json``, its form checked."""
    try:
        record: Any = json.loads(read_limited(place / STATE_FILE, MAX_STATE_BYTES))
    except (ValueError, RecursionError) as error:
        raise _broken(name, f"{STATE_FILE} is no valid JSON") from error
    parts = [record.get(key) for key in ("files", "tied", "state")] if isinstance(record, dict) else []
    if not parts or not all(isinstance(part, dict) for part in parts):
        raise _broken(name, f"{STATE_FILE} is not in the form of a checkpoint")
    if record.get("format") != FORMAT:
        raise RunError(
            f"the checkpoint {name} has format {record.get('format')!r:.20}; this version reads {FORMAT}",
            _OTHER_VERSION,
        )
    return dict(record)


def _read_tensors(path: Path, record: dict[str, Any], file: str) -> dict[str, Tensor]:
    """The tensors of one file, after its size and hash proved right, shared ones shared again."""
    name = printable(str(record.get("name")), 40)
    expected, tied = record["files"].get(file), record["tied"].get(file, {})
    if not isinstance(expected, dict) or not _HASH.fullmatch(str(expected.get("sha256"))):
        raise _broken(name, f"{STATE_FILE} has no hash of {file}")
    if not path.is_file():
        raise _broken(name, f"{file} is missing")
    size = path.stat().st_size
    if size != expected.get("bytes"):
        raise _broken(name, f"{file} has {size:,} bytes instead of {expected.get('bytes')!r:.20}")
    if _sha256(path) != expected["sha256"]:
        raise _broken(name, f"{file} does not have the content that was saved (its hash differs)")
    tensors = load_file(path)
    if not isinstance(tied, dict) or not set(map(str, tied.values())) <= tensors.keys():
        raise _broken(name, f"{STATE_FILE} names shared tensors that {file} does not have")
    return tensors | {alias: tensors[str(source)] for alias, source in tied.items()}


def available(folder: Path) -> list[str]:
    """The names of the checkpoints in ``folder``, oldest step first; whether each is whole is not checked."""
    try:
        entries = [entry.name.removeprefix(_REPLACED) for entry in folder.iterdir() if entry.is_dir()]
    except OSError:
        return []
    return sorted({name for name in entries if _NAME.fullmatch(name)})


def _newest_first(folder: Path) -> list[str]:
    """All checkpoints, the ``latest`` one first, then those before it, then any after it.

    Steps after ``latest``, and what is called kept, belong to a course that an older resume left.
    """
    names = available(folder)[::-1]
    latest = pointed(folder, "latest")
    last = latest if latest in names else names[0] if names else ""
    return sorted(names, key=lambda name: (name != latest, name > last or name.endswith(KEPT)))


def load_newest(
    folder: Path, prefer: str | None = None, *, optimizer: bool = True
) -> tuple[Checkpoint, list[str]]:
    """The checkpoint ``prefer`` (a name, ``best`` or ``latest``), else the latest; broken ones are skipped.

    Also returns one sentence for each checkpoint passed over. Raises ``RunError`` if none can be used.
    """
    order = _newest_first(folder)
    first = pointed(folder, prefer) if prefer in POINTERS else prefer
    if first is not None:
        order = [checked_name(first), *(name for name in order if name != first)]
    notes: list[str] = []
    hints: set[str] = set()
    for name in order:
        try:
            return load_checkpoint(folder, name, optimizer=optimizer), notes
        except RunError as error:
            notes.append(error.what)
            hints.add(error.hint)
    raise RunError(
        f"there is no usable checkpoint in {printable(str(folder))}"
        + "".join(f"; {note}" for note in notes[:3]),
        _OTHER_VERSION if hints == {_OTHER_VERSION} else _NOTHING_USABLE,
    )


def point(folder: Path, pointer: str, name: str) -> None:
    """Let ``best`` or ``latest`` mean the checkpoint ``name``, atomically."""
    write_atomically(folder / _checked_pointer(pointer), checked_name(name) + "\n")


def pointed(folder: Path, pointer: str) -> str | None:
    """The checkpoint's name that ``best`` or ``latest`` holds; ``None`` if there is none to be read."""
    try:
        return _read_pointer(folder, pointer)
    except OSError:
        return None


def _read_pointer(folder: Path, pointer: str) -> str | None:
    """As ``pointed``; raises ``OSError`` where there may be one that cannot be read now."""
    try:
        text = read_limited(folder / _checked_pointer(pointer), 100)
    except (FileNotFoundError, RunError):
        return None
    name = text.decode("ascii", "replace").strip()
    return name if _NAME.fullmatch(name) else None


def _checked_pointer(pointer: str | None) -> str:
    if pointer not in POINTERS:
        raise UsageError(f"{pointer!r:.60} points to no checkpoint", f"choose one of: {', '.join(POINTERS)}")
    return pointer


def prune(folder: Path, keep: int) -> list[str]:
    """Delete all but the newest ``keep`` (at least 1), the latest and the best; returns what was deleted.

    Nothing goes where it cannot be read which the latest or the best is: the next time will do.
    """
    try:
        _read_pointer(folder, "latest")
        spared = {*_newest_first(folder)[: max(keep, 1)], _read_pointer(folder, "best")}
    except OSError:
        return []
    gone = [name for name in available(folder) if name not in spared]
    for name in gone:
        remove_checkpoint(folder, name)
    return gone


def remove_checkpoint(folder: Path, name: str) -> None:
    """Delete a checkpoint, as far as that can be done now."""
    # Renamed first: a kill while deleting must not leave half a checkpoint under a good name.
    doomed = folder / f"{TEMPORARY}{os.getpid()}-{name}"
    with contextlib.suppress(OSError):
        shutil.rmtree(doomed, ignore_errors=True)
        place_of(folder, checked_name(name)).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def generator_bytes(generator: torch.Generator | None = None) -> bytes:
    """The state of a CPU random generator (torch's own by default) as bytes for ``state``."""
    state = torch.get_rng_state() if generator is None else generator.get_state()
    return state.numpy().tobytes()


def restore_generator(content: bytes, generator: torch.Generator | None = None) -> None:
    """Put back what ``generator_bytes`` gave. Raises ``RunError`` if it is no such state."""
    state = torch.frombuffer(bytearray(content or b"\0"), dtype=torch.uint8)
    try:
        if generator is None:
            torch.set_rng_state(state)
        else:
            generator.set_state(state)
    except RuntimeError as error:
        raise RunError("the saved random state cannot be used", "resume from another checkpoint") from error

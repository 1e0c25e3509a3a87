"""Files that survive a kill, a full disk and a stranger: atomic writes, bounded reads, locks, safe names."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ysnakes_core.errors import DiskFullError, RunError, StorageError, UsageError, YsnakesError

# Characters that steer a terminal, reorder or hide text: C0, DEL, C1, soft hyphen, bidirectional marks,
# overrides and isolates, line separators, invisible format characters, tags, and lone surrogates (which
# cannot be encoded at all). Zero-width joiners stay: emoji and several scripts need them.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_TEMPORARY = re.compile(r"\..+\.[0-9]+-[0-9a-f]{8}\.tmp")
_WINDOWS_RESERVED = frozenset(
    [
        "con",
        "conin$",
        "conout$",
        "prn",
        "aux",
        "nul",
        *(f"{a}{b}" for a in ("com", "lpt") for b in range(1, 10)),
    ]
)
_FORBIDDEN_IN_NAMES = '/\\:*?"<>|'
MAX_NAME_BYTES = 100
# ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED; Python has not all of them as ENOSPC.
_WINDOWS_FULL = frozenset([39, 112, 1295])


def explain(error: OSError, path: Path, doing: str) -> StorageError:
    """The error a person can act on for an ``OSError`` met while ``doing`` something to ``path``."""
    place = printable(str(path))
    reason = (error.strerror or str(error)).lower()
    hint = "check that the folder exists and can be used by you"
    if _is_full(error):
        return DiskFullError(
            f"could not {doing} {place}: the disk is full",
            f"free some space on the disk that holds {printable(str(path.parent))}",
            "the disk is full",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "check its permissions, or choose another place with --runs-dir, --data-dir or YSNAKES_HOME"
    return StorageError(f"could not {doing} {place}: {reason}", hint, f"nothing can be saved ({reason})")


def _is_full(error: OSError) -> bool:
    """Also where not the disk but what one may use of it is full."""
    if getattr(error, "winerror", None) in _WINDOWS_FULL:
        return True
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` durable. Windows has no such call (its renames are journalled)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the content of a file that another library wrote durable."""
    descriptor = os.open(path, os.O_RDWR)  # Windows only flushes handles that may write
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, data: bytes | str) -> None:
    """Replace ``path`` by ``data`` (text as UTF-8) so that a reader sees the old content or the new, whole.

    The content goes to a temporary file in the same folder, is fsynced and renamed over ``path``, and the
    folder is fsynced. If anything fails the old file stays as it was and the temporary file is removed.
    Raises ``YsnakesError`` (full disk, no permission, no such folder).
    """
    content = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        try:
            write_new(temporary, content)
            _replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise explain(error, path, "write") from error


def overwrite(path: Path, data: bytes) -> bool:
    """Write over the content of a file, where there is no room for a new one; whether that was possible.

    It takes no room as long as it is no larger than the blocks that the file has. What is left of a longer
    content becomes spaces. Unlike ``write_atomically``, a machine that goes down meanwhile may tear it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        size = os.fstat(descriptor).st_size
        if os.write(descriptor, data.ljust(size)) < len(data):
            os.ftruncate(descriptor, size)
            return False
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path, older_than: float) -> None:
    """Remove temporary files that killed writers left in ``folder``: those not touched since ``older_than``.

    ``older_than`` is Unix seconds; what is younger may still be in use.
    """
    with contextlib.suppress(OSError):
        for entry in list(folder.iterdir()):
            if _TEMPORARY.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    if entry.lstat().st_mtime < older_than:
                        entry.unlink()


def write_new(path: Path, content: bytes) -> None:
    """Write and fsync a file that must not exist yet. Raises ``OSError``."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, if it is there. Raises ``OSError``."""
    _as_readers_allow(lambda: path.unlink(missing_ok=True))


def _replace(source: Path, target: Path) -> None:
    _as_readers_allow(lambda: source.replace(target))


def _as_readers_allow(change: Callable[[], object]) -> None:
    """Change a file; Windows refuses it for the moment that a reader has it open."""
    for wait in (0.01, 0.05, 0.2, 0.5) if os.name == "nt" else ():
        try:
            change()
        except PermissionError:
            time.sleep(wait)
        else:
            return
    change()


def open_for_append(path: Path) -> int:
    """A descriptor that appends to a regular file of its own, created if need be; never through a link.

    A link in a stranger's run could otherwise make us write anywhere. Raises ``OSError`` or ``RunError``.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise _not_regular(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_regular(path)
    return descriptor


def append_line(path: Path, line: str, *, durable: bool = False) -> None:
    """Append one line (without its newline) in one write; a torn last line is closed off first.

    ``durable`` waits until it is on the disk. Raises ``YsnakesError``.
    """
    try:
        descriptor = open_for_append(path)
        try:
            append_to(descriptor, line, after_torn=ends_torn(descriptor), durable=durable)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise explain(error, path, "append to") from error


def ends_torn(descriptor: int) -> bool:
    """Whether the file's last byte is not a newline: its last writer was cut off."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"


def append_to(descriptor: int, line: str, *, after_torn: bool = False, durable: bool = False) -> None:
    """Write one line to a descriptor of ``open_for_append``, all of it or nothing. Raises ``OSError``.

    What could not be written whole, or not made durable, is cut off again: it may be written later.
    """
    content = (("\n" if after_torn else "") + line + "\n").encode("utf-8", "backslashreplace")
    written = os.write(descriptor, content)
    try:
        if written != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if durable:
            os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise


def open_plain(path: Path) -> io.FileIO:
    """A regular file to read from, unbuffered; never waits on a pipe or a device.

    Raises ``FileNotFoundError``, ``OSError``, or ``RunError`` when it is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _not_regular(path)
        return io.FileIO(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def read_limited(path: Path, max_bytes: int) -> bytes:
    """The content of a regular file of at most ``max_bytes``; never waits on a pipe or a device.

    Raises ``FileNotFoundError``, ``OSError``, or ``RunError`` when it is larger or no regular file.
    """
    with open_plain(path) as raw, io.BufferedReader(raw) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise RunError(
            f"{printable(str(path))} is larger than the {max_bytes:,} bytes such a file may have",
            "it is damaged or not ours; restore it or remove it",
        )
    return content


def _not_regular(path: Path) -> RunError:
    return RunError(
        f"{printable(str(path))} is a folder, link, pipe or device where a plain file is expected",
        "put a plain file in its place; a run from someone else may not be safe to use",
    )


def try_lock(path: Path) -> FileLock | None:
    """The lock file's lock, held by this process until released or ended; ``None`` if another holds it."""
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    except OSError as error:
        raise explain(error, path, "lock") from error
    return lock


@contextlib.contextmanager
def holding(path: Path, busy: YsnakesError) -> Iterator[None]:
    """Hold the lock file's lock for the block; raises ``busy`` if another process holds it."""
    lock = try_lock(path)
    if lock is None:
        raise busy
    try:
        yield
    finally:
        lock.release()


def safe_name(name: str) -> str:
    """``name`` itself if it is one plain path component on every system, else ``UsageError``.

    Refused: empty, longer than ``MAX_NAME_BYTES`` in UTF-8, path separators and other characters that
    Windows forbids, ``..``, a leading dot or dash, an ending dot or space, control and invisible
    characters, and the device names of Windows.
    """
    problem = ""
    if not name or name.isspace():
        problem = "is empty"
    elif _UNPRINTABLE.search(name):
        problem = "has control or invisible characters"
    elif len(name.encode()) > MAX_NAME_BYTES:
        problem = f"is longer than {MAX_NAME_BYTES} bytes"
    elif any(character in _FORBIDDEN_IN_NAMES for character in name):
        problem = f"has one of {' '.join(_FORBIDDEN_IN_NAMES)}"
    elif name[0] in ".- ":
        problem = "starts with a dot, a dash or a space"
    elif name[-1] in ". ":
        problem = "ends with a dot or a space"
    elif unicodedata.normalize("NFKC", name).split(".")[0].strip().lower() in _WINDOWS_RESERVED:
        problem = "is a device's name on Windows"
    if problem:
        raise UsageError(
            f"the name “{printable(name, 60)}” {problem}",
            "use letters, digits, dots, dashes and underscores, like quiet-cobra-2",
        )
    return name


def printable(text: str, limit: int | None = None, *, keep_lines: bool = False) -> str:
    """``text`` with every character that steers a terminal or hides text shown as a visible symbol.

    ESC becomes ␛, a right-to-left override ‹U+202E›. ``keep_lines`` leaves newlines and tabs as they are.
    ``limit`` is the most characters returned; a longer text ends in “…”.
    """
    if limit is not None:
        text = text[: limit + 1]
    kept = "\n\t" if keep_lines else ""
    shown = _UNPRINTABLE.sub(lambda match: match[0] if match[0] in kept else _symbol(match[0]), text)
    if limit is not None and len(shown) > limit:
        return shown[: max(limit - 1, 0)] + "…"[:limit]
    return shown


def _symbol(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"‹U+{code:04X}›"

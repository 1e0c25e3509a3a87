"""Transcripts that are kept: a file each, to which changes are appended, in ``<home>/transcripts/``.

::

    transcripts/6f0c….jsonl     a change a line (see ``transcript``); a torn last line is normal
    transcripts/.deleted/       what was deleted, for a day
    transcripts/.lock           held for the moment that something is written or moved

Several apps may write to the same transcript: what each added is there when it is next opened. A file may
come from a stranger: it is read in bounded memory, lines that no version of ours wrote are passed over, and
nothing in it is ever taken for a name or a path. Everything here waits for the disk.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ysnakes_core.completion.transcript import FORMAT, Transcript
from ysnakes_core.completion.transcript_search import Listed, Scanned, scan, search
from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.files import (
    append_to,
    ends_torn,
    explain,
    open_for_append,
    open_plain,
    printable,
    write_atomically,
)

MAX_BYTES = 32 * 2**20  # of a file: more than 200,000 tokens, each with five alternatives
MAX_LINE_BYTES = 8 * 2**20
KEPT_SECONDS = 24 * 3600.0  # that a deleted transcript can be brought back
_MAX_CACHED = 32 * 2**20  # characters of text that searching keeps in memory
_LOCK_SECONDS = 10.0
_SUFFIX = ".jsonl"
_NAME = re.compile(r"[0-9a-z]{1,40}")
_DURABLE = frozenset({"turn", "ended", "title"})  # what a person did or waited for is on the disk at once


class TranscriptStore:
    """The transcripts of a folder, which is made when there is something to keep. ``now``: Unix seconds.

    Every method raises ``YsnakesError`` where the disk does not do its part.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._now = now
        self._deleted: list[str] = []
        self._scanned: dict[str, tuple[tuple[int, int, int], Scanned]] = {}

    def create(self) -> Transcript:
        """A new transcript; on the disk once it is saved with a turn in it."""
        return Transcript(now=self._now)

    def save(self, transcript: Transcript) -> None:
        """Append what was changed since; whole again where the file is gone meanwhile."""
        changes = transcript.unsaved()
        if not changes or transcript.is_empty:
            return
        path = self._path(transcript.id)
        durable = any(change["type"] in _DURABLE for change in changes)
        with self._locked():
            try:
                if os.path.lexists(path):
                    self._append(path, [_line(change) for change in changes], durable)
                else:
                    lines = [_line(change) for change in transcript.changes()]
                    write_atomically(path, b"".join(line + b"\n" for line in lines))
            except OSError as error:
                raise explain(error, path, "write") from error
        transcript.saved(len(changes))

    def _append(self, path: Path, lines: Sequence[bytes], durable: bool) -> None:
        descriptor = open_for_append(path)
        try:
            if os.fstat(descriptor).st_size + sum(map(len, lines)) > MAX_BYTES - MAX_LINE_BYTES:
                raise YsnakesError(
                    "this transcript is full: what was said last is not kept", "go on in a new one"
                )
            text = b"\n".join(lines).decode("utf-8")
            append_to(descriptor, text, after_torn=ends_torn(descriptor), durable=durable)
        finally:
            os.close(descriptor)

    def open(self, transcript_id: str) -> Transcript:
        """A transcript as its file stands now; answers that were never finished count as interrupted.

        Raises ``UsageError`` if there is none of that id, ``YsnakesError`` if its file cannot be used.
        """
        path = self._path(transcript_id)
        transcript = Transcript(transcript_id, now=self._now)
        try:
            for line in _lines(path):
                transcript.take_over(_change(line))
        except FileNotFoundError as error:
            raise _none() from error
        except OSError as error:
            raise explain(error, path, "read") from error
        transcript.close_off()
        return transcript

    def list(self, query: str = "") -> list[Listed]:
        """All that can be read, the one last changed first; with a ``query`` those in which it occurs.

        Case and the kind of white space make no difference.
        """
        found = []
        for transcript_id in self._ids():
            try:
                scanned = self._scan(transcript_id)
            except (OSError, YsnakesError):
                continue  # it is another's, or was deleted just now
            if (listed := search(transcript_id, scanned, query)) is not None:
                found.append(listed)
        return sorted(found, key=lambda listed: (-listed.changed, listed.id))

    def _scan(self, transcript_id: str) -> Scanned:
        path = self._path(transcript_id)
        status = path.lstat()
        stamp = status.st_mtime_ns, status.st_size, status.st_ino
        if (known := self._scanned.get(transcript_id)) is not None and known[0] == stamp:
            return known[1]
        scanned = scan(transcript_id, _lines(path), _change)
        self._scanned.pop(transcript_id, None)
        if sum(kept.size for _, kept in self._scanned.values()) + scanned.size <= _MAX_CACHED:
            self._scanned[transcript_id] = stamp, scanned
        return scanned

    def rename(self, transcript_id: str, title: str) -> None:
        """Another title for a transcript that is not open here."""
        transcript = self.open(transcript_id)
        transcript.rename(title)
        self.save(transcript)

    def delete(self, transcript_id: str) -> None:
        """Put a transcript away; ``undo`` brings it back."""
        path = self._path(transcript_id)
        with self._locked():
            try:
                self._bin.mkdir(exist_ok=True)
                path.replace(self._bin / path.name)
                os.utime(self._bin / path.name, (self._now(), self._now()))
                self._sweep()
            except FileNotFoundError as error:
                raise _none() from error
            except OSError as error:
                raise explain(error, path, "delete") from error
        self._deleted.append(transcript_id)

    def undo(self) -> str:
        """Bring back what was deleted last, here; its id. Raises ``UsageError`` if there is nothing."""
        while self._deleted:
            transcript_id = self._deleted.pop()
            path = self._path(transcript_id)
            with self._locked():
                try:
                    if not os.path.lexists(path):  # else somebody who had it open wrote it anew, whole
                        (self._bin / path.name).rename(path)
                except FileNotFoundError:
                    continue  # longer ago than a day
                except OSError as error:
                    raise explain(error, path, "bring back") from error
            return transcript_id
        raise UsageError("no transcript was deleted since the app was opened", "there is nothing to undo")

    def _sweep(self) -> None:
        for entry in list(self._bin.iterdir()):
            with contextlib.suppress(OSError):
                if entry.lstat().st_mtime < self._now() - KEPT_SECONDS:
                    entry.unlink()

    @property
    def _bin(self) -> Path:
        return self.folder / ".deleted"

    def _path(self, transcript_id: str) -> Path:
        if not _NAME.fullmatch(transcript_id):
            raise _none()
        return self.folder / f"{transcript_id}{_SUFFIX}"

    def _ids(self) -> Iterator[str]:
        try:
            for entry in self.folder.iterdir():
                if entry.suffix == _SUFFIX and _NAME.fullmatch(entry.stem):
                    yield entry.stem
        except FileNotFoundError:
            return
        except OSError as error:
            raise explain(error, self.folder, "read") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", timeout=_LOCK_SECONDS)
            lock.acquire()
        except Timeout as error:
            raise YsnakesError(
                "another program does not let go of the transcripts",
                f"end what holds {printable(str(self.folder / '.lock'))}",
            ) from error
        except OSError as error:
            raise explain(error, self.folder, "lock") from error
        try:
            yield
        finally:
            lock.release()


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, its first known to be ours; those that are too long are left out.

    Raises ``FileNotFoundError``, ``OSError``, or ``YsnakesError`` where it is too large or not a transcript.
    """
    with open_plain(path) as raw:
        if os.fstat(raw.fileno()).st_size > MAX_BYTES:
            raise YsnakesError(
                f"the transcript {path.name} is larger than {MAX_BYTES:,} bytes",
                "it is damaged or not ours; remove it",
            )
        with io.BufferedReader(raw) as file:
            _check_beginning(path, file.readline(MAX_LINE_BYTES))
            file.seek(0)
            for line in file:
                if line.endswith(b"\n") and len(line) <= MAX_LINE_BYTES:
                    yield line


def _check_beginning(path: Path, line: bytes) -> None:
    change = _change(line)
    if not isinstance(change, dict) or change.get("type") != "transcript":
        raise YsnakesError(f"{path.name} is not a transcript", "it is damaged or not ours; remove it")
    if (written := change.get("format")) != FORMAT:
        raise YsnakesError(
            f"the transcript {path.name} has format {written!r:.20}; this version reads {FORMAT}",
            "use the version of ysnakes that wrote it",
        )


def _line(change: dict[str, Any]) -> bytes:
    text = json.dumps(change, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    line = text.encode("utf-8", "backslashreplace")  # a lone surrogate, as JSON escapes it
    if len(line) > MAX_LINE_BYTES:
        raise YsnakesError("this turn is too long to be kept", "give a shorter prompt")
    return line


def _change(line: bytes) -> Any:
    """What a line says; None where it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _none() -> UsageError:
    return UsageError("this transcript is not there (any more)", "choose another")

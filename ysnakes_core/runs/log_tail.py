"""Reading a log while it grows: whole lines only, block by block, from where the last look ended."""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterator
from pathlib import Path

from ysnakes_core.files import explain, open_plain
from ysnakes_core.runs.event_log import MAX_LINE_BYTES

BLOCK_BYTES = 2**18  # about 1,200 steps: what is read and taken in at one go
_MARK_BYTES = 64


class LogTail:
    """Where a reader is in a log. What it gives does not depend on where its blocks begin and end.

    A last line without its newline is left for later. A line longer than ``MAX_LINE_BYTES`` comes as an
    empty one. If the log no longer has what was read before (another run took its place,
    or somebody cut it), it is read from its beginning, and ``generation`` is one more than before.
    """

    def __init__(self, path: Path, block_bytes: int = BLOCK_BYTES) -> None:
        self.path, self._block_bytes = path, block_bytes
        self.offset = 0  # bytes read
        self.size = 0  # bytes the log had at the last look
        self.generation = 0
        self._mark = b""  # what stands right before ``offset``
        self._skipping = False  # inside a line that is too long
        self._finished: tuple[int, int, int] | None = None  # the file's stamp when all of it was read

    def blocks(self) -> Generator[bytes, None, None]:
        """Blocks of whole lines, each line with its newline, up to the size the log has now.

        Whoever stops early goes on from there with the next call. A log that does not exist has none.

        Raises:
            YsnakesError: it cannot be read or is no plain file.
        """
        try:
            if self._finished is not None and _stamp(self.path.stat()) == self._finished:
                return
            with open_plain(self.path) as file:
                status = os.fstat(file.fileno())
                self.size, self._finished = status.st_size, None
                self._find_place(file)
                yield from self._whole_lines(file)
                self._finished = _stamp(status)
        except FileNotFoundError:
            self.size, self._finished = 0, None
        except OSError as error:
            raise explain(error, self.path, "read") from error

    def _find_place(self, file: io.FileIO) -> None:
        """Go to where the last look ended, or to the beginning if what was read is no longer there."""
        if self.size >= self.offset:
            file.seek(self.offset - len(self._mark))
            if file.read(len(self._mark)) == self._mark:
                return
        self.offset, self._mark, self._skipping = 0, b"", False
        self.generation += 1
        file.seek(0)

    def _whole_lines(self, file: io.FileIO) -> Iterator[bytes]:
        rest = b""  # read, but not yet counted in ``offset``
        while left := self.size - self.offset - len(rest):
            more = file.read(min(self._block_bytes, left))
            if not more:  # it was cut while being read
                return
            rest += more
            end = rest.rfind(b"\n") + 1
            if not end and (self._skipping or len(rest) > MAX_LINE_BYTES):
                end = len(rest)
            if not end:
                continue
            block, rest = rest[:end], rest[end:]
            self.offset += end
            self._mark = (self._mark + block)[-_MARK_BYTES:]
            if block := self._without_overlong(block):
                yield block

    def _without_overlong(self, block: bytes) -> bytes:
        """``block`` without the (part of a) line too long that it may begin with; later ones cannot be."""
        first = block.find(b"\n") + 1
        if self._skipping:
            stands_for_it = b""
        elif (first or len(block)) > MAX_LINE_BYTES + 1:
            stands_for_it = b"\n"
        else:
            return block
        self._skipping = not first
        return stands_for_it + (block[first:] if first else b"")


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino

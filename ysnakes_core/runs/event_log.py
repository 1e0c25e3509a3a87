"""Appending to a run's log and reading it while it grows."""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from ysnakes_core.errors import StorageError, YsnakesError
from ysnakes_core.files import append_to, ends_torn, explain, open_for_append, open_plain
from ysnakes_core.runs.events import (
    Event,
    RollbackEvent,
    RunStartedEvent,
    StepEvent,
    from_json,
    from_object,
    to_json,
)

MAX_LINE_BYTES = 2**20  # a longer line is none of ours; readers pass over it
_CHUNK_BYTES = 2**22


class EventLog:
    """The writer's end of ``events.jsonl``. One process writes (whoever holds the run's lock), any may read.

    Each event is one ``write`` of one line, so readers never see half a line unless the machine went down;
    checkpoints, starts, roll-backs and ends are also fsynced. Use as a context manager, or ``close`` it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._torn = False

    def append(self, event: Event) -> None:
        """Write one event, whole or not at all. Raises ``YsnakesError`` (full disk, no permission)."""
        try:
            if self._descriptor is None:
                self._descriptor = open_for_append(self.path)
                self._torn = ends_torn(self._descriptor)
            append_to(self._descriptor, to_json(event), after_torn=self._torn, durable=event.durable)
            self._torn = False
        except OSError as error:
            self._let_go()  # where its drive was away, only a file that is opened anew can be written to
            raise explain(error, self.path, "append to") from error

    def _let_go(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def close(self) -> None:
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class PatientLog(EventLog):
    """A log to which a disk that takes nothing does no harm: what waits is in memory, and in its order.

    ``problem``: why there are events that could not be written yet.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._waiting: deque[Event] = deque()
        self.problem: StorageError | None = None

    def append(self, event: Event) -> None:
        """Write one event, after those that wait. Raises ``RunError`` where it is no plain file."""
        self._waiting.append(event)
        with contextlib.suppress(StorageError):
            self.write_out()

    def write_out(self) -> None:
        """Write what waits. Raises ``StorageError`` if that cannot be done now, and ``RunError``."""
        while self._waiting:
            try:
                super().append(self._waiting[0])
            except StorageError as error:
                self.problem = error
                raise
            self._waiting.popleft()
        self.problem = None

    def close(self) -> None:
        with contextlib.suppress(YsnakesError):
            self.write_out()
        super().close()


def read(path: Path, from_offset: int = 0, *, max_bytes: int | None = None) -> tuple[list[Event], int]:
    """The events from a byte offset on, and the offset to go on from at the next call.

    Only whole lines are read: a last line that is still being written (or was torn) comes once it has its
    newline. A log shorter than ``from_offset`` was begun anew, so it is read from its beginning.
    ``max_bytes`` bounds what one call takes in; call again until the offset no longer moves. A log that
    does not exist yet has no events. Raises ``YsnakesError``.
    """
    events: list[Event] = []
    reached = from_offset
    for lines, after in read_lines(path, from_offset, max_bytes=max_bytes):
        events += from_lines(lines)
        reached = after
    return events, reached


def from_lines(lines: list[bytes]) -> list[Event]:
    """The events in some lines; what is none is left out."""
    try:  # one call for all of them takes half the time
        objects = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        objects = []
    found = map(from_object, objects) if len(objects) == len(lines) else map(from_json, lines)
    return [event for event in found if event is not None]


def read_lines(
    path: Path, from_offset: int = 0, *, max_bytes: int | None = None
) -> Iterator[tuple[list[bytes], int]]:
    """Batches of whole lines (without newlines), each with the offset just after it.

    Raises ``YsnakesError``: it cannot be read or is no plain file.
    """
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            offset = from_offset if 0 <= from_offset <= size else 0
            if offset != from_offset:
                yield [], offset
            # Wide enough to tell a line that is too long from one that is not, so a call always gets on.
            end = size if max_bytes is None else min(size, offset + max(max_bytes, MAX_LINE_BYTES + 1))
            file.seek(offset)
            rest, skipping = b"", False
            position = offset
            while position < end:
                chunk = file.read(min(_CHUNK_BYTES, end - position))
                if not chunk:
                    return
                position += len(chunk)
                whole, newline, last = (rest + chunk).rpartition(b"\n")
                rest = last
                if newline:
                    lines = whole.split(b"\n")
                    yield (lines[1:] if skipping else lines), position - len(last)
                    skipping = False
                if len(rest) > MAX_LINE_BYTES:
                    rest, skipping = b"", True
                    yield [], position
    except FileNotFoundError:
        return
    except OSError as error:
        raise explain(error, path, "read") from error


def losses_by_step(events: Iterable[Event]) -> dict[int, float]:
    """The training loss of every step (nats per token), in order, as the run stands now.

    A resume or a roll-back takes back the steps after the checkpoint it went on from, so their later
    occurrence counts; a start from the beginning takes back everything.
    """
    losses: dict[int, float] = {}
    for event in events:
        if isinstance(event, StepEvent):
            losses[event.step] = event.loss
        elif isinstance(event, RunStartedEvent):
            _forget_after(losses, -1 if event.resumed_from is None else event.resumed_from)
        elif isinstance(event, RollbackEvent):
            _forget_after(losses, event.to_step)
    return losses


def _forget_after(losses: dict[int, float], step: int) -> None:
    while losses and next(reversed(losses)) > step:
        losses.popitem()

"""A thread that asks the library, so that the app's own never waits for it."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ysnakes_core.synthesis.library import FILE_NAME, Library, open_library

Found = TypeVar("Found")


@dataclass(frozen=True)
class _Task:
    slot: str  # "": to be done whatever else is asked
    number: int
    work: Callable[[Library], Any]
    then: Callable[[Any], None]
    absent: Any
    failed: Callable[[Exception], None]


class LibraryThread:
    """A library of its own, and a thread that lives while there is something to do with it.

    ``post`` has something called on the app's thread (``Widget.call_later``), as what is found is told there;
    ``failed`` is told there what went wrong. The library is opened when it is first needed, and not made: as
    long as it is not there, what is asked has the answer ``absent``.
    """

    def __init__(
        self,
        folder: Path,
        post: Callable[..., object],
        failed: Callable[[Exception], None],
        *,
        waited_for: bool = True,
    ) -> None:
        """``waited_for``: the program does not end before what is under way has ended."""
        self._waited_for = waited_for
        self._folder, self._post, self._failed = folder, post, failed
        self._lock = threading.Lock()
        self._waiting: list[_Task] = []
        self._running: _Task | None = None
        self._newest: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._thread: threading.Thread | None = None
        self._library: Library | None = None
        self._closing = False

    def ask(
        self, slot: str, work: Callable[[Library], Found], then: Callable[[Found], None], absent: Found
    ) -> None:
        """Have ``work`` done and its result given to ``then``; of several for a slot, only the newest.

        One that is under way in the slot is broken off.
        """
        with self._lock:
            number = self._newest[slot] = next(self._numbers)
            self._waiting = [task for task in self._waiting if task.slot != slot]
            if self._running is not None and self._running.slot == slot and self._library is not None:
                self._library.interrupt()  # the next one is not begun without the lock, so it is spared
            self._add(_Task(slot, number, work, then, absent, self._failed))

    def do(
        self,
        work: Callable[[Library], Found],
        then: Callable[[Found], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Have something done, after what was to be done before; it is done even if the app closes."""
        with self._lock:
            self._add(_Task("", next(self._numbers), work, then, None, failed or self._failed))

    def forget(self, slot: str) -> None:
        """Nobody waits for the answer of a slot any more."""
        with self._lock:
            self._newest[slot] = next(self._numbers)
            self._waiting = [task for task in self._waiting if task.slot != slot]

    def close(self) -> None:
        """Do what is to be done, and let go of the library. It may be used again."""
        with self._lock:
            self._closing = True
            for task in self._waiting:
                self._newest[task.slot] = 0
            self._waiting = [task for task in self._waiting if not task.slot]
            if self._running is not None and self._running.slot and self._library is not None:
                self._library.interrupt()
            self._start()

    def _add(self, task: _Task) -> None:
        self._closing = False
        self._waiting.append(task)
        self._start()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="library", daemon=not self._waited_for)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                self._running = None
                if not self._waiting:
                    self._thread = None
                    if self._closing and self._library is not None:
                        self._library.close()
                        self._library = None
                    return
                task = self._running = self._waiting.pop(0)
            try:
                self._open()
                found = task.absent if self._library is None else task.work(self._library)
            except Exception as error:  # told, or raised, on the app's thread
                self._tell(task, task.failed, error)
            else:
                self._tell(task, task.then, found)

    def _open(self) -> None:
        if self._library is None and (self._folder / FILE_NAME).exists():
            self._library = open_library(self._folder)

    def _tell(self, task: _Task, callback: Callable[[Any], None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the app has ended
            self._post(partial(self._told, task, callback, value))

    def _told(self, task: _Task, callback: Callable[[Any], None], value: object) -> None:
        if not task.slot or self._newest.get(task.slot) == task.number:
            callback(value)

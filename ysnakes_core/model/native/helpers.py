"""Threads that help with a piece of work; between two they sleep."""

from __future__ import annotations

import atexit
import functools
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

Help = Callable[[int], object]
"""Takes part in a piece of work, if it still goes on, as a thread of that number; it comes back soon."""


class Helpers:
    """Threads 1, 2, …; whoever asks them is 0.

    Nothing is lost where none comes in time, or ever: the work must be one that gets done without help.
    """

    def __init__(self) -> None:
        self._asked: SimpleQueue[Help | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def ask(self, help: Help, count: int) -> None:
        """Have so many of them come."""
        if count > len(self._threads):
            self._begin(count)
        for _ in range(count):
            self._asked.put(help)

    def end(self) -> None:
        """Have them end, and wait for it."""
        with self._lock:
            for _ in self._threads:
                self._asked.put(None)
            for thread in self._threads:
                thread.join()
            self._threads = []

    def _begin(self, count: int) -> None:
        with self._lock:
            for number in range(len(self._threads) + 1, count + 1):
                thread = threading.Thread(
                    target=self._serve, args=(number,), name=f"helper {number}", daemon=True
                )
                thread.start()
                self._threads.append(thread)

    def _serve(self, number: int) -> None:
        while (help := self._asked.get()) is not None:
            help(number)
            del help  # what it works on is not held until the next


@functools.cache
def helpers() -> Helpers:
    """Those of this process."""
    found = Helpers()
    # A thread that lets go of a tensor while the interpreter ends would abort the process.
    atexit.register(found.end)
    return found


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=helpers.cache_clear)  # no thread came along

"""Threads that help with a piece of work; between two they sleep."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from queue import SimpleQueue

Help = Callable[[int], object]
"""Takes part in a piece of work, if it still goes on, as a thread of that number; it comes back soon."""


class Helpers:
    """Threads 1, 2, …; whoever asks them is 0. They end with the process.

    Nothing is lost where none comes in time, or ever (as in a process that was forked): the work must be one
    that gets done without help.
    """

    def __init__(self) -> None:
        self._asked: SimpleQueue[Help] = SimpleQueue()
        self._lock = threading.Lock()
        self._count = 0

    def ask(self, help: Help, count: int) -> None:
        """Have so many of them come."""
        if count > self._count:
            self._begin(count)
        for _ in range(count):
            self._asked.put(help)

    def _begin(self, count: int) -> None:
        with self._lock:
            while self._count < count:
                self._count += 1
                threading.Thread(
                    target=self._serve, args=(self._count,), name=f"helper {self._count}", daemon=True
                ).start()

    def _serve(self, number: int) -> None:
        while True:
            help = self._asked.get()
            help(number)
            del help  # what it works on is not held until the next


@functools.cache
def helpers() -> Helpers:
    """Those of this process."""
    return Helpers()

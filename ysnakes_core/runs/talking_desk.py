"""Where questions wait in the process that holds the models, and how one is cancelled; light to import.

Two threads share this: one reads what is asked (and is there before torch is), one computes the answers.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Callable
from typing import TextIO

from ysnakes_core.completion.transcript_records import Outcome
from ysnakes_core.runs.talking_messages import (
    Asked,
    Ended,
    Failed,
    Question,
    Told,
    Warm,
    asked_from_json,
    told_to_line,
)


class Mouth:
    """Says things on a stream, a line each, from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, told: Told) -> None:
        with self._lock:
            try:
                self._stream.write(told_to_line(told) + "\n")
                self._stream.flush()
            except OSError:
                os._exit(0)  # nobody hears it any more


class Job:
    """One thing that was asked."""

    def __init__(self, number: int, asked: Asked, say: Callable[[Told], None]) -> None:
        self.number, self.asked = number, asked
        self._say = say
        self._lock = threading.Lock()
        self._rows = list(range(len(asked.options) if isinstance(asked, Question) else 1))
        self._stop: Callable[[], None] | None = None
        self.cancelled = False
        self.kept = False  # something was made, which a cancellation must not lose
        self.over = False  # nothing more is told

    def tell(self, told: Told) -> None:
        """Say it, unless all has been said."""
        with self._lock:
            if self.over:
                return
            self._say(told)
            if isinstance(told, Ended):
                self._rows.remove(told.row)
            self.over = isinstance(told, Failed) or not self._rows

    def finish(self) -> None:
        """Nothing more is told."""
        with self._lock:
            self.over = True

    def while_working(self, stop: Callable[[], None]) -> None:
        """From now on ``stop`` is called, in another thread, when it is cancelled."""
        with self._lock:
            self._stop = stop
            if self.cancelled:
                stop()

    def cancel(self) -> None:
        """Whoever works on it ends soon; if nothing was made yet, that it ended is said at once."""
        with self._lock:
            if self.over or self.cancelled:
                return
            self.cancelled = True
            if self._stop is not None:
                self._stop()
            if not self.kept:
                for row in self._rows:
                    self._say(Ended(self.number, row, self._nothing(row)))
                self.over = True

    def _nothing(self, row: int) -> Outcome:
        if not isinstance(self.asked, Question):
            return Outcome("text", "cancelled", None)
        reading = self.asked.reading
        return Outcome("text" if reading == "auto" else reading, "cancelled", self.asked.options[row].seed)


class Desk:
    """What waits to be answered, in the order it came."""

    def __init__(self, say: Callable[[Told], None]) -> None:
        self._say = say
        self._waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._jobs: dict[int, Job] = {}  # all that may still be cancelled
        self._latest_warm: Job | None = None

    def read(self, stream: TextIO) -> None:
        """Take in what is asked, to the end of the stream: then nobody is there, and the process ends."""
        for line in stream:
            content = json.loads(line)
            number = int(content["number"])
            if content["do"] == "cancel":
                if number in self._jobs:
                    self._jobs[number].cancel()
                continue
            self._jobs = {known: job for known, job in self._jobs.items() if not job.over}
            job = self._jobs[number] = Job(number, asked_from_json(content), self._say)
            if isinstance(job.asked, Warm):
                if self._latest_warm is not None:
                    self._latest_warm.cancel()
                self._latest_warm = job
            self._waiting.put(job)
        os._exit(0)

    def take(self, *, wait: bool) -> list[Job]:
        """All that has come; with ``wait`` at least one."""
        jobs = [self._waiting.get()] if wait else []
        while not self._waiting.empty():
            jobs.append(self._waiting.get())
        return jobs

    @property
    def is_empty(self) -> bool:
        return self._waiting.empty()

"""How many threads a step is computed with: as many as are quickest, which depends on what else runs.

Threads that compute one product together wait for each other some hundred times a second and more. On cores
of their own that halves the time of a large model; where another program has one of the cores, each wait
lasts until that program pauses, and one thread alone is several times as quick. So now and then the other
way is tried, and the quicker one kept. (Measured on two cores with one of them busy: a token of ys-24m took
14 ms with one thread, 13 to 106 ms with two; with both free 7 and 5 ms.)
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import torch

_TRIED = 3  # steps of the other way, of which the quickest counts
_SOON, _LATE = 48, 1536  # steps until the other way is tried again: twice as many each time it is no better
_SLOWER = 1.5  # no further try where one took so many times as long; a sign that another program came


class Pace:
    """Computes steps with one thread or with all (as many as torch had), whichever is quicker now.

    ``clock`` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._all = torch.get_num_threads()
        self._chosen = self._all
        self._seconds: dict[int, float] = {}  # of a step, by the number of threads
        self._left = _TRIED  # steps until the other way is tried
        self._interval = _SOON
        self._tries: list[float] = []
        self._slow = 0

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Around one step."""
        if self._all == 1:
            yield
            return
        threads = self._chosen if self._left else self._other
        with by_threads(threads):
            began = self._clock()
            yield
        self._learn(threads, self._clock() - began)

    @contextlib.contextmanager
    def block(self) -> Iterator[None]:
        """Around a block of a prompt: with all threads, if steps did not show that something else runs."""
        alone, together = self._seconds.get(1, 0.0), self._seconds.get(self._all, 0.0)
        if self._all == 1 or together < _SLOWER * alone or not alone:
            yield
            return
        with by_threads(1):
            yield

    def _learn(self, threads: int, seconds: float) -> None:
        if threads == self._chosen:
            self._go_on(seconds)
            return
        self._tries.append(seconds)
        usual = self._seconds[self._chosen]
        if len(self._tries) < _TRIED and seconds < _SLOWER * usual:
            return
        self._seconds[threads] = min(self._tries)
        self._tries = []
        better = self._seconds[threads] < usual
        self._chosen = threads if better else self._chosen
        self._interval = _SOON if better else min(2 * self._interval, _LATE)
        self._left, self._slow = self._interval, 0

    def _go_on(self, seconds: float) -> None:
        """A step as chosen. Where all threads are slow several times in a row, one is tried soon."""
        usual = self._seconds.get(self._chosen, seconds)
        first = len(self._seconds) < 2  # the very first steps find the caches empty
        self._seconds[self._chosen] = min(usual, seconds) if first else usual + 0.1 * (seconds - usual)
        self._left -= 1
        self._slow = self._slow + 1 if seconds > _SLOWER * usual else 0
        if self._slow == _TRIED and self._chosen != 1:
            self._left, self._slow, self._interval = 0, 0, _SOON

    @property
    def _other(self) -> int:
        return self._all if self._chosen == 1 else 1


@contextlib.contextmanager
def by_threads(count: int) -> Iterator[None]:
    """Have torch compute with so many. To set what is set already takes its time, too."""
    before = torch.get_num_threads()
    if count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

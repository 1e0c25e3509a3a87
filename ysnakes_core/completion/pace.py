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

_TRIED = 3  # steps of each way at first, of which the quickest counts
_SOON, _LATE = 32, 1024  # steps until the other way is tried again: twice as many each time it is no better
_SLOWER = 1.5  # a step that takes so many times what it took may mean that another program came


class Pace:
    """Computes steps with one thread or with all (as many as torch had), whichever is quicker now.

    ``clock`` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._all = torch.get_num_threads()
        self._chosen = self._all
        self._best: dict[int, float] = {}  # seconds of a step, by the number of threads
        self._left = 0  # steps until the other way is tried
        self._interval = _SOON
        self._trial: list[float] = []
        self._trying = self._all
        self._slow = 0

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Around one step."""
        if self._all == 1:
            yield
            return
        before = torch.get_num_threads()
        threads = self._trying if self._left == 0 else self._chosen
        torch.set_num_threads(threads)
        began = self._clock()
        try:
            yield
        finally:
            torch.set_num_threads(before)
        self._learn(threads, self._clock() - began)

    @contextlib.contextmanager
    def block(self) -> Iterator[None]:
        """Around a block of a prompt: with all threads, if steps did not show that something else runs."""
        alone, together = self._best.get(1, 0.0), self._best.get(self._all, 0.0)
        if self._all == 1 or together < _SLOWER * alone or not alone:
            yield
            return
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _learn(self, threads: int, seconds: float) -> None:
        if self._left:
            self._go_on(seconds)
            return
        self._trial.append(seconds)
        known = self._best.get(self._chosen)
        hopeless = threads != self._chosen and known is not None and min(self._trial) > 2 * known
        if len(self._trial) < _TRIED and not hopeless:
            return
        self._best[threads] = min(self._trial)
        self._trial = []
        if threads == self._chosen:  # the other way is next
            self._trying = self._other
            return
        better = self._best[threads] < self._best[self._chosen]
        self._chosen = threads if better else self._chosen
        self._interval = _SOON if better else min(2 * self._interval, _LATE)
        self._left, self._slow = self._interval, 0

    def _go_on(self, seconds: float) -> None:
        """Another step as chosen; several slow ones in a row, or enough of them, and both are tried again."""
        self._left -= 1
        self._slow = self._slow + 1 if seconds > _SLOWER * self._best[self._chosen] else 0
        if self._slow == _TRIED * 2:
            self._left = 0
            self._interval = max(_SOON, self._interval // 2)
        if self._left == 0:
            self._trying = self._chosen

    @property
    def _other(self) -> int:
        return self._all if self._chosen == 1 else 1

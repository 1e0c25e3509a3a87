"""The curves of a run in memory: numpy columns that grow, and are cut back where training went back."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ysnakes_core.runs.step_scan import STEP_NUMBERS, Array

SMOOTHING = 0.95
_FIRST_CAPACITY = 1024
_SETTLED = 1000  # by then the share of a new value no longer changes
_SHARES = [1.0, *((1 - SMOOTHING) / (1 - SMOOTHING**n) for n in range(1, _SETTLED + 1))]
VALIDATION_NUMBERS = ("validation_loss", "validation_bits_per_byte")


class Table:
    """Columns of float64, the first of which, the steps, only rises."""

    def __init__(self, columns: int) -> None:
        self._data = np.empty((columns, _FIRST_CAPACITY))
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def column(self, index: int) -> Array:
        """A read-only view, good until the table next changes."""
        view = self._data[index, : self._length]
        view.flags.writeable = False
        return view

    def reserve(self, rows: int) -> None:
        """Have room for ``rows`` in all; what is not used takes no memory yet."""
        if rows > self._data.shape[1]:
            grown = np.empty((self._data.shape[0], rows))
            grown[:, : self._length] = self._data[:, : self._length]
            self._data = grown

    def append(self, block: Array) -> None:
        """Add ``(columns, rows)``, whose steps rise from above the last one's."""
        needed = self._length + block.shape[1]
        if needed > self._data.shape[1]:
            self.reserve(max(needed, 2 * self._data.shape[1]))
        self._data[:, self._length : needed] = block
        self._length = needed

    def cut(self, step: float) -> None:
        """Forget ``step`` and all after it."""
        if self._length and self._data[0, self._length - 1] >= step:
            self._length = int(np.searchsorted(self._data[0, : self._length], step))


class Series:
    """One curve. ``x``: steps, rising; ``y``: values, as many.

    Both are float64, read-only and of the moment: ask again after the next poll.
    """

    def __init__(self, table: Table, index: int) -> None:
        self._table, self._index = table, index

    def __len__(self) -> int:
        return len(self._table)

    @property
    def x(self) -> Array:
        return self._table.column(0)

    @property
    def y(self) -> Array:
        return self._table.column(self._index)

    @property
    def last(self) -> float | None:
        return float(self.y[-1]) if len(self) else None


class Curves:
    """All curves of a run. ``series``: each by its name, the same objects for good."""

    def __init__(self) -> None:
        self._steps = Table(2 + len(STEP_NUMBERS))
        self._validations = Table(1 + len(VALIDATION_NUMBERS))
        self._finite = 0  # losses of ``_steps`` that are numbers
        steps = {name: Series(self._steps, i) for i, name in enumerate(STEP_NUMBERS, start=1)}
        smoothed = {"smoothed_loss": Series(self._steps, 1 + len(STEP_NUMBERS))}
        scores = {name: Series(self._validations, i) for i, name in enumerate(VALIDATION_NUMBERS, start=1)}
        self.series: Mapping[str, Series] = steps | smoothed | scores

    @property
    def last_step(self) -> float:
        """The last step there is, -1 without one."""
        last = (table.column(0)[-1] for table in (self._steps, self._validations) if len(table))
        return max(map(float, last), default=-1.0)

    def expect(self, fraction: float) -> None:
        """Make room for all steps, of which those there are a ``fraction``, so that none has to be moved."""
        if len(self._steps):
            self._steps.reserve(int(1.05 * len(self._steps) / fraction))

    def add_steps(self, numbers: Array) -> None:
        """Add steps, rising from above the last, as in ``StepRun.numbers``; the smoothed loss comes of it."""
        before = float(self._steps.column(1 + len(STEP_NUMBERS))[-1]) if self._finite else 0.0
        smoothed, self._finite = smooth(numbers[1], before, self._finite)
        self._steps.append(np.vstack([numbers, smoothed]))

    def add_validation(self, step: int, loss: float, bits_per_byte: float) -> None:
        """Add a validation at or after the last; one at the same step takes its place."""
        self._validations.cut(step)
        self._validations.append(np.array([[float(step)], [loss], [bits_per_byte]]))

    def cut(self, step: int) -> None:
        """Forget ``step`` and all after it."""
        self._steps.cut(step)
        self._validations.cut(step)
        self._finite = int(np.isfinite(self._steps.column(1)).sum())


def smooth(values: Array, before: float, count: int) -> tuple[list[float], int]:
    """The running average of ``values`` that weighs each step ``SMOOTHING`` times the next, without a bias.

    ``before`` is the average of the ``count`` numbers so far. What is not finite leaves it as it is; there
    is none (NaN) before the first number. Returns the averages and the new count.
    """
    settled = _SHARES[_SETTLED]
    if count >= _SETTLED and np.isfinite(values).all():  # the same as below, in a third of the time
        keep = 1.0 - settled
        return [before := keep * before + share for share in (settled * values).tolist()], count + len(values)
    averages: list[float] = []
    for value in values.tolist():
        if math.isfinite(value):
            count += 1
            share = _SHARES[min(count, _SETTLED)]
            before = (1.0 - share) * before + share * value
        averages.append(before if count else math.nan)
    return averages, count

"""Many points in few columns, with nothing that sticks out lost: least and greatest value of each column."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HUGE = 1e300
_FAR = 1e12  # columns


@dataclass(frozen=True)
class Columns:
    """What each of ``n`` columns holds of one series. All arrays are ``(n,)``.

    ``low``, ``high``: least and greatest finite value, NaN where there is none. ``first``, ``last``: the
    column's first and last value as they are, NaN in an empty column. ``count``: how many points. ``broken``:
    whether there is a NaN or an infinity among them. ``before``, ``after``: column (a fraction, outside of
    the chart) and value of the nearest point on either side, through which the line enters and leaves.
    """

    low: Floats
    high: Floats
    first: Floats
    last: Floats
    count: NDArray[np.int64]
    broken: NDArray[np.bool_]
    before: tuple[float, float] | None = None
    after: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.low)


@dataclass(frozen=True)
class Grid:
    """``columns`` columns whose centres go evenly from ``low`` to ``high``, which differ."""

    low: float
    high: float
    columns: int

    @property
    def width(self) -> float:
        """How much of the axis one column takes."""
        return (self.high - self.low) / max(self.columns - 1, 1)

    def centre(self, column: float) -> float:
        """The value in the middle of a column."""
        return self.low + column * self.width

    @functools.cached_property
    def edges(self) -> Floats:
        """Where columns begin, and where the last one ends: ``(columns + 1,)``.

        The outer ones are moved to just outside, so that rounding never loses the ends.
        """
        if self.columns == 1:
            return np.array([self.low, np.nextafter(self.high, np.inf)])
        edges: Floats = self.low + (np.arange(self.columns + 1, dtype=np.float64) - 0.5) * self.width
        edges[0] = min(edges[0], self.low)
        edges[-1] = max(edges[-1], np.nextafter(self.high, np.inf))
        return edges

    def column(self, value: float) -> int:
        """The column that ``value`` lies in; the nearest one if it lies outside."""
        found = int(np.searchsorted(self.edges, value, side="right")) - 1
        return min(max(found, 0), self.columns - 1)

    def position(self, value: float) -> float:
        """``value`` in columns, 0 being the centre of the first."""
        return (value - self.low) / self.width


def decimate(x: Floats, y: Floats, grid: Grid) -> Columns:
    """The points ``x`` (finite, not falling), ``y`` in the columns of ``grid``. Cost: one pass over them."""
    n = grid.columns
    bounds = np.searchsorted(x, grid.edges, side="left")
    starts, ends = bounds[:-1], bounds[1:]
    count = ends - starts
    filled = np.flatnonzero(count)
    low, high, first, last = (np.full(n, np.nan) for _ in range(4))
    broken = np.zeros(n, dtype=np.bool_)
    if len(filled):
        inside = y[bounds[0] : bounds[-1]]
        begins = starts[filled] - bounds[0]
        # NaN and infinities come through both, so no look at every point is needed to find their columns.
        low[filled] = np.minimum.reduceat(inside, begins)
        high[filled] = np.maximum.reduceat(inside, begins)
        first[filled] = y[starts[filled]]
        last[filled] = y[ends[filled] - 1]
        broken[filled] = ~(np.isfinite(low[filled]) & np.isfinite(high[filled]))
        if broken.any():
            _reduce_finite(inside, count, broken, low, high)
    return Columns(
        low, high, first, last, count, broken, *_neighbours(x, y, int(bounds[0]), int(bounds[-1]), grid)
    )


def _reduce_finite(
    inside: Floats, count: NDArray[np.int64], broken: NDArray[np.bool_], low: Floats, high: Floats
) -> None:
    """Least and greatest among the finite values of the columns that have others too."""
    values = inside[np.repeat(broken, count)]
    values = np.where(np.isfinite(values), values, np.nan)
    counts = count[broken]
    begins = np.cumsum(counts) - counts
    low[broken] = np.fmin.reduceat(values, begins)
    high[broken] = np.fmax.reduceat(values, begins)


def _neighbours(
    x: Floats, y: Floats, start: int, end: int, grid: Grid
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    before = after = None
    if start > 0:
        before = (min(max(grid.position(float(x[start - 1])), -_FAR), -0.5), float(y[start - 1]))
    if end < len(x):
        after = (max(min(grid.position(float(x[end])), _FAR), grid.columns - 0.5), float(y[end]))
    return before, after


def usable(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Points with a place on the axis, in its order (equal ones as they came); the same arrays if they were.

    NaN, infinities and numbers beyond 1e300 have no place.
    """
    if len(x) == 0 or (x[0] >= -_HUGE and x[-1] <= _HUGE and bool((x[1:] >= x[:-1]).all())):
        return x, y
    placed = np.abs(x) <= _HUGE
    x, y = x[placed], y[placed]
    order = np.argsort(x, kind="stable")
    return x[order], y[order]

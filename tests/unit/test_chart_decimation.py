"""Many points in few columns and dots: nothing that sticks out is lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_tui.widgets.chart_raster import (
    DOTS,
    GLYPHS,
    Glyphs,
    characters,
    dot_masks,
    dot_rows,
    line,
)
from ysnakes_tui.widgets.chart_scale import Scale, fitted
from ysnakes_tui.widgets.decimation import Columns, Floats, Grid, decimate, usable

any_float = st.floats(allow_nan=True, allow_infinity=True)
places = st.floats(min_value=-1e6, max_value=1e6)
points = st.lists(st.tuples(places, any_float), max_size=80)


def arrays(pairs: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return usable(table[:, 0], table[:, 1])


@given(points, places, places, st.integers(1, 50))
def test_each_column_has_the_least_and_greatest_of_its_points(
    pairs: list[tuple[float, float]], start: float, end: float, n: int
) -> None:
    x, y = arrays(pairs)
    axis = fitted(start, end, snap=False)
    grid = Grid(axis.low, axis.high, n)
    columns = decimate(x, y, grid)
    inside = (x >= grid.edges[0]) & (x < grid.edges[-1])
    at = np.array([grid.column(value) for value in x[inside]], dtype=int)
    assert inside[(x >= grid.low) & (x <= grid.high)].all(), "the ends belong to it"
    for column in range(n):
        values = y[inside][at == column]
        finite = values[np.isfinite(values)]
        assert columns.count[column] == len(values)
        assert columns.broken[column] == (len(finite) < len(values))
        if len(finite):
            assert (columns.low[column], columns.high[column]) == (finite.min(), finite.max())
        else:
            assert np.isnan(columns.low[column])
            assert np.isnan(columns.high[column])


@given(points, st.integers(1, 40), st.integers(1, 20), st.sampled_from(GLYPHS))
def test_every_finite_point_is_drawn_where_it_is(
    pairs: list[tuple[float, float]], width: int, height: int, glyphs: Glyphs
) -> None:
    x, y = arrays(pairs)
    shown = y[np.isfinite(y)]
    if not len(shown):
        return
    across, down = DOTS[glyphs]
    axis = fitted(x[0], x[-1], snap=False)
    grid = Grid(axis.low, axis.high, width * across)
    scale = fitted(shown.min(), shown.max())
    masks = dot_masks(line(decimate(x, y, grid), scale, height * down), height, glyphs)
    codes = characters(masks, glyphs)
    assert codes.shape == (height, width)
    rows = dot_rows(y, scale, height * down) // down
    for place, value, row in zip(x, y, rows, strict=True):
        if np.isfinite(value):
            assert codes[row, grid.column(place) // across] != 0


def columns_of(y: list[float], x: list[float] | None = None, n: int | None = None) -> Columns:
    xs = np.arange(len(y), dtype=float) if x is None else np.array(x)
    return decimate(xs, np.array(y, dtype=float), Grid(0, max(n or len(y), 2) - 1, n or len(y)))


def drawn(columns: Columns, n_rows: int, scale: Scale) -> list[str]:
    extents = line(columns, scale, n_rows)
    rows = np.arange(n_rows)[:, None]
    dots = (rows >= extents.top) & (rows <= extents.bottom)
    return ["".join("#" if dot else "." for dot in row) for row in dots]


def test_one_spike_among_many_steps_reaches_its_height() -> None:
    y = np.full(100_000, 2.0)
    y[54_321] = 9.0
    columns = decimate(np.arange(100_000.0), y, Grid(0, 99_999, 80))
    assert columns.high.max() == 9.0
    assert np.count_nonzero(columns.high == 9.0) == 1


def test_neighbours_are_joined_without_a_gap() -> None:
    assert drawn(columns_of([0, 4, 0]), 5, Scale(0, 4)) == [
        ".#.",
        ".#.",
        ".#.",
        "#.#",
        "#.#",
    ]


def test_far_points_are_joined_straight() -> None:
    assert drawn(columns_of([0, 4], x=[0, 4], n=5), 5, Scale(0, 4)) == [
        "....#",
        "...#.",
        "..#..",
        ".#...",
        "#....",
    ]


def test_a_line_comes_in_from_points_out_of_view() -> None:
    columns = decimate(np.array([-4.0, 8.0]), np.array([0.0, 12.0]), Grid(0, 4, 5))
    assert drawn(columns, 5, Scale(4, 8)) == ["....#", "...#.", "..#..", ".#...", "#...."]


def test_nan_and_infinities_break_the_line() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        columns = columns_of([1, bad, 1])
        assert columns.broken.tolist() == [False, True, False]
        assert drawn(columns, 3, Scale(0, 2)) == ["...", "#.#", "..."]


def test_values_beyond_the_scale_are_known() -> None:
    extents = line(columns_of([1, 9, 1, -9]), Scale(0, 2), 3)
    assert extents.above.tolist() == [False, True, False, False]
    assert extents.below.tolist() == [False, False, False, True]


def test_points_are_put_in_order_and_those_without_a_place_left_out() -> None:
    x, y = usable(np.array([3.0, np.nan, 1.0, np.inf, 2.0]), np.array([30.0, 0, 10, 0, 20]))
    assert x.tolist() == [1, 2, 3]
    assert y.tolist() == [10, 20, 30]


def test_ordered_points_are_not_copied() -> None:
    x, y = np.arange(5.0), np.arange(5.0)
    assert usable(x, y)[0] is x

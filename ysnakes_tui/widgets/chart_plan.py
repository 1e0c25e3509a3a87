"""Where everything of a chart goes in the cells that it has: areas, scales, ticks, points in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ysnakes_tui.widgets.chart_content import Content
from ysnakes_tui.widgets.chart_raster import DOTS, dot_rows
from ysnakes_tui.widgets.chart_scale import Scale, Tick, fitted, mapped, robust_high, ticks
from ysnakes_tui.widgets.decimation import Columns, Floats, Grid, decimate

_GUTTER = 5  # cells for the values beside the axis; more where they need it
_LEAST_WIDTH_FOR_VALUES = 16
_LEAST_WIDTH_FOR_LETTERS = 24
_LEAST_HEIGHT_FOR_STEPS = 4
_LEAST_HEIGHT_FOR_LEGEND = 5
_LEAST_HEIGHT_FOR_AXIS = 8


@dataclass(frozen=True)
class Area:
    """A part of the canvas, in cells."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Plan:
    """A chart of ``width`` by ``height`` cells. ``plot`` is where lines are; ``columns`` are of dots.

    ``gutter`` is how many cells the values left of the vertical axis take, 0 if there are none (then there is
    no vertical axis either); ``axis_row`` and ``step_row`` are None where there is no room for them.
    """

    content: Content
    width: int
    height: int
    plot: Area
    gutter: int
    legend_rows: int
    axis_row: int | None
    step_row: int | None
    x: Grid
    y: Scale
    columns: tuple[Columns, ...]
    x_ticks: tuple[tuple[int, Tick], ...]  # with the column of the plot, in cells
    y_ticks: tuple[tuple[int, Tick], ...]  # with the row of the plot, in cells

    @property
    def across(self) -> int:
        """Columns of dots in a cell."""
        return DOTS[self.content.glyphs][0]

    @property
    def down(self) -> int:
        """Rows of dots in a cell."""
        return DOTS[self.content.glyphs][1]

    def cell_column(self, x: float) -> int | None:
        """The column of the plot where ``x`` is, in cells; None if it is not in view."""
        if not self.x.low <= x <= self.x.high:
            return None
        return self.x.column(x) // self.across

    def cell_row(self, y: float) -> int:
        """The row of the plot where ``y`` is, in cells; beyond the edges the first or last one."""
        row = int(dot_rows(np.array([y]), self.y, self.plot.height * self.down)[0])
        return min(max(row // self.down, 0), self.plot.height - 1)

    def x_at(self, cell_column: float) -> float:
        """What lies in the middle of a column of the plot."""
        return self.x.centre(cell_column * self.across + (self.across - 1) / 2)


def make_plan(content: Content, width: int, height: int, legend_rows: int) -> Plan:
    """Room for everything, what matters least left out first; ``legend_rows``: what the legend would take."""
    legend_rows = min(legend_rows, _most_legend_rows(height))
    has_steps = height >= _LEAST_HEIGHT_FOR_STEPS and width >= _LEAST_WIDTH_FOR_VALUES
    has_axis = has_steps and height >= _LEAST_HEIGHT_FOR_AXIS
    plot_height = max(height - legend_rows - has_steps - has_axis, 1)
    letters = 2 if width >= _LEAST_WIDTH_FOR_LETTERS else 0
    x_scale = _horizontal(content)
    has_values = width >= _LEAST_WIDTH_FOR_VALUES and height >= 2

    across, down = DOTS[content.glyphs]
    guess = max(width - letters - (_GUTTER + 1) * has_values, 1)
    y = _vertical(content, Grid(x_scale.low, x_scale.high, guess * across))
    y_ticks = _value_ticks(y, plot_height, down) if has_values else ()
    widest = max((len(tick.label) for _, tick in y_ticks), default=0)
    gutter = min(max(_GUTTER, widest + 1), width // 2) if has_values else 0
    left = gutter + 1 if has_values else 0
    plot = Area(left, legend_rows, max(width - left - letters, 1), plot_height)
    x = Grid(x_scale.low, x_scale.high, plot.width * across)
    return Plan(
        content,
        width,
        height,
        plot,
        gutter,
        legend_rows,
        legend_rows + plot_height if has_axis else None,
        height - 1 if has_steps else None,
        x,
        y,
        tuple(decimate(series.x, series.y, x) for series in content.series),
        _columns_of(content, x_scale, x, plot.width, width - left) if has_steps else (),
        y_ticks,
    )


def _most_legend_rows(height: int) -> int:
    if height < _LEAST_HEIGHT_FOR_LEGEND:
        return 0
    return 1 if height < 12 else 2 if height < 20 else 3


def _horizontal(content: Content) -> Scale:
    if content.view is not None:
        return fitted(*content.view, snap=False)
    span = content.span
    if span is None:
        return Scale(0.0, 1.0)
    low, high = span
    return fitted(low, max(high, low + 4) if content.whole_x else high)


def _vertical(content: Content, x: Grid) -> Scale:
    """The values' range as ``content.fit`` asks for: of what is in view or all, with extremes or without."""
    span = content.span
    if content.fit == "all" and span is not None:
        whole = fitted(*span, snap=False)
        x = Grid(min(whole.low, x.low), max(whole.high, x.high), x.columns)
    lows, highs = [], []
    for series in content.series:
        columns = decimate(series.x, series.y, x)
        if content.log and bool((columns.low <= 0).any()):
            columns = decimate(series.x, np.where(series.y > 0, series.y, np.nan), x)
        lowest, highest = columns.low, columns.high
        if bool(np.isnan(lowest).all()):
            lowest = highest = _bridge(columns, content.log)
        shown = ~np.isnan(lowest)
        lows.append(lowest[shown])
        highs.append(highest[shown])
    if not any(len(values) for values in lows):
        return Scale(1.0, 10.0, log=True) if content.log else Scale(0.0, 1.0)
    low = min(float(values.min()) for values in lows if len(values))
    high = max(float(values.max()) for values in highs if len(values))
    if content.fit == "robust" and not content.log:
        high = robust_high([mapped(values, False) for values in highs], low, high)
    return fitted(low, high, log=content.log)


def _bridge(columns: Columns, log: bool) -> Floats:
    """Where a line enters and leaves the view between two of its points, if neither of them is in it."""
    if columns.before is None or columns.after is None:
        return np.array([np.nan])
    (left, start), (right, end) = columns.before, columns.after
    if not (np.isfinite(start) and np.isfinite(end)) or (log and min(start, end) <= 0):
        return np.array([np.nan])
    at = np.array([0.0, len(columns) - 1.0])
    shares = (at - left) / (right - left)
    a, b = mapped(np.array([start, end]), log)
    values = a + (b - a) * shares
    return np.asarray(10**values if log else values, dtype=np.float64)


def _value_ticks(y: Scale, height: int, down: int) -> tuple[tuple[int, Tick], ...]:
    """Ticks with their row, from the top, with rows free between them if there is room; two if possible."""
    best: list[tuple[int, Tick]] = []
    for most in range(max(2, height // 3), max(2, height // 3) + 4):
        every = ticks(y, most)
        found: list[tuple[int, Tick]] = []
        for tick in reversed(every):
            row = int(dot_rows(np.array([tick.value]), y, height * down)[0]) // down
            if 0 <= row < height and (not found or row > found[-1][0] + (height > 4)):
                found.append((row, tick))
        if len(found) == len(every) >= 2:
            return tuple(found)
        if len(best) < 2:
            best = found
    return tuple(best)


def _columns_of(
    content: Content, scale: Scale, x: Grid, plot_width: int, room: int
) -> tuple[tuple[int, Tick], ...]:
    """As many ticks as leave room between their labels, which are centred below them."""
    across = DOTS[content.glyphs][0]
    for most in range(max(plot_width // 7, 1), 0, -1):
        found = [(x.column(tick.value) // across, tick) for tick in ticks(scale, most, whole=content.whole_x)]
        ends = [label_start(column, tick, room) + len(tick.label) for column, tick in found]
        starts = [label_start(column, tick, room) for column, tick in found]
        if all(end + 2 <= start for end, start in zip(ends, starts[1:], strict=False)) and (
            not ends or ends[-1] <= room
        ):
            return tuple(found)
    return ()


def label_start(column: int, tick: Tick, room: int) -> int:
    """Where the label of a tick begins, in cells from the left end of the axis."""
    return max(min(column - (len(tick.label) - 1) // 2, room - len(tick.label)), 0)

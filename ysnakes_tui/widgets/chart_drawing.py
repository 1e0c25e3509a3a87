"""A planned chart on a canvas: grid, lines, points, marks, axes, letters, and the crosshair over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ysnakes_tui.widgets.chart_canvas import CURSOR, Canvas, cells_of, fit
from ysnakes_tui.widgets.chart_content import ASCII, STYLE, Content, Series, symbols
from ysnakes_tui.widgets.chart_legend import (
    draw_items,
    legend_height,
    legend_items,
    point_symbol,
    reading_items,
    readings,
)
from ysnakes_tui.widgets.chart_plan import Plan, label_start, make_plan
from ysnakes_tui.widgets.chart_raster import Extents, Masks, characters, dot_masks, dot_rows, line

_SPACE = ord(" ")


@dataclass(frozen=True, eq=False)
class Drawn:
    """A series' line: its dots in columns, and in cells."""

    series: Series
    extents: Extents
    masks: Masks


def plan_chart(content: Content, width: int, height: int) -> Plan:
    """The plan of a chart of ``width`` by ``height`` cells, both at least 1."""
    return make_plan(content, width, height, legend_height(legend_items(content, zoom_of(content)), width))


def zoom_of(content: Content) -> float:
    """How many times longer the whole horizontal axis is than the part in view."""
    span = content.span
    if content.view is None or span is None or content.view[1] <= content.view[0]:
        return 1.0
    return (span[1] - span[0]) / (content.view[1] - content.view[0])


def draw_chart(plan: Plan, crosshair: float | None = None) -> Canvas:
    """The chart, with the values at ``crosshair`` (a place on the horizontal axis) instead of the legend."""
    canvas = Canvas(plan.width, plan.height)
    content = plan.content
    unicode = content.glyphs != "ascii"
    if content.span is None:
        text = fit(content.empty_text, plan.width, unicode=unicode)
        canvas.text((plan.height - 1) // 2, (plan.width - cells_of(text)) // 2, text, STYLE["empty"])
        return canvas
    _draw_grid(canvas, plan)
    _draw_rollbacks(canvas, plan)
    drawn = _draw_lines(canvas, plan)
    _draw_points(canvas, plan)
    _draw_edges(canvas, plan, [one.extents for one in drawn])
    _draw_axes(canvas, plan)
    _draw_marks(canvas, plan)
    _draw_letters(canvas, plan, drawn)
    column = plan.cell_column(crosshair) if crosshair is not None else None
    if crosshair is not None and column is not None:
        _draw_crosshair(canvas, plan, crosshair, column)
        rows = max(plan.legend_rows, 1)
        items = reading_items(content, crosshair, plan.width, rows)
        canvas.codes[:rows] = _SPACE
        canvas.styles[:rows] = STYLE["base"]
    else:
        rows = plan.legend_rows
        items = legend_items(content, zoom_of(content))
    draw_items(canvas, items, rows, unicode=unicode)
    return canvas


def _draw_grid(canvas: Canvas, plan: Plan) -> None:
    symbol = symbols(plan.content.glyphs).grid
    if symbol and plan.plot.height >= 4:
        for row, _ in plan.y_ticks:
            codes = np.full((1, plan.plot.width), ord(symbol), dtype=np.uint32)
            canvas.blend(plan.plot.top + row, plan.plot.left, codes, STYLE["grid"])


def _draw_rollbacks(canvas: Canvas, plan: Plan) -> None:
    marks = symbols(plan.content.glyphs)
    for mark in plan.content.marks:
        column = plan.cell_column(mark.x) if mark.kind == "rollback" else None
        if column is not None:
            codes = np.full((plan.plot.height, 1), ord(marks.rollback_line), dtype=np.uint32)
            codes[0] = ord(marks.rollback)
            canvas.blend(plan.plot.top, plan.plot.left + column, codes, STYLE["rollback"])


def _draw_lines(canvas: Canvas, plan: Plan) -> list[Drawn]:
    """Lines over each other. Where dots of two share a cell all are seen, but of one that is dim none."""
    plot, glyphs = plan.plot, plan.content.glyphs
    together = np.zeros((plot.height, plot.width), dtype=np.uint8)
    drawn = []
    for series, columns in zip(plan.content.series, plan.columns, strict=True):
        extents = line(columns, plan.y, plot.height * plan.down)
        masks = dot_masks(extents, plot.height, glyphs)
        shown = masks
        if glyphs == "braille" and not series.dim:  # larger dots would become one blot
            together |= masks
            shown = np.where(masks > 0, together, np.uint8(0))
        codes = characters(shown, glyphs, _ascii_line(series))
        canvas.blend(plot.top, plot.left, codes, STYLE[series.style])
        drawn.append(Drawn(series, extents, masks))
    return drawn


def _ascii_line(series: Series) -> str:
    """What a line is made of where there is only ASCII; a letter, unless something else bears the meaning."""
    if series.dim:
        return ASCII.raw
    return ASCII.line if series.points else series.letter


def _draw_points(canvas: Canvas, plan: Plan) -> None:
    plot = plan.plot
    for series in plan.content.series:
        start, end = np.searchsorted(series.x, (plan.x.low, np.nextafter(plan.x.high, np.inf)))
        if not series.points or end - start > plot.width:
            continue
        x, y = series.x[start:end], series.y[start:end]
        shown = np.isfinite(y)
        x, y = x[shown], y[shown]
        rows = dot_rows(y, plan.y, plot.height * plan.down)
        inside = (rows >= 0) & (rows < plot.height * plan.down)
        columns = np.searchsorted(plan.x.edges, x[inside], side="right") - 1
        at = (plot.top + rows[inside] // plan.down, plot.left + columns // plan.across)
        canvas.codes[at] = ord(point_symbol(series, plan.content))
        canvas.styles[at] = STYLE[series.style]


def _draw_edges(canvas: Canvas, plan: Plan, extents: list[Extents]) -> None:
    """What can't be drawn where it belongs: values beyond the edges, NaN and infinities."""
    marks = symbols(plan.content.glyphs)
    plot, n = plan.plot, plan.plot.width
    for one in extents:
        for hidden, symbol, row in (
            (one.above, marks.above, plot.top),
            (one.below, marks.below, plot.top + plot.height - 1),
        ):
            found = np.flatnonzero(hidden.reshape(n, plan.across).any(axis=1))
            canvas.codes[row, plot.left + found] = ord(symbol)
            canvas.styles[row, plot.left + found] = STYLE["beyond"]
    for columns in plan.columns:
        found = np.flatnonzero(columns.broken.reshape(n, plan.across).any(axis=1))
        canvas.codes[plot.top, plot.left + found] = ord(marks.broken)
        canvas.styles[plot.top, plot.left + found] = STYLE["broken"]


def _draw_axes(canvas: Canvas, plan: Plan) -> None:
    marks = symbols(plan.content.glyphs)
    plot = plan.plot
    axis = STYLE["axis"]
    if plan.gutter:
        for row in range(plot.height):
            canvas.put(plot.top + row, plan.gutter, marks.vertical, axis)
        for row, tick in plan.y_ticks:
            canvas.put(plot.top + row, plan.gutter, marks.tick_left, axis)
            canvas.text(plot.top + row, plan.gutter - 1 - len(tick.label), tick.label, STYLE["tick"])
    if plan.axis_row is not None:
        canvas.put(plan.axis_row, plan.gutter, marks.corner, axis)
        for column in range(plot.width):
            canvas.put(plan.axis_row, plot.left + column, marks.horizontal, axis)
        for column, _ in plan.x_ticks:
            canvas.put(plan.axis_row, plot.left + column, marks.tick_down, axis)
    if plan.step_row is not None:
        room = plan.width - plot.left
        for column, tick in plan.x_ticks:
            start = plot.left + label_start(column, tick, room)
            canvas.text(plan.step_row, start, tick.label, STYLE["tick"])
        _draw_x_title(canvas, plan)


def _draw_x_title(canvas: Canvas, plan: Plan) -> None:
    """Below the values of the vertical axis if it is that short, else at the right end if that is free."""
    assert plan.step_row is not None
    content = plan.content
    title = fit(content.x_title, plan.width // 2, unicode=content.glyphs != "ascii")
    size = cells_of(title)
    if size and size <= plan.gutter:
        canvas.text(plan.step_row, plan.gutter - size, title, STYLE["tick"])
        return
    start = plan.width - size
    if size and bool((canvas.codes[plan.step_row, max(start - 2, 0) :] == _SPACE).all()):
        canvas.text(plan.step_row, start, title, STYLE["tick"])


def _draw_marks(canvas: Canvas, plan: Plan) -> None:
    marks = symbols(plan.content.glyphs)
    order = sorted(plan.content.marks, key=lambda mark: mark.kind == "best")
    for mark in order:
        column = plan.cell_column(mark.x)
        if column is None or mark.kind == "rollback":
            continue
        symbol = marks.best if mark.kind == "best" else marks.checkpoint
        row = plan.axis_row
        if mark.kind == "best" and mark.y is not None and np.isfinite(mark.y):
            row = plan.plot.top + plan.cell_row(mark.y)
        if row is not None:
            canvas.put(row, plan.plot.left + column, symbol, STYLE[mark.kind])


def _draw_letters(canvas: Canvas, plan: Plan, drawn: list[Drawn]) -> None:
    """A series' letter after the end of its line; on it as well where there are several such lines."""
    plot = plan.plot
    lettered = [one for one in drawn if not one.series.dim and not one.series.points]
    taken: set[tuple[int, int]] = set()
    for order, one in enumerate(lettered):
        top, bottom = one.extents.top, one.extents.bottom
        used = np.flatnonzero(top <= bottom)
        if not len(used):
            continue
        if len(lettered) > 1:
            _tag_line(canvas, plan, one, order, len(lettered))
        last = int(used[-1])
        column = plot.left + last // plan.across + 1
        row = _free_row(int(top[last] + bottom[last]) // 2 // plan.down, column, plot.height, taken)
        if column < canvas.width and row is not None:
            taken.add((row, column))
            canvas.put(plot.top + row, column, one.series.letter, STYLE[one.series.style])


def _free_row(row: int, column: int, height: int, taken: set[tuple[int, int]]) -> int | None:
    for offset in (0, 1, -1, 2, -2, 3, -3):
        if 0 <= row + offset < height and (row + offset, column) not in taken:
            return row + offset
    return None


def _tag_line(canvas: Canvas, plan: Plan, one: Drawn, order: int, of: int) -> None:
    every = max(24, 6 * of)
    for column in range(every // 2 + order * every // of, plan.plot.width - 3, every):
        rows = np.flatnonzero(one.masks[:, column])
        if len(rows):
            row = plan.plot.top + int(rows[len(rows) // 2])
            canvas.put(row, plan.plot.left + column, one.series.letter, STYLE[one.series.style])


def _draw_crosshair(canvas: Canvas, plan: Plan, x: float, column: int) -> None:
    plot = plan.plot
    at = plot.left + column
    symbol = symbols(plan.content.glyphs).crosshair
    grid = symbols(plan.content.glyphs).grid or " "
    for row in range(plot.top, plot.top + plot.height):
        if canvas.codes[row, at] in (_SPACE, ord(grid)):
            canvas.put(row, at, symbol, STYLE["crosshair"])
        else:
            canvas.styles[row, at] |= CURSOR
    for reading in readings(plan.content, x):
        if reading.value is not None and np.isfinite(reading.value) and reading.at == x:
            row = int(dot_rows(np.array([reading.value]), plan.y, plot.height * plan.down)[0]) // plan.down
            if 0 <= row < plot.height:
                series = reading.series
                shown = point_symbol(series, plan.content) if series.points else series.letter
                canvas.put(plot.top + row, at, shown, STYLE[series.style] | CURSOR)

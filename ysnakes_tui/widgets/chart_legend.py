"""The lines above a chart: what is drawn how, or what the values are under the crosshair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ysnakes_tui.widgets.chart_canvas import CURSOR, Canvas, cells_of, fit
from ysnakes_tui.widgets.chart_content import MARK_KINDS, STYLE, Content, Series, Symbols, symbols
from ysnakes_tui.widgets.chart_scale import number, step_number

_MARKS = tuple(STYLE[kind] for kind in MARK_KINDS)
_GAPS = (3, 2)  # cells between items: the first that saves a row
_LONGEST_LABEL = 24


@dataclass(frozen=True)
class Piece:
    """Text in one style."""

    text: str
    style: int


Item = tuple[Piece, ...]


def width_of(item: Item) -> int:
    return sum(cells_of(piece.text) for piece in item)


def sample(series: Series, content: Content) -> str:
    """The character that shows how a series is drawn."""
    marks = symbols(content.glyphs)
    if series.dim:
        return marks.raw
    if content.glyphs == "ascii":
        return series.letter
    return point_symbol(series, content) if series.points else marks.line


def point_symbol(series: Series, content: Content) -> str:
    """The character on each point of a series that is drawn with points: another one for each such series."""
    marks = symbols(content.glyphs)
    if not marks.points:
        return series.letter
    order = [other.name for other in content.series if other.points].index(series.name)
    return marks.points[order % len(marks.points)]


def legend_items(content: Content, zoom: float) -> list[Item]:
    """Title, every series, every kind of mark that there is."""
    marks = symbols(content.glyphs)
    items = _title(content, zoom, marks)
    items += [_series_item(series, content) for series in content.series]
    kinds = {mark.kind for mark in content.marks}
    for kind, symbol in (
        ("best", marks.best),
        ("checkpoint", marks.checkpoint),
        ("rollback", marks.rollback),
    ):
        if kind in kinds:
            items.append((Piece(symbol, STYLE[kind]), Piece(f" {kind}", STYLE["text"])))
    return items


def _title(content: Content, zoom: float, marks: Symbols) -> list[Item]:
    unicode = marks.grid != ""
    pieces = [Piece(fit(content.y_title, _LONGEST_LABEL, unicode=unicode), STYLE["title"])]
    if content.log:
        pieces.append(Piece(" log", STYLE["text"]))
    if zoom > 1.01:
        pieces.append(Piece(f" {'×' if unicode else 'x'}{zoom:.3g}", STYLE["text"]))
    shown = tuple(piece for piece in pieces if piece.text)
    return [shown] if shown else []


def _series_item(series: Series, content: Content) -> Item:
    label = fit(series.label, _LONGEST_LABEL, unicode=content.glyphs != "ascii")
    shown = sample(series, content)
    pieces = [Piece(shown, STYLE[series.style])]
    if shown != series.letter and not series.points:
        pieces.append(Piece(series.letter, STYLE[series.style]))
    return (*pieces, Piece(f" {label}", STYLE["text"]))


def legend_height(items: list[Item], width: int) -> int:
    """Rows that ``items`` take, at most ``width`` cells each."""
    return max((row for row, _, _ in _flow(items, width)), default=-1) + 1


def _flow(items: list[Item], width: int) -> list[tuple[int, int, Item]]:
    """Row and column of each item."""
    wide, narrow = (_flow_with(items, width, gap) for gap in _GAPS)
    return narrow if narrow and narrow[-1][0] < wide[-1][0] else wide


def _flow_with(items: list[Item], width: int, gap: int) -> list[tuple[int, int, Item]]:
    placed: list[tuple[int, int, Item]] = []
    row = column = 0
    for item in items:
        size = width_of(item)
        if column and column + size > width:
            row, column = row + 1, 0
        placed.append((row, column, item))
        column += size + gap
    return placed


def draw_items(canvas: Canvas, items: list[Item], rows: int, *, unicode: bool) -> None:
    """Write items in the canvas's first ``rows`` rows; an ellipsis if there are more.

    Of marks only those on the canvas are named: others are out of view, or there is no axis for them.
    """
    items = [item for item in items if item[0].style not in _MARKS or _is_drawn(item[0], canvas)]
    last = 0
    flows = [_flow(items, canvas.width), _flow_with(items, canvas.width, _GAPS[-1])]
    for row, column, item in max(flows, key=lambda flow: sum(row < rows for row, _, _ in flow)):
        if row >= rows:
            if rows:
                column = min(last + 1, canvas.width - 1)
                canvas.text(rows - 1, column, "…" if unicode else "..", STYLE["text"])
            return
        for piece in item:
            column = canvas.text(row, column, piece.text, piece.style)
        last = column


def _is_drawn(mark: Piece, canvas: Canvas) -> bool:
    same = (canvas.codes == ord(mark.text)) & ((canvas.styles & (CURSOR - 1)) == mark.style)
    return bool(same.any())


@dataclass(frozen=True)
class Reading:
    """What a series says at a step: the value there or the last one before, None if there is none yet."""

    series: Series
    value: float | None
    at: float | None  # where that value stands


def readings(content: Content, x: float) -> list[Reading]:
    found = []
    for series in content.series:
        index = int(np.searchsorted(series.x, x, side="right")) - 1
        if index < 0:
            found.append(Reading(series, None, None))
        else:
            found.append(Reading(series, float(series.y[index]), float(series.x[index])))
    return found


def reading_items(content: Content, x: float, width: int, rows: int) -> list[Item]:
    """The step and every value, with as much beside them as fits in ``rows`` rows."""
    values = readings(content, x)
    unicode = content.glyphs != "ascii"
    step = fit(content.x_title, _LONGEST_LABEL, unicode=unicode)
    heads = [f"{step} {step_number(x)}" if step else step_number(x), step_number(x)]
    items: list[Item] = []
    for head, labelled in ((heads[0], True), (heads[0], False), (heads[1], False)):
        items = [(Piece(head, STYLE["title"]),)]
        items += [_reading_item(reading, content, x, labelled) for reading in values]
        if legend_height(items, width) <= rows:
            break
    return items


def _reading_item(reading: Reading, content: Content, x: float, labelled: bool) -> Item:
    series = reading.series
    unicode = content.glyphs != "ascii"
    value = ("–" if unicode else "-") if reading.value is None else number(reading.value)
    if labelled and reading.at is not None and series.points and reading.at != x:
        value += f" at {step_number(reading.at)}"
    pieces = [Piece(sample(series, content), STYLE[series.style])]
    if labelled:
        pieces.append(Piece(f" {fit(series.label, _LONGEST_LABEL, unicode=unicode)}", STYLE["text"]))
    elif not series.points:
        pieces[0] = Piece(series.letter, STYLE[series.style])
    return (*pieces, Piece(f" {value}", STYLE["letter"]))

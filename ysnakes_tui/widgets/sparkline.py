"""A small chart of one series with its last value: learning rate, gradient norm, tokens a second, memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from ysnakes_tui.widgets.chart_canvas import Canvas, cells_of, fit
from ysnakes_tui.widgets.chart_content import symbols
from ysnakes_tui.widgets.chart_raster import DOTS, Cells, Glyphs, characters, dot_masks, dot_rows, line
from ysnakes_tui.widgets.chart_scale import Scale, fitted, mapped, number, robust_high
from ysnakes_tui.widgets.decimation import Columns, Floats, Grid, decimate, usable
from ysnakes_tui.widgets.labelled_cells import LabelledCells

_BLOCK_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = "_.-~^"
_LEAST_CHART = 4  # cells; with fewer, the value alone says more
_LABEL, _VALUE, _RANGE, _LINE, _BROKEN = range(1, 6)


class Sparkline(LabelledCells):
    """On one row label, line and value beside each other; on more the line below the others.

    The line goes over all that there is, least and greatest value of each column kept. ``log_scale`` draws
    values by their logarithms, ``baseline`` is a value that the range reaches to, ``show`` writes values.
    All texts are literal.
    """

    STYLES = tuple(f"sparkline--{name}" for name in ("label", "value", "range", "line", "broken"))
    COMPONENT_CLASSES: ClassVar[set[str]] = set(STYLES)
    DEFAULT_CSS = """
    Sparkline {
        height: 2;
        .sparkline--label, .sparkline--range { color: $text-muted; }
        .sparkline--value { text-style: bold; }
        .sparkline--line { color: $text-primary; }
        .sparkline--broken { color: $text-error; text-style: bold; }
        &:ansi .sparkline--range { color: ansi_default; text-style: dim; }
    }
    """

    def __init__(
        self,
        label: str = "",
        *,
        show: Callable[[float], str] = number,
        log_scale: bool = False,
        fit: Literal["robust", "all"] = "robust",
        baseline: float | None = None,
        empty_text: str | None = None,
        glyphs: Glyphs = "braille",
        label_width: int = 0,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(label, glyphs, label_width, name=name, id=id, classes=classes)
        self.show_value = show
        self.log_scale = log_scale
        self.fit_range = fit
        self.baseline = baseline
        self.empty_text = empty_text
        self._x: Floats = np.empty(0)
        self._y: Floats = np.empty(0)

    def set_series(self, x: ArrayLike, y: ArrayLike) -> None:
        """Show these values; ``x`` says how far apart they are. Of equal length, else ValueError."""
        xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if xs.ndim != 1 or xs.shape != ys.shape:
            raise ValueError(f"x and y must be equally long, not of shapes {xs.shape} and {ys.shape}")
        self._x, self._y = usable(xs, ys)
        self.changed()

    def set_values(self, y: ArrayLike) -> None:
        """Show these values, evenly apart."""
        ys = np.asarray(y, dtype=np.float64)
        self.set_series(np.arange(len(ys), dtype=np.float64), ys)

    @property
    def last(self) -> float | None:
        """The latest value, which may be NaN; None if there is none."""
        return float(self._y[-1]) if len(self._y) else None

    def draw(self, width: int, height: int) -> Canvas:
        canvas = Canvas(width, height)
        empty = self.dash if self.empty_text is None else self.empty_text
        value = fit(empty if self.last is None else self.show_value(self.last), width, unicode=self.unicode)
        value_at = width - cells_of(value)
        canvas.text(0, value_at, value, _VALUE)
        label = fit(self.label, max(value_at - 1, 0), unicode=self.unicode)
        after = max(canvas.text(0, 0, label, _LABEL), min(self.label_width, value_at))
        if height == 1:
            left = after + 1 if label or self.label_width else 0
            self._draw_line(canvas, 0, left, value_at - 1 - left, 1)
        elif (columns := self._draw_line(canvas, 1, 0, width, height - 1)) is not None:
            self._draw_range(canvas, columns, after + 2, value_at - 2)
        return canvas

    def _draw_range(self, canvas: Canvas, columns: Columns, start: int, end: int) -> None:
        """Least and greatest value, just before the last one, if there is room."""
        shown = ~np.isnan(columns.low)
        if shown.any():
            dash = "–" if self.unicode else " to "
            ends = (float(columns.low[shown].min()), float(columns.high[shown].max()))
            text = fit(dash.join(map(self.show_value, ends)), canvas.width)
            if start + cells_of(text) <= end:
                canvas.text(0, end - cells_of(text), text, _RANGE)

    def _draw_line(self, canvas: Canvas, row: int, left: int, width: int, height: int) -> Columns | None:
        """Draw the values and return them in columns; None if there are none or no room."""
        if width < min(_LEAST_CHART, canvas.width) or not len(self._x):
            return None
        bars = height == 1 and self.glyphs != "braille"
        across = 1 if bars else DOTS[self.glyphs][0]
        axis = fitted(float(self._x[0]), float(self._x[-1]), snap=False)
        columns = decimate(self._x, self._y, Grid(axis.low, axis.high, width * across))
        scale = self._scale(columns)
        codes = self._bars(columns, scale) if bars else self._dots(columns, scale, height)
        canvas.blend(row, left, codes, _LINE)
        broken = np.flatnonzero(columns.broken.reshape(width, across).any(axis=1))
        canvas.codes[row, left + broken] = ord(symbols(self.glyphs).broken)
        canvas.styles[row, left + broken] = _BROKEN
        return columns

    def _scale(self, columns: Columns) -> Scale:
        shown = np.isfinite(columns.low) & ((columns.high > 0) if self.log_scale else True)
        lows, highs = columns.low[shown], columns.high[shown]
        if self.log_scale:
            lows = np.where(lows > 0, lows, highs)
        ends = [
            float(value) for values in (lows, highs) if len(values) for value in (values.min(), values.max())
        ]
        if not ends:
            return Scale(1.0, 10.0, log=True) if self.log_scale else Scale(0.0, 1.0)
        low, high = min(ends), max(ends)
        if self.fit_range == "robust" and not self.log_scale:
            high = robust_high([mapped(highs, False)], low, high)
        if self.baseline is not None and (self.baseline > 0 or not self.log_scale):
            low, high = min(low, self.baseline), max(high, self.baseline)
        return fitted(low, high, log=self.log_scale, snap=False)

    def _dots(self, columns: Columns, scale: Scale, height: int) -> Cells:
        extents = line(columns, scale, height * DOTS[self.glyphs][1])
        return characters(dot_masks(extents, height, self.glyphs), self.glyphs)

    def _bars(self, columns: Columns, scale: Scale) -> Cells:
        """One character a column whose height is the greatest value there, or that of the line across."""
        levels = _BLOCK_LEVELS if self.glyphs == "block" else _ASCII_LEVELS
        extents = line(columns, scale, len(levels))
        codes = np.array([ord(level) for level in levels], dtype=np.uint32)
        top = np.where(np.isfinite(columns.high), dot_rows(columns.high, scale, len(levels)), extents.top)
        level = np.clip(len(levels) - 1 - top, 0, len(levels) - 1)
        drawn = np.isfinite(columns.high) | (extents.top <= extents.bottom)
        return np.where(drawn, codes[level], np.uint32(0))[None, :]

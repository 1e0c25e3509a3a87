"""A labelled bar: how much of a limit is used, be it patience or memory."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from ysnakes_tui.widgets.chart_canvas import Canvas, cells_of, fit
from ysnakes_tui.widgets.chart_raster import Glyphs
from ysnakes_tui.widgets.chart_scale import number
from ysnakes_tui.widgets.labelled_cells import LabelledCells

Level = Literal["unknown", "normal", "warning", "danger"]

_LEAST_BAR = 4
_LABEL, _TEXT, _NORMAL, _WARNING, _DANGER, _REST = range(1, 7)
_LOOK: dict[Level, tuple[int, str]] = {
    "unknown": (_REST, ""),
    "normal": (_NORMAL, ""),
    "warning": (_WARNING, "!"),
    "danger": (_DANGER, "!!"),
}


class Meter(LabelledCells):
    """On one row label, bar and text beside each other; on more the bar below the others.

    From ``warn_at`` and ``danger_at`` on (parts of the limit; None for never) the bar changes colour and the
    text begins with ``!`` or ``!!``. All texts are literal.
    """

    STYLES = tuple(f"meter--{name}" for name in ("label", "text", "normal", "warning", "danger", "rest"))
    COMPONENT_CLASSES: ClassVar[set[str]] = set(STYLES)
    DEFAULT_CSS = """
    Meter {
        height: 1;
        .meter--label { color: $text-muted; }
        .meter--normal { color: $text-primary; }
        .meter--warning { color: $text-warning; text-style: bold; }
        .meter--danger { color: $text-error; text-style: bold; }
        .meter--rest { color: $foreground 25%; }
        &:ansi .meter--rest { color: ansi_default; text-style: dim; }
    }
    """

    def __init__(
        self,
        label: str = "",
        *,
        warn_at: float | None = 0.75,
        danger_at: float | None = 0.9,
        glyphs: Glyphs = "braille",
        label_width: int = 0,
        text_width: int = 0,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """``label_width``, ``text_width``: cells they take at least, so that bars stand in one column."""
        super().__init__(label, glyphs, label_width, name=name, id=id, classes=classes)
        self.warn_at, self.danger_at, self.text_width = warn_at, danger_at, text_width
        self._value: float | None = None
        self._limit: float | None = None
        self._text: str | None = None

    def set(self, value: float | None, limit: float | None, text: str | None = None) -> None:
        """Show ``value`` of ``limit``, None where it isn't known. ``text`` says it; by default ``3 of 5``."""
        if (value, limit, text) != (self._value, self._limit, self._text):
            self._value, self._limit, self._text = value, limit, text
            self.changed()

    @property
    def fraction(self) -> float | None:
        """The part of the limit that is used, at least 0, above 1 if it is exceeded; None if not known."""
        value, limit = self._value, self._limit
        if (
            value is None
            or limit is None
            or not (math.isfinite(value) and math.isfinite(limit))
            or limit <= 0
        ):
            return None
        return max(value / limit, 0.0)

    @property
    def level(self) -> Level:
        fraction = self.fraction
        if fraction is None:
            return "unknown"
        if self.danger_at is not None and fraction >= self.danger_at:
            return "danger"
        return "warning" if self.warn_at is not None and fraction >= self.warn_at else "normal"

    def draw(self, width: int, height: int) -> Canvas:
        canvas = Canvas(width, height)
        style, warning = _LOOK[self.level]
        wording = self._wording()
        text = fit(f"{warning} {wording}" if warning else wording, width, unicode=self.unicode)
        label = fit(self.label, max(width - cells_of(text) - 1, 0), unicode=self.unicode)
        used = max(cells_of(label), self.label_width if height == 1 else 0)
        text_cells = max(cells_of(text), self.text_width if height == 1 else 0)
        left = used + 1 if used else 0
        room = width - left - text_cells - (1 if text_cells else 0)
        canvas.text(0, 0, label, _LABEL)
        text_style = style if warning else _TEXT
        if height > 1:
            canvas.text(0, width - cells_of(text), text, text_style)
            self._draw_bar(canvas, 1, 0, width, style)
        elif room >= _LEAST_BAR:
            self._draw_bar(canvas, 0, left, room, style)
            canvas.text(0, left + room + 1, text, text_style)
        else:
            canvas.text(0, width - cells_of(text), text, text_style)
        return canvas

    def _wording(self) -> str:
        if self._text is not None:
            return self._text
        value, limit = (self.dash if each is None else _plain(each) for each in (self._value, self._limit))
        return value if self._limit is None else f"{value} of {limit}"

    def _draw_bar(self, canvas: Canvas, row: int, left: int, width: int, style: int) -> None:
        fraction = self.fraction
        if fraction is None:
            return
        full, half, rest = ("━", "╸", "╌") if self.unicode else ("#", "", ".")
        halves = round(min(fraction, 1.0) * width * 2)
        if fraction > 0:
            halves = max(halves, 1 if half else 2)  # something is not nothing
        whole = halves // 2
        for column in range(width):
            canvas.put(
                row, left + column, full if column < whole else rest, style if column < whole else _REST
            )
        if halves % 2 and half and whole < width:
            canvas.put(row, left + whole, half, style)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) and value == round(value) else number(value)

"""One token of an answer: how likely it was, and what the model could have written in its place."""

from __future__ import annotations

import math
from typing import ClassVar

from ysnakes_core.completion.transcript_records import Token
from ysnakes_core.files import printable
from ysnakes_tui.complete.probability import percent
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.widgets.cell_widget import CellWidget
from ysnakes_tui.widgets.chart_canvas import Canvas, cells_of, fit

_MOST = 50  # alternatives that are drawn
_LONGEST = 200  # characters of a token that are looked at
_LEAST_BAR = 4
_PERCENT = 6  # cells
_TEXT, _MUTED, _NAME, _BAR, _CHOSEN = range(1, 6)
_PART = "(part of a character)"


def visible(text: str, *, ascii: bool) -> str:
    """A token's text, literally, with spaces, tabs and line breaks that can be seen.

    With ASCII alone it is in quotes, and line breaks and tabs are written as in a string of Python.
    """
    if not text:
        return _PART
    text = text[:_LONGEST]
    if ascii:
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
        return f'"{printable(text)}"'
    return printable(text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥"))


class AlternativesPanel(CellWidget):
    """Shows a token; the alternatives with a bar each, which is full at 100%. The one written is marked."""

    STYLES = tuple(f"alternatives--{name}" for name in ("text", "muted", "name", "bar", "chosen"))
    COMPONENT_CLASSES: ClassVar[set[str]] = set(STYLES)
    DEFAULT_CSS = """
    AlternativesPanel {
        width: 36;
        height: 1fr;
        padding: 0 1;
        background: $surface;
        color: $foreground;
        .alternatives--text { color: $foreground; }
        .alternatives--muted { color: $text-muted; }
        .alternatives--name { color: $foreground; text-style: bold; }
        .alternatives--bar { color: $text-primary; }
        .alternatives--chosen { color: $text-accent; text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.token: Token | None = None

    def show(self, token: Token | None) -> None:
        """Show a token; None: say that none is chosen."""
        if token != self.token:
            self.token = token
            self.changed()

    @property
    def _rows(self) -> list[tuple[str, float, bool]]:
        """Texts and probabilities, the likeliest first, and whether it is what was written."""
        token = self.token
        if token is None or token.probability is None:
            return []
        rows = [(text, chance, False) for text, chance in token.alternatives[:_MOST]]
        same = [
            n
            for n, (text, chance, _) in enumerate(rows)
            if text == token.text and math.isclose(chance, token.probability, rel_tol=1e-3, abs_tol=1e-6)
        ]
        at = same[0] if same else len(rows)
        rows[at : at + 1] = [(token.text, token.probability, True)]
        return rows

    def draw(self, width: int, height: int) -> Canvas:
        canvas = Canvas(width, height)
        token = self.token
        ascii = shell_of(self).glyphs == "ascii"
        if token is None:
            canvas.text(0, 0, fit("No token is chosen.", width, unicode=not ascii), _MUTED)
            return canvas
        canvas.text(0, 0, fit(visible(token.text, ascii=ascii), width, unicode=not ascii), _NAME)
        if token.id is None or token.probability is None:
            canvas.text(1, 0, fit("Yours, not the model's choice.", width, unicode=not ascii), _MUTED)
            return canvas
        said = f"{percent(token.probability)} likely, token {token.id:,}"
        canvas.text(1, 0, fit(said, width, unicode=not ascii), _MUTED)
        if not token.alternatives:
            canvas.text(3, 0, fit("No alternatives were kept.", width, unicode=not ascii), _MUTED)
            return canvas
        rows = self._rows
        texts = [visible(text, ascii=ascii) for text, _, _ in rows]
        room = width - 2 - 1 - _PERCENT
        bar = room - 1 - min(max(map(cells_of, (fit(text, room) for text in texts))), room // 2)
        bar = bar if bar >= _LEAST_BAR else 0
        names = max(1, room - (bar + 1 if bar else 0))
        for y, (text, (_, chance, chosen)) in enumerate(zip(texts, rows, strict=True), start=3):
            look = _CHOSEN if chosen else _TEXT
            if chosen:
                canvas.put(y, 0, ">" if ascii else "▸", look)
            canvas.text(y, 2, fit(text, names, unicode=not ascii), look)
            canvas.text(y, 2 + names + 1, percent(chance).rjust(_PERCENT), look)
            _draw_bar(canvas, y, width - bar, bar, chance, look if chosen else _BAR, ascii=ascii)
        return canvas


def _draw_bar(canvas: Canvas, y: int, left: int, width: int, share: float, look: int, *, ascii: bool) -> None:
    if not math.isfinite(share) or share <= 0:
        return
    eighths = max(1, round(min(share, 1.0) * width * 8))
    cells = max(1, round(eighths / 8)) if ascii else eighths // 8
    for column in range(min(cells, width)):
        canvas.put(y, left + column, "#" if ascii else "█", look)
    if not ascii and eighths % 8 and cells < width:
        canvas.put(y, left + cells, "▏▎▍▌▋▊▉"[eighths % 8 - 1], look)

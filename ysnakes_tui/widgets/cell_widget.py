"""A widget that draws its cells itself, once for any number of changes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from ysnakes_tui.widgets.chart_canvas import CURSOR, Canvas
from ysnakes_tui.widgets.chart_raster import GLYPHS, Glyphs


class CellWidget(Widget):
    """``STYLES`` are component classes; a style's number on the canvas is its place there, from 1 on.

    0 is the widget's own style. ``CURSOR_STYLE`` is what is laid over cells marked with ``CURSOR``.
    """

    ALLOW_SELECT = False
    STYLES: ClassVar[tuple[str, ...]] = ()
    CURSOR_STYLE: ClassVar[str | None] = None

    _canvas: Canvas | None = None
    _strips: list[Strip] | None = None
    _base: Style | None = None
    _known_looks: Mapping[int, Style] = MappingProxyType({})

    @abstractmethod
    def draw(self, width: int, height: int) -> Canvas:
        """Everything, in ``width`` by ``height`` cells, both at least 1."""

    def changed(self) -> None:
        """What is drawn is out of date."""
        self._canvas = self._strips = None
        if self.is_attached:
            self.refresh()

    def draw_with(self, glyphs: Glyphs) -> None:
        """Use these characters from now on. Those with ``glyphs`` of their own take them over."""
        self.changed()

    def looks_changed(self) -> None:
        """What is drawn stays, in other styles."""
        self._strips = None
        if self.is_attached:
            self.refresh()

    def notify_style_update(self) -> None:
        self._strips = self._base = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if width < 1 or height < 1:
            return Strip.blank(width)
        canvas = self._canvas
        if canvas is None or (canvas.width, canvas.height) != (width, height):
            canvas, self._strips = self.draw(width, height), None
            self._canvas = canvas
        if self._strips is None:
            self._strips = canvas.strips(self._looks())
        return self._strips[y] if y < height else Strip.blank(width)

    def _looks(self) -> Mapping[int, Style]:
        """The look of each style's number. Textual forgets it with every refresh, which comes often here."""
        base = self.rich_style  # changes with what lies behind the widget
        if self._base != base:
            styles = [base, *(self.get_component_rich_style(name) for name in self.STYLES)]
            looks = dict(enumerate(styles))
            if self.CURSOR_STYLE is not None:
                cursor = self.get_component_rich_style(self.CURSOR_STYLE)
                over = Style(bgcolor=cursor.bgcolor, bold=cursor.bold, reverse=cursor.reverse)
                looks |= {number | CURSOR: style + over for number, style in enumerate(styles)}
            self._base, self._known_looks = base, looks
        return self._known_looks

    def plain_text(self) -> list[str]:
        """The lines that are shown, without styles."""
        width, height = self.size
        return self.draw(width, height).plain() if width > 0 and height > 0 else []


def known_glyphs(glyphs: Glyphs) -> Glyphs:
    """``glyphs``, or ValueError."""
    if glyphs not in GLYPHS:
        raise ValueError(f"{glyphs!r} are no glyphs: use one of {', '.join(GLYPHS)}")
    return glyphs

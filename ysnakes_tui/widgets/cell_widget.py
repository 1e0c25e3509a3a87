"""A widget that draws its cells itself, once for any number of changes."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from ysnakes_tui.widgets.chart_canvas import Canvas
from ysnakes_tui.widgets.chart_raster import GLYPHS, Glyphs


class CellWidget(Widget):
    """``STYLES`` are component classes; a style's number on the canvas is its place there, from 1 on.

    0 is the widget's own style. ``CURSOR_STYLE`` is what is laid over cells marked with ``CURSOR``.
    """

    ALLOW_SELECT = False
    STYLES: ClassVar[tuple[str, ...]] = ()
    CURSOR_STYLE: ClassVar[str | None] = None

    _strips: list[Strip] | None = None

    @abstractmethod
    def draw(self, width: int, height: int) -> Canvas:
        """Everything, in ``width`` by ``height`` cells, both at least 1."""

    def changed(self) -> None:
        """What is drawn is out of date."""
        self._strips = None
        if self.is_attached:
            self.refresh()

    def notify_style_update(self) -> None:
        self._strips = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if width < 1 or height < 1:
            return Strip.blank(width)
        strips = self._strips
        if strips is None or len(strips) != height or strips[0].cell_length != width:
            styles = [self.rich_style, *(self.get_component_rich_style(name) for name in self.STYLES)]
            strips = self._strips = self.draw(width, height).strips(styles, self._cursor_style())
        return strips[y] if y < height else Strip.blank(width)

    def _cursor_style(self) -> Style:
        if self.CURSOR_STYLE is None:
            return Style.null()
        style = self.get_component_rich_style(self.CURSOR_STYLE)
        return Style(bgcolor=style.bgcolor, bold=style.bold, reverse=style.reverse)

    def plain_text(self) -> list[str]:
        """The lines that are shown, without styles."""
        width, height = self.size
        return self.draw(width, height).plain() if width > 0 and height > 0 else []


def known_glyphs(glyphs: Glyphs) -> Glyphs:
    """``glyphs``, or ValueError."""
    if glyphs not in GLYPHS:
        raise ValueError(f"{glyphs!r} are no glyphs: use one of {', '.join(GLYPHS)}")
    return glyphs

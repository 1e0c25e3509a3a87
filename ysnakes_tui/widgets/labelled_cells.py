"""A small picture with a label, in any of the glyphs."""

from __future__ import annotations

from textual.reactive import reactive

from ysnakes_tui.widgets.cell_widget import CellWidget, known_glyphs
from ysnakes_tui.widgets.chart_raster import Glyphs


class LabelledCells(CellWidget):
    """``label`` and ``glyphs`` may change at any time; it is drawn anew then."""

    glyphs: reactive[Glyphs] = reactive[Glyphs]("braille")
    label: reactive[str] = reactive("")

    def __init__(
        self,
        label: str,
        glyphs: Glyphs,
        label_width: int,
        *,
        name: str | None,
        id: str | None,
        classes: str | None,
    ) -> None:
        """``label_width``: cells that the label takes at least, so that several stand in one column."""
        super().__init__(name=name, id=id, classes=classes)
        self.label_width = label_width
        self.set_reactive(LabelledCells.label, label)
        self.set_reactive(LabelledCells.glyphs, known_glyphs(glyphs))

    @property
    def unicode(self) -> bool:
        return self.glyphs != "ascii"

    @property
    def dash(self) -> str:
        """What stands where nothing is known."""
        return "–" if self.unicode else "-"

    def validate_glyphs(self, glyphs: Glyphs) -> Glyphs:
        return known_glyphs(glyphs)

    def draw_with(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def watch_glyphs(self) -> None:
        self.changed()

    def watch_label(self) -> None:
        self.changed()

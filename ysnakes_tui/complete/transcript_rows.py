"""The rows of a transcript, drawn: each is kept for as long as it looks the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

from ysnakes_tui.complete import transcript_drawing as drawing
from ysnakes_tui.complete.bodies import Line
from ysnakes_tui.complete.token_cursor import Spot
from ysnakes_tui.complete.transcript_drawing import Marks
from ysnakes_tui.complete.transcript_lines import Entry, Row, TranscriptLines
from ysnakes_tui.complete.transcript_selection import GAP, TITLE, line_name, name_in_body, selected_range
from ysnakes_tui.complete.wrapping import offset_at
from ysnakes_tui.widgets.chart_canvas import fit

_KEPT = 2000  # rows
_NOTHING = {"prompt": "(an empty prompt)", "answer": "(an empty answer)", "note": ""}


@dataclass(frozen=True)
class Look:
    """All that decides how a row looks but what it shows."""

    styles: Mapping[str, Style]
    selection: Style
    ascii: bool


@dataclass(frozen=True)
class Scene:
    """What lies over the transcript. ``chosen`` is a block."""

    by_probability: bool = False
    cursor: Spot | None = None
    chosen: int | None = None
    selection: Selection | None = None


def margin(width: int) -> int:
    """Cells to the left of the text, where the chosen block is marked."""
    return 2 if width >= 20 else 1


def columns(width: int) -> int:
    """Cells that a line of text may take in a view of ``width``; one more is for signs at its end."""
    return max(1, width - margin(width) - 1)


class RowDrawer:
    def __init__(self, lines: TranscriptLines) -> None:
        self._lines = lines
        self._look: Look | None = None
        self._kept: dict[tuple[object, ...], Strip] = {}

    def strip(self, row: Row, width: int, scene: Scene, look: Look) -> Strip:
        if look is not self._look or len(self._kept) > _KEPT:
            self._look = look
            self._kept.clear()
        entry = self._lines.entries[row.block]
        chosen = scene.chosen == row.block
        if row.part == "gap":
            return Strip.blank(width, look.styles["answer"])
        if row.part == "title":
            return self._title(entry, width, look, chosen=chosen)
        line = entry.body.line(row.number)
        if line is None and not entry.body.height:
            line = Line("", 0, (0, 0))
        if line is None:
            return Strip.blank(width, look.styles["answer"])
        marks = self._marks(entry, row, line, scene, look)
        bands = scene.by_probability and entry.content.kind == "answer"
        key = (entry.serial, line.offset, len(line.text), bands, marks, chosen, width)
        if line.segments is None and key in self._kept:
            return self._kept[key]
        strip = self._text(entry, line, marks, width, look, chosen=chosen, bands=bands)
        if line.segments is None:
            self._kept[key] = strip
        return strip

    def _title(self, entry: Entry, width: int, look: Look, *, chosen: bool) -> Strip:
        name = "prompt-title" if entry.content.kind == "prompt" else "title"
        style = look.styles["selected-title" if chosen else name]
        left = margin(width)
        text = fit(entry.content.title, max(0, width - left), unicode=not look.ascii)
        segments = [self._left(left, look, chosen=chosen), Segment(text, style)]
        return Strip(segments).crop_extend(0, width, look.styles["answer"])

    def _left(self, left: int, look: Look, *, chosen: bool) -> Segment:
        bar = (drawing.ASCII_BAR if look.ascii else drawing.BAR) if chosen else " "
        return Segment(bar + " " * (left - 1), look.styles["bar"])

    def _marks(self, entry: Entry, row: Row, line: Line, scene: Scene, look: Look) -> Marks:
        content = entry.content
        last = row.number >= entry.body.height - 1
        end = line.offset + len(line.text)
        cursor = None
        if scene.cursor is not None and scene.cursor.block == row.block:
            first, behind = content.span(scene.cursor.token)
            behind = max(behind, first + 1)
            if (first < end or (last and first == len(content.text))) and behind > line.offset:
                cursor = (max(first, line.offset), behind)
        selected = None
        if scene.selection is not None:
            selected = selected_range(scene.selection, row.block, line.place, len(line.text))
        tail = (drawing.ASCII_WAITING if look.ascii else drawing.WAITING) if content.waiting and last else ""
        empty = not entry.body.height
        return Marks("empty" if empty else content.kind, None, cursor, selected, tail)

    def _text(
        self, entry: Entry, line: Line, marks: Marks, width: int, look: Look, *, chosen: bool, bands: bool
    ) -> Strip:
        content = entry.content
        if bands and line.text:
            found = content.bands(line.offset, line.offset + len(line.text))
            marks = Marks(marks.base, found, marks.cursor, marks.selected, marks.tail)
        elif not line.text and not entry.body.height and not content.waiting:
            line = Line(_NOTHING[content.kind], 0, line.place)
        segments = drawing.draw(
            line, marks, look.styles, look.selection, width=columns(width), ascii=look.ascii
        )
        left = self._left(margin(width), look, chosen=chosen)
        return Strip([left, *segments]).crop_extend(0, width, look.styles["answer"])

    # Places on it.

    def places(self, row: Row | None, width: int) -> Strip:
        """The row as Textual asks for it to find out what is selected; below the last one: None."""
        if row is None or row.part == "gap":
            block = row.block if row is not None else max(0, len(self._lines.entries) - 1)
            return drawing.nowhere(0, line_name(block, GAP))
        entry, left = self._lines.entries[row.block], margin(width)
        if row.part == "title":
            text = fit(entry.content.title, max(0, width - left))
            return drawing.places(Line(text, 0, (0, 0)), line_name(row.block, TITLE), left)
        line = entry.body.line(row.number) or Line("", 0, (0, 0))
        return drawing.places(line, line_name(row.block, name_in_body(line.place)), left)

    def token_at(self, row: Row, column: int, width: int) -> int | None:
        """The token of an answer that is drawn in a column of a row."""
        content, body = self._lines.entries[row.block].content, self._lines.entries[row.block].body
        line = body.line(row.number) if row.part == "text" else None
        if line is None or line.segments is not None:
            return None
        return content.token_at(line.offset + offset_at(line.text, max(0, column - margin(width))))

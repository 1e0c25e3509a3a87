"""A list of any number of records, of which only those on the screen are read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from ysnakes_core.synthesis.library_rows import Ids, Row
from ysnakes_tui.data.library_row import heading, layout, line, unread
from ysnakes_tui.panes.interface import shell_of

_KEPT = 3000  # rows that are remembered
NONE = np.empty(0, dtype=np.int64)


class ListHeading(Widget):
    """The line over the list: the names of its columns, and where in it one is."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "ListHeading { height: 1; color: $text-muted; text-style: bold; }"

    def __init__(self) -> None:
        super().__init__()
        self._counted = ""

    def show(self, counted: str) -> None:
        self._counted = counted
        self.refresh()

    def render(self) -> Text:
        width = self.size.width - 1  # the list has a scrollbar
        names = heading(layout(width)).rstrip()
        room = width - len(names) - len(self._counted) - 1
        line = names + " " * room + self._counted if room > 0 else self._counted.rjust(width - 1)
        return Text(line, no_wrap=True, end="")


class RecordList(ScrollView, can_focus=True):
    """Shows ids; asks for the rows of those that come into sight (``Wanted``), and is given them: ``put``."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "record-list--line",
        "record-list--rejected",
        "record-list--cursor",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Record above", show=False),
        Binding("down", "move(1)", "Record below", show=False),
        Binding("pageup", "move_page(-1)", "Page up", show=False),
        Binding("pagedown", "move_page(1)", "Page down", show=False),
        Binding("home", "move_to(0)", "First record", show=False),
        Binding("end", "move_to(-1)", "Last record", show=False),
        Binding("enter", "choose", "Read it", show=False),
    ]
    DEFAULT_CSS = """
    RecordList {
        height: 1fr;
        background: $background;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        & > .record-list--line { color: $foreground; }
        & > .record-list--rejected { color: $foreground 60%; }
        & > .record-list--cursor { background: $foreground 12%; color: $foreground; }
        &:focus > .record-list--cursor { background: $primary; color: $background; text-style: bold; }
        &:ansi > .record-list--rejected { color: ansi_default; text-style: dim; }
        &:ansi > .record-list--cursor { text-style: underline; }
        &:ansi:focus > .record-list--cursor { text-style: reverse; }
        &:nocolor > .record-list--cursor { text-style: underline; }
        &:nocolor:focus > .record-list--cursor { text-style: reverse; }
    }
    """

    @dataclass
    class Wanted(Message):
        """The rows of these records are in sight, or soon will be."""

        ids: list[int]

    @dataclass
    class Highlighted(Message):
        """The cursor is on another record; None: there is none."""

        record: int | None

    class Chosen(Message):
        """The record under the cursor is to be read."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ids: Ids = NONE
        self._at = 0
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._asked: set[int] = set()
        self._stale: set[int] = set()  # what is known of them may be out of date
        self._told: int | None = None

    @property
    def ids(self) -> Ids:
        return self._ids

    @property
    def current(self) -> int | None:
        """The id of the record under the cursor."""
        return int(self._ids[self._at]) if len(self._ids) else None

    @property
    def place(self) -> int:
        """The cursor's, counted from 0."""
        return self._at

    def row(self, record: int) -> Row | None:
        """What is known of a record."""
        return self._rows.get(record)

    def show(self, ids: Ids, rows: Iterable[Row] = (), *, stay: bool) -> None:
        """Show other records. ``stay``: on the same record, and as far down, if it is among them."""
        self.forget()
        self.put(rows)
        current, above = self.current, self._at - self.scroll_offset.y
        self._ids = ids
        place = np.flatnonzero(ids == current) if stay and current is not None else NONE
        if len(place):
            self._at = int(place[0])
        else:
            self._at = min(self._at, max(0, len(ids) - 1)) if stay else 0
        self._fit()
        self.scroll_to(y=self._at - above if stay else 0, animate=False, immediate=True)
        self._see_cursor()
        self.refresh()
        self._look()

    def forget(self) -> None:
        """What is known of records may be different now; it is shown until it is read anew."""
        self._asked.clear()
        self._stale = set(self._rows)

    def put(self, rows: Iterable[Row]) -> None:
        """Take in rows."""
        for row in rows:
            self._rows[row.id] = row
            self._rows.move_to_end(row.id)
            self._asked.discard(row.id)
            self._stale.discard(row.id)
        while len(self._rows) > _KEPT:
            self._rows.popitem(last=False)
        self.refresh()

    def again(self, records: Sequence[int]) -> None:
        """These records were changed: their rows are to be read anew."""
        self._asked -= set(records)
        self._stale |= set(records)
        self._look()

    # Reading what is in sight.

    def _look(self) -> None:
        """Tell which record is under the cursor, and ask for rows in sight and a page on either side."""
        if self.current != self._told:
            self._told = self.current
            self.post_message(self.Highlighted(self.current))
        height = max(1, self.size.height)
        top = self.scroll_offset.y
        near = self._ids[max(0, top - height) : top + 2 * height].tolist()
        seen = self._ids[top : top + height].tolist()
        if any(self._lacks(each) for each in seen):
            wanted = [each for each in near if self._lacks(each)]
            self._asked.update(wanted)
            self.post_message(self.Wanted(wanted))

    def _lacks(self, record: int) -> bool:
        return record not in self._asked and (record not in self._rows or record in self._stale)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._look()

    def on_resize(self, event: events.Resize) -> None:
        self._fit()
        self._see_cursor()
        self._look()

    def _fit(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._ids))

    def _see_cursor(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if not top <= self._at < top + height:
            y = self._at if self._at < top else self._at - height + 1
            self.scroll_to(y=y, animate=False, immediate=True)

    # Moving.

    def action_move(self, by: int) -> None:
        self.go_to(self._at + by)

    def action_move_page(self, by: int) -> None:
        self.go_to(self._at + by * max(1, self.size.height - 1))

    def action_move_to(self, place: int) -> None:
        self.go_to(place if place >= 0 else len(self._ids) - 1)

    def go_to(self, place: int) -> None:
        """Put the cursor there."""
        before, self._at = self._at, max(0, min(place, len(self._ids) - 1))
        self._see_cursor()
        self.refresh_line(before)
        self.refresh_line(self._at)
        self._look()

    def go_to_record(self, record: int) -> bool:
        """Put the cursor on a record; whether it is in the list."""
        place = np.flatnonzero(self._ids == record)
        if len(place):
            self.go_to(int(place[0]))
        return bool(len(place))

    def action_choose(self) -> None:
        if len(self._ids):
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        place = event.y + self.scroll_offset.y
        if place < len(self._ids):
            again = place == self._at
            self.go_to(place)
            if again and event.chain > 1:
                self.action_choose()

    # Drawing.

    def render_line(self, y: int) -> Strip:
        place = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if place >= len(self._ids):
            return Strip.blank(width, self.rich_style)
        row = self._rows.get(int(self._ids[place]))
        columns, ascii = layout(width), shell_of(self).glyphs == "ascii"
        text = unread(columns, ascii=ascii) if row is None else line(row, columns, ascii=ascii)
        name = "rejected" if row is not None and row.decision == "rejected" else "line"
        style = self.get_component_rich_style(f"record-list--{'cursor' if place == self._at else name}")
        return Strip([Segment(text, style)], width)

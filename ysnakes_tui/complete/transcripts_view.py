"""The list of transcripts: found, opened, renamed, deleted and brought back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from ysnakes_core.completion.transcript_search import Found, Listed
from ysnakes_core.errors import UsageError
from ysnakes_core.files import printable
from ysnakes_tui.complete.keeper import TranscriptKeeper
from ysnakes_tui.formats import age
from ysnakes_tui.panes.interface import key_of
from ysnakes_tui.train.ask_screen import AskScreen, Field
from ysnakes_tui.widgets.line_table import LineTable
from ysnakes_tui.widgets.literal_input import LiteralInput

_NEED_ONE = frozenset(("open_transcript", "rename_transcript", "delete_transcript"))


class TranscriptsView(Vertical, can_focus=False):
    """Does the actions of the context ``transcripts``. ``clock`` gives Unix seconds."""

    context: ClassVar[str] = "transcripts"

    @dataclass
    class Chosen(Message):
        """A transcript is to be gone on with, where something was found in it; None: a new one."""

        transcript: str | None
        found: Found | None = None

    @dataclass
    class Renamed(Message):
        """A transcript is to have another title."""

        transcript: str
        title: str

    @dataclass
    class Deleted(Message):
        """A transcript is to go, until it is brought back."""

        transcript: str

    DEFAULT_CSS = """
    TranscriptsView {
        height: 1fr;
        #find { height: 1; padding: 0 1; background: $surface; layout: horizontal; }
        LiteralInput, LiteralInput:focus { border: none; height: 1; padding: 0; background: $surface; }
        LiteralInput:focus { background: $panel; background-tint: $foreground 0%; }
        LineTable { height: 1fr; }
        #none { display: none; height: 1fr; padding: 1 3; color: $text-muted; }
        #found { height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        &.-empty LineTable { height: 1; }
        &.-empty #none { display: block; }
    }
    """

    def __init__(
        self, keeper: TranscriptKeeper, *, id: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(id=id)
        self._keeper, self._clock = keeper, clock
        self._found: list[Listed] = []
        self._query = ""
        self._deleted = 0  # that can be brought back

    def compose(self) -> ComposeResult:
        yield LiteralInput(placeholder="search in all that was said", id="find", select_on_focus=False)
        yield LineTable(id="transcripts-table")
        yield Static(id="none", markup=False)
        yield Static(id="found", markup=False)

    def on_mount(self) -> None:
        table = self._table
        table.add_column("last changed", width=14)
        table.add_column("turns", width=5)
        table.add_column("title", width=60)

    def on_resize(self, event: events.Resize) -> None:
        columns = list(self._table.columns.values())
        if columns:
            columns[-1].width = max(20, event.size.width - 14 - 5 - 6 - 2)
            self._show(self._found)

    def look(self) -> None:
        """Read the list again."""
        query = self._query

        def show(found: list[Listed]) -> None:
            if query == self._query and self.query(LineTable):  # no table where the app closes meanwhile
                self._show(found)

        self._keeper.list(query, show)

    def focus_first(self) -> None:
        self._table.focus()

    @property
    def _table(self) -> LineTable:
        return self.query_one(LineTable)

    @property
    def _field(self) -> LiteralInput:
        return self.query_one(LiteralInput)

    @property
    def is_typing(self) -> bool:
        return self._field.has_focus

    @property
    def current(self) -> Listed | None:
        """The one under the cursor."""
        row = self._table.cursor_row
        return self._found[row] if 0 <= row < len(self._found) else None

    def _show(self, listed: Sequence[Listed]) -> None:
        before = self.current
        self._found = list(listed)
        table = self._table
        table.clear()
        now, width = self._clock(), list(table.columns.values())[-1].width
        for each in self._found:
            title = printable(each.title or "(nothing was said)", 300)
            line = Text(title, no_wrap=True, overflow="ellipsis")
            if (found := each.found) is not None:
                line.append("  …" + printable(found.before)[-24:], "dim")
                line.append(printable(found.match, 60), "bold")
                line.append(printable(found.after, 60), "dim")
            line.truncate(width, overflow="ellipsis")
            table.add_row(Text(age(now - each.changed)), Text(f"{each.turns:,}", justify="right"), line)
        ids = [each.id for each in self._found]
        if before is not None and before.id in ids:
            table.move_cursor(row=ids.index(before.id))
        self.set_class(not listed, "-empty")
        nothing = "Nothing that was said has these words." if self._query else "No transcript is kept yet."
        self.query_one("#none", Static).update(Text(nothing))
        many = "1 transcript" if len(listed) == 1 else f"{len(listed):,} transcripts"
        self.query_one("#found", Static).update(Text(f"{many}, what was changed last first"))
        self.refresh_bindings()

    # What is done with them.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _NEED_ONE:
            return True if self.current is not None else None
        if action == "undo_transcript":
            return True if self._deleted else None
        return super().check_action(action, parameters)

    def _need(self) -> Listed:
        if self.current is None:
            raise UsageError("there is no transcript here", "begin a new one")
        return self.current

    def action_open_transcript(self) -> None:
        one = self._need()
        self.post_message(self.Chosen(one.id, one.found))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open_transcript()

    def action_begin_transcript(self) -> None:
        self.post_message(self.Chosen(None))

    def action_search_transcripts(self) -> None:
        self._field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._query = event.value.strip()
        self.look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._table.focus()

    def on_key(self, event: events.Key) -> None:
        """Go through what is found while still typing."""
        if self._field.has_focus and event.key in ("up", "down"):
            event.stop()
            move = self._table.action_cursor_up if event.key == "up" else self._table.action_cursor_down
            move()

    def action_rename_transcript(self) -> None:
        one = self._need()
        field = Field("title", "Title (empty: the beginning of what was said first)", one.title)

        def asked(values: Mapping[str, str] | None) -> None:
            if values is not None:
                self.post_message(self.Renamed(one.id, values["title"].strip()))

        self.app.push_screen(AskScreen("Rename", [field]), asked)

    def action_delete_transcript(self) -> None:
        one = self._need()
        self._deleted += 1
        self.post_message(self.Deleted(one.id))
        key = key_of(self, "undo_transcript") or "the palette"
        self.notify(f"{key} brings it back", title="Deleted")

    def action_undo_transcript(self) -> None:
        if self._deleted:
            self._deleted -= 1
            self._keeper.undo(lambda _: self.look())
            self.refresh_bindings()

    def action_back(self) -> bool:
        """Leave the field, or what was searched for; whether there was any of it."""
        if self._field.has_focus:
            self._table.focus()
            return True
        if self._query:
            self._field.value = ""
            return True
        return False

"""The library: all records in a list, searched and filtered, with the chosen one beside it in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widgets import Input, Static

from ysnakes_core.synthesis.library import Library
from ysnakes_core.synthesis.library_history import Change
from ysnakes_core.synthesis.library_records import EVERYTHING, Decision, Record, RecordFilter
from ysnakes_core.synthesis.library_rows import Ids, Row
from ysnakes_tui.data.curation_changes import taken_back
from ysnakes_tui.data.curation_keys import RECORD_ACTIONS
from ysnakes_tui.data.library_empty import LibraryEmpty
from ysnakes_tui.data.library_filters import (
    ACTIONS,
    Chip,
    FilterLine,
    FilterScreen,
    Menu,
    What,
    chosen,
    menu,
)
from ysnakes_tui.data.library_list import NONE, ListHeading, RecordList
from ysnakes_tui.data.library_record import RecordPanel
from ysnakes_tui.data.messages import NewJob
from ysnakes_tui.data.record_view import RecordView
from ysnakes_tui.widgets.views import give_focus

_FIRST = 60  # rows that come with the ids
_WIDE = 110  # columns from which on list and record stand side by side


@dataclass(frozen=True)
class Found:
    """What a filter takes, and how much there is in all."""

    ids: Ids
    rows: Sequence[Row] = ()
    total: int = 0
    version: int = 0


def find(asked: RecordFilter, library: Library) -> Found:
    """The newest first. May take a while in a large library."""
    version = library.version()
    ids = library.id_array(asked, newest_first=True)
    total = len(ids) if asked == EVERYTHING else library.count()
    return Found(ids, library.rows(ids[:_FIRST].tolist()), total, version)


def read(record: int, library: Library) -> Record | None:
    """None where it is not there any more."""
    found = library.records(EVERYTHING, 1, after=record - 1)
    return found[0] if found and found[0].id == record else None


class LibraryView(RecordView, can_focus=False):
    """Does the actions of the contexts ``records`` and ``library``. ``folder`` is the library's."""

    DEFAULT_CSS = """
    LibraryView {
        height: 1fr;
        #both { height: 1fr; layout: vertical; }
        #list { height: 9fr; }
        RecordPanel { height: 11fr; border-top: solid $border-blurred; border-title-color: $primary; }
        RecordPanel:focus-within { border-top: heavy $primary; }
        &.-wide #both { layout: horizontal; }
        &.-wide #list { width: 9fr; height: 1fr; }
        &.-wide RecordPanel { width: 11fr; height: 1fr; border-top: none; }
        &.-wide RecordPanel { border-left: solid $border-blurred; }
        &.-wide RecordPanel:focus-within { border-left: heavy $primary; }
        &.-reading #list { height: 4; }
        &.-reading.-wide #list { height: 1fr; }
        LibraryEmpty { display: none; }
        #problem { display: none; height: 1fr; padding: 1 3; }
        &.-empty > * { display: none; }
        &.-empty LibraryEmpty { display: block; }
        &.-problem > * { display: none; }
        &.-problem #problem { display: block; }
    }
    """
    context: ClassVar[str] = "library"
    problem_place = "problem"

    def __init__(self, folder: Path, *, id: str | None = None) -> None:
        super().__init__(folder, id=id)
        self._found: Found | None = None
        self._asked = EVERYTHING  # what the list shows
        self._go_to: int | None = None

    def compose(self) -> ComposeResult:
        yield FilterLine()
        with Container(id="both"):
            with Vertical(id="list"):
                yield ListHeading()
                yield RecordList(id="records")
            yield RecordPanel()
        yield LibraryEmpty()
        yield Static(id="problem", markup=False)

    def on_mount(self) -> None:
        self.find()
        self.watch(self.screen, "focused", self._focus_moved, init=False)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _WIDE, "-wide")

    @property
    def grid(self) -> RecordList:
        return self.query_one(RecordList)

    @property
    def filters(self) -> FilterLine:
        return self.query_one(FilterLine)

    @property
    def asked(self) -> RecordFilter:
        """What is searched for and filtered by."""
        return self.filters.asked

    def focus_first(self) -> None:
        if self.has_class("-empty"):
            self.query_one(LibraryEmpty).focus_first()
        elif self.panel.editor is not None:
            self.panel.editor.focus()
        else:
            self.grid.focus()

    def library_changed(self) -> None:
        """Records are others now."""
        if self.is_mounted:
            self.find(stay=True)

    # Finding.

    @property
    def known_version(self) -> int | None:
        return self._found.version if self._found is not None else None

    def find(self, *, stay: bool = False) -> None:
        """Look for what is asked for; the list is as it was until it is found."""
        asked = self.asked
        self._finder.ask("find", partial(find, asked), partial(self._show, asked, stay), Found(NONE))

    def _show(self, asked: RecordFilter, stay: bool, found: Found) -> None:
        was_empty = self.has_class("-empty")
        self._found, self._asked = found, asked
        self.remove_class("-problem")
        self.set_class(found.total == 0, "-empty")
        self.grid.show(found.ids, found.rows, stay=stay)
        if stay and (record := self.grid.current) is not None:
            self._read(record)
        self._draw_heading()
        self.refresh_bindings()
        if was_empty != (found.total == 0) and self.has_focus_or_none:
            self.call_after_refresh(give_focus, self)

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        event.stop()
        self.find()

    def on_key(self, event: events.Key) -> None:
        """Go through what is found while still typing."""
        moves = {"up": -1, "down": 1}
        if self.filters.field.has_focus and event.key in moves:
            event.stop()
            self.grid.action_move(moves[event.key])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.grid.focus()

    # The list and the record beside it.

    def on_record_list_wanted(self, event: RecordList.Wanted) -> None:
        event.stop()
        wanted = event.ids
        absent: list[Row] = []
        self._reader.ask("rows", lambda library: library.rows(wanted), self.grid.put, absent)

    def on_record_list_highlighted(self, event: RecordList.Highlighted) -> None:
        event.stop()
        self._draw_heading()
        if event.record is None:
            self._reader.forget("record")
            self.panel.show(None)
            self.refresh_bindings()
        else:
            self._read(event.record)

    def _read(self, record: int) -> None:
        self._reader.ask("record", partial(read, record), self._show_record, None)

    def _show_record(self, record: Record | None) -> None:
        if self.panel.editor is None:
            self.panel.show(record, "" if record is None else self.note_of(record))
            self.refresh_bindings()

    def on_record_list_chosen(self, event: RecordList.Chosen) -> None:
        event.stop()
        self.panel.scroll.focus()

    def _focus_moved(self) -> None:
        focused = self.screen.focused
        self.set_class(focused is not None and self.panel in focused.ancestors_with_self, "-reading")

    def _draw_heading(self) -> None:
        if self._found is None:
            return
        shown, total = len(self._found.ids), self._found.total
        if shown == 0:
            counted = f"nothing of {total:,}"
        else:
            counted = f"{self.grid.place + 1:,} / {shown:,}" + (f" of {total:,}" if shown != total else "")
        self.query_one(ListHeading).show(counted)

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.query(RecordPanel):  # it is just being made, or about to go
            return False
        empty = self.has_class("-empty") or self.has_class("-problem")
        if action in ("write_builtin", "write_ollama"):
            return self.has_class("-empty")
        if action in ("search_records", "clear_filters", *ACTIONS.values()):
            if empty:
                return False
            return None if action == "clear_filters" and self.asked == EVERYTHING else True
        if action in RECORD_ACTIONS:
            return False if empty else self.can_with_record(action)
        return super().check_action(action, parameters)

    def action_write_builtin(self) -> None:
        self.post_message(NewJob("builtin"))

    def action_write_ollama(self) -> None:
        self.post_message(NewJob("ollama"))

    def action_search_records(self) -> None:
        self.filters.field.focus()

    def action_clear_filters(self) -> None:
        self.filters.clear()

    def action_filter_kind(self) -> None:
        self._choose("kind")

    def action_filter_decision(self) -> None:
        self._choose("decision")

    def action_filter_flags(self) -> None:
        self._choose("rule")

    def action_filter_teacher(self) -> None:
        self._choose("teacher")

    def on_chip_clicked(self, event: Chip.Clicked) -> None:
        event.stop()
        self._choose(event.what)

    def _choose(self, what: What) -> None:
        asked = self.asked
        self._finder.ask(
            "menu", lambda library: menu(library, asked, what), self._show_menu, Menu(what, {"": 0})
        )

    def _show_menu(self, found: Menu) -> None:
        def choose(value: str | None) -> None:
            if value is not None:
                self.filters.choose(found.what, value)
                self.grid.focus()

        if self.display:
            self.app.push_screen(FilterScreen(found, chosen(self.asked, found.what)), choose)

    async def action_back(self) -> bool:
        """Leave the field that is open, the record, or what was searched for; whether there was any of it."""
        if await self.leave_editor():
            return True
        focused = self.screen.focused
        if focused is not None and (
            focused is self.filters.field or self.panel in focused.ancestors_with_self
        ):
            self.grid.focus()
            return True
        return self.stop_regenerating() or self.filters.clear()

    def _decide(self, decision: Decision) -> None:
        """About the one under the cursor, also where the one before is still shown: one key, one record."""
        if (record := self.grid.current) is not None:
            self.changes.decide(record, decision)
            self.grid.action_move(1)

    def decided(self, record: Record, decision: Decision) -> None:
        self.grid.action_move(1)

    def _changed(self, records: Sequence[int]) -> None:
        self.grid.again(records)
        if (current := self.grid.current) in records and current is not None:
            self._read(current)

    def _written(self, record: int) -> None:
        self.notify(f"record {record:,} was written anew")

    def _undone(self, changes: list[Change]) -> None:
        self.notify(taken_back(changes))
        self._changed([change.record for change in changes])
        if changes:
            self.grid.go_to_record(changes[0].record)

    async def leave_editor(self) -> bool:
        left = await super().leave_editor()
        if left and (record := self.grid.current) is not None:
            self._read(record)  # the list may have been gone through meanwhile
        return left

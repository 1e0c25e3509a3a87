"""Curation: the records nobody has decided about, one at a time, each answered with a single key."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from ysnakes_core.synthesis.library import Library
from ysnakes_core.synthesis.library_history import Change
from ysnakes_core.synthesis.library_records import EVERYTHING, Decision, Record, RecordFilter
from ysnakes_tui.data.curation_changes import taken_back
from ysnakes_tui.data.curation_keys import RECORD_ACTIONS
from ysnakes_tui.data.curation_queue import Queue, Waiting, waiting
from ysnakes_tui.data.library_record import RecordPanel
from ysnakes_tui.data.record_view import RecordView
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.widgets.views import give_focus

_AHEAD = 2  # records that are read before they are come to
_PENDING: tuple[Decision, ...] = ("pending",)


def read_some(records: Sequence[int], library: Library) -> dict[int, Record]:
    found: dict[int, Record] = {}
    for record in records:
        found |= {each.id: each for each in library.records(EVERYTHING, 1, after=record - 1)}
    return {record: found[record] for record in records if record in found}


class CurationView(RecordView, can_focus=False):
    """Does the actions of the contexts ``records`` and ``curation``. ``folder`` is the library's."""

    DEFAULT_CSS = """
    CurationView {
        height: 1fr;
        #left { height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
        RecordPanel { height: 1fr; }
        #done { display: none; height: 1fr; padding: 1 3; }
        &.-done RecordPanel { display: none; }
        &.-done #done { display: block; }
    }
    """
    context: ClassVar[str] = "curation"
    problem_place = "done"

    def __init__(self, folder: Path, *, id: str | None = None) -> None:
        super().__init__(folder, id=id)
        self.queue = Queue()
        self.asked = EVERYTHING
        self._waiting: Waiting | None = None
        self._known: dict[int, Record] = {}  # read ahead
        self._unwritten: set[int] = set()  # decided about, but not on the disk yet
        self._history: list[int | None] = []  # the record that was skipped; None: a change in the library
        self._decided = 0
        self._passed: int | None = None  # the record that is shown, if it was decided about or skipped
        self._early: deque[Callable[[], None]] = deque()  # what is to be done with those after it

    def compose(self) -> ComposeResult:
        yield Static(id="left", markup=False)
        yield RecordPanel()
        yield Static(id="done", markup=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw_left())
        self.library_changed()

    def focus_first(self) -> None:
        if self.panel.editor is not None:
            self.panel.editor.focus()
        elif not self.has_class("-done"):
            self.panel.scroll.focus()

    def curate(self, asked: RecordFilter) -> None:
        """Look at the records of a filter; those that are pending, if it does not say which."""
        if asked != self.asked:
            self.asked = asked
            self.queue = Queue()
        self.library_changed()

    # What is left.

    @property
    def known_version(self) -> int | None:
        return self._waiting.version if self._waiting is not None else None

    def library_changed(self) -> None:
        """Records are others now."""
        asked = replace(self.asked, decisions=self.asked.decisions or _PENDING)
        self._finder.ask("waiting", partial(waiting, asked), self._load, Waiting())

    def _load(self, found: Waiting) -> None:
        self._waiting = found
        self.queue.load(found, self._unwritten)
        self._show_current()

    # The record that is looked at.

    def _show_current(self) -> None:
        """Show the current record, at once if it was read ahead, and read those after it."""
        record = self.queue.current
        self._draw_left()
        self._set_done(record is None and self._waiting is not None)
        if record is None:
            self._early.clear()
            self._reader.forget("records")
            self.panel.show(None)
            self.refresh_bindings()
            return
        if record in self._known:
            self._put(self._known[record])
        wanted = [each for each in (record, *self.queue.ahead(_AHEAD)) if each not in self._known]
        if wanted:
            nothing: dict[int, Record] = {}
            self._reader.ask("records", partial(read_some, wanted), partial(self._show_read, wanted), nothing)

    def _show_read(self, wanted: Sequence[int], found: dict[int, Record]) -> None:
        near = {self.queue.current, *self.queue.ahead(_AHEAD)}
        self._known = {each: record for each, record in (self._known | found).items() if each in near}
        current = self.queue.current
        if current is None or current not in wanted:
            return
        record = found.get(current)
        if record is None or record.decision not in (self.asked.decisions or _PENDING):
            self.queue.done()  # someone else was quicker
            self._show_current()
        else:
            self._put(record)

    def _put(self, record: Record) -> None:
        if self.panel.editor is None:
            self.panel.show(record, self.note_of(record))
        self._set_done(False)
        self.refresh_bindings()
        self._passed = None
        if self._early:
            self._early.popleft()()

    def _waits(self, act: Callable[[], None]) -> bool:
        """One key, one record: what is pressed before the next one was read is done with that one."""
        waits = self.record is not None and self.record.id == self._passed
        if waits:
            self._early.append(act)
        return waits

    def _decide(self, decision: Decision) -> None:
        if not self._waits(partial(self._decide, decision)):
            super()._decide(decision)

    def _set_done(self, done: bool) -> None:
        if done:
            self.query_one("#done", Static).update(self._what_next())
        if self.has_class("-done") != done:
            self.set_class(done, "-done")
            if self.has_focus_or_none:
                self.call_after_refresh(give_focus, self)

    def _what_next(self) -> Text:
        some = self._waiting is not None and self._waiting.total
        text = Text("Nothing is left to decide about.\n" if some else "There is no record yet.\n", "bold")
        ways = [
            ("new_job", "have more text written"),
            ("library", "read what is there, and decide otherwise"),
            ("undo_change", "take back the last decision"),
            ("send_to_training", "train on it: pending records count, rejected ones do not"),
        ]
        for action, what in ways if some else ways[:1]:
            if key := key_of(self, action):
                text.append(f"\n{key:>4}", "bold")
                text.append(f"  {what}", "not bold")
        return text

    def _draw_left(self) -> None:
        if self._waiting is None:
            self.query_one("#left", Static).update(Text("reading …"))
            return
        queue = self.queue
        parts = [f"{len(queue):,} left"]
        if queue.flagged:
            parts.append(f"{queue.flagged:,} with flags, which come first")
        if queue.skipped:
            parts.append(f"{queue.skipped:,} skipped")
        if self._decided:
            parts.append(f"{self._decided:,} decided")
        ascii = shell_of(self).glyphs == "ascii"
        text = Text("Curation  ", "bold")
        text.append((" - " if ascii else " · ").join(parts), "not bold")
        self.query_one("#left", Static).update(text)

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.query(RecordPanel):  # it is just being made, or about to go
            return False
        if action in RECORD_ACTIONS or action == "skip":
            return self.can_with_record(action)
        return super().check_action(action, parameters)

    def decided(self, record: Record, decision: Decision) -> None:
        self._passed = record.id
        self._unwritten.add(record.id)
        self._known.pop(record.id, None)
        self._history.append(None)
        self._decided += 1
        if self.queue.current == record.id:
            self.queue.done()
        self._show_current()

    def action_skip(self) -> None:
        if self._waits(self.action_skip):
            return
        if (record := self.queue.skip()) is not None:
            self._passed = record
            self._history.append(record)
            self._show_current()

    def action_undo_change(self) -> None:
        """Take back the last thing that was done here, else the last change of the library."""
        self._early.clear()
        last = self._history.pop() if self._history else None
        if last is None:
            self.changes.undo()
        else:
            record = self._known.get(last)
            self.queue.put_back(last, flagged=bool(record and record.checks))
            self._show_current()

    def _undone(self, changes: list[Change]) -> None:
        self.notify(taken_back(changes))
        self._decided = max(0, self._decided - len({change.record for change in changes}))
        wanted = self.asked.decisions or _PENDING
        for change in changes:
            self._known.pop(change.record, None)
            self._unwritten.discard(change.record)
            if change.decision in wanted and len(changes) == 1:
                self.queue.put_back(change.record, flagged=False)
        self.library_changed()

    def _changed(self, records: Sequence[int]) -> None:
        self._unwritten -= set(records)
        for record in records:
            self._known.pop(record, None)
        if self.queue.current in records:
            self._show_current()

    def _written(self, record: int) -> None:
        self.queue.put_last(record)
        self._draw_left()
        if record != self.queue.current:
            self.notify(f"record {record:,} was written anew, and comes last")

    async def action_back(self) -> bool:
        """Leave the field, or leave the record as it is; whether there was anything to leave."""
        return await self.leave_editor() or self.stop_regenerating()

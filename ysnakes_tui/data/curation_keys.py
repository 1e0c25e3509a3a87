"""The keys for a record, for every view that shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ysnakes_core.errors import YsnakesError
from ysnakes_core.synthesis.library_records import Decision, Record
from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.data.curation_changes import RecordChanges
from ysnakes_tui.data.library_record import RecordPanel
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.widgets.views import is_seen

if TYPE_CHECKING:
    from textual.containers import Vertical as _Base
else:
    _Base = object


NOTE_SECONDS = 0.25
RECORD_ACTIONS = frozenset(action.id for action in ACTIONS.values() if action.context == "records")


class RecordKeys(_Base):
    """The actions of the context ``records``, for a view with a ``panel`` and ``changes``."""

    changes: RecordChanges

    @property
    def panel(self) -> RecordPanel:
        return self.query_one(RecordPanel)

    @property
    def record(self) -> Record | None:
        """The record that is shown."""
        return self.panel.record

    def decided(self, record: Record, decision: Decision) -> None:
        """A decision was made, and is being written down."""
        raise NotImplementedError

    def focus_first(self) -> None:
        raise NotImplementedError

    def can_with_record(self, action: str) -> bool | None:
        """Whether an action of the context ``records`` is possible now."""
        editing = self.panel.editor is not None
        if action == "keep_edit":
            return editing
        if editing:
            return False
        if action == "undo_change":
            return True
        if self.record is None:
            return None
        if action == "clean":
            return True if any(each.action == "strip" for each in self.panel.found) else None
        if action == "next_finding":
            return True if any(each.is_marked for each in self.panel.found) else None
        return True

    def action_accept(self) -> None:
        self._decide("accepted")

    def action_reject(self) -> None:
        self._decide("rejected")

    def _decide(self, decision: Decision) -> None:
        if (record := self.record) is not None:
            self.changes.decide(record.id, decision)
            self.decided(record, decision)

    async def action_edit_record(self) -> None:
        await self.panel.edit()
        keep = key_of(self, "keep_edit")
        if (editor := self.panel.editor) is not None:
            editor.border_title = Text(f"editing the answer: {keep} keeps it, esc leaves it as it was")
        self.refresh_bindings()

    async def action_keep_edit(self) -> None:
        """Keep what was typed; a person's edit is a decision too."""
        record, editor = self.record, self.panel.editor
        if record is None or editor is None:
            return
        text = editor.changed_text
        if text is not None and not text.strip():
            raise YsnakesError("the answer is empty", "write something, or reject the record instead")
        await self.leave_editor()
        if text is not None:
            self.changes.edit(record, text)
            self.decided(record, "edited")

    async def leave_editor(self) -> bool:
        """Close the field; whether it was open."""
        if self.panel.editor is None:
            return False
        await self.panel.leave_editor()
        self.focus_first()
        self.refresh_bindings()
        return True

    def action_regenerate(self) -> None:
        if (record := self.record) is not None:
            self.changes.regenerate(record)

    def action_clean(self) -> None:
        """Take out what the rules would; a change like another, which undo takes back."""
        if (record := self.record) is not None:
            self.changes.clean(record)

    # Being written anew.

    def follow_regenerations(self) -> None:
        """Keep what is said of the record up to date while it is being written anew."""
        self.set_interval(NOTE_SECONDS, self._renew_note)

    def note_of(self, record: Record) -> str:
        """What is said of a record that is being written anew."""
        words = self.changes.regenerations.words(record.id)
        if words is None:
            return ""
        stop = key_of(self, "back")
        so_far = f", {words:,} words so far" if words else ""
        return f"being written anew{so_far} ({stop} stops it):" if stop else f"being written anew{so_far}:"

    def _renew_note(self) -> None:
        if is_seen(self) and self.query(RecordPanel) and (record := self.record) is not None:
            self.panel.show(record, self.note_of(record))

    def stop_regenerating(self) -> bool:
        """Leave the record as it is; whether it was being written anew."""
        record = self.record
        if record is None or not self.changes.regenerations.cancel(record.id):
            return False
        self._renew_note()
        return True

    def action_undo_change(self) -> None:
        self.changes.undo()

    def action_copy_record(self) -> None:
        if (record := self.record) is not None:
            shell_of(self).copy(record.answer, "the answer")

    def action_next_finding(self) -> None:
        self.panel.go_to_next_finding()

"""The keys for a record, for every view that shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ysnakes_core.errors import YsnakesError
from ysnakes_core.synthesis.library_records import Decision, Record
from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.data.curation_changes import RecordChanges
from ysnakes_tui.data.library_record import RecordPanel
from ysnakes_tui.panes.interface import key_of, shell_of

if TYPE_CHECKING:
    from textual.containers import Vertical as _Base
else:
    _Base = object


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
            return None
        if action == "undo_change":
            return True
        if self.record is None:
            return None
        if action == "next_finding":
            return True if any(each.start < each.end for each in self.panel.found) else None
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
            editor.border_subtitle = f"{keep} keeps it, esc leaves it as it was"
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

    def action_undo_change(self) -> None:
        self.changes.undo()

    def action_copy_record(self) -> None:
        if (record := self.record) is not None:
            shell_of(self).copy(record.answer, "the answer")

    def action_next_finding(self) -> None:
        self.panel.go_to_next_finding()

"""A view of records: the threads that read and change the library, and what others do to it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.containers import Vertical
from textual.widgets import Static

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.synthesis.library_history import Change
from ysnakes_tui.data.curation_changes import RecordChanges
from ysnakes_tui.data.curation_keys import RecordKeys
from ysnakes_tui.data.library_thread import LibraryThread
from ysnakes_tui.widgets.views import is_seen

POLL_SECONDS = 2.0  # between two looks at whether somebody else changed the library


class RecordView(RecordKeys, Vertical, can_focus=False):
    """Does the actions of the context ``records``. ``folder`` is the library's."""

    problem_place: ClassVar[str]  # the id of what says why the library cannot be read, and the class for then

    def __init__(self, folder: Path, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._finder = LibraryThread(folder, self.call_later, self._broken)
        self._reader = LibraryThread(folder, self.call_later, self._broken)
        self.changes = RecordChanges(
            self, folder, changed=self._changed, undone=self._undone, written=self._written
        )

    def on_mount(self) -> None:
        self.set_interval(POLL_SECONDS, self._poll)
        self.follow_regenerations()

    def on_unmount(self) -> None:
        for each in (self._finder, self._reader, self.changes):
            each.close()

    @property
    def known_version(self) -> int | None:
        """Of the library, as it was read last; None if it was not yet."""
        raise NotImplementedError

    def library_changed(self) -> None:
        """Records are others now."""
        raise NotImplementedError

    def _changed(self, records: Sequence[int]) -> None:
        """Changes of these are on the disk."""
        raise NotImplementedError

    def _undone(self, changes: list[Change]) -> None:
        raise NotImplementedError

    def _written(self, record: int) -> None:
        """A teacher's new answer is there."""
        raise NotImplementedError

    def _poll(self) -> None:
        if self.known_version is not None and is_seen(self):
            self._finder.ask("version", lambda library: library.version(), self._look_again, 0)

    def _look_again(self, version: int) -> None:
        if self.known_version is not None and version != self.known_version:
            self.library_changed()

    def _broken(self, error: Exception) -> None:
        """The library cannot be read: say so in its place."""
        if not isinstance(error, YsnakesError):
            raise error
        self.add_class(f"-{self.problem_place}")
        text = Text.assemble((f"{printable(error.what, 400)}\n\n", "bold"), printable(error.hint, 400))
        self.query_one(f"#{self.problem_place}", Static).update(text)
        self.refresh_bindings()

    @property
    def has_focus_or_none(self) -> bool:
        """Whether it is shown, and the focus is in it or nowhere."""
        focused = self.screen.focused
        return self.display and (focused is None or self in focused.ancestors_with_self)

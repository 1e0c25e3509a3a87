"""What one can do to a record, wherever it is shown: decide, edit, have it written anew, and take back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.widget import Widget

from ysnakes_core.errors import YsnakesError
from ysnakes_tui.data.curation_regeneration import MOST, Regenerations
from ysnakes_tui.data.library_thread import LibraryThread
from ysnakes_tui.panes.interface import shell_of

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Library
    from ysnakes_core.synthesis.library_history import Change
    from ysnakes_core.synthesis.library_records import Check, Decision, Judge, Record
    from ysnakes_core.synthesis.library_regeneration import NewAnswer


class RecordChanges:
    """Changes records in a thread, in the order in which they were wanted; ``changed`` is told their ids
    when they are on the disk, ``undone`` what was taken back, and ``written`` which record a teacher's new
    answer has come for.
    """

    def __init__(
        self,
        view: Widget,
        folder: Path,
        *,
        changed: Callable[[Sequence[int]], None],
        undone: Callable[[list[Change]], None],
        written: Callable[[int], None],
    ) -> None:
        self._view = view
        self._changed, self._undone, self._new = changed, undone, written
        self._thread = LibraryThread(folder, view.call_later, self.tell)
        self._judges: dict[bool, Judge] = {}
        self.regenerations = Regenerations(view.call_later, self._written, self._not_written)

    def close(self) -> None:
        """What was wanted is done, but for what teachers have yet to write."""
        self.regenerations.close()
        self._thread.close()

    def tell(self, error: Exception) -> None:
        """Say what went wrong; raise what no one can do anything about."""
        if not isinstance(error, YsnakesError):
            raise error
        shell_of(self._view).tell(error)

    def decide(self, record: int, decision: Decision) -> None:
        self.regenerations.cancel(record)
        self._do(record, lambda library: library.decide(record, decision))

    def edit(self, record: Record, answer: str) -> None:
        self.regenerations.cancel(record.id)
        self._do(record.id, partial(self._edit, record, answer))

    def _edit(self, record: Record, answer: str, library: Library) -> None:
        checks: Sequence[Check] = ()
        try:
            checks = self._judge(mend=False)(record.teacher, record.kind, record.request, answer).checks
        except YsnakesError as error:  # the user's own rules or kinds: no reason to lose what was typed
            self._view.call_later(self.tell, error)
        library.edit(record.id, answer, checks=checks)

    def clean(self, record: Record) -> None:
        """Take out what the rules would take out; it is still to be decided about."""
        self.regenerations.cancel(record.id)
        self._do(record.id, partial(self._clean, record))

    def _clean(self, record: Record, library: Library) -> None:
        from ysnakes_core.synthesis.library_cleaning import clean_record

        clean_record(library, record, self._judge(mend=False))

    def undo(self) -> None:
        """Take back the last change, whoever made it and when."""
        self._thread.do(lambda library: library.undo(), self._undone)

    def regenerate(self, record: Record) -> None:
        """Ask the record's teacher for another answer; the old one stays until that is there."""
        if self.regenerations.words(record.id) is not None:
            return
        if self.regenerations.is_full:
            self._view.notify(f"{MOST} records are being written anew; wait for one of them")
            return

        def hosts(library: Library) -> tuple[str, ...]:
            from ysnakes_core.synthesis.library_regeneration import hosts_of

            return hosts_of(library, record)

        self._thread.do(hosts, partial(self.regenerations.start, record))

    def _written(self, record: Record, answer: NewAnswer) -> None:
        def work(library: Library) -> None:
            from ysnakes_core.synthesis.library_regeneration import replace_answer

            replace_answer(library, record, answer, self._judge(mend=True))

        def then(_: None) -> None:
            self._changed([record.id])
            self._new(record.id)

        self._thread.do(work, then)

    def _not_written(self, record: Record, error: Exception) -> None:
        self.tell(error)
        self._changed([record.id])

    def _judge(self, *, mend: bool) -> Judge:
        """Rules are read when they are first needed. In the thread; raises ``UsageError``."""
        from ysnakes_core.synthesis.judging import judge_for  # with all the rules, which take a while

        if mend not in self._judges:
            self._judges[mend] = judge_for(mend=mend)
        return self._judges[mend]

    def _do(self, record: int, work: Callable[[Library], None]) -> None:
        self._thread.do(work, lambda _: self._changed([record]), lambda error: self._not_done(record, error))

    def _not_done(self, record: int, error: Exception) -> None:
        self.tell(error)
        self._changed([record])


def taken_back(changes: Sequence[Change]) -> str:
    """What an undo did, in a few words."""
    if not changes:
        return "there is nothing to take back"
    done = {"edited": "edit", "regenerated": "new answer", "cleaned": "cleaning"}
    if len(changes) == 1:
        change = changes[0]
        return f"took back: record {change.record:,}, {done.get(change.action, change.action)}"
    return f"took back: {len(changes):,} changes that were made together"

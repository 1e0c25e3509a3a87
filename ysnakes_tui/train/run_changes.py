"""Changes to runs on the disk that a person asked for: after a question, in a thread, told when done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from textual.widget import Widget

from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.housekeeping import Trash, refuse_if_trained, rename_run, sweep_trash
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.train.app_trash import trash_of
from ysnakes_tui.train.file_manager import open_folder
from ysnakes_tui.train.run_dialogs import DeleteScreen, RenameScreen


class RunChanges:
    """What ``widget`` lets a person do to runs of the app's folder.

    ``changed(old, new)`` is called in the event loop after each change: the name of a run before and after
    it; "" where there was or is none. ``clock`` gives Unix seconds.
    """

    def __init__(
        self, widget: Widget, *, clock: Callable[[], float], changed: Callable[[str, str], None]
    ) -> None:
        self._widget, self._clock, self._changed = widget, clock, changed
        self._deleting = 0  # runs that are being moved aside
        self._undos = 0  # wanted as soon as they are

    @property
    def trash(self) -> Trash:
        return trash_of(self._widget.app, shell_of(self._widget).runs_folder)

    @property
    def can_undo(self) -> bool:
        """Whether anything was deleted, or is just being deleted, that can be brought back."""
        return self._deleting > self._undos or bool(self.trash.content)

    def find_left(self, done: Callable[[], None]) -> None:
        """Remove what was deleted long ago, and see what else can be brought back; then ``done``."""
        trash = self.trash

        def look() -> None:
            sweep_trash(trash.runs_folder, self._clock())
            trash.find_left()

        self._in_thread(look, lambda _: done())

    def _refuse_if_trained(self, names: Iterable[str], doing: str) -> None:
        """Before anything is asked that could not be done."""
        folder = shell_of(self._widget).runs_folder
        for name in names:
            refuse_if_trained(RunDirectory(folder / name), self._clock(), doing)

    def rename(self, name: str, others: Iterable[str]) -> None:
        """Ask for another name than ``others`` have, and give it. Raises ``RunError`` if a worker has it."""
        self._refuse_if_trained([name], "rename")
        screen = RenameScreen(name, frozenset(others))
        self._widget.app.push_screen(screen, partial(self._rename, name))

    def _rename(self, name: str, new_name: str | None) -> None:
        if new_name is None:
            return
        shell = shell_of(self._widget)
        folder = shell.runs_folder

        def done(run: RunDirectory) -> None:
            if shell.memory.last_run == name:
                shell.remember(last_run=run.name)
            self._changed(name, run.name)

        self._in_thread(lambda: rename_run(folder, name, new_name, self._clock()), done)

    def delete(self, names: Sequence[str], undo_key: str) -> None:
        """Ask, then delete the runs so that it can be undone with ``undo_key``.

        Raises ``RunError`` if a worker has one of them.
        """
        self._refuse_if_trained(names, "delete")
        self._widget.app.push_screen(DeleteScreen(names, undo_key), partial(self._delete, names, undo_key))

    def _delete(self, names: Sequence[str], undo_key: str, agreed: bool | None) -> None:
        if agreed:
            self._deleting += len(names)
            for name in names:
                self._in_thread(
                    partial(self.trash.delete, name),
                    partial(self._deleted, name, undo_key),
                    after=self._is_deleted,
                )

    def _deleted(self, name: str, undo_key: str, _: object) -> None:
        self._widget.notify(f"{undo_key} brings it back" if undo_key else "", title=f"Deleted “{name}”")
        self._changed(name, "")

    def _is_deleted(self) -> None:
        self._deleting -= 1
        if not self._deleting:
            wanted, self._undos = self._undos, 0
            for _ in range(wanted):
                self.undo()

    def undo(self) -> None:
        """Bring back what was deleted last, as soon as it is deleted."""
        if self._deleting:
            self._undos += 1
            return

        def done(run: RunDirectory) -> None:
            self._widget.notify(f"“{run.name}” is back")
            self._changed("", run.name)

        self._in_thread(self.trash.undo, done)

    def open_folder(self, name: str) -> None:
        """Show the run's folder in the system's file manager."""
        self._in_thread(partial(open_folder, shell_of(self._widget).runs_folder / name), lambda _: None)

    def _in_thread(
        self, work: Callable[[], Any], done: Callable[[Any], None], after: Callable[[], None] = lambda: None
    ) -> None:
        """``done`` takes what came of it, unless that is an error; ``after`` is called then either way."""
        app = self._widget.app

        def run() -> None:
            try:
                result = work()
            except YsnakesError as error:
                app.call_from_thread(self._failed, error)
            else:
                app.call_from_thread(done, result)
            finally:
                app.call_from_thread(after)

        self._widget.run_worker(run, thread=True, group="disk", exit_on_error=False)

    def _failed(self, error: YsnakesError) -> None:
        shell_of(self._widget).tell(error)

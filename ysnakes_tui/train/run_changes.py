"""Changes to runs on the disk that a person asked for: after a question, in a thread, told when done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from textual.widget import Widget

from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.housekeeping import Trash, rename_run
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

    @property
    def trash(self) -> Trash:
        return trash_of(self._widget.app, shell_of(self._widget).runs_folder)

    def rename(self, name: str, others: Iterable[str]) -> None:
        """Ask for another name than ``others`` have, and give it."""
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
        """Ask, then delete the runs so that it can be undone with ``undo_key``."""
        self._widget.app.push_screen(DeleteScreen(names, undo_key), partial(self._delete, names, undo_key))

    def _delete(self, names: Sequence[str], undo_key: str, agreed: bool | None) -> None:
        if agreed:
            for name in names:
                self._in_thread(partial(self.trash.delete, name), partial(self._deleted, name, undo_key))

    def _deleted(self, name: str, undo_key: str, _: object) -> None:
        self._widget.notify(f"{undo_key} brings it back" if undo_key else "", title=f"Deleted “{name}”")
        self._changed(name, "")

    def undo(self) -> None:
        """Bring back what was deleted last."""

        def done(run: RunDirectory) -> None:
            self._widget.notify(f"“{run.name}” is back")
            self._changed("", run.name)

        self._in_thread(self.trash.undo, done)

    def open_folder(self, name: str) -> None:
        """Show the run's folder in the system's file manager."""
        self._in_thread(partial(open_folder, shell_of(self._widget).runs_folder / name), lambda _: None)

    def _in_thread(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        app = self._widget.app

        def run() -> None:
            try:
                result = work()
            except YsnakesError as error:
                app.call_from_thread(self._failed, error)
            else:
                app.call_from_thread(done, result)

        self._widget.run_worker(run, thread=True, group="disk", exit_on_error=False)

    def _failed(self, error: YsnakesError) -> None:
        shell_of(self._widget).tell(error)

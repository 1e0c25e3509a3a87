"""What all dialogs have in common."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from ysnakes_tui.widgets.telling_screen import MOVES, Telling

Result = TypeVar("Result")


class Dialog(Telling, ModalScreen[Result]):
    """A screen over the app. Keys of the app do not reach through it, but ctrl+c twice still leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "app.copy_selection", show=False), *MOVES]
    _has_left = False

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        event.refresh_styles = False  # they were found when it was made, and Textual keeps them up to date

    def leave(self, result: Result | None = None) -> None:
        """End with ``result``; nothing if it is ending already (keys may come faster than it goes)."""
        if not self._has_left:
            self._has_left = True
            self.dismiss(result)

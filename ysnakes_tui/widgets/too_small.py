"""What is shown in a terminal that has no room for the app."""

from __future__ import annotations

from collections.abc import Collection

from textual import events
from textual.app import ComposeResult
from textual.geometry import Size
from textual.widgets import Static

from ysnakes_tui.widgets.dialog import Dialog

MIN_WIDTH, MIN_HEIGHT = 60, 15


def is_too_small(size: Size) -> bool:
    return size.width < MIN_WIDTH or size.height < MIN_HEIGHT


class TooSmallScreen(Dialog[None]):
    """Covers everything until there is room. ``leaving``: the keys (Textual's names) that end the app."""

    def __init__(self, leaving: Collection[str]) -> None:
        super().__init__()
        self._leaving_keys = {*leaving, "q"}

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def on_mount(self) -> None:
        self.look()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        super().on_screen_resume(event)
        self.look()

    def on_resize(self) -> None:
        self.look()

    def look(self) -> None:
        """Go if there is room, else say how large the terminal is and has to be."""
        size = self.app.size
        if is_too_small(size):
            self.query_one(Static).update(
                f"{size.width}×{size.height} is too small.\n"
                f"Please make the terminal at least {MIN_WIDTH}×{MIN_HEIGHT}.\n"
                "q leaves; training goes on."
            )
        elif self.is_current:
            self.leave()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        if event.key in self._leaving_keys:
            self.app.exit()

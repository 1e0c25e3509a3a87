"""What is shown in a terminal that has no room for the app."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

MIN_WIDTH, MIN_HEIGHT = 60, 15


def is_too_small(size: Size) -> bool:
    return size.width < MIN_WIDTH or size.height < MIN_HEIGHT


class TooSmallScreen(ModalScreen[None]):
    """Covers everything until there is room again. Training goes on meanwhile."""

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def on_mount(self) -> None:
        self.tell(self.app.size)

    def tell(self, size: Size) -> None:
        """Say how large the terminal is and has to be."""
        self.query_one(Static).update(
            f"{size.width}×{size.height} is too small.\n"
            f"Please make the terminal at least {MIN_WIDTH}×{MIN_HEIGHT}.\n"
            "q leaves; training goes on."
        )

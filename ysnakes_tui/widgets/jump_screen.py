"""Going anywhere in two keys: every part of the screen that takes keys gets a letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from ysnakes_tui.widgets.dialog import Dialog

LETTERS = "asdfjkleiowcmpghruvntyxzbq"


@dataclass(frozen=True)
class Target:
    letter: str
    place: Offset  # on the screen
    widget: Widget


def targets(screen: Screen[object]) -> list[Target]:
    """What can have the focus and is in sight, from top left to bottom right."""
    seen = [
        widget
        for widget in screen.focus_chain
        if widget.region and screen.region.contains_point(widget.region.offset)
    ]
    seen.sort(key=lambda widget: (widget.region.y, widget.region.x))
    return [
        Target(letter, widget.region.offset, widget) for letter, widget in zip(LETTERS, seen, strict=False)
    ]


class JumpScreen(Dialog[Widget | None]):
    """Ends with the widget to go to; any key that is no letter of a target ends it with None."""

    def __init__(self, found: Sequence[Target]) -> None:
        super().__init__()
        self._targets = found

    def compose(self) -> ComposeResult:
        for target in self._targets:
            label = Static(f" {target.letter} ", classes="jump-label", markup=False)
            label.styles.position = "absolute"
            label.styles.offset = (target.place.x, target.place.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.leave(next((found.widget for found in self._targets if found.letter == event.key), None))

    def on_click(self) -> None:
        self.leave(None)

    def on_resize(self, event: events.Resize) -> None:
        if self._targets and event.size != self.app.size:  # the letters would be in the wrong places
            self.leave(None)

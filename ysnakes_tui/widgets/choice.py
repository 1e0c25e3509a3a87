"""One of a few values on one line, changed with the arrow keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """Shows ``‹ value ›``. Left, right, space and a click change it; it posts ``Changed``."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Previous value", show=False),
        Binding("right,space", "move(1)", "Next value", show=False),
    ]
    DEFAULT_CSS = """
    Choice {
        height: 1;
        width: auto;
        color: $foreground;
        &:focus { background: $primary; color: $background; text-style: bold; }
        &:disabled { color: $text-disabled; }
        &:nocolor:focus { text-style: bold reverse; }
    }
    """

    @dataclass
    class Changed(Message):
        """A person chose another value."""

        choice: Choice
        value: str

        @property
        def control(self) -> Choice:
            return self.choice

    def __init__(
        self, values: Sequence[str], value: str, *, id: str | None = None, disabled: bool = False
    ) -> None:
        super().__init__(id=id, disabled=disabled)
        self._values = tuple(values)
        self._value = value
        self.was_chosen = False  # known before ``Changed`` comes to whoever waits for it
        if value not in self._values:
            raise ValueError(f"{value!r} is none of {', '.join(values)}")

    @property
    def value(self) -> str:
        return self._value

    def show(self, value: str) -> None:
        """Show another value, which nobody chose."""
        self.was_chosen = False
        if value in self._values and value != self._value:
            self._value = value
            self.refresh()

    def action_move(self, by: int) -> None:
        self.was_chosen = True
        place = (self._values.index(self._value) + by) % len(self._values)
        self._value = self._values[place]
        self.refresh()
        self.post_message(self.Changed(self, self._value))

    def on_click(self, event: events.Click) -> None:
        before = event.x * 2 < self.size.width and len(self._values) > 2
        self.action_move(-1 if before else 1)

    def get_content_width(self, container: object, viewport: object) -> int:
        return max(map(len, self._values)) + 4

    def render(self) -> Text:
        width = max(map(len, self._values))
        return Text(f"‹ {self._value.center(width)} ›", no_wrap=True)

"""The field in which one writes to a model: several lines, with what was said earlier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from ysnakes_tui.complete.enter_keys import begins_line, know_alt_enter
from ysnakes_tui.complete.prompt_history import PromptHistory
from ysnakes_tui.widgets.literal_input import drawn

# Keys of Textual's field that the registry gives a meaning here, or that no terminal program should take.
_NOT_HERE = frozenset(("f6", "f7", "ctrl+a"))


def _own_bindings() -> list[BindingType]:
    found: list[BindingType] = []
    for binding in TextArea.BINDINGS:
        assert isinstance(binding, Binding)
        keys = [key for key in binding.key.split(",") if key not in _NOT_HERE]
        if keys:
            found.append(Binding(",".join(keys), binding.action, binding.description, show=False))
    return found


class PromptInput(TextArea, inherit_bindings=False):
    """Textual's, drawn literally. What sends and what begins a new line is for the registry to say.

    Up in the first line and down in the last one go through what was said earlier; but not where it
    ``holds_answer``: one that a person changes, for which there is more room, too. Pages are those of the
    transcript (``Page``) where all that is written can be seen.
    """

    @dataclass
    class Page(Message):
        """The transcript is to be scrolled by a page: back (-1) or on (1)."""

        by: int

    BINDINGS: ClassVar[list[BindingType]] = _own_bindings()
    DEFAULT_CSS = """
    PromptInput, PromptInput:focus {
        height: auto;
        min-height: 1;
        max-height: 8;
        border: none;
        padding: 0 1;
        background: $surface;
        background-tint: $foreground 0%;
        scrollbar-size-vertical: 1;
    }
    PromptInput.-tall, PromptInput.-tall:focus { max-height: 50vh; }
    PromptInput:focus { background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", soft_wrap=True, show_line_numbers=False, tab_behavior="focus", id=id)
        self.earlier = PromptHistory()
        know_alt_enter()

    @property
    def holds_answer(self) -> bool:
        return self.has_class("-tall")

    @holds_answer.setter
    def holds_answer(self, holds: bool) -> None:
        self.set_class(holds, "-tall")

    def get_line(self, line_index: int) -> Text:
        return Text(drawn(self.document.get_line(line_index)), end="", no_wrap=True)

    async def _on_key(self, event: events.Key) -> None:
        """Leave what the registry says of keys to it; a character that can be typed is text first."""
        if begins_line(event.key):
            event.stop()
            event.prevent_default()
            self.begin_line()
        elif not event.is_printable and event.key == "enter":
            event.prevent_default()

    def begin_line(self) -> None:
        """A new line where the cursor is."""
        self._replace_via_keyboard("\n", *self.selection)

    def put(self, text: str) -> None:
        """Write ``text`` in the place of what is there, and go to its end."""
        self.load_text(text)
        self.move_cursor(self.document.end)

    @property
    def _row(self) -> int:
        """The row of the cursor, where a long line has several."""
        return int(self.wrapped_document.location_to_offset(self.cursor_location).y)

    def action_cursor_page_up(self) -> None:
        if self.max_scroll_y:
            super().action_cursor_page_up()
        else:
            self.post_message(self.Page(-1))

    def action_cursor_page_down(self) -> None:
        if self.max_scroll_y:
            super().action_cursor_page_down()
        else:
            self.post_message(self.Page(1))

    def action_cursor_up(self, select: bool = False) -> None:
        if select or self._row > 0:
            super().action_cursor_up(select)
        elif not self.holds_answer and (earlier := self.earlier.before(self.text)) is not None:
            self.put(earlier)

    def action_cursor_down(self, select: bool = False) -> None:
        if select or self._row < self.wrapped_document.height - 1:
            super().action_cursor_down(select)
        elif not self.holds_answer and (later := self.earlier.after(self.text)) is not None:
            self.put(later)

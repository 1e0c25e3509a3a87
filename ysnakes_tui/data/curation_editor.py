"""A field for a long text that may come from outside."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import TextArea

from ysnakes_tui.widgets.literal_input import drawn


class AnswerEditor(TextArea):
    """Textual's, which would write what steers a terminal as it is. ``changed_text`` is None if nothing was
    changed: a field knows fewer line ends than a text may have, and they are not to be lost unasked.
    """

    DEFAULT_CSS = """
    AnswerEditor, AnswerEditor:focus {
        height: 1fr;
        border: none;
        border-top: heavy $primary;
        padding: 0 1;
        background: $surface;
        background-tint: $foreground 0%;
        border-title-color: $primary;
    }
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, soft_wrap=True, show_line_numbers=False, tab_behavior="focus")
        self._begun_with = self.text
        self.move_cursor((0, 0))

    def get_line(self, line_index: int) -> Text:
        return Text(drawn(self.document.get_line(line_index)), end="", no_wrap=True)

    @property
    def changed_text(self) -> str | None:
        return None if self.text == self._begun_with else self.text

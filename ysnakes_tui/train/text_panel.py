"""A panel of text that grows at its end.

It stays where it is while someone has scrolled back in it, and as it is while some of it is selected.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.selection import Selection
from textual.widgets import Static


class _Words(Static):
    """The text; ``is_selected`` while some of it is, and ``released`` is called when that ends."""

    def __init__(self, text: Text, released: Callable[[], None]) -> None:
        super().__init__(text, markup=False)
        self._released = released

    @property
    def is_selected(self) -> bool:
        return self.text_selection is not None

    def selection_updated(self, selection: Selection | None) -> None:
        super().selection_updated(selection)
        if selection is None:
            self._released()


class TextPanel(VerticalScroll):
    DEFAULT_CSS = """
    TextPanel { height: 1fr; scrollbar-size-vertical: 1; padding: 0 1; }
    TextPanel > Static { height: auto; }
    """

    def __init__(self, title: str, empty_text: str, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self.border_title = title
        self._empty = self._text = Text(empty_text, "italic dim")
        self._at_end = True

    def compose(self) -> ComposeResult:
        yield _Words(self._text, self._put)

    def show(self, text: Text) -> None:
        """Show ``text``; what is said of there being nothing, if it is empty."""
        text = text or self._empty
        if text != self._text:
            self._text = text
            self._put()

    def _put(self) -> None:
        words = self.query_one(_Words)
        if not words.is_selected and words.content != self._text:
            words.update(self._text)
            self._stay_at_end()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._at_end = new_value >= self.max_scroll_y

    def on_resize(self, event: events.Resize) -> None:
        self._stay_at_end()

    def on_show(self) -> None:
        self._stay_at_end()

    def _stay_at_end(self) -> None:
        if self._at_end:
            self.call_after_refresh(self.scroll_end, animate=False)

    @property
    def plain(self) -> str:
        return self._text.plain

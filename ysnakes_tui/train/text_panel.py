"""A panel of text that grows at its end.

It stays where it is while someone has scrolled back in it, and as it is while some of it is selected.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from rich.console import Console
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.selection import Selection
from textual.widgets import Static

_CONSOLE = Console(width=80)  # Rich asks it for nothing that matters here


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

    def __init__(self, title: str, empty_text: str, *, hang: int = 0, id: str) -> None:
        """``hang``: cells by which what does not fit in a line is moved to the right in the next ones."""
        super().__init__(id=id, classes="panel")
        self.border_title = title
        self._hang = hang
        self._empty = self._text = Text(empty_text, "italic dim")
        self._at_end = True
        self._is_going_there = False

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
        text = hung(self._text, self._hang, self._width) if self._hang else self._text
        if not words.is_selected and words.content != text:
            words.update(text)

    @property
    def _width(self) -> int:
        """Cells of a line, be there a scrollbar or not."""
        return self.scrollable_content_region.width - (not self.show_vertical_scrollbar)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if not self._is_going_there:  # the end may have moved on by now, and nobody scrolled back
            self._at_end = new_value >= self.max_scroll_y

    def on_resize(self, event: events.Resize) -> None:
        if self._hang:
            self._put()
        self._stay_at_end()

    def on_show(self) -> None:
        self._stay_at_end()

    def watch_virtual_size(self) -> None:
        self._stay_at_end()

    def _stay_at_end(self) -> None:
        if self._at_end:
            self.call_after_refresh(self._go_to_end)

    def _go_to_end(self) -> None:
        if self._at_end:
            self._is_going_there = True
            self.scroll_end(animate=False, immediate=True)
            self._is_going_there = False

    @property
    def plain(self) -> str:
        return self._text.plain


def hung(text: Text, hang: int, width: int) -> Text:
    """``text`` with lines of at most ``width`` cells, all but the first ``hang`` cells further right."""
    if width <= 2 * hang:
        return text
    lines = []
    for line in text.split("\n", allow_blank=True):
        spans = tuple((span.start, span.end, str(span.style)) for span in line.spans)
        lines.append(_hung_line(line.plain, spans, hang, width))
    return Text("\n").join(lines)


@functools.lru_cache(maxsize=1024)  # lines stay as they are, and there are hundreds
def _hung_line(plain: str, spans: tuple[tuple[int, int, str], ...], hang: int, width: int) -> Text:
    line = Text(plain)
    for start, end, style in spans:
        line.stylize(style, start, end)
    if line.cell_len <= width:
        return line
    head, rest = line.divide([hang])
    return head + Text("\n" + " " * hang).join(rest.wrap(_CONSOLE, width - hang))

"""Markdown is rendered by modules that take a while to load: that happens in a thread, once it is wanted."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial

from textual.widget import Widget

from ysnakes_tui.complete.bodies import Body, PlainBody

_MODULE = "ysnakes_tui.complete.markdown_lines"


class MarkdownMaker:
    """Makes bodies in the look of ``widget``; such of plain text while the modules are not there."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget

    def wanted(self, then: Callable[[], None]) -> None:
        """Call ``then`` at once, and again once Markdown can be rendered if it can't be yet."""
        then()
        if _MODULE not in sys.modules and self._widget.is_attached:
            self._widget.run_worker(partial(self._load, then), thread=True, group="markdown")

    def _load(self, then: Callable[[], None]) -> None:
        importlib.import_module(_MODULE)
        self._widget.app.call_from_thread(then)

    def maker(self, text: str, width: int) -> Body:
        if _MODULE not in sys.modules:
            return PlainBody(text, width)
        from ysnakes_tui.complete.markdown_lines import MarkdownBody, Renderer, looks_of

        names = ("heading", "code", "link", "quote")
        styles = {name: self._widget.get_component_rich_style(f"transcript--{name}") for name in names}
        return MarkdownBody(text, Renderer(width, looks_of(styles)))

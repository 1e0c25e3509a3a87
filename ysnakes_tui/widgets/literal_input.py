"""A field whose text may come from outside: what steers a terminal is drawn as a sign, and stays in it."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Input

from ysnakes_core.files import printable


class LiteralInput(Input):
    """Textual's, which would write such characters to the terminal as they are."""

    @property
    def _value(self) -> Text:
        return Text(drawn(self.value), no_wrap=True, overflow="ignore", end="")


def drawn(text: str) -> str:
    """``text`` with one sign for each character that cannot be shown, so that the cursor stays in place."""
    if printable(text) == text:
        return text
    return "".join(sign if len(sign := printable(character)) == 1 else "\ufffd" for character in text)

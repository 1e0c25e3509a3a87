"""The command palette, whose field shows literally what is pasted into it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.command import CommandInput, CommandPalette

from ysnakes_tui.widgets.literal_input import LiteralInput
from ysnakes_tui.widgets.telling_screen import Telling


class _LiteralCommandInput(CommandInput):
    _value = LiteralInput._value


class LiteralPalette(Telling, CommandPalette):
    """Textual's, with a field of ours in the place of its own."""

    def compose(self) -> ComposeResult:
        for widget in super().compose():
            if isinstance(widget, CommandInput):
                yield _LiteralCommandInput(placeholder=widget.placeholder, select_on_focus=False)
            else:
                yield widget

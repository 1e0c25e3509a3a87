"""Choosing the colours: the whole app takes each theme on as it is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.theme import Theme
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ysnakes_tui.widgets.dialog import Dialog


class ThemeScreen(Dialog[str | None]):
    """Ends with the name of the theme that was chosen; None if it is to stay as it was."""

    BINDINGS = [("escape,q", "leave", "Keep as it was")]  # noqa: RUF012 (Textual's own way)

    def __init__(self, themes: Sequence[Theme], current: str, note: str = "") -> None:
        super().__init__()
        self._themes, self._before, self._note = list(themes), current, note

    def compose(self) -> ComposeResult:
        with Vertical(id="themes") as box:
            box.border_title = "Theme"
            box.border_subtitle = "enter keeps · esc leaves"
            if self._note:
                yield Static(self._note, markup=False)
            yield OptionList(*(Option(_line(theme), id=theme.name) for theme in self._themes), markup=False)

    def on_mount(self) -> None:
        names = [theme.name for theme in self._themes]
        if self._before in names:
            self.query_one(OptionList).highlighted = names.index(self._before)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id and event.option_id != self.app.theme:
            self.app.theme = event.option_id

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.leave(event.option_id)

    def action_leave(self) -> None:
        self.app.theme = self._before
        self.leave(None)


def _line(theme: Theme) -> Text:
    kind = "the terminal's own" if theme.ansi else "dark" if theme.dark else "light"
    return Text.assemble(f"{theme.name:<21}", (kind, "dim"))


def in_order(themes: Sequence[Theme], first: Sequence[str]) -> list[Theme]:
    """``first`` ones first, then the dark, the light, and those made of the terminal's own colours."""
    return sorted(
        themes,
        key=lambda theme: (
            first.index(theme.name) if theme.name in first else len(first),
            theme.ansi,
            not theme.dark,
            theme.name,
        ),
    )

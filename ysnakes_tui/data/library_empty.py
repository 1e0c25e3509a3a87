"""What stands where there is no record yet: how to get text."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Button, Static

from ysnakes_tui.data.messages import NewJob
from ysnakes_tui.panes.interface import key_of

_WAYS = (
    ("builtin", "write_builtin", "Let the built-in teacher write", "simple stories and facts, at once"),
    ("ollama", "write_ollama", "Let a model in Ollama write", "blogs, wiki articles, stories, how-tos …"),
)
_IMPORT = "ysnakes data import my-texts/"


class LibraryEmpty(VerticalScroll, can_focus=False):
    DEFAULT_CSS = """
    LibraryEmpty {
        height: 1fr;
        align: center middle;
        scrollbar-size-vertical: 1;
        .box { width: 70; max-width: 100%; height: auto; padding: 0 1; }
        .title { color: $primary; text-style: bold; height: auto; margin-bottom: 1; }
        .what { height: auto; margin-bottom: 1; }
        .way { height: auto; color: $text-muted; margin-bottom: 1; padding-left: 1; }
    }
    """

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Text("Text to train on"), classes="title", markup=False)
            yield Static(
                Text("The library is empty. A few thousand records make a small model that can write."),
                classes="what",
                markup=False,
            )
            for teacher, action, title, what in _WAYS:
                key = key_of(self, action)
                yield Button(Text(f"{title} ({key})" if key else title), id=teacher, compact=True)
                yield Static(Text(what), classes="way", markup=False)
            yield Static(
                Text.assemble("Records you have already: ", (_IMPORT, "bold"), " in a terminal."),
                classes="what",
                markup=False,
            )

    def focus_first(self) -> None:
        self.query(Button).first().focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(NewJob(str(event.button.id)))

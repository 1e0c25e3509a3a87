"""What the Complete pane says while there is no model to talk to."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Button, Static

from ysnakes_tui.panes.interface import key_of
from ysnakes_tui.widgets.views import is_seen

WHAT = "There is no model to talk to yet. Train one first: the smallest takes a few minutes."
MEANWHILE = (
    "You can talk to it as soon as it has saved its first checkpoint, while it goes on training: here, or "
    "with `ysnakes complete`."
)


class NoModel(Vertical, can_focus=False):
    """One button, which leads to the form of the first run."""

    DEFAULT_CSS = """
    NoModel {
        display: none;
        height: 1fr;
        padding: 1 3;
        Static { height: auto; max-width: 76; margin-bottom: 1; }
        .meanwhile { color: $text-muted; }
        Button { margin-bottom: 1; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(Text(WHAT), markup=False)
        yield Button("Train a first model", id="train-first", compact=True)
        yield Static(Text(MEANWHILE), classes="meanwhile", markup=False)

    def on_mount(self) -> None:
        key = key_of(self, "start_first")
        self.query_one(Button).label = f"Train a first model ({key})" if key else "Train a first model"

        if is_seen(self):
            self.focus_first()

    def focus_first(self) -> None:
        for button in self.query(Button):
            button.focus()

"""The questions that the list of runs asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable, safe_name
from ysnakes_tui.widgets.dialog import Dialog
from ysnakes_tui.widgets.literal_input import LiteralInput

_CSS = """
    align: center middle;
    .box {
        width: 64;
        max-width: 100%;
        height: auto;
        max-height: 100%;
        padding: 1 2;
        border: round $border;
        border-title-color: $primary;
        border-title-style: bold;
        background: $surface;
    }
    .wrong { color: $text-error; height: auto; }
    .buttons { height: auto; margin-top: 1; }
    Button { margin-right: 2; }
    Input { border: none; height: 1; padding: 0 1; margin-top: 1; }
    .remark { margin: 0; }
"""


class DeleteScreen(Dialog[bool]):
    """Asks whether the runs may be deleted; the answer is True or False."""

    DEFAULT_CSS = f"DeleteScreen {{ {_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Delete", show=False),
        Binding("n,escape", "answer(False)", "Keep", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, names: Sequence[str], undo_key: str) -> None:
        super().__init__()
        self._names, self._undo_key = names, undo_key

    def compose(self) -> ComposeResult:
        first = f"“{printable(self._names[0], 60)}”"
        question = f"Delete {first}?" if len(self._names) == 1 else f"Delete these {len(self._names)} runs?"
        it, is_gone = ("it", "it is") if len(self._names) == 1 else ("them", "they are")
        undo = f"{self._undo_key} brings {it} back" if self._undo_key else "Undo is in the command palette"
        with Vertical(classes="box") as box:
            box.border_title = "Delete"
            yield Static(Text(question), markup=False)
            if len(self._names) > 1:
                shown = list(self._names[:8]) + (["…"] if len(self._names) > 8 else [])
                yield Static(Text("\n".join(printable(name, 58) for name in shown)), markup=False)
            yield Static(
                Text(f"{undo} until the app closes; then {is_gone} gone for good."),
                classes="remark",
                markup=False,
            )
            with Horizontal(classes="buttons"):
                yield Button("Keep (n)", id="keep", compact=True)
                yield Button("Delete (y)", id="delete", compact=True)

    def on_mount(self) -> None:
        self.query_one("#keep").focus()

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "delete")


class RenameScreen(Dialog[str | None]):
    """Asks for another name; None if it shall keep its own."""

    DEFAULT_CSS = f"RenameScreen {{ {_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Keep the name", show=False)]

    def __init__(self, name: str, taken: frozenset[str]) -> None:
        super().__init__()
        self._old, self._taken = name, taken - {name}

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = "Rename"
            yield Static(Text(f"Another name for “{printable(self._old, 60)}”:"), markup=False)
            yield LiteralInput(printable(self._old), max_length=100)
            yield Static(classes="wrong", markup=False)
            yield Static(Text("Enter renames it, esc leaves it as it is."), classes="remark", markup=False)

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(".wrong", Static).update(Text(self._problem(event.value)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not self._problem(event.value):
            self.dismiss(event.value if event.value != self._old else None)

    def _problem(self, name: str) -> str:
        if name in self._taken:
            return "There is already a run of that name."
        try:
            safe_name(name)
        except YsnakesError as error:
            return f"{error.what[0].upper()}{error.what[1:]}."
        return ""

"""A small dialog that asks for one or a few values and does not close before they are right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Label, Static

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_tui.widgets.dialog import Dialog
from ysnakes_tui.widgets.literal_input import LiteralInput


@dataclass(frozen=True)
class Field:
    name: str
    label: str
    value: str = ""


class AskScreen(Dialog[Mapping[str, str] | None]):
    """Ends with the texts by the fields' names; None if it was left.

    ``check`` raises ``YsnakesError`` for what cannot be used; that is shown, and the dialog stays.
    """

    BINDINGS = [("escape", "leave", "Leave all as it was")]  # noqa: RUF012 (Textual's own way)
    DEFAULT_CSS = """
    AskScreen { align: center middle; }
    AskScreen > Vertical {
        width: 64;
        max-width: 100%;
        height: auto;
        max-height: 100%;
        padding: 0 2;
        border: round $border;
        border-title-color: $primary;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        background: $surface;
    }
    AskScreen Label { width: 100%; }
    AskScreen Input, AskScreen Input:focus { border: none; height: 1; padding: 0 1; margin: 0 0 1 0; }
    AskScreen Input { background: $panel; }
    AskScreen #problem { color: $text-error; height: auto; }
    """

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        check: Callable[[Mapping[str, str]], object] = lambda values: None,
    ) -> None:
        super().__init__()
        self._heading, self._fields, self._check = title, tuple(fields), check

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._heading
            box.border_subtitle = "enter: do it · esc: leave"
            for field in self._fields:
                yield Label(field.label, markup=False)
                yield LiteralInput(field.value, id=f"ask-{field.name}", select_on_focus=True)
            yield Static("", id="problem", markup=False)

    def on_mount(self) -> None:
        self.query(Input).first().focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        values = {field.name: self.query_one(f"#ask-{field.name}", Input).value for field in self._fields}
        try:
            self._check(values)
        except YsnakesError as error:
            self.query_one("#problem", Static).update(printable(f"{error.what}. {error.hint}", 400))
        else:
            self.dismiss(values)

    def action_leave(self) -> None:
        self.dismiss(None)


class ConfirmScreen(Dialog[bool]):
    """Ends with whether it is to be done."""

    BINDINGS = [  # noqa: RUF012 (Textual's own way)
        ("enter,y", "answer(True)", "Do it"),
        ("escape,n,q", "answer(False)", "Leave all as it was"),
    ]
    DEFAULT_CSS = AskScreen.DEFAULT_CSS.replace("AskScreen", "ConfirmScreen")

    def __init__(self, title: str, question: str) -> None:
        super().__init__()
        self._heading, self._question = title, question

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._heading
            box.border_subtitle = "enter: do it · esc: leave"
            yield Static(printable(self._question, 1000, keep_lines=True), markup=False)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

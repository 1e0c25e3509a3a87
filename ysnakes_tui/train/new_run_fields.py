"""The fields of the form for a new run: what stands in them, what is usual, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Static

from ysnakes_core.configuration import BUDGETS, DEFAULT_PRESET, PRESETS, RunConfig
from ysnakes_tui.keymap import shown_key
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.train.form_check import FIELDS, FormValues, amount_of, unit_of
from ysnakes_tui.widgets.choice import Choice
from ysnakes_tui.widgets.form_row import form_row, show_wrong
from ysnakes_tui.widgets.literal_input import LiteralInput

_CHOSEN = {"preset": DEFAULT_PRESET, "unit": "minutes", "early_stopping": "on"}  # until the usual is known


class NewRunFields(VerticalScroll, can_focus=False):
    """The lines with their fields, and below them the buttons ``start`` and ``cancel``."""

    DEFAULT_CSS = """
    NewRunFields {
        width: 1fr;
        max-width: 76;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        .title { text-style: bold; color: $primary; margin-bottom: 1; }
        .row { height: 1; }
        .name { width: 12; color: $text-muted; }
        .row.-bad .name { color: $text-error; text-style: bold; }
        Input {
            border: none;
            height: 1;
            width: 1fr;
            padding: 0 1;
            background: $surface;
            &:focus { border: none; background: $panel; }
        }
        #patience { width: 8; margin-left: 1; }
        #amount { max-width: 16; margin-right: 1; }
        #length, #batch, #seed { max-width: 40; }
        .wrong { display: none; padding-left: 12; color: $text-error; height: auto; }
        .wrong.-shown { display: block; }
        .buttons { height: 1; margin: 1 0 0 12; }
        Button { margin-right: 2; }
    }
    """

    def compose(self) -> ComposeResult:
        key = next((shown_key(key) for key in reversed(shell_of(self).keymap.of("start"))), "")
        yield Static(Text("A new run"), classes="title", markup=False)
        yield from _row("data", _field("data", "ysnakes' own text"))
        yield from _row("name", _field("name", "a friendly one", max_length=100))
        yield from _row("preset", _choice("preset", tuple(PRESETS)))
        yield from _row("amount", _field("amount"), _choice("unit", BUDGETS))
        yield from _row("length", _field("length"))
        yield from _row("batch", _field("batch", "auto"))
        yield from _row("seed", _field("seed"))
        yield from _row("patience", _choice("early_stopping", ("on", "off")), _field("patience"))
        with Horizontal(classes="buttons"):
            yield Button(f"Start ({key})" if key else "Start", id="start", compact=True)
            yield Button("Cancel", id="cancel", compact=True)

    @property
    def values(self) -> FormValues:
        """What stands in them."""
        text = {field.id or "": field.value.strip() for field in self.query(Input)}
        chosen = {choice.id or "": choice.value for choice in self.query(Choice) if choice.was_chosen}
        return FormValues(
            **text,
            preset=chosen.get("preset", ""),
            unit=chosen.get("unit", ""),
            early_stopping=chosen.get("early_stopping", ""),
        )

    def shown(self, choice: str) -> str:
        """What a choice shows, whether or not anyone chose it."""
        return self.query_one(f"#{choice}", Choice).value

    def train_on(self, data: str) -> None:
        """Fill in the text to train on."""
        with self.prevent(Input.Changed):
            self.query_one("#data", Input).value = data

    def empty(self) -> None:
        """As they were when they were made."""
        with self.prevent(Input.Changed):
            for field in self.query(Input):
                field.value = ""
        for name, value in _CHOSEN.items():
            self.query_one(f"#{name}", Choice).show(value)
        self.show_errors({})

    def show_errors(self, errors: Mapping[str, str]) -> None:
        """Say what is wrong, by field, and that nothing is with the others."""
        ascii = shell_of(self).glyphs == "ascii"
        for field in FIELDS:
            show_wrong(self, field, errors.get(field, ""), ascii=ascii)

    def show_usual(self, usual: RunConfig) -> None:
        """Say in the empty fields what holds where nothing is given."""
        choices = {"preset": usual.preset, "unit": unit_of(usual)}
        choices["early_stopping"] = "on" if usual.early_stopping.enabled else "off"
        for name, value in choices.items():
            choice = self.query_one(f"#{name}", Choice)
            if not choice.was_chosen:
                choice.show(value)
        training = usual.training
        hints = {
            "amount": amount_of(usual, self.shown("unit")),
            "length": training.stages or str(training.seq_len),
            "batch": str(training.batch_size or "auto"),
            "seed": str(training.seed),
            "patience": str(usual.early_stopping.patience),
        }
        for name, value in hints.items():
            self.query_one(f"#{name}", Input).placeholder = value
        self.query_one("#patience", Input).disabled = self.shown("early_stopping") == "off"


def _row(field: str, *widgets: Input | Choice) -> ComposeResult:
    return form_row(field, FIELDS[field], *widgets)


def _field(id: str, placeholder: str = "", max_length: int = 0) -> Input:
    return LiteralInput(placeholder=placeholder, id=id, max_length=max_length, select_on_focus=False)


def _choice(id: str, values: tuple[str, ...]) -> Choice:
    return Choice(values, _CHOSEN[id], id=id)

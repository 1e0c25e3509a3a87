"""The drawer with all settings of how it writes: beside the transcript, or over it where there is no room."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Static

from ysnakes_core.completion.history import READING_CHOICES
from ysnakes_core.completion.presets import PRESETS
from ysnakes_core.completion.transcript_records import CONTEXT_RULES
from ysnakes_tui.complete.settings import (
    HELP,
    NAMES,
    OWN,
    PRECISIONS,
    TEXTS,
    TalkSettings,
    chosen,
    read_texts,
    texts_of,
)
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.widgets.choice import Choice
from ysnakes_tui.widgets.form_row import form_row, show_wrong
from ysnakes_tui.widgets.literal_input import LiteralInput

_CHOICES: dict[str, tuple[str, ...]] = {
    "preset": (*(each.name for each in PRESETS), OWN),
    "reading": READING_CHOICES,
    "context": CONTEXT_RULES,
    "precision": PRECISIONS,
}


class SettingsDrawer(Vertical, can_focus=False):
    """Posts ``Changed`` with every value that can be used; what cannot is said below its field."""

    @dataclass
    class Changed(Message):
        settings: TalkSettings

    DEFAULT_CSS = """
    SettingsDrawer {
        width: 40;
        max-width: 100%;
        height: 1fr;
        padding: 0 1;
        background: $surface;
        border-left: vkey $border-blurred;
        .title { color: $primary; text-style: bold; }
        .fields { height: 1fr; scrollbar-size-vertical: 1; }
        .row { height: 1; }
        .name { width: 12; color: $text-muted; }
        .row.-bad .name { color: $text-error; text-style: bold; }
        .wrong { display: none; padding-left: 12; color: $text-error; height: auto; }
        .wrong.-shown { display: block; }
        Input { border: none; height: 1; width: 1fr; padding: 0 1; background: $background; }
        Input:focus { border: none; background: $panel; background-tint: $foreground 0%; }
        #settings-help { height: 3; color: $text-muted; }
    }
    """

    def __init__(self, settings: TalkSettings) -> None:
        super().__init__(id="settings")
        self._settings = settings

    def compose(self) -> ComposeResult:
        yield Static(Text("How it writes"), classes="title", markup=False)
        texts = texts_of(self._settings)
        with VerticalScroll(classes="fields", can_focus=False):
            for name, shown in NAMES.items():
                if name in TEXTS:
                    hint = "another each time" if name == "seed" else "<end> only" if name == "stop" else ""
                    field = LiteralInput(
                        texts[name], id=f"set-{name}", placeholder=hint, select_on_focus=True
                    )
                    yield from form_row(f"set-{name}", shown, field)
                else:
                    value = getattr(self._settings, name)
                    yield from form_row(f"set-{name}", shown, Choice(_CHOICES[name], value, id=f"set-{name}"))
        yield Static(id="settings-help", markup=False)

    def focus_first(self) -> None:
        self.query_one("#set-preset").focus()

    @property
    def settings(self) -> TalkSettings:
        """What the fields say, where they can be used."""
        return self._settings

    def show(self, settings: TalkSettings) -> None:
        """Show other settings, which nobody typed here."""
        self._settings = settings
        texts = texts_of(settings)
        with self.prevent(Input.Changed):
            for name in TEXTS:
                field = self.query_one(f"#set-{name}", LiteralInput)
                if field.value != texts[name]:
                    field.value = texts[name]
        for name in _CHOICES:
            self.query_one(f"#set-{name}", Choice).show(getattr(settings, name))
        self._say_wrong({})

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        texts = {name: self.query_one(f"#set-{name}", LiteralInput).value for name in TEXTS}
        settings, errors = read_texts(self._settings, texts)
        self._say_wrong(errors)
        self._take(settings)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.focus_next()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        name = (event.choice.id or "").removeprefix("set-")
        settings = chosen(self._settings, name, event.value)
        if name == "preset":
            before = self._settings
            self.show(settings)
            self._settings = before
        self._take(settings)
        self._help_with(name)

    def _take(self, settings: TalkSettings) -> None:
        before, self._settings = self._settings, settings
        self.query_one("#set-preset", Choice).show(settings.preset)
        if settings != before:
            self.post_message(self.Changed(settings))

    def _say_wrong(self, errors: dict[str, str]) -> None:
        for name in TEXTS:
            show_wrong(self, f"set-{name}", errors.get(name, ""), ascii=shell_of(self).glyphs == "ascii")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._help_with((event.widget.id or "").removeprefix("set-"))

    def _help_with(self, name: str) -> None:
        purpose = next(
            (each.purpose for each in PRESETS if name == "preset" and each.name == self._settings.preset), ""
        )
        told = f"{purpose[:1].upper()}{purpose[1:]}." if purpose else HELP.get(name, "")
        self.query_one("#settings-help", Static).update(Text(told))

    def on_mount(self) -> None:
        key = key_of(self, "close_settings")
        self.query_one(".title", Static).update(Text(f"How it writes{f' ({key} closes)' if key else ''}"))

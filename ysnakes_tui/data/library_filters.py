"""What of the library is shown: the search field, the filters beside it, and the lists to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.theme import Theme
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ysnakes_core.files import printable
from ysnakes_core.synthesis.library import Library
from ysnakes_core.synthesis.library_records import EVERYTHING, Decision, RecordFilter
from ysnakes_tui.data.library_colours import colour
from ysnakes_tui.panes.interface import key_of
from ysnakes_tui.widgets.dialog import Dialog
from ysnakes_tui.widgets.literal_input import LiteralInput

What = Literal["kind", "decision", "rule", "teacher"]
TITLES: dict[What, str] = {"kind": "kind", "decision": "decision", "rule": "flags", "teacher": "teacher"}
ACTIONS: dict[What, str] = {
    "kind": "filter_kind",
    "decision": "filter_decision",
    "rule": "filter_flags",
    "teacher": "filter_teacher",
}
FLAGGED, CLEAN = "\0some", "\0none"  # no rule is called so


def chosen(asked: RecordFilter, what: What) -> str:
    """The value that a filter has; "" where it takes all."""
    if what == "rule" and not asked.rules:
        return {None: "", True: FLAGGED, False: CLEAN}[asked.flagged]
    values = {
        "kind": asked.kinds,
        "decision": asked.decisions,
        "rule": asked.rules,
        "teacher": asked.teachers,
    }[what]
    return values[0] if values else ""


def with_choice(asked: RecordFilter, what: What, value: str) -> RecordFilter:
    """The filter with another value; "" takes all."""
    values = (value,) if value else ()
    if what == "kind":
        return replace(asked, kinds=values)
    if what == "teacher":
        return replace(asked, teachers=values)
    if what == "decision":
        return replace(asked, decisions=cast("tuple[Decision, ...]", values))
    if value in ("", FLAGGED, CLEAN):
        return replace(asked, rules=(), flagged={"": None, FLAGGED: True, CLEAN: False}[value])
    return replace(asked, rules=(value,), flagged=None)


@dataclass(frozen=True)
class Menu:
    """What one can choose from, with how many records there are of each."""

    what: What
    counts: Mapping[str, int]


def menu(library: Library, asked: RecordFilter, what: What) -> Menu:
    """The values of a filter among what the others leave. Takes a while in a large library."""
    others = with_choice(asked, what, "")
    counts = {"": library.count(others)}
    if what == "rule":
        counts |= {each: library.count(with_choice(others, what, each)) for each in (FLAGGED, CLEAN)}
    found = library.count_by(what, others)
    return Menu(what, counts | dict(sorted(found.items(), key=lambda each: (-each[1], each[0]))))


def name_of(value: str) -> str:
    return {FLAGGED: "flagged", CLEAN: "no flags"}.get(value, printable(value, 30))


def _key_style(variables: Mapping[str, str]) -> str:
    return f"bold {colour(variables, 'footer-key-foreground')}".strip()


class Chip(Static):
    """One filter: its key, and its value where it has one. A click chooses another."""

    ALLOW_SELECT = False

    @dataclass
    class Clicked(Message):
        what: What

    def __init__(self, what: What) -> None:
        super().__init__(markup=False, classes="chip")
        self._what = what

    def show(self, asked: RecordFilter) -> None:
        value = chosen(asked, self._what)
        text = Text(no_wrap=True, end="")
        if key := key_of(self, ACTIONS[self._what]):
            text.append(f"{key} ", _key_style(self.app.theme_variables))
        text.append(name_of(value)[:16] if value else TITLES[self._what], "bold underline" if value else "")
        self.update(text)

    def on_click(self) -> None:
        self.post_message(self.Clicked(self._what))


class FilterLine(Horizontal):
    """The search field and the filters. ``Changed`` tells what is asked for now."""

    DEFAULT_CSS = """
    FilterLine {
        height: 1;
        padding: 0 1;
        background: $surface;
        LiteralInput, LiteralInput:focus { border: none; height: 1; padding: 0; width: 1fr; }
        LiteralInput { background: $surface; }
        LiteralInput:focus { background: $panel; background-tint: $foreground 0%; }
        .chip { width: auto; margin-left: 2; }
        .search-key { width: auto; }
    }
    """

    @dataclass
    class Changed(Message):
        asked: RecordFilter

    def __init__(self) -> None:
        super().__init__()
        self.asked = EVERYTHING

    def compose(self) -> ComposeResult:
        yield Static(classes="search-key", markup=False)
        yield LiteralInput(placeholder="search", id="search", select_on_focus=False)
        for what in TITLES:
            yield Chip(what)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, self._look_changed)
        self._look_changed(self.app.current_theme)

    def _look_changed(self, _: Theme) -> None:
        key = key_of(self, "search_records")
        style = _key_style(self.app.theme_variables)
        self.query_one(".search-key", Static).update(Text(f"{key} " if key else "", style))
        self._draw()

    @property
    def field(self) -> LiteralInput:
        return self.query_one("#search", LiteralInput)

    def choose(self, what: What, value: str) -> None:
        self._ask(with_choice(self.asked, what, value))

    def clear(self) -> bool:
        """Ask for everything; whether less was asked for."""
        if self.asked == EVERYTHING:
            return False
        with self.prevent(LiteralInput.Changed):
            self.field.value = ""
        self._ask(EVERYTHING)
        return True

    def on_input_changed(self, event: LiteralInput.Changed) -> None:
        event.stop()
        self._ask(replace(self.asked, text=event.value))

    def _ask(self, asked: RecordFilter) -> None:
        if asked != self.asked:
            self.asked = asked
            self._draw()
            self.post_message(self.Changed(asked))

    def _draw(self) -> None:
        for chip in self.query(Chip):
            chip.show(self.asked)


class FilterScreen(Dialog[str | None]):
    """Ends with the value chosen ("": all), None if it was left."""

    BINDINGS = [("escape,q", "leave", "Leave it as it was")]  # noqa: RUF012 (Textual's own way)
    DEFAULT_CSS = """
    FilterScreen { align: right top; }
    FilterScreen > Vertical {
        width: 44;
        max-width: 100%;
        height: auto;
        max-height: 100%;
        padding: 0 1;
        margin: 2 1 2 0;
        border: round $border;
        border-title-color: $primary;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        background: $surface;
    }
    FilterScreen OptionList, FilterScreen OptionList:focus {
        height: auto;
        max-height: 100%;
        border: none;
        padding: 0;
        background: $surface;
    }
    """

    def __init__(self, menu: Menu, value: str) -> None:
        super().__init__()
        self._menu = menu
        self._values = list(menu.counts)
        self._value = value

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"show only: {TITLES[self._menu.what]}"
            box.border_subtitle = "enter: choose · esc: leave"
            yield OptionList(*(Option(self._line(value)) for value in self._values), markup=False)

    def _line(self, value: str) -> Text:
        name = name_of(value) if value else "all"
        return Text(f"{name:<26} {self._menu.counts[value]:>11,}", no_wrap=True)

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.highlighted = self._values.index(self._value) if self._value in self._values else 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.leave(self._values[event.option_index])

    def action_leave(self) -> None:
        self.leave(None)

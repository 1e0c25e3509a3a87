"""F1: every key that works for what has the focus, made from the registry."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ysnakes_tui.actions import CONTEXTS, Action, actions_of, enclosing
from ysnakes_tui.keymap import Keymap, shown_key
from ysnakes_tui.widgets.dialog import Dialog
from ysnakes_tui.widgets.key_table import KeyTable

_MOVES = frozenset(("up", "down", "left", "right", "pageup", "pagedown", "home", "end"))
# What people call the widgets that can have the focus.
_KINDS = {
    "Input": "This field",
    "MaskedInput": "This field",
    "TextArea": "This text",
    "OptionList": "This list",
    "ListView": "This list",
    "SelectionList": "This list",
    "DataTable": "This table",
    "Select": "This choice",
    "RadioSet": "This choice",
    "Button": "This button",
    "Checkbox": "This switch",
    "Switch": "This switch",
}


class _HelpBox(VerticalScroll):
    def watch_has_focus(self, _has_focus: bool) -> None:
        """Nothing in it looks different then, so the style sheet need not be asked about all of it."""


class HelpScreen(Dialog[None]):
    """Closed by esc, q, or the key that opened it."""

    def __init__(
        self,
        context: str,
        keymap: Keymap,
        *,
        widget_keys: list[tuple[str, str]],
        focused: str,
        ascii: bool = False,
    ) -> None:
        super().__init__()
        self._place, self._keymap, self._plain = context, keymap, ascii
        self._widget_keys, self._focused = widget_keys, focused
        self._leaving_keys = {
            "escape",
            "q",
            *keymap.names("help"),
            *keymap.names("quit"),
            *keymap.names("back"),
        }

    def compose(self) -> ComposeResult:
        with _HelpBox(id="help") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            for number, (title, rows) in enumerate(self.sections()):
                yield Static(
                    Text(title), classes="heading -first" if number == 0 else "heading", markup=False
                )
                yield KeyTable(rows)
            yield Static(
                Text(
                    "Change any of them: ysnakes config edit, section [keys]. `ysnakes keys` lists them all."
                ),
                classes="remark",
                markup=False,
            )

    def sections(self) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
        """Heading and (keys, title, help) rows: of the focused widget, then from the inside out."""
        if self._widget_keys:
            yield self._focused, [(key, what, "") for key, what in self._widget_keys]
        for name in enclosing(self._place):
            rows = [self._row(action) for action in actions_of(name)]
            if name == "app":
                rows.append(
                    ("tab", "Next part", "Move to the next part that takes keys; shift+tab goes back.")
                )
            yield CONTEXTS[name].title, rows

    def _row(self, action: Action) -> tuple[str, str, str]:
        keys = " ".join(shown_key(key, ascii=self._plain) for key in self._keymap.of(action.id))
        return keys or "–", action.title, action.help

    def on_key(self, event: events.Key) -> None:
        if event.key in self._leaving_keys:
            event.stop()
            self.leave()

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:  # beside the box
            self.leave()


def kind_of(widget: Widget) -> str:
    """What to call a focused widget."""
    for ancestor in type(widget).__mro__:
        if ancestor.__name__ in _KINDS:
            return _KINDS[ancestor.__name__]
    return "What has the focus"


def keys_of(widget: Widget) -> list[tuple[str, str]]:
    """The keys that a focused widget answers to by itself: those of its bindings that say what they do."""
    found: dict[str, list[str]] = {}
    moves = False
    for active in widget.screen.active_bindings.values():
        binding = active.binding
        if active.node is widget and binding.key.rpartition("+")[2] in _MOVES:
            moves = True
        elif active.node is widget and binding.description and not binding.action.startswith("app.perform"):
            key = "enter" if binding.key == "enter" else widget.app.get_key_display(binding)
            found.setdefault(binding.description, []).append(key)
    rows = [(" ".join(keys[:3]), what) for what, keys in found.items()]
    return [*rows, ("arrows", "Move; also pgup pgdn home end")] if moves else rows

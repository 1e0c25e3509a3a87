"""The last line: the keys that matter most where one is. What matters least is left out for want of room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from ysnakes_tui.actions import ACTIONS, actions_for
from ysnakes_tui.keymap import Keymap, shown_key

_GAP = 2
_RIGHT = ("palette", "help", "quit")  # in this order


@dataclass(frozen=True)
class Hint:
    """One key of the footer. ``rank`` 1 is the last to go."""

    action: str
    key: str
    label: str
    rank: int
    everywhere: bool = False  # of the app, not of the pane: stands on the right
    enabled: bool = True

    @property
    def width(self) -> int:
        return cell_len(self.key) + 1 + cell_len(self.label)


def hints_for(
    context: str,
    keymap: Keymap,
    possible: Callable[[str], bool | None],
    label_for: Callable[[str], str] = lambda action: "",
    *,
    ascii: bool,
    typing: bool = False,
) -> tuple[Hint, ...]:
    """What the footer says in ``context``; of two that are called the same now, the more important one.

    ``possible`` says of an action: True, None (dim) or False; ``label_for``, what it is called just now, ""
    where that is what the registry says. ``typing``: single characters are text now, and no keys.
    """
    inner = [action for action in actions_for(context) if action.rank and action.id not in _RIGHT]
    hints = []
    for action in [*inner, *(ACTIONS[name] for name in _RIGHT)]:
        can = possible(action.id)
        if can is not False:
            keys = [key for key in keymap.of(action.id) if not typing or (len(key) > 1 and key != "space")]
            if typing and not keys:
                continue
            key = next((shown_key(key, ascii=ascii) for key in keys), "•")
            right = action.id in _RIGHT
            label = label_for(action.id) or action.label
            hints.append(Hint(action.id, key, label, action.rank, everywhere=right, enabled=bool(can)))
    by_rank = sorted(hints, key=lambda hint: -hint.rank)
    said = {(hint.label, hint.enabled): hint for hint in by_rank}
    return tuple(hint for hint in hints if said[hint.label, hint.enabled] is hint)


class KeyFooter(Widget):
    ALLOW_SELECT = False
    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's own way)
        "key-footer--key",
        "key-footer--label",
        "key-footer--hover",
        "key-footer--disabled",
    }
    hovered: reactive[str] = reactive("")

    @dataclass
    class Chosen(Message):
        """A key was clicked."""

        action: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hints: tuple[Hint, ...] = ()

    def show(self, hints: tuple[Hint, ...]) -> None:
        if hints != self._hints:
            self._hints = hints
            self.refresh()

    @property
    def shown(self) -> list[Hint]:
        """The hints that have room."""
        return fit(self._hints, self.size.width)

    def render(self) -> Text:
        shown = self.shown
        left = self._joined([hint for hint in shown if not hint.everywhere])
        right = self._joined([hint for hint in shown if hint.everywhere])
        room = self.size.width - 2 - cell_len(left.plain) - cell_len(right.plain)
        return Text.assemble(" ", left, " " * max(0, room), right, no_wrap=True, end="")

    def _joined(self, hints: list[Hint]) -> Text:
        text = Text()
        for hint in hints:
            if text:
                text.append(" " * _GAP)
            hover = hint.action == self.hovered
            meta = Style(meta={"action": hint.action})
            text.append(hint.key, self._style("key" if hint.enabled else "disabled") + meta)
            text.append(
                " " + hint.label,
                self._style("hover" if hover else "label" if hint.enabled else "disabled") + meta,
            )
        return text

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"key-footer--{part}", partial=True)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = str(event.style.meta.get("action", ""))

    def on_leave(self) -> None:
        self.hovered = ""

    def on_click(self, event: events.Click) -> None:
        if action := event.style.meta.get("action"):
            self.post_message(self.Chosen(str(action)))


def fit(hints: tuple[Hint, ...], width: int) -> list[Hint]:
    """Those of ``hints``, in their order, that have room in ``width`` columns beside more important ones."""
    chosen: set[str] = set()
    room = width - 2
    for hint in sorted(hints, key=lambda hint: hint.rank):
        needed = hint.width + (_GAP if chosen else 0)
        if needed > room:
            break
        room -= needed
        chosen.add(hint.action)
    return [hint for hint in hints if hint.action in chosen]

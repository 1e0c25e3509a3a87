"""The command palette: a field, and below it what its text finds.

Textual's own finds its commands in tasks and draws the screen three times until they are there. Ours are
known at once, and are to be there at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input

from ysnakes_tui.commands import Command, matching
from ysnakes_tui.keymap import Keymap, shown_key
from ysnakes_tui.widgets.dialog import Dialog
from ysnakes_tui.widgets.literal_input import LiteralInput

LINES = 2  # of a command: what it is called, and what it does


class CommandList(ScrollView, can_focus=False):
    """Commands, one of them chosen."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("command-list--key", "command-list--matched", "command-list--help", "command-list--chosen")
    }
    DEFAULT_CSS = """
    CommandList {
        height: 1fr;
        scrollbar-size-vertical: 1;
        .command-list--key { color: $primary; }
        .command-list--matched { text-style: bold underline; }
        .command-list--help { color: $text-muted; }
        .command-list--chosen { background: $panel; text-style: bold; }
        &:nocolor .command-list--chosen { text-style: bold reverse; }
    }
    """

    @dataclass
    class Clicked(Message):
        command: Command

    def __init__(self, keymap: Keymap, *, ascii: bool) -> None:
        super().__init__()
        self._keymap, self._plain = keymap, ascii
        self.commands: Sequence[Command] = ()
        self._place = 0

    def show(self, commands: Sequence[Command]) -> None:
        """Other ones; the first is chosen."""
        self.commands = commands
        self.virtual_size = Size(0, LINES * len(commands))
        self.choose(0)

    @property
    def chosen(self) -> Command | None:
        return self.commands[self._place] if self.commands else None

    def choose(self, place: int) -> None:
        """Choose the command at a place, or the one next to it that there is."""
        self._place = max(0, min(place, len(self.commands) - 1))
        region = Region(0, LINES * self._place, 1, LINES)
        self.scroll_to_region(region, animate=False, force=True, immediate=True)
        self.refresh()

    def move(self, by: int) -> None:
        """Choose another; one step beyond an end is the other end."""
        place, last = self._place + by, len(self.commands) - 1
        self.choose(last if place == -1 else 0 if place == last + 1 else place)

    def move_page(self, by: int) -> None:
        self.choose(self._place + by * max(1, self.scrollable_content_region.height // LINES))

    def render_line(self, y: int) -> Strip:
        place, part = divmod(y + self.scroll_offset.y, LINES)
        style, width = self.rich_style, self.scrollable_content_region.width
        if not self.commands:
            text = Text("  There is nothing of that name." if y == 0 else "", style)
        elif place >= len(self.commands):
            text = Text()
        else:
            chosen = place == self._place
            style += self._look("chosen") if chosen else Style()
            text = self._line(self.commands[place], part, style, chosen=chosen)
        text.truncate(width, overflow="ellipsis")
        return Strip(text.render(self.app.console)).adjust_cell_length(width, style)

    def _line(self, command: Command, part: int, style: Style, *, chosen: bool) -> Text:
        mark = ("> " if self._plain else "› ") if chosen and part == 0 else "  "
        if part:
            return Text.assemble(mark, (command.help, self._look("help")), style=style, end="")
        keys = " ".join(shown_key(key, ascii=self._plain) for key in self._keymap.of(command.action.id))
        title = Text(command.action.title, style="" if command.possible else self._look("help"))
        for at in command.matched:
            title.stylize(self._look("matched"), at, at + 1)
        return Text.assemble(mark, title, "  ", (keys, self._look("key")), style=style, end="")

    def _look(self, name: str) -> Style:
        return self.get_component_rich_style(f"command-list--{name}", partial=True)

    def on_click(self, event: events.Click) -> None:
        place = (event.y + self.scroll_offset.y) // LINES
        if 0 <= place < len(self.commands):
            self.post_message(self.Clicked(self.commands[place]))


class Palette(Dialog[str | None]):
    """Ends with the id of the action that was chosen; None if none was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
        Binding("up", "move(-1)", "Previous", show=False),
        Binding("down", "move(1)", "Next", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
    ]
    DEFAULT_CSS = """
    Palette {
        align: center top;
        #palette {
            width: 100;
            max-width: 100%;
            height: 100%;
            padding: 0 1;
            border: round $border;
            border-title-color: $primary;
            border-title-style: bold;
            border-subtitle-color: $text-muted;
            background: $surface;
        }
        Input, Input:focus { border: none; height: 1; margin: 0 0 1 0; padding: 0 1; background: $panel; }
    }
    """

    def __init__(self, commands: Sequence[Command], keymap: Keymap, *, ascii: bool = False) -> None:
        super().__init__()
        self._commands = commands
        self._list = CommandList(keymap, ascii=ascii)

    def compose(self) -> ComposeResult:
        with Vertical(id="palette") as box:
            box.border_title = "Commands"
            box.border_subtitle = "enter does it · esc leaves"
            yield LiteralInput(placeholder="What would you like to do?", select_on_focus=False)
            yield self._list

    def on_mount(self) -> None:
        self._list.show(self._commands)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._list.show(matching(self._commands, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if (command := self._list.chosen) is not None:
            self.leave(command.action.id)

    def on_command_list_clicked(self, event: CommandList.Clicked) -> None:
        event.stop()
        self.leave(event.command.action.id)

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:  # beside the box
            self.leave()

    def action_leave(self) -> None:
        self.leave()

    def action_move(self, by: int) -> None:
        self._list.move(by)

    def action_page(self, by: int) -> None:
        self._list.move_page(by)

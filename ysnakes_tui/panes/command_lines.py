"""A list of command lines with what each is for; the chosen one can be copied."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ysnakes_core.files import printable
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.widgets.status_strip import Status


@dataclass(frozen=True)
class CommandLine:
    command: str
    purpose: str


class CommandLinesPane(VerticalScroll, can_focus=False):
    """A pane for what has no screen of its own yet: it says so, and how to do it today."""

    context = "commands"

    @dataclass
    class Copied(Message):
        command: str

    def __init__(self, heading: str, introduction: str, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="command-lines")
        self._heading, self._introduction = heading, introduction

    def commands(self) -> list[CommandLine]:
        """What to show; asked for each time the pane comes to the front."""
        raise NotImplementedError

    def status(self) -> Status:
        return Status()

    def compose(self) -> ComposeResult:
        yield Static(Text(self._heading), classes="heading -first", markup=False)
        yield Static(Text(self._introduction), classes="introduction", markup=False)
        yield OptionList(markup=False)
        yield Static(
            Text("These are typed into a terminal. Enter or y copies the chosen one."),
            classes="remark",
            markup=False,
        )

    def on_mount(self) -> None:
        self._fill()

    def on_show(self) -> None:
        self._fill()

    def focus_first(self) -> None:
        self.query_one(OptionList).focus()

    def _fill(self) -> None:
        options = self.query_one(OptionList)
        chosen = options.highlighted or 0
        options.clear_options()
        for number, line in enumerate(self.commands()):
            options.add_options([Option(_lines(line))] if number == 0 else [None, Option(_lines(line))])
        options.highlighted = min(chosen, options.option_count - 1)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_copy_command()

    def action_copy_command(self) -> None:
        number = self.query_one(OptionList).highlighted
        if number is not None:
            shell_of(self).copy(self.commands()[number].command, "the command line")


def _lines(line: CommandLine) -> Text:
    return Text.assemble((printable(line.command, 200), "bold"), "\n", (line.purpose, "dim"))

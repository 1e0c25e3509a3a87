"""Choosing what to talk to: a run, and if one likes the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ysnakes_core.files import printable
from ysnakes_tui.complete.models import BEST, LATEST, ModelChoice, ModelRun
from ysnakes_tui.formats import bits
from ysnakes_tui.widgets.dialog import Dialog


class ModelScreen(Dialog[ModelChoice | None]):
    """Ends with what was chosen; None if it was left. ``runs``: those that can be talked to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave it as it was"),
        Binding("right", "focus_list('checkpoints')", "To its checkpoints", show=False),
        Binding("left", "focus_list('runs')", "To the runs", show=False),
    ]
    DEFAULT_CSS = """
    ModelScreen { align: center middle; }
    ModelScreen > Vertical {
        width: 96;
        max-width: 100%;
        height: auto;
        max-height: 100%;
        padding: 0 1;
        border: round $border;
        border-title-color: $primary;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        background: $surface;
    }
    ModelScreen Horizontal { height: auto; max-height: 16; }
    ModelScreen OptionList, ModelScreen OptionList:focus {
        width: 1fr;
        height: auto;
        min-height: 5;
        max-height: 16;
        border: none;
        padding: 0;
        background: $surface;
        text-wrap: nowrap;
    }
    ModelScreen #checkpoints { margin-left: 2; }
    """

    def __init__(self, title: str, runs: Sequence[ModelRun], now: ModelChoice | None) -> None:
        super().__init__()
        self._heading, self._now = title, now
        self._runs = [run for run in runs if run.checkpoints]
        self._choices: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"{self._heading} (with bits per byte: less is better)"
            box.border_subtitle = "enter: choose · left, right: run, checkpoint · esc: leave"
            with Horizontal():
                yield OptionList(*(Option(run_line(run)) for run in self._runs), id="runs", markup=False)
                yield OptionList(id="checkpoints", markup=False)

    def on_mount(self) -> None:
        runs = self.query_one("#runs", OptionList)
        names = [run.name for run in self._runs]
        at = names.index(self._now.run) if self._now is not None and self._now.run in names else 0
        if names:
            runs.highlighted = at
        runs.focus()

    @property
    def _run(self) -> ModelRun | None:
        at = self.query_one("#runs", OptionList).highlighted
        return None if at is None else self._runs[at]

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        run = self._run
        if event.option_list.id != "runs" or run is None:
            return
        self._choices = ["", BEST, LATEST, *(each.name for each in run.checkpoints)]
        panel = self.query_one("#checkpoints", OptionList)
        panel.clear_options()
        panel.add_options([Option(choice_line(run, choice)) for choice in self._choices])
        mine = self._now is not None and self._now.run == run.name
        wanted = self._now.checkpoint if mine and self._now is not None else ""
        panel.highlighted = self._choices.index(wanted) if wanted in self._choices else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        run = self._run
        if run is None:
            return
        at = event.option_index if event.option_list.id == "checkpoints" else 0
        self.leave(ModelChoice(run.name, self._choices[at]))

    def action_focus_list(self, name: str) -> None:
        self.query_one(f"#{name}").focus()

    def action_leave(self) -> None:
        self.leave(None)


def run_line(run: ModelRun) -> Text:
    """``quiet-cobra   running  ys-4m  1.2345``."""
    name = printable(run.name, 100)
    name = name if cell_len(name) <= 16 else set_cell_size(name, 15) + "…"
    line = Text(no_wrap=True, end="")
    line.append(set_cell_size(name, 17))
    line.append(f"{printable(run.row.status, 9):<9} {printable(run.row.size, 8):<8}")
    return line


def choice_line(run: ModelRun, choice: str) -> Text:
    """What a choice of a checkpoint means now."""
    if not choice:
        usual = "the newest, as it trains" if run.trains else "the best, as is usual"
        return Text(usual, no_wrap=True, end="")
    saved = run.meant(choice)
    if saved is None:
        return Text(choice, no_wrap=True, end="")
    score = "" if saved.bits_per_byte is None else bits(saved.bits_per_byte)
    name = choice if choice in (BEST, LATEST) else ""
    return Text(f"{name:<7} step {saved.step:>9,}  {score}".rstrip(), no_wrap=True, end="")

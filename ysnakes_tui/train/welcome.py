"""What the app shows while there is no run: what it is for, and how to get to a first model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Button, Static

from ysnakes_core.files import printable
from ysnakes_tui.panes.interface import Glyphs, key_of, shell_of
from ysnakes_tui.train.first_run import FirstRun, first_run

# A snake whose waves settle, as the loss of a training does.
SNAKES: dict[Glyphs, str] = {
    "braille": """\
⢻⡄
 ⢷   ⣰⠟⢷⡄   ⢀⣤⣄    ⢀⣠⡤⣀
 ⠘⣇ ⢠⡏  ⢻⣄ ⣰⠟⠁⠙⢧⡀⢀⣴⠟⠻⠿⠛⠉
  ⠹⠶⠟    ⠙⠛⠋   ⠈⠙⠛⠁""",
    "block": """\
╭──╮
│  │  ╭──╮
╯  │  │  │  ╭──╮
   ╰──╯  ╰──╯  ╰───●~""",
    "ascii": """\
.--.
|  |  .--.
'  |  |  |  .--.
   '--'  '--'  '---o~""",
}
PROMISE = "A small language model of your own,\ntrained on this computer."
LEAVING = (
    "It trains in the background: close the app or the terminal whenever you like. "
    "Come back with `ysnakes`, and it is all there."
)


class Welcome(VerticalScroll, can_focus=False):
    """One button, which says what it leads to."""

    @dataclass
    class Looked(Message):
        """What a thread found a first run would be."""

        plan: FirstRun

    class Accepted(Message):
        """A first run is wanted."""

    DEFAULT_CSS = """
    Welcome {
        height: 1fr;
        align: center middle;
        scrollbar-size-vertical: 1;
        .box { width: 74; max-width: 100%; height: auto; }
        .top { height: auto; margin-bottom: 1; }
        .snake { width: 28; height: 4; color: $primary; text-style: bold; }
        .promise { width: 1fr; height: 4; padding-top: 1; }
        .rows { height: auto; margin-bottom: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        .rows.-problem { text-wrap: wrap; }
        .leaving { height: auto; margin-bottom: 1; color: $text-muted; }
        Button { margin-bottom: 1; }
        .others { height: auto; color: $text-muted; }
        &.-roomy .top { margin-bottom: 2; }
        &.-roomy .rows { margin-bottom: 2; }
        &.-roomy .leaving { margin-bottom: 2; }
        &.-roomy Button { margin-bottom: 2; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.plan: FirstRun | None = None  # None until it was looked at

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            with Horizontal(classes="top"):
                yield Static(classes="snake", markup=False)
                yield Static(classes="promise", markup=False)
            yield Static(classes="rows", markup=False)
            yield Static(Text(LEAVING), classes="leaving", markup=False)
            yield Button("Look at the plan, then start (enter)", id="accept", compact=True)
            yield Static(classes="others", markup=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())

    def on_show(self) -> None:
        look = partial(self._look, shell_of(self).runs_folder)
        self.run_worker(look, thread=True, group="first", exclusive=True, exit_on_error=False)
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height >= 28, "-roomy")
        self._draw()

    def focus_first(self) -> None:
        self.query_one("#accept").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(self.Accepted())

    def _look(self, runs_folder: Path) -> None:
        self.post_message(self.Looked(first_run(runs_folder)))

    def on_welcome_looked(self, event: Looked) -> None:
        event.stop()
        self.plan = event.plan
        self._draw()

    def _draw(self) -> None:
        self.query_one(".snake", Static).update(Text(SNAKES[shell_of(self).glyphs]))
        self.query_one(".promise", Static).update(Text.assemble(("ysnakes\n", "bold"), PROMISE))
        rows = self.query_one(".rows", Static)
        rows.set_class(self.plan is not None and bool(self.plan.problem), "-problem")
        rows.update(self._rows())
        self.query_one(".others", Static).update(self._others())

    def _rows(self) -> Text:
        plan = self.plan or FirstRun()
        if plan.problem:
            return Text.assemble(("Your first model\n\n", "bold"), printable(plan.problem, 600))
        text = Text("Your first model\n", "bold")
        for name, value in (
            ("text", plan.text),
            ("size", plan.model),
            ("time", plan.time),
            ("kept in", plan.kept),
        ):
            text.append(f"\n{name:<9}", "not bold dim")
            text.append(printable(value, 300), "not bold")
        return text

    def _others(self) -> Text:
        """Other ways to begin, by the keys that lead there."""
        ways = (("show_data", "text of your own"), ("palette", "all one can do"), ("help", "all keys"))
        text = Text()
        for action, what in ways:
            if key := key_of(self, action):
                text.append("   " if text else "")
                text.append(key, "bold")
                text.append(f" {what}")
        return text

"""Whether the teacher of a new job is there; and if its model is missing, the way to get it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Button, Static

from ysnakes_core.errors import YsnakesError
from ysnakes_core.synthesis.job_opening import OLLAMA
from ysnakes_tui.data.job_form_check import JobFormValues
from ysnakes_tui.data.job_form_text import (
    asking_text,
    builtin_text,
    fetching_text,
    pulling_text,
    server_text,
)
from ysnakes_tui.data.job_hints import command_in
from ysnakes_tui.data.job_server import Looking, Pull, ServerFound, look
from ysnakes_tui.keymap import shown_key
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.widgets.meter import Meter
from ysnakes_tui.widgets.views import is_seen

DEBOUNCE_SECONDS = 0.3
LOOK_AGAIN_SECONDS = 3.0  # where no server was there: it may have been started meanwhile


class ServerPanel(Vertical, can_focus=False):
    """Asks the server that a form names, in a thread (``look``), and shows what it found (``found``).

    It asks for as long as there is something wrong and the panel is to be seen.
    """

    @dataclass
    class Changed(Message):
        """Something is known now, or nothing any more."""

        found: ServerFound | None

    @dataclass
    class Looked(Message):
        number: int
        found: ServerFound

    @dataclass
    class Pulling(Message):
        what: str
        done: int
        total: int

    @dataclass
    class Pulled(Message):
        error: YsnakesError | None

    DEFAULT_CSS = """
    ServerPanel {
        height: auto;
        margin-top: 1;
        #server { height: auto; }
        #pull, #pulling { display: none; margin-top: 1; }
        &.-lacks-model #pull { display: block; }
        &.-pulling #pulling { display: block; }
    }
    """

    def __init__(self, *, id: str, look: Looking = look) -> None:
        super().__init__(id=id)
        self._look = look
        self._values = JobFormValues()
        self._usual_host = ""
        self._number = 0  # of the latest question
        self._timer: Timer | None = None
        self._pull: Pull | None = None
        self.found: ServerFound | None = None  # the answer to the latest question

    def compose(self) -> ComposeResult:
        yield Static(id="server", markup=False)
        yield Meter("", warn_at=None, danger_at=None, id="pulling")
        yield Button("Get the model", id="pull", compact=True)

    def on_unmount(self) -> None:
        self.cancel_pull()

    # Asking.

    def ask(self, values: JobFormValues, usual_host: str, *, soon: bool) -> None:
        """Ask whether there is what the form names. ``soon``: in a moment, for it may go on changing."""
        self._values, self._usual_host = values, usual_host
        self._number += 1
        self._set_found(None)
        self._ask_in(DEBOUNCE_SECONDS) if soon else self._ask()

    def _ask_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(seconds, self._ask)

    def _ask(self) -> None:
        if self._values.teacher != OLLAMA:
            return
        if not is_seen(self):
            self._ask_in(LOOK_AGAIN_SECONDS)
            return
        self._number += 1
        asking = partial(self._ask_server, self._number, self._values)
        self.run_worker(asking, thread=True, group="server", exclusive=True, exit_on_error=False)

    def _ask_server(self, number: int, values: JobFormValues) -> None:
        """In a thread."""
        self.post_message(self.Looked(number, self._look(values.model_or_usual, values.host_list)))

    def on_server_panel_looked(self, event: Looked) -> None:
        event.stop()
        if event.number == self._number:
            self._set_found(event.found)
            if event.found.error is not None:
                self._ask_in(LOOK_AGAIN_SECONDS)

    def _set_found(self, found: ServerFound | None) -> None:
        self.found = found
        self._draw()
        self.post_message(self.Changed(found))

    def _draw(self) -> None:
        found, values, ascii = self.found, self._values, shell_of(self).glyphs == "ascii"
        self.set_class(self.lacks_model and not self.is_pulling, "-lacks-model")
        self.set_class(self.is_pulling, "-pulling")
        if values.teacher != OLLAMA:
            text = builtin_text(ascii=ascii)
        elif self.is_pulling:
            text = fetching_text(values.model_or_usual)
        elif found is None:
            text = asking_text(values.hosts or self._usual_host)
        else:
            pull, copy = (self._last_key(name) for name in ("pull_model", "copy_server_command"))
            copy = copy if self.mending_command else ""
            text = server_text(found, values.model_or_usual, pull_key=pull, copy_key=copy, ascii=ascii)
        self.query_one("#server", Static).update(text)

    def _last_key(self, action: str) -> str:
        """The last of an action's keys, which also works in a text field; "" if it has none."""
        keys = shell_of(self).keymap.of(action)
        return shown_key(keys[-1]) if keys else ""

    @property
    def lacks_model(self) -> bool:
        return self._values.teacher == OLLAMA and self.found is not None and self.found.lacks_model

    @property
    def mending_command(self) -> str:
        """The command line that makes the server ready; "" if there is none."""
        error = self.found.error if self.found is not None and self._values.teacher == OLLAMA else None
        return command_in(error.hint) if error is not None else ""

    # Getting the model.

    @property
    def is_pulling(self) -> bool:
        return self._pull is not None

    def pull(self) -> None:
        """Let Ollama get the model, in a thread."""
        if self._pull is None and self.lacks_model:
            self._pull = Pull(self._values.model_or_usual, self._values.host_list)
            self.query_one(Meter).set(None, None, "asking for it…")
            self.run_worker(partial(self._get, self._pull), thread=True, group="pull", exit_on_error=False)
            self._draw()

    def cancel_pull(self) -> None:
        if self._pull is not None:
            self._pull.cancel()

    def _get(self, pull: Pull) -> None:
        """In a thread."""

        def told(what: str, done: int, total: int) -> None:
            self.post_message(self.Pulling(what, done, total))

        try:
            pull.run(told)
        except YsnakesError as error:
            self.post_message(self.Pulled(error))
        else:
            self.post_message(self.Pulled(None))

    def on_server_panel_pulling(self, event: Pulling) -> None:
        event.stop()
        meter = self.query_one(Meter)
        meter.glyphs = shell_of(self).glyphs
        meter.set(event.done, event.total or None, pulling_text(event.what, event.done, event.total))

    def on_server_panel_pulled(self, event: Pulled) -> None:
        event.stop()
        self._pull = None
        self._draw()
        if event.error is not None:
            shell_of(self).tell(event.error, title="The model was not fetched", timeout=30)
        self.ask(self._values, self._usual_host, soon=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.pull()

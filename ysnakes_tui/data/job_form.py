"""A new job: what is to be written, by which teacher, and whether that one is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.synthesis.job_opening import BUILTIN, OLLAMA
from ysnakes_core.synthesis.kinds import load_kinds
from ysnakes_core.synthesis.ollama_hosts import chosen_hosts
from ysnakes_core.synthesis.ollama_teacher import DEFAULT_CONCURRENCY, DEFAULT_MODEL
from ysnakes_tui.data.job_form_check import HELP, CheckedJob, JobFormValues, check, create
from ysnakes_tui.data.job_form_css import JOB_FORM_CSS
from ysnakes_tui.data.job_form_text import asking_text, builtin_text, pulling_text, server_text, total_text
from ysnakes_tui.data.job_hints import command_in
from ysnakes_tui.data.job_kinds import CountInput, KindCounts
from ysnakes_tui.data.job_server import Looking, Pull, ServerFound, look
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.widgets.choice import Choice
from ysnakes_tui.widgets.literal_input import LiteralInput
from ysnakes_tui.widgets.meter import Meter

DEBOUNCE_SECONDS = 0.3
LOOK_AGAIN_SECONDS = 3.0  # where no server was there: it may have been started meanwhile
TEACHERS = {"Ollama": OLLAMA, "built-in": BUILTIN}
RULES = {"clean and reject": True, "only flag": False}
KEPT = ("teacher", "model", "hosts")  # from one start of the app to the next

_ROWS = {
    "teacher": "teacher",
    "model": "model",
    "hosts": "where",
    "concurrency": "at a time",
    "seed": "seed",
    "curate": "rules",
    "all": "of each kind",
}
_OF_OLLAMA = ("model", "hosts", "concurrency", "curate")


class _Fields(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Leaves the arrow keys to the form."""


class JobForm(Vertical, can_focus=False):
    """Fields for a new job, in the library of ``folder``; ``look`` asks the server, in a thread.

    It does the actions of the context ``job_form``. ``busy_with``: the job that is being written, which has
    to end before another one starts.
    """

    context: ClassVar[str] = "job_form"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "Previous field", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
    ]
    DEFAULT_CSS = JOB_FORM_CSS

    @dataclass
    class Started(Message):
        """The job is in the library and nothing of it is written yet."""

        name: str
        curate: bool

    class Cancelled(Message):
        """No job is wanted."""

    @dataclass
    class KindsRead(Message):
        kinds: Mapping[str, tuple[str, str]]  # title and what it is, by name
        error: YsnakesError | None

    @dataclass
    class Looked(Message):
        """What a thread found out about the server."""

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

    @dataclass
    class Failed(Message):
        """It was not made."""

        checked: CheckedJob
        error: YsnakesError

    def __init__(self, folder: Path, *, id: str | None = None, look: Looking = look) -> None:
        super().__init__(id=id)
        self.folder = folder
        self.busy_with = ""
        self._look = look
        self._number = 0  # of the latest question about the server
        self._found: ServerFound | None = None  # the answer to it
        self._errors: Mapping[str, str] = {}
        self._wanted = False  # to be started once the server has answered
        self._starting = False
        self._pull: Pull | None = None
        self._timer: Timer | None = None
        self._wishes = ""  # the teacher that was asked for before there was a field for it

    def compose(self) -> ComposeResult:
        with Horizontal(classes="columns"):
            with _Fields(classes="fields"):
                yield Static(Text("A new job"), classes="title", markup=False)
                yield from self._row("teacher", Choice(tuple(TEACHERS), "Ollama", id="teacher"))
                yield from self._row("model", LiteralInput(id="model", max_length=200))
                yield from self._row("hosts", LiteralInput(id="hosts", max_length=2000))
                yield from self._row("concurrency", LiteralInput(id="concurrency", max_length=5))
                yield from self._row("seed", LiteralInput(id="seed", max_length=19))
                yield from self._row("curate", Choice(tuple(RULES), next(iter(RULES)), id="curate"))
                yield from self._row("all", LiteralInput(id="all", max_length=12))
                with Horizontal(classes="buttons"):
                    yield Button("Start", id="start", compact=True)
                    yield Button("Cancel", id="cancel", compact=True)
                yield Static(id="server", markup=False)
                yield Meter("fetching it", warn_at=None, danger_at=None, id="pulling")
                yield Button("Get the model", id="pull", compact=True)
            with Vertical(classes="kinds"):
                yield Static(id="total", markup=False)
        yield Static(id="form-help", markup=False)

    def _row(self, field: str, *widgets: Widget) -> ComposeResult:
        with Horizontal(classes="row", id=f"row-{field}"):
            yield Static(Text(_ROWS[field]), classes="name", markup=False)
            yield from widgets
        yield Static(classes="wrong", id=f"wrong-{field}", markup=False)

    def on_mount(self) -> None:
        for field in self.query(Input):
            field.select_on_focus = False
        for name, usual in (
            ("model", DEFAULT_MODEL),
            ("concurrency", str(DEFAULT_CONCURRENCY)),
            ("seed", "another each time"),
            ("all", "as on the right"),
        ):
            self.query_one(f"#{name}", Input).placeholder = usual
        try:
            self.query_one("#hosts", Input).placeholder = chosen_hosts([])[0]
        except YsnakesError:
            self.query_one("#hosts", Input).placeholder = "HOST:PORT"
        kept = shell_of(self).memory.layout
        for name in ("model", "hosts"):
            self.query_one(f"#{name}", Input).value = kept.get(f"job.{name}", "")
        self._choose_teacher(self._wishes or kept.get("job.teacher", OLLAMA))
        key = key_of_last(self, "start_job")
        self.query_one("#start", Button).label = f"Start ({key})" if key else "Start"
        self.run_worker(self._read_kinds, thread=True, group="kinds", exit_on_error=False)

    def on_unmount(self) -> None:
        if self._pull is not None:
            self._pull.cancel()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= 100 and event.size.height >= 28, "-wide")

    def on_show(self) -> None:
        self._ask_soon()

    def focus_first(self) -> None:
        self.query_one("#teacher").focus()

    def choose(self, teacher: str) -> None:
        """Choose a teacher, as if a person had."""
        if self.is_mounted:
            self._choose_teacher(teacher)
        else:
            self._wishes = teacher

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        widget = event.widget
        if isinstance(widget, CountInput):
            told = widget.what
        else:
            host = self.query_one("#hosts", Input).placeholder
            told = HELP.get(widget.id or "", "").format(model=DEFAULT_MODEL, host=host)
        self._tell(told)

    # What stands in the form.

    @property
    def kinds(self) -> KindCounts | None:
        """None until they are read."""
        found = self.query(KindCounts)
        return found.first() if found else None

    @property
    def teacher(self) -> str:
        return TEACHERS[self.query_one("#teacher", Choice).value]

    @property
    def values(self) -> JobFormValues:
        text = {
            name: self.query_one(f"#{name}", Input).value.strip()
            for name in ("model", "hosts", "concurrency", "seed")
        }
        return JobFormValues(
            teacher=self.teacher,
            curate=RULES[self.query_one("#curate", Choice).value],
            counts=self.kinds.counts if self.kinds is not None else {},
            **text,
        )

    def _read_kinds(self) -> None:
        """In a thread."""
        try:
            kinds = {name: (kind.title, kind.what) for name, kind in load_kinds().items()}
        except YsnakesError as error:
            self.post_message(self.KindsRead({}, error))
        else:
            self.post_message(self.KindsRead(kinds, None))

    async def on_job_form_kinds_read(self, event: KindsRead) -> None:
        event.stop()
        if event.error is not None:
            shell_of(self).tell(event.error, title="Your own kinds", timeout=30)
        await self.query_one(".kinds").mount(
            KindCounts(event.kinds, self.teacher, id="counts"), before="#total"
        )
        self._show_total()

    def _choose_teacher(self, teacher: str) -> None:
        name = next((name for name, each in TEACHERS.items() if each == teacher), "Ollama")
        self.query_one("#teacher", Choice).show(name)
        for field in _OF_OLLAMA:
            self.query_one(f"#row-{field}").display = teacher == OLLAMA
        if self.kinds is not None:
            self.kinds.show(teacher)
        self._show_total()
        self._ask()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        if event.choice.id == "teacher":
            self._choose_teacher(self.teacher)
        self._look_at_fields()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.input.id in ("model", "hosts"):
            self._ask_soon()
        elif event.input.id == "all" and self.kinds is not None and event.value.strip():
            self.kinds.set_all(event.value.strip())
        self._look_at_fields()

    def _look_at_fields(self) -> None:
        self._wanted = False
        self._errors = {}
        self._show_errors()
        self._show_total()

    def _show_errors(self) -> None:
        symbol = "x" if self._ascii else "✗"
        for field in _ROWS:
            wrong = self._errors.get(field, "")
            self.query_one(f"#row-{field}").set_class(bool(wrong), "-bad")
            line = self.query_one(f"#wrong-{field}", Static)
            line.update(Text(f"{symbol} {printable(wrong, 300)}" if wrong else ""))
            line.set_class(bool(wrong), "-shown")
        if self.kinds is not None:
            self.kinds.mark(self._errors)

    def _show_total(self) -> None:
        if self.kinds is not None:
            self.query_one("#total", Static).update(total_text(*self.kinds.total))

    @property
    def _ascii(self) -> bool:
        return shell_of(self).glyphs == "ascii"

    # The server.

    @property
    def server(self) -> ServerFound | None:
        """What is known of the server that the fields name; None as long as nothing is."""
        return self._found

    def _ask_soon(self) -> None:
        self._number += 1
        self._found = None
        self._show_server()
        self._set_timer(DEBOUNCE_SECONDS)

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(seconds, self._ask)

    def _ask(self) -> None:
        """Ask the server, in a thread, if there is one to be asked and someone to see the answer."""
        values = self.values
        if values.teacher != OLLAMA or not self.display:
            self._show_server()
            return
        self._number += 1
        asking = partial(self._ask_server, self._number, values)
        self.run_worker(asking, thread=True, group="server", exclusive=True, exit_on_error=False)
        self._show_server()

    def _ask_server(self, number: int, values: JobFormValues) -> None:
        self.post_message(self.Looked(number, self._look(values.model_or_usual, values.host_list)))

    def on_job_form_looked(self, event: Looked) -> None:
        event.stop()
        if event.number != self._number:
            return
        self._found = event.found
        self._show_server()
        if event.found.error is not None:
            self._set_timer(LOOK_AGAIN_SECONDS)
        if self._wanted:
            self.action_start_job()

    def _show_server(self) -> None:
        found, values = self._found, self.values
        lacks = values.teacher == OLLAMA and found is not None and found.lacks_model
        self.set_class(lacks and self._pull is None, "-lacks-model")
        self.set_class(self._pull is not None, "-pulling")
        if values.teacher != OLLAMA:
            text = builtin_text(ascii=self._ascii)
        elif found is None:
            text = asking_text(values.hosts or self.query_one("#hosts", Input).placeholder)
        else:
            pull, copy = (key_of_last(self, name) for name in ("pull_model", "copy_server_command"))
            copy = copy if self._mending_command else ""
            text = server_text(found, values.model_or_usual, pull_key=pull, copy_key=copy, ascii=self._ascii)
        self.query_one("#server", Static).update(text)
        self.refresh_bindings()

    @property
    def _mending_command(self) -> str:
        error = self._found.error if self._found is not None and self.teacher == OLLAMA else None
        return command_in(error.hint) if error is not None else ""

    def action_copy_server_command(self) -> None:
        if command := self._mending_command:
            shell_of(self).copy(command, "the command line")

    def action_pull_model(self) -> None:
        """Let Ollama get the model, in a thread."""
        if self._pull is not None or self._found is None or not self._found.lacks_model:
            return
        values = self.values
        self._pull = Pull(values.model_or_usual, values.host_list)
        self.query_one("#pulling", Meter).set(None, None, "asking for it…")
        self.run_worker(partial(self._get, self._pull), thread=True, group="pull", exit_on_error=False)
        self._show_server()

    def _get(self, pull: Pull) -> None:
        def told(what: str, done: int, total: int) -> None:
            self.post_message(self.Pulling(what, done, total))

        try:
            pull.run(told)
        except YsnakesError as error:
            self.post_message(self.Pulled(error))
        else:
            self.post_message(self.Pulled(None))

    def on_job_form_pulling(self, event: Pulling) -> None:
        event.stop()
        meter = self.query_one("#pulling", Meter)
        meter.glyphs = shell_of(self).glyphs
        meter.set(event.done, event.total or None, pulling_text(event.what, event.done, event.total))

    def on_job_form_pulled(self, event: Pulled) -> None:
        event.stop()
        self._pull = None
        if event.error is not None:
            shell_of(self).tell(event.error, title="The model was not fetched", timeout=30)
        self._ask_soon()

    # Starting.

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start_job()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "start":
            self.action_start_job()
        elif event.button.id == "pull":
            self.action_pull_model()
        else:
            self.post_message(self.Cancelled())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action of the registry (or of Textual) is possible now; None: not now."""
        if action == "start_job":
            return None if self._starting or self.busy_with else True
        if action == "pull_model":
            return self._pull is None and self._found is not None and self._found.lacks_model
        if action == "copy_server_command":
            return bool(self._mending_command)
        return super().check_action(action, parameters)

    def action_back(self) -> bool:
        """Stop getting the model; whether that was under way."""
        if self._pull is None:
            return False
        self._pull.cancel()
        return True

    def action_start_job(self) -> None:
        """Start what the form says, as soon as the teacher is known to be there."""
        if self._starting or self.kinds is None:
            return
        if self.busy_with:
            self._tell(f"{self.busy_with} is being written; end it first, or wait for it.")
        elif self.teacher == OLLAMA and self._pull is not None:
            self._tell("The model is being fetched.")
        elif self.teacher == OLLAMA and self._found is None:
            self._wanted = True
            self._tell("starts as soon as Ollama has answered…")
        elif self.teacher == OLLAMA and self._found is not None and self._found.error is not None:
            self._wanted = False
            self._tell("Ollama is not ready: see what stands above.")
            self.query_one("#model" if self._found.lacks_model else "#hosts").focus()
        else:
            self._wanted, self._starting = False, True
            self._tell("starting…")
            making = partial(self._make, self.values)
            self.run_worker(making, thread=True, group="make", exit_on_error=False)

    def _make(self, values: JobFormValues) -> None:
        """In a thread."""
        checked = check(values)
        try:
            job = create(self.folder, checked)
        except YsnakesError as error:
            self.post_message(self.Failed(checked, error))
        else:
            self.post_message(self.Started(job.name, values.curate))

    def on_job_form_started(self, event: Started) -> None:
        """It goes on to the pane, too."""
        self._starting = False
        self._tell("")
        values, shell = self.values, shell_of(self)
        kept = {f"job.{name}": str(getattr(values, name)) for name in KEPT}
        shell.remember(layout={**shell.memory.layout, **kept})

    def on_job_form_failed(self, event: Failed) -> None:
        event.stop()
        self._starting = False
        self._errors = event.checked.errors
        self._show_errors()
        self._tell(next(iter(self._errors.values()), ""))
        if not self._errors:
            shell_of(self).tell(event.error, title="It did not start")
            return
        field = next(iter(self._errors))
        if self.kinds is not None and field.startswith("count"):
            wrong = self.kinds.field(field.removeprefix("count-")) or self.kinds.fields[0]
            wrong.focus()
        else:
            self.query_one(f"#{field}").focus()
        self.call_after_refresh(self._tell, self._errors[field])  # after what the field says of itself

    def _tell(self, message: str) -> None:
        self.query_one("#form-help", Static).update(Text(printable(message, 300)))


def key_of_last(widget: Widget, action: str) -> str:
    """The last of an action's keys, which also works in a text field; "" if it has none."""
    from ysnakes_tui.keymap import shown_key

    keys = shell_of(widget).keymap.of(action)
    return shown_key(keys[-1]) if keys else ""

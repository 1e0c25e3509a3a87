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
from ysnakes_tui.data.job_form_text import total_text
from ysnakes_tui.data.job_kinds import CountInput, KindCounts
from ysnakes_tui.data.job_server import Looking, look
from ysnakes_tui.data.job_server_panel import ServerPanel
from ysnakes_tui.keymap import shown_key
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.widgets.choice import Choice
from ysnakes_tui.widgets.form_row import form_row, show_wrong
from ysnakes_tui.widgets.literal_input import LiteralInput

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
_OF_OLLAMA = ("model", "hosts", "concurrency")


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
    class Failed(Message):
        """It was not made."""

        checked: CheckedJob
        error: YsnakesError

    def __init__(self, folder: Path, *, id: str | None = None, look: Looking = look) -> None:
        super().__init__(id=id)
        self.folder = folder
        self.busy_with = ""
        self.kinds: KindCounts | None = None  # until they are read
        self._look = look
        self._errors: Mapping[str, str] = {}
        self._wanted = False  # to be started once the server has answered
        self._starting = False
        self._complaint = ""  # to be said once its field has the focus
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
                yield ServerPanel(id="server-panel", look=self._look)
            with Vertical(classes="kinds"):
                yield Static(id="total", markup=False)
        yield Static(id="form-help", markup=False)

    def _row(self, field: str, *widgets: Widget) -> ComposeResult:
        return form_row(field, _ROWS[field], *widgets)

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
        key = next((shown_key(key) for key in reversed(shell_of(self).keymap.of("start_job"))), "")
        self.query_one("#start", Button).label = f"Start ({key})" if key else "Start"
        self.run_worker(self._read_kinds, thread=True, group="kinds", exit_on_error=False)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= 100 and event.size.height >= 28, "-wide")

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
        if self._complaint:
            told, self._complaint = self._complaint, ""
        elif isinstance(widget, CountInput):
            told = widget.what
        else:
            host = self.query_one("#hosts", Input).placeholder
            told = HELP.get(widget.id or "", "").format(model=DEFAULT_MODEL, host=host)
        self._tell(told)

    # What stands in the form.

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
        kinds = KindCounts(event.kinds, self.teacher, id="counts")
        await self.query_one(".kinds").mount(kinds, before="#total")
        self.kinds = kinds
        self._show_total()

    def _choose_teacher(self, teacher: str) -> None:
        name = next((name for name, each in TEACHERS.items() if each == teacher), "Ollama")
        self.query_one("#teacher", Choice).show(name)
        for field in _OF_OLLAMA:
            self.query_one(f"#row-{field}").display = teacher == OLLAMA
        if self.kinds is not None:
            self.kinds.show(teacher)
        self._show_total()
        self._ask(soon=False)

    def on_choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        if event.choice.id == "teacher":
            self._choose_teacher(self.teacher)
        self._look_at_fields()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.input.id in ("model", "hosts"):
            self._ask(soon=True)
        elif event.input.id == "all" and self.kinds is not None and event.value.strip():
            self.kinds.set_all(event.value.strip())
        self._look_at_fields()

    def _look_at_fields(self) -> None:
        self._wanted = False
        if self._errors:
            self._errors = {}
            self._show_errors()
        self._show_total()

    def _show_errors(self) -> None:
        for field in _ROWS:
            show_wrong(self, field, self._errors.get(field, ""), ascii=self._ascii)
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
    def server(self) -> ServerPanel:
        return self.query_one(ServerPanel)

    def _ask(self, *, soon: bool) -> None:
        self.server.ask(self.values, self.query_one("#hosts", Input).placeholder, soon=soon)

    def on_server_panel_changed(self, event: ServerPanel.Changed) -> None:
        event.stop()
        self.refresh_bindings()
        if self._wanted and event.found is not None:
            self.action_start_job()

    def action_copy_server_command(self) -> None:
        if command := self.server.mending_command:
            shell_of(self).copy(command, "the command line")

    def action_pull_model(self) -> None:
        self.server.pull()
        self.refresh_bindings()

    # Starting.

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start_job()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "start":
            self.action_start_job()
        else:
            self.post_message(self.Cancelled())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action of the registry (or of Textual) is possible now; None: not now."""
        if action == "start_job":
            return None if self._starting else True
        if action == "pull_model":
            return self.server.lacks_model and not self.server.is_pulling
        if action == "copy_server_command":
            return bool(self.server.mending_command)
        return super().check_action(action, parameters)

    def action_back(self) -> bool:
        """Stop getting the model; whether that was under way."""
        was_pulling = self.server.is_pulling
        self.server.cancel_pull()
        return was_pulling

    def action_start_job(self) -> None:
        """Start what the form says, as soon as the teacher is known to be there."""
        if self._starting or self.kinds is None:
            return
        if self.busy_with:
            self._tell(f"{self.busy_with} is being written; end it first, or wait for it.")
        elif self.teacher == OLLAMA and self.server.is_pulling:
            self._tell("The model is being fetched.")
        elif self.teacher == OLLAMA and self.server.found is None:
            self._wanted = True
            self._tell("starts as soon as Ollama has answered…")
        elif self.teacher == OLLAMA and self.server.found is not None and self.server.found.error is not None:
            self._wanted = False
            field = self.query_one("#model" if self.server.lacks_model else "#hosts")
            self._complain("Ollama is not ready: see what stands above.", field)
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
        if not self._errors:
            self._tell("")
            shell_of(self).tell(event.error, title="It did not start")
            return
        name = next(iter(self._errors))
        field: Widget
        if self.kinds is not None and name.startswith("count"):
            field = self.kinds.field(name.removeprefix("count-")) or self.kinds.fields[0]
        else:
            field = self.query_one(f"#{name}")
        self._complain(self._errors[name], field)

    def _complain(self, message: str, field: Widget) -> None:
        """Go to the field, and say this in place of what the field says of itself."""
        self._tell(message)
        if self.screen.focused is not field:
            self._complaint = message
            field.focus()

    def _tell(self, message: str) -> None:
        self.query_one("#form-help", Static).update(Text(printable(message, 300)))

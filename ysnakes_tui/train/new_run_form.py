"""A new run: what to train and how long, what that takes, and off it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from ysnakes_core.configuration import BUDGETS, DEFAULT_PRESET, PRESETS
from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.launching import start_worker
from ysnakes_core.runs.plans import Planner, RunPlan
from ysnakes_tui.keymap import shown_key
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.train.form_check import (
    FIELDS,
    HELP,
    Checked,
    FormValues,
    amount_of,
    check,
    unit_of,
)
from ysnakes_tui.train.launch import launch
from ysnakes_tui.train.plan_text import in_the_form, plan_text
from ysnakes_tui.widgets.choice import Choice
from ysnakes_tui.widgets.form_row import form_row, show_wrong
from ysnakes_tui.widgets.literal_input import LiteralInput

DEBOUNCE_SECONDS = 0.15
_CHOSEN = {"preset": DEFAULT_PRESET, "unit": "minutes", "early_stopping": "on"}  # until the usual is known


class NewRunForm(Vertical, can_focus=False):
    """Fields for a new run, and beside them what it takes on this machine.

    It does the action ``start`` of the context ``form`` and ``action_back``, which gives it up. It works
    nothing out before it is shown, so that it may be made before it is wanted; ``begin`` empties it, so that
    one form serves all new runs: to make another takes longer than anyone should wait for a key. ``start``
    and ``planner`` are what starts a run's worker and what works out plans; others may stand in for them.
    """

    context: ClassVar[str] = "form"

    @dataclass
    class Started(Message):
        """A worker was started for the new run; it may not be there yet."""

        run_name: str
        pid: int

    class Cancelled(Message):
        """No run is wanted."""

    @dataclass
    class Looked(Message):
        """What a thread found about the fields."""

        number: int
        checked: Checked

    @dataclass
    class Planned(Message):
        """What the run would take."""

        number: int
        plan: RunPlan

    @dataclass
    class Failed(Message):
        """It did not start."""

        error: YsnakesError

    DEFAULT_CSS = """
    NewRunForm {
        height: 1fr;
        .columns { height: 1fr; }
        .fields { width: 1fr; max-width: 76; padding: 0 1; scrollbar-size-vertical: 1; }
        .plan { width: 36; padding: 0 1 0 2; border-left: vkey $border-blurred; scrollbar-size-vertical: 1; }
        &.-wide .plan { width: 46; }
        &.-wide .fields { padding: 1 3; }
        &.-wide .plan { padding: 1 3; }
        &.-wide .row { margin-bottom: 1; }
        .title { text-style: bold; color: $primary; margin-bottom: 1; }
        .row { height: 1; }
        .name { width: 12; color: $text-muted; }
        .row.-bad .name { color: $text-error; text-style: bold; }
        Input {
            border: none;
            height: 1;
            width: 1fr;
            padding: 0 1;
            background: $surface;
            &:focus { border: none; background: $panel; }
        }
        #patience { width: 8; margin-left: 1; }
        #amount { max-width: 16; margin-right: 1; }
        #length, #batch, #seed { max-width: 40; }
        .wrong { display: none; padding-left: 12; color: $text-error; height: auto; }
        .wrong.-shown { display: block; }
        .buttons { height: 1; margin: 1 0 0 12; }
        Button { margin-right: 2; }
        #form-help { height: auto; max-height: 2; padding: 0 1; color: $text-muted; }
    }
    """

    def __init__(
        self,
        *,
        id: str | None = None,
        start: Callable[[RunDirectory], int] = start_worker,
        planner: Callable[[Callable[[int, RunPlan], None]], Planner] = Planner,
    ) -> None:
        super().__init__(id=id)
        self._start = start
        self._to_start = False  # there is little to fill in: what comes first is to start it
        self._planner = planner(self._planned)
        self._touched: set[str] = set()
        self._number = 0  # of the latest change
        self._is_new = True  # nothing was asked about what stands in it
        self._checked: Checked | None = None  # of the latest change, once it is there
        self._plan: RunPlan | None = None
        self._wanted = False  # to be started once it is known to fit
        self._starting = self._started = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        key = next((shown_key(key) for key in reversed(shell_of(self).keymap.of("start"))), "")
        self._fit(self.app.size)  # about its own; a class that changes after the first layout costs another
        with Horizontal(classes="columns"):
            with VerticalScroll(classes="fields", can_focus=False):
                yield Static(Text("A new run"), classes="title", markup=False)
                yield from self._row("data", _field("data", "ysnakes' own text"))
                yield from self._row("name", _field("name", "a friendly one", max_length=100))
                yield from self._row("preset", Choice(tuple(PRESETS), _CHOSEN["preset"], id="preset"))
                yield from self._row("amount", _field("amount"), Choice(BUDGETS, _CHOSEN["unit"], id="unit"))
                yield from self._row("length", _field("length"))
                yield from self._row("batch", _field("batch", "auto"))
                yield from self._row("seed", _field("seed"))
                stops = Choice(("on", "off"), _CHOSEN["early_stopping"], id="early_stopping")
                yield from self._row("patience", stops, _field("patience"))
                with Horizontal(classes="buttons"):
                    yield Button(f"Start ({key})" if key else "Start", id="start", compact=True)
                    yield Button("Cancel", id="cancel", compact=True)
            with VerticalScroll(classes="plan", can_focus=False):
                yield Static(id="plan", markup=False)
        yield Static(id="form-help", markup=False)

    def _row(self, field: str, *widgets: Widget) -> ComposeResult:
        return form_row(field, FIELDS[field], *widgets)

    def on_show(self) -> None:
        if self._is_new:
            self._is_new = False
            self._number += 1
            self._look()

    def begin(self, *, first: bool, data: str) -> None:
        """Before it is shown. ``first``: for someone's first run; ``data``: the text to train on.

        It begins anew, unless a run is just being started from it.
        """
        if self._starting and not self._started:
            return
        self._to_start = first or bool(data)
        if not self._is_new:
            self._empty()
        with self.prevent(Input.Changed):
            self.query_one("#data", Input).value = data

    def _empty(self) -> None:
        """As it was when it was made."""
        if self._timer is not None:
            self._timer.stop()
        self._planner.close()
        self._touched.clear()
        self._number += 1  # what is still found out is about what stood in it before
        self._checked = self._plan = None
        self._wanted = self._starting = self._started = False
        self._is_new = True
        with self.prevent(Input.Changed):
            for field in self.query(Input):
                field.value = ""
        for name, value in _CHOSEN.items():
            self.query_one(f"#{name}", Choice).show(value)
        for name in FIELDS:
            show_wrong(self, name, "", ascii=self._ascii)
        self._show_plan()
        for part in self.query(VerticalScroll):
            part.scroll_home(animate=False)

    def on_unmount(self) -> None:
        self._planner.close()

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        self.set_class(size.width >= 100 and size.height >= 28, "-wide")

    def focus_first(self) -> None:
        self.query_one("#start" if self._to_start else "#data").focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        told = HELP.get(event.widget.id or "", "")
        self.query_one("#form-help", Static).update(Text(told))

    @property
    def values(self) -> FormValues:
        """What stands in the form."""
        text = {field.id or "": field.value.strip() for field in self.query(Input)}
        chosen = {
            choice.id or "": choice.value for choice in self.query(Choice) if choice.id in self._touched
        }
        return FormValues(
            **text,
            preset=chosen.get("preset", ""),
            unit=chosen.get("unit", ""),
            early_stopping=chosen.get("early_stopping", ""),
        )

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by field, as far as it is known."""
        return self._checked.errors if self._checked is not None else {}

    @property
    def plan(self) -> RunPlan | None:
        """What it would take; None as long as that is not known."""
        return self._plan

    # A field changes: a thread looks at all of them, then the planner says what it takes.

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._look_soon()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        self._touched.add(event.choice.id or "")
        self._look_soon()

    def _look_soon(self) -> None:
        self._number += 1
        self._checked = self._plan = None
        self._wanted = False
        self._show_plan()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DEBOUNCE_SECONDS, self._look)

    def _look(self) -> None:
        look = partial(self._check, self._number, self.values, shell_of(self).runs_folder)
        self.run_worker(look, thread=True, group="check", exclusive=True, exit_on_error=False)

    def _check(self, number: int, values: FormValues, runs_folder: Path) -> None:
        self.post_message(self.Looked(number, check(values, runs_folder)))

    def on_new_run_form_looked(self, event: Looked) -> None:
        event.stop()
        if event.number != self._number:
            return
        self._checked = event.checked
        self._show_usual()
        for field in FIELDS:
            show_wrong(self, field, event.checked.errors.get(field, ""), ascii=self._ascii)
        if event.checked.config is not None:
            self._planner.ask(event.number, event.checked.config)
        elif self._wanted:
            self._refuse()
        self._show_plan()

    @property
    def _ascii(self) -> bool:
        return shell_of(self).glyphs == "ascii"

    def _show_usual(self) -> None:
        """Say in the empty fields what holds where nothing is given."""
        usual = self._checked.usual if self._checked is not None else None
        if usual is None:
            return
        choices = {"preset": usual.preset, "unit": unit_of(usual)}
        choices["early_stopping"] = "on" if usual.early_stopping.enabled else "off"
        for name, value in choices.items():
            if name not in self._touched:
                self.query_one(f"#{name}", Choice).show(value)
        training = usual.training
        hints = {
            "amount": amount_of(usual, self.query_one("#unit", Choice).value),
            "length": training.stages or str(training.seq_len),
            "batch": str(training.batch_size or "auto"),
            "seed": str(training.seed),
            "patience": str(usual.early_stopping.patience),
        }
        for name, value in hints.items():
            self.query_one(f"#{name}", Input).placeholder = value
        stops = self.query_one("#early_stopping", Choice).value == "on"
        self.query_one("#patience", Input).disabled = not stops

    def _planned(self, number: int, plan: RunPlan) -> None:
        """Called in a thread of the planner."""
        self.post_message(self.Planned(number, plan))

    def on_new_run_form_planned(self, event: Planned) -> None:
        event.stop()
        if event.number != self._number:
            return
        if event.plan.failure and self._plan is not None:
            event.plan = self._plan  # the memory is known, if not the speed
        self._plan = event.plan
        self._show_plan()
        if self._wanted and event.plan.failure:  # nobody knows whether it fits, so that is asked once more
            self._wanted = False
            self._tell("what it takes could not be worked out; start it once more to start it all the same")
        elif self._wanted:
            self.action_start()

    def _show_plan(self) -> None:
        preset = self.query_one("#preset", Choice).value
        ascii = self._ascii
        self.query_one("#plan", Static).update(
            plan_text(preset, self._plan, bad_fields=len(self.errors), ascii=ascii)
        )

    # Starting.

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "start":
            self.action_start()
        else:
            self.action_back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action of the registry (or of Textual) is possible now; None: not now."""
        if action == "start":
            return None if self._starting else True
        return super().check_action(action, parameters)

    def action_back(self) -> bool:
        """Give it up: whatever is still found out about it starts nothing."""
        if not self._starting:
            self._wanted = False
            self._number += 1
            if self._timer is not None:
                self._timer.stop()
            self._planner.close()
            self.post_message(self.Cancelled())
        return True

    def action_start(self) -> None:
        """Start what the form says: at once if it is known to fit, else as soon as that is known."""
        if self._starting:
            return
        if self.errors or (self._plan is not None and self._plan.problem):
            self._refuse()
        elif self._checked is None or self._plan is None:
            self._wanted = True
            self._tell("starts as soon as the memory it takes is known…")
        else:
            self._wanted = False
            self._starting = True
            self._tell("starting…")
            launch = partial(self._launch, self.values, shell_of(self).runs_folder)
            self.run_worker(launch, thread=True, group="launch", exit_on_error=False)

    def _tell(self, message: str) -> None:
        self.query_one("#form-help", Static).update(Text(printable(message, 300)))

    def _refuse(self) -> None:
        """Say why it is not started, and go to the first field that is not right."""
        self._wanted = False
        plan = self._plan
        if self.errors:
            field = next(field for field in FIELDS if field in self.errors)
            self.query_one(f"#{field}").focus()
            self._tell(self.errors[field])
        elif plan is not None:
            self.query_one("#length").focus()
            self.app.notify(
                f"{plan.problem}\n{in_the_form(plan.hint)}", title="It does not fit", severity="warning"
            )

    def _launch(self, values: FormValues, runs_folder: Path) -> None:
        """In a thread: make the run and start its worker."""
        checked = check(values, runs_folder)
        if checked.config is None:
            self.post_message(self.Looked(self._number, checked))
            self.post_message(self.Failed(YsnakesError(next(iter(checked.errors.values())))))
            return
        try:
            run, pid = launch(runs_folder, checked.config, values.name or None, self._start)
        except YsnakesError as error:
            self.post_message(self.Failed(error))
        else:
            self._planner.close()  # its memory is for the worker now
            self.post_message(self.Started(run.name, pid))

    def on_new_run_form_started(self, event: Started) -> None:
        self._started = True

    def on_new_run_form_failed(self, event: Failed) -> None:
        event.stop()
        self._starting = False
        self._tell("")
        self.app.notify(
            f"{event.error.what}\n{event.error.hint}".strip(), title="It did not start", severity="error"
        )


def _field(id: str, placeholder: str = "", max_length: int = 0) -> Input:
    return LiteralInput(placeholder=placeholder, id=id, max_length=max_length, select_on_focus=False)

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
from textual.widgets import Button, Input, Static

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.launching import start_worker
from ysnakes_core.runs.plans import Planner, RunPlan
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.train.form_check import FIELDS, HELP, Checked, FormValues, check
from ysnakes_tui.train.launch import launch
from ysnakes_tui.train.new_run_fields import NewRunFields
from ysnakes_tui.train.plan_text import in_the_form, plan_text
from ysnakes_tui.widgets.choice import Choice

DEBOUNCE_SECONDS = 0.15


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
        .plan { width: 36; padding: 0 1 0 2; border-left: vkey $border-blurred; scrollbar-size-vertical: 1; }
        &.-wide .plan { width: 46; }
        &.-wide NewRunFields { padding: 1 3; }
        &.-wide .plan { padding: 1 3; }
        &.-wide .row { margin-bottom: 1; }
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
        self._fields = NewRunFields()
        self._start = start
        self._to_start = False  # there is little to fill in: what comes first is to start it
        self._planner = planner(self._planned)
        self._number = 0  # of the latest change
        self._is_new = True  # nothing was asked about what stands in it
        self._checked: Checked | None = None  # of the latest change, once it is there
        self._plan: RunPlan | None = None
        self._wanted = False  # to be started once it is known to fit
        self._starting = self._started = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        self._fit(self.app.size)  # about its own; a class that changes after the first layout costs another
        with Horizontal(classes="columns"):
            yield self._fields
            with VerticalScroll(classes="plan", can_focus=False):
                yield Static(id="plan", markup=False)
        yield Static(id="form-help", markup=False)

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
        self._fields.train_on(data)

    def _empty(self) -> None:
        """As it was when it was made."""
        if self._timer is not None:
            self._timer.stop()
        self._planner.close()
        self._number += 1  # what is still found out is about what stood in it before
        self._checked = self._plan = None
        self._wanted = self._starting = self._started = False
        self._is_new = True
        self._fields.empty()
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
        return self._fields.values

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
        if event.checked.usual is not None:
            self._fields.show_usual(event.checked.usual)
        self._fields.show_errors(event.checked.errors)
        if event.checked.config is not None:
            self._planner.ask(event.number, event.checked.config)
        elif self._wanted:
            self._refuse()
        self._show_plan()

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
        words = plan_text(
            self._fields.shown("preset"),
            self._plan,
            bad_fields=len(self.errors),
            ascii=shell_of(self).glyphs == "ascii",
        )
        self.query_one("#plan", Static).update(words)

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

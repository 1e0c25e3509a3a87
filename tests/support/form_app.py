"""The app with nothing in its Train pane but the form for a new run; what it would take is said by tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from driven_app import DrivenApp, drive_app
from seen import notes_of
from textual.app import ComposeResult
from textual.containers import Vertical

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.plans import Planner, RunPlan, StagePlan
from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.train.new_run_form import NewRunForm
from ysnakes_tui.widgets.status_strip import Status

Test = Callable[["FormApp"], Coroutine[Any, Any, None]]

FITS = RunPlan(1_913_648, "cpu", 10**10, 8 * 10**9, (StagePlan(256, 8, 4),), 513_400_000)
TOO_LARGE = RunPlan(
    *(10**9, "cpu", 10**10, 8 * 10**9, (), 32 * 10**9),
    problem="one sequence takes 32.0 GB to train on, and memory has 8.0 GB for it",
    hint="choose a seq_len of 64 or less or --preset ys-4m",
)


class HeldPlanner(Planner):
    """Answers when a test says so; ``asked`` are the questions."""

    def __init__(self, answer: Callable[[int, RunPlan], None]) -> None:
        super().__init__(answer)
        self.answer = answer
        self.asked: list[tuple[int, RunConfig]] = []
        self.closed = False
        self.last_words: RunPlan | None = None  # what its process still says as it is ended

    def ask(self, number: int, config: RunConfig) -> None:
        self.asked.append((number, config))

    def close(self) -> None:
        self.closed = True
        if self.last_words is not None and self.asked:
            self.answer(self.asked[-1][0], self.last_words)


class Starter:
    """Takes the place of starting a process."""

    def __init__(self) -> None:
        self.started: list[RunDirectory] = []
        self.fails = False

    def __call__(self, run: RunDirectory) -> int:
        if self.fails:
            raise YsnakesError("no process could be started", "see that there is memory left")
        self.started.append(run)
        return 1


class FormHost(Vertical, can_focus=False):
    """A pane around the form, doing the actions of the registry with it."""

    context = "form"

    def __init__(self, make_form: Callable[[], NewRunForm]) -> None:
        super().__init__()
        self._make_form = make_form
        self.got: list[str] = []

    def compose(self) -> ComposeResult:
        yield self._make_form()

    @property
    def form(self) -> NewRunForm:
        return self.query_one(NewRunForm)

    def status(self) -> Status:
        return Status()

    def focus_first(self) -> None:
        self.form.focus_first()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.form.check_action(action, parameters) if action in ACTIONS else True

    def action_start(self) -> None:
        self.form.action_start()

    def action_back(self) -> None:
        self.form.action_back()

    def on_new_run_form_started(self, event: NewRunForm.Started) -> None:
        self.got.append(event.run_name)

    def on_new_run_form_cancelled(self) -> None:
        self.got.append("cancelled")


class FormApp(DrivenApp):
    """The app, with what tests ask of it."""

    @property
    def host(self) -> FormHost:
        return self.app.screen_stack[0].query_one(FormHost)

    @property
    def form(self) -> NewRunForm:
        return self.host.form

    @property
    def planner(self) -> HeldPlanner:
        assert isinstance(self.form._planner, HeldPlanner)
        return self.form._planner

    @property
    def starter(self) -> Starter:
        assert isinstance(self.form._start, Starter)
        return self.form._start

    @property
    def told(self) -> list[str]:
        return notes_of(self.app)

    async def fill(self, field: str, text: str) -> None:
        await self.go_to(field)
        await self.press(*("space" if character == " " else character for character in text))

    async def go_to(self, field: str) -> None:
        """Give a field the focus, which comes to it a little later."""
        self.form.query_one(f"#{field}").focus()
        await self.until(lambda: self.form.query_one(f"#{field}").has_focus)

    async def looked(self) -> dict[str, str]:
        """What is wrong, once it is known."""
        await self.until(lambda: self.form._checked is not None)
        await self.pilot.pause()
        return self.form.errors

    async def answered(self, plan: RunPlan) -> RunConfig:
        """The planner says ``plan`` about the latest question; what that was about."""
        await self.until(lambda: self.planner.asked and self.planner.asked[-1][0] == self.form._number)
        number, config = self.planner.asked[-1]
        await asyncio.to_thread(self.planner.answer, number, plan)
        await self.pilot.pause()
        return config


def drive(
    runs: Path, test: Test, *, size: tuple[int, int] = (80, 24), make: Callable[[], NewRunForm] | None = None
) -> None:
    """Run the app on the form, once that has looked at what stands in it.

    ``runs`` is the folder of runs in a home as ``plain_home`` makes it; ``make`` makes the form otherwise.
    """

    def usual() -> NewRunForm:
        return NewRunForm(start=Starter(), planner=HeldPlanner)

    async def when_ready(driven: FormApp) -> None:
        await driven.looked()
        await test(driven)

    makers = {"train": lambda: FormHost(make or usual)}
    drive_app(when_ready, FormApp, runs.parent, AppMemory(), makers=makers, size=size, ascii=False)

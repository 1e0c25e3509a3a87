"""The shell of the app, with a pane that can do whatever the registry has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import Keymap, textual_name, usual_keymap
from ysnakes_tui.panes.makers import PANE_MAKERS
from ysnakes_tui.widgets.status_strip import Status

SECONDS = 20.0  # until something that a thread does is given up
Test = Callable[[YsnakesApp, Pilot[None]], Coroutine[Any, Any, None]]


class EveryPane(Widget, can_focus=True):
    """A pane that can do whatever the registry has, and notes what it was asked to do."""

    def __init__(self, context: str = "train") -> None:
        super().__init__(id="train")
        self.context = context
        self.done: list[str] = []
        self.states: dict[str, bool | None] = {}
        self.seen = Status()

    def compose(self) -> ComposeResult:
        yield Static("a pane", markup=False)
        yield Input(id="field")
        yield OptionList("one", "two", id="list")

    def focus_first(self) -> None:
        self.focus()

    def status(self) -> Status:
        return self.seen

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.states.get(action, True)


def _doing(name: str) -> Callable[[EveryPane], None]:
    return lambda pane: pane.done.append(name)


for _action in ACTIONS.values():
    if _action.context != "app":
        setattr(EveryPane, f"action_{_action.id}", _doing(_action.id))


def drive(
    test: Test,
    *,
    keymap: Keymap | None = None,
    memory: AppMemory | None = None,
    pane: Widget | None = None,
    size: tuple[int, int] = (80, 24),
    clock: Iterator[float] | None = None,
) -> None:
    """Run the app without a terminal; ``pane`` stands in for the Train pane."""

    async def run() -> None:
        makers: Mapping[str, Callable[[], Widget]] = {**PANE_MAKERS, "train": lambda: pane or EveryPane()}
        options: dict[str, Any] = {} if clock is None else {"clock": lambda: next(clock)}
        app = YsnakesApp(
            Path("runs"),
            keymap=keymap or usual_keymap(),
            memory=memory or AppMemory(),
            makers=makers,
            **options,
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await test(app, pilot)

    asyncio.run(run())


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("it never came to be")
        await pilot.pause(0.01)


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*map(textual_name, keys))
    await pilot.pause()


def toasts(app: YsnakesApp) -> str:
    return "\n".join(str(toast.render()) for toast in app.screen.query("Toast"))

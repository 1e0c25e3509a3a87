"""Text is selected with the mouse in the panels of a run, and ctrl+c puts it on the terminal's clipboard."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from seen import screen_text
from textual.pilot import Pilot

from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.event_log import EventLog
from ysnakes_core.runs.events import Event, SampleEvent, WarningEvent
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import usual_keymap
from ysnakes_tui.train.text_panel import TextPanel

SECONDS = 20.0


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return create_run(home / "runs", RunConfig(), "one")


def write(run: RunDirectory, *events: Event) -> None:
    log = EventLog(run.events_file)
    for event in events:
        log.append(event)
    log.close()


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        await pilot.pause(0.01)


def place_of(app: YsnakesApp, text: str) -> tuple[int, int]:
    """Where on the screen a text begins."""
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        x = "".join(segment.text for segment in strip).find(text)
        if x >= 0:
            return x, y
    raise AssertionError(f"“{text}” is not on the screen")


async def drag(app: YsnakesApp, pilot: Pilot[None], first: str, last: str) -> None:
    """From the beginning of one text to the end of another; again where they moved under the mouse."""
    deadline = time.monotonic() + SECONDS
    while not app.screen.get_selected_text():
        assert time.monotonic() < deadline
        start, (x, y) = place_of(app, first), place_of(app, last)
        await pilot.mouse_down(offset=start)
        await pilot.hover(offset=(x + len(last) - 1, y))
        await pilot.mouse_up(offset=(x + len(last) - 1, y))
        await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("panel", ["samples", "log"])
def test_text_is_selected_and_copied(run: RunDirectory, panel: str, size: tuple[int, int]) -> None:
    now = time.time()
    if panel == "samples":
        write(run, SampleEvent(now, 7, 7, "Once", "upon a [b]time[/b]\x1b[2J\nthere was a snake"))
        first, last, expected = "upon", "a snake", "upon a [b]time[/b]␛[2J\nthere was a snake"
    else:
        write(run, WarningEvent(now, 7, 7, "a first [b]thing[/b]"), WarningEvent(now, 8, 8, "and the second"))
        first, last, expected = "a first", "the second", "a first [b]thing[/b]\n"

    async def go() -> None:
        app = YsnakesApp(run.path.parent, keymap=usual_keymap(), memory=AppMemory(last_run="one"))
        async with app.run_test(size=size, notifications=True) as pilot:
            text = app.query_one(f"#{panel}", TextPanel)
            await until(pilot, lambda: "a snake" in text.plain or "the second" in text.plain)
            if panel == "log":
                await pilot.press("w")
            # What comes below is there too, so that nothing moves under the mouse.
            await until(pilot, lambda: all(word in screen_text(app) for word in (first, last, "Next:")))
            assert app._driver is not None
            sent: list[str] = []
            app._driver.write = sent.append  # type: ignore[method-assign,assignment]
            await drag(app, pilot, first, last)
            await pilot.press("ctrl+c")
            await pilot.pause()
            assert app.clipboard.startswith(expected)
            assert app.clipboard.endswith(last)
            coded = base64.b64encode(app.clipboard.encode()).decode()
            assert f"\x1b]52;c;{coded}\a" in "".join(sent)
            assert any(note.title == "Copied the selection" for note in app._notifications)
            assert app.is_running

    asyncio.run(go())


def test_what_is_selected_stays_as_it_is_until_it_is_let_go(run: RunDirectory) -> None:
    now = time.time()
    write(run, *(SampleEvent(now, step, step, "Once", f"sample {step}") for step in range(10, 23)))

    async def go() -> None:
        app = YsnakesApp(run.path.parent, keymap=usual_keymap(), memory=AppMemory(last_run="one"))
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            panel = app.query_one("#samples", TextPanel)
            await until(pilot, lambda: "sample 22" in panel.plain and "sample 22" in screen_text(app))
            await drag(app, pilot, "sample 22", "sample 22")
            write(run, SampleEvent(now, 23, 23, "Once", "sample 23"))  # the oldest is left out for it
            await until(pilot, lambda: "sample 23" in panel.plain)
            await pilot.pause()
            await pilot.press("ctrl+c")
            assert app.clipboard == "sample 22"
            with pytest.raises(AssertionError):
                place_of(app, "sample 23")
            await pilot.click("#samples", offset=(40, 1))
            await pilot.pause()
            assert place_of(app, "sample 23")

    asyncio.run(go())


def test_where_nothing_is_selected_ctrl_c_twice_still_leaves(run: RunDirectory) -> None:
    async def go() -> None:
        app = YsnakesApp(run.path.parent, keymap=usual_keymap(), memory=AppMemory(last_run="one"))
        async with app.run_test(size=(120, 40)) as pilot:
            app.copy_to_clipboard("")  # as Textual does for a selection of nothing
            assert app.is_running
            await pilot.press("ctrl+c", "ctrl+c")
            await until(pilot, lambda: not app.is_running)

    asyncio.run(go())

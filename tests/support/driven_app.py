"""The app with one of its panes as a test wants it, driven by keys, and what every such test asks of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from seen import notes_of, screen_text
from textual.pilot import Pilot
from textual.widget import Widget

from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import Keymap, textual_name, usual_keymap
from ysnakes_tui.panes.makers import PANE_MAKERS

SECONDS = 20.0  # until something that a thread or a process does is given up


class DrivenApp:
    """Waits for what is seen, and for whatever else is to become true."""

    def __init__(self, app: YsnakesApp, pilot: Pilot[None], home: Path) -> None:
        self.app, self.pilot, self.home = app, pilot, home

    @property
    def screen(self) -> str:
        return screen_text(self.app)

    @property
    def notes(self) -> str:
        return "\n".join(notes_of(self.app))

    async def until(self, holds: Callable[[], object], *, seconds: float = SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"it never came to be:\n{self.screen}\n{self.notes}")
            await self.pilot.pause(0.01)

    async def sees(self, *words: str) -> None:
        """Until all of this is on the screen."""
        await self.until(lambda: all(word in self.screen for word in words))

    async def notified(self, *words: str) -> None:
        await self.until(lambda: all(word in self.notes for word in words))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*map(textual_name, keys))
        await self.pilot.pause()


D = TypeVar("D", bound=DrivenApp)


def drive_app(
    test: Callable[[D], Coroutine[Any, Any, None]],
    driven: type[D],
    home: Path,
    memory: AppMemory,
    *,
    makers: dict[str, Callable[[], Widget]],
    size: tuple[int, int],
    ascii: bool,
    keymap: Keymap | None = None,
) -> None:
    """Run the app in a home as ``plain_home`` makes it, with some panes made otherwise than usual."""

    async def run() -> None:
        app = YsnakesApp(
            home / "runs",
            keymap=keymap or usual_keymap(),
            memory=memory,
            ascii=ascii,
            makers={**PANE_MAKERS, **makers},
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await test(driven(app, pilot, home))

    asyncio.run(run())

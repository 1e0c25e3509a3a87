"""What is told on the screen: it may come late, and stops nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets._toast import Toast

from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import usual_keymap


@pytest.mark.usefixtures("home")
def test_one_that_has_run_out_by_the_time_it_is_shown_goes_again_and_the_app_goes_on() -> None:
    async def go() -> None:
        app = YsnakesApp(Path("runs"), keymap=usual_keymap(), memory=AppMemory())
        async with app.run_test() as pilot:
            app.notify("said")
            await pilot.pause()
            (said,) = app._notifications
            late = replace(said, message="too late", raised_at=said.raised_at - 1000)
            assert late.has_expired
            await app.screen.mount(toast := Toast(late))
            while toast.is_attached:
                await pilot.pause(0.01)

    asyncio.run(go())

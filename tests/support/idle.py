"""When an app that is driven by a test has taken in what it was sent, without waiting for time to pass.

Textual's own pilot looks whether the process computes: it sleeps 20 ms at least, twice for every key, and
longer where threads have work. Whether the event loop has anything left to do can be asked.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from textual._context import active_app
from textual.screen import Screen

_ROUNDS = 50  # of drawing; a screen that has something to draw every time is not waited for


async def wait_for_idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Until there is no message that nobody took in, and nothing to be drawn; in place of Textual's.

    What threads, processes and timers have yet to tell is not waited for.
    """
    deadline = time.monotonic() + max_sleep
    for _ in range(_ROUNDS):
        await _nothing_is_ready(deadline)
        app = active_app.get(None)
        if app is None or not app.is_running or not app._screen_stack:
            return
        if app._resize_event is not None:
            app._check_resize()
        elif _is_due(app.screen):
            app.screen._on_timer_update()
        else:
            return


async def _nothing_is_ready(deadline: float) -> None:
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    while True:
        await asyncio.sleep(0)
        if not ready or time.monotonic() > deadline:
            return


def _is_due(screen: Screen[object]) -> bool:
    """Whether something is to be drawn, or done after it."""
    return bool(
        screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._recompose_required
        or screen._dirty_widgets
        or screen._callbacks
    )


def wait_no_longer_than_needed(patch: pytest.MonkeyPatch) -> None:
    """Have pilots wait so."""
    for place in ("textual.app", "textual.pilot"):
        patch.setattr(f"{place}.wait_for_idle", wait_for_idle)

"""What a training from the command line shows while it goes and once it has ended, here or elsewhere."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.state import RunState
from ysnakes_tui.formats import bits, facts
from ysnakes_tui.headless import JsonView, PlainView, QuietView, Scoreboard, View
from ysnakes_tui.output import can_redraw, put, shown, speaks_unicode
from ysnakes_tui.run_lookup import command


class Standing:
    """What the worker says of itself in ``state.json``, read at most once a second."""

    def __init__(self, run: RunDirectory, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._run, self._monotonic = run, monotonic
        self._read_at = -math.inf
        self._state: RunState | None = None

    def seconds_left(self) -> float | None:
        """Its estimate; None before it has one."""
        state = self._look()
        return state.eta if state is not None else None

    def status(self) -> str:
        """``running``, ``paused``, …; "" before it says one."""
        state = self._look()
        return state.status if state is not None else ""

    def _look(self) -> RunState | None:
        now = self._monotonic()
        if now - self._read_at >= 1.0:
            self._read_at = now
            with contextlib.suppress(YsnakesError):
                self._state = self._run.read_state()
        return self._state


def make_view(board: Scoreboard, name: str, *, json: bool, quiet: bool) -> View:
    """The view that fits what was asked for and where it goes."""
    if json:
        return JsonView()
    if quiet:
        return QuietView(board)
    if can_redraw(sys.stderr):
        from ysnakes_tui.live_panel import LivePanel

        return LivePanel(board, name, unicode=speaks_unicode(sys.stderr))
    return PlainView(board)


def put_result(
    run: RunDirectory,
    folder: Path | None,
    *,
    ended: str,
    best: float | None,
    best_step: int | None,
    trained: str,
) -> None:
    """The result of a training on stdout. ``ended``: its status and why; ``trained``: how long."""
    score = "no validation" if best is None else f"{bits(best)} bits per byte"
    if best is not None and best_step is not None:
        score += f" at step {best_step:,}"
    rows = [
        ("run", shown(str(run.path))),
        ("ended", shown(ended, 220)),
        ("best", score),
        ("trained", trained),
        ("next", command("complete", run, folder, '"…"')),
    ]
    for line in facts(rows):
        put(line)

"""What a training from the command line shows while it goes and once it has ended, here or elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_tui.formats import bits, facts
from ysnakes_tui.headless import JsonView, PlainView, QuietView, Scoreboard, View
from ysnakes_tui.output import can_redraw, put, shown, speaks_unicode
from ysnakes_tui.run_lookup import command


class SecondsLeft:
    """The worker's estimate, from ``state.json``, read at most once a second."""

    def __init__(self, run: RunDirectory) -> None:
        self._run, self._read_at = run, 0.0
        self._value: float | None = None

    def __call__(self) -> float | None:
        now = time.monotonic()
        if now - self._read_at >= 1.0:
            self._read_at = now
            with contextlib.suppress(YsnakesError):
                self._value = self._run.read_state().eta
        return self._value


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

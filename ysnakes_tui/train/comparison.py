"""Several runs on one chart: how many bits per byte each has at each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from ysnakes_core.files import printable
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.following import RunFollower
from ysnakes_tui.formats import bits
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.widgets.line_chart import LineChart

REFRESH_SECONDS = 2.0
SLICE_SECONDS = 0.05  # between two looks whether anybody still waits
_STYLES = tuple(f"series-{number}" for number in range(1, 7))
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NAME_WIDTH = 32


@dataclass(frozen=True)
class Curve:
    """The validations of one run."""

    name: str
    steps: NDArray[np.float64]
    bits_per_byte: NDArray[np.float64]
    problem: str = ""


class Comparison(Vertical, can_focus=False):
    """``runs`` on one chart, followed while they train. At most as many as there are letters."""

    DEFAULT_CSS = """
    Comparison {
        height: 1fr;
        LineChart { height: 1fr; min-height: 6; }
        .summary { height: auto; max-height: 40%; padding: 0 1; }
    }
    """

    @dataclass
    class Read(Message):
        """The logs are read to their ends, or there is news of them."""

        curves: Sequence[Curve]

    def __init__(self, runs: Sequence[RunDirectory], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.runs = tuple(runs[: len(_LETTERS)])
        self._followers = [RunFollower(run) for run in self.runs]
        self.curves: Sequence[Curve] = ()

    def compose(self) -> ComposeResult:
        yield LineChart("bits per byte", glyphs=shell_of(self).glyphs, fit="robust", empty_text="reading…")
        yield Static(Text("reading…"), classes="summary", markup=False)

    def on_mount(self) -> None:
        self.read()
        self.set_interval(REFRESH_SECONDS, self.read)

    @property
    def chart(self) -> LineChart:
        return self.query_one(LineChart)

    def read(self) -> None:
        """Read what is new in the runs, in a thread, unless that is under way."""
        if not any(worker.group == "comparison" and not worker.is_finished for worker in self.workers):
            self.run_worker(partial(self._read), thread=True, group="comparison", exit_on_error=False)

    def _read(self) -> None:
        worker = get_current_worker()
        changed = not self.curves
        for follower in self._followers:
            while True:
                changed = follower.poll(SLICE_SECONDS) or changed
                if worker.is_cancelled:
                    return
                if follower.caught_up:
                    break
        if changed:
            self.post_message(self.Read([_curve(follower) for follower in self._followers]))

    def on_comparison_read(self, event: Read) -> None:
        event.stop()
        self.curves = event.curves
        chart = self.chart
        chart.empty_text = "none of these runs has been validated yet"
        for number, curve in enumerate(event.curves):
            chart.set_series(
                str(number),
                curve.steps,
                curve.bits_per_byte,
                label=printable(curve.name, 24),
                style=_STYLES[number % len(_STYLES)],
                letter=_LETTERS[number],
            )
        text = summary(event.curves)
        if key := key_of(self, "back"):
            text.append(f"\n{key} goes back · + - zoom · ← → move · i crosshair · l log scale", "dim")
        self.query_one(".summary", Static).update(text)


def _curve(follower: RunFollower) -> Curve:
    series = follower.series["validation_bits_per_byte"]
    return Curve(follower.run.name, series.x.copy(), series.y.copy(), follower.problem)


def summary(curves: Sequence[Curve]) -> Text:
    """A line for each run: its letter, its name, its best bits per byte and where, its last; best first."""
    text = Text(no_wrap=True, overflow="ellipsis")
    lines = sorted(
        ((best_of(curve), number, curve) for number, curve in enumerate(curves)),
        key=lambda line: (line[0] is None, line[0] or (0.0, 0)),
    )
    width = min(_NAME_WIDTH, max((cell_len(printable(curve.name, 100)) for curve in curves), default=0))
    for place, (best, number, curve) in enumerate(lines):
        name = printable(curve.name, 100)
        name = name if cell_len(name) <= width else set_cell_size(name, width - 1) + "…"
        text.append("\n" if place else "")
        text.append(_LETTERS[number], "bold")
        text.append(f"  {set_cell_size(name, width)}  ")
        if curve.problem:
            text.append(printable(curve.problem, 200), "italic")
        elif best is None:
            text.append("no validation yet", "dim")
        else:
            text.append(bits(best[0]), "bold" if place == 0 else "")
            text.append(f" best, at step {best[1]:,}")
            last = bits(float(curve.bits_per_byte[-1]))
            text.append(f"; {last} last, at step {int(curve.steps[-1]):,}", "dim")
    return text


def best_of(curve: Curve) -> tuple[float, int] | None:
    """The least bits per byte and its step; None without a validation."""
    if not np.isfinite(curve.bits_per_byte).any():
        return None
    place = int(np.nanargmin(np.where(np.isfinite(curve.bits_per_byte), curve.bits_per_byte, math.inf)))
    return float(curve.bits_per_byte[place]), int(curve.steps[place])

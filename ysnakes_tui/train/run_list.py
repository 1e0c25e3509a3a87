"""The runs as a list shows them: read again only where something changed, searched and sorted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ysnakes_core.configuration import PRESETS, RunConfig
from ysnakes_core.runs.directory import RunDirectory, RunSummary, find_runs, summarize

Stamp = tuple[int, int, int] | None


@dataclass(frozen=True)
class RunRow:
    """One line of the list. ``when`` is Unix seconds of the last sign of life, or of the folder's change."""

    name: str
    status: str
    size: str
    step: int | None
    best: float | None  # bits per byte
    when: float
    problem: str = ""


class RunList:
    """Reads the runs of a folder. For one thread at a time."""

    def __init__(self, runs_folder: Path) -> None:
        self.runs_folder = runs_folder
        self._known: dict[str, tuple[tuple[Stamp, Stamp], RunSummary]] = {}

    def read(self, now: float) -> list[RunRow]:
        """All runs as they stand, in no particular order. ``now`` is Unix seconds."""
        known: dict[str, tuple[tuple[Stamp, Stamp], RunSummary]] = {}
        rows = []
        for run in find_runs(self.runs_folder):
            stamps = (_stamp(run.state_file), _stamp(run.config_file))
            before = self._known.get(run.name)
            if before is not None and before[0] == stamps:
                summary = before[1]
                if summary.state is not None and summary.status != "broken":  # its worker may have died
                    summary = dataclasses.replace(summary, status=summary.state.effective_status(now))
            else:
                summary = summarize(run, now)
            known[run.name] = (stamps, summary)
            rows.append(_row(run, summary))
        self._known = known
        return rows


def _row(run: RunDirectory, summary: RunSummary) -> RunRow:
    state = summary.state
    when = state.heartbeat if state is not None and state.heartbeat else 0.0
    if not when:
        stamp = _stamp(run.config_file) or _stamp(run.path)
        when = stamp[0] / 1e9 if stamp is not None else 0.0
    return RunRow(
        run.name,
        summary.status,
        size_of(summary.config) if summary.config is not None else "",
        state.step if state is not None else None,
        state.best if state is not None else None,
        when,
        summary.problem,
    )


def size_of(config: RunConfig) -> str:
    """The preset's name, or width and layers where the shape is another."""
    preset, model = PRESETS.get(config.preset), config.model
    if preset is not None and (model.d_model, model.n_layers) == (preset.d_model, preset.n_layers):
        return preset.name
    return f"{model.d_model}×{model.n_layers}"


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


# What the list can be sorted by; the best or the newest comes first.
SORTS: dict[str, Callable[[RunRow], Any]] = {
    "when": lambda row: -row.when,
    "name": lambda row: row.name.casefold(),
    "state": lambda row: (row.status, -row.when),
    "size": lambda row: (row.size, -row.when),
    "step": lambda row: -(row.step or 0),
    "best": lambda row: (row.best is None, row.best or 0.0),
}


@dataclass(frozen=True)
class Order:
    """What the list is sorted by, and whether the other way around."""

    sort: str = "when"
    reverse: bool = False

    @classmethod
    def from_text(cls, text: str) -> Order:
        """The order that ``to_text`` wrote; the usual one where it is none."""
        sort = text.removesuffix(_REVERSED)
        return cls(sort, text.endswith(_REVERSED)) if sort in SORTS else cls()

    def to_text(self) -> str:
        return f"{self.sort}{_REVERSED if self.reverse else ''}"

    def turned(self) -> Order:
        return dataclasses.replace(self, reverse=not self.reverse)

    def by(self, sort: str) -> Order:
        """By ``sort``; turned around if that is what it is sorted by already."""
        return self.turned() if sort == self.sort else Order(sort)


_REVERSED = ", reversed"


def arranged(rows: Iterable[RunRow], *, wanted: str, order: Order) -> list[RunRow]:
    """The rows that have every word of ``wanted`` in their name, state or size, sorted."""
    words = wanted.casefold().split()
    found = [row for row in rows if all(w in f"{row.name} {row.status} {row.size}".casefold() for w in words)]
    return sorted(found, key=SORTS[order.sort], reverse=order.reverse)

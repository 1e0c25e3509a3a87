"""What the Train pane shows first, where the command line says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Opening:
    """A run of the app's folder."""

    run: str
    pid: int | None = None  # of the worker that was just started for it and may not be there yet
    note: str = ""  # to be said at once

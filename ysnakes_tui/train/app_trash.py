"""The trash of an app: kept until the app closes, then emptied."""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App

from ysnakes_core.runs.housekeeping import Trash

_TRASHES: WeakKeyDictionary[App[Any], dict[Path, Trash]] = WeakKeyDictionary()


def trash_of(app: App[Any], runs_folder: Path) -> Trash:
    """What ``app`` deleted from ``runs_folder``: the same object whoever asks, as long as the app is there.

    It is emptied when the program ends, whichever way it does; a killed one's can be brought back by others
    for a day, then it is swept.
    """
    trashes = _TRASHES.setdefault(app, {})
    if runs_folder not in trashes:
        trash = trashes[runs_folder] = Trash(runs_folder)
        atexit.register(trash.empty)
    return trashes[runs_folder]

"""What the app keeps from one start to the next: ``app.toml`` beside the settings file, written by the app.

The settings file itself belongs to the person and is never written by the app.
"""

from __future__ import annotations

import dataclasses
import queue
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import explain, read_limited, write_atomically
from ysnakes_core.settings import toml_value
from ysnakes_tui.user_settings import settings_file

MAX_BYTES = 2**16
PANES = ("data", "train", "complete")


@dataclass(frozen=True)
class AppMemory:
    """``layout`` is for the panes: small texts under names of their own."""

    theme: str = ""  # "": what suits the terminal
    ascii: str = "auto"  # auto, yes, no
    pane: str = "train"
    last_run: str = ""  # the name of a run in the runs folder
    layout: Mapping[str, str] = field(default_factory=dict)


def memory_file() -> Path:
    """It may not exist."""
    return settings_file().with_name("app.toml")


def read_memory() -> AppMemory:
    """What was kept. Nothing of it is worth failing for: what cannot be read or is nonsense is forgotten."""
    try:
        table = tomllib.loads(read_limited(memory_file(), MAX_BYTES).decode())
    except (OSError, ValueError, YsnakesError, RecursionError):
        return AppMemory()
    usual = AppMemory()
    layout = table.get("layout")
    pairs = layout.items() if isinstance(layout, dict) else ()
    return AppMemory(
        theme=_text(table, "theme"),
        ascii=_text(table, "ascii") if table.get("ascii") in ("yes", "no") else usual.ascii,
        pane=_text(table, "pane") if table.get("pane") in PANES else usual.pane,
        last_run=_text(table, "last_run"),
        layout={key: value for key, value in pairs if isinstance(value, str)},
    )


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    return value if isinstance(value, str) else ""


def keep(**changes: Any) -> AppMemory:
    """Change fields of what is kept on disk, leaving the others as another app may have left them meanwhile.

    Raises ``YsnakesError`` if it cannot be written.
    """
    memory = dataclasses.replace(read_memory(), **changes)
    file = memory_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, file.parent, "make") from error
    write_atomically(file, _to_toml(memory))
    return memory


def _to_toml(memory: AppMemory) -> str:
    lines = ["# What the app keeps from one start to the next. It is written by the app."]
    for name in ("theme", "ascii", "pane", "last_run"):
        lines.append(f"{name} = {toml_value(getattr(memory, name))}")
    lines += ["", "[layout]"]
    lines += [f"{toml_value(key)} = {toml_value(value)}" for key, value in sorted(memory.layout.items())]
    return "\n".join(lines) + "\n"


class Keeper:
    """What is remembered now. Changes reach the disk from a thread: one writer at a time, in their order."""

    def __init__(self, memory: AppMemory) -> None:
        self.memory = memory
        self._changes: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self._writing = threading.Lock()
        self._failed = False

    def change(self, **changes: Any) -> None:
        """Change fields of the memory, to be written; never waits."""
        self.memory = dataclasses.replace(self.memory, **changes)
        self._changes.put(changes)

    def write(self) -> None:
        """Write what was changed and is not written yet.

        Raises ``YsnakesError`` the first time that this fails; to hear of it once is enough.
        """
        with self._writing:
            changes: dict[str, Any] = {}
            while not self._changes.empty():
                changes.update(self._changes.get())
            if not changes:
                return
            try:
                keep(**changes)
            except YsnakesError:
                if not self._failed:
                    self._failed = True
                    raise

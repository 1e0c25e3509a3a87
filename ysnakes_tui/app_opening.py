"""From the command line to the app and back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import read_memory
from ysnakes_tui.user_settings import own_keymap


def run_app(runs_folder: Path, *, ascii: bool | None = None, run: str | None = None) -> int:
    """The app on the terminal until it is left; its exit code. ``run`` is the run to show first."""
    memory = read_memory()
    if run is not None:
        memory = dataclasses.replace(memory, pane="train", last_run=run)
    app = YsnakesApp(runs_folder, keymap=own_keymap(), memory=memory, ascii=ascii)
    app.run()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0

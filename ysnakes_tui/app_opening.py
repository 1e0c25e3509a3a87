"""From the command line to the app and back."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory, open_run
from ysnakes_core.runs.processes import start_of
from ysnakes_tui import collecting
from ysnakes_tui.output import say, shown
from ysnakes_tui.run_lookup import command
from ysnakes_tui.train.opening import Opening

if TYPE_CHECKING:
    from textual.widget import Widget

# After this many milliseconds an esc is no part of another key; longer where what belongs together may not
# arrive together. Textual's 100 can be felt.
ESCAPE_MS, ESCAPE_MS_OVER_SSH = 10, 50

LATER_SECONDS = 1.0  # after the first picture: what is shown then may have a long log to read

_LOOKED_AT_NEXT = (
    *("ysnakes_tui.panes.train", "ysnakes_tui.train.new_run_form"),
    *("ysnakes_tui.panes.data", "ysnakes_tui.data.library_view", "ysnakes_tui.panes.complete"),
)


def run_app(runs_folder: Path, *, ascii: bool | None = None, opening: Opening | None = None) -> int:
    """The app on the terminal until it is left; its exit code. ``opening``: what to show first.

    Says on stderr how to come back to the run that was watched last, if that is still being trained, and
    what else is to be said then.
    """
    collecting.put_off()
    escape = ESCAPE_MS_OVER_SSH if "SSH_CONNECTION" in os.environ else ESCAPE_MS
    # Both are read when Textual is loaded: below.
    os.environ.setdefault("ESCDELAY", str(escape))
    os.environ.setdefault("TEXTUAL_FPS", "250")  # what answers a key does not wait for a frame just drawn
    from ysnakes_tui.app import YsnakesApp
    from ysnakes_tui.app_memory import read_memory
    from ysnakes_tui.panes.makers import PANE_MAKERS
    from ysnakes_tui.user_settings import own_keymap

    memory = read_memory()
    makers: dict[str, Callable[[], Widget]] = dict(PANE_MAKERS)
    if opening is not None:
        memory = dataclasses.replace(memory, pane="train", last_run=opening.run)
        makers["train"] = partial(_train_pane, opening)
    app = YsnakesApp(
        runs_folder,
        keymap=own_keymap(),
        memory=memory,
        ascii=ascii,
        makers=makers,
        on_ready=_load_the_rest,
    )
    try:
        app.run()
    finally:
        for text in app.afterwards:
            say(shown(text))
        with contextlib.suppress(YsnakesError):
            run = open_run(runs_folder, app.memory.last_run)
            started = opening.pid if opening is not None and opening.run == run.name else None
            say_what_goes_on(run, started, time.time())
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def _load_the_rest() -> None:
    """Load what will be looked at next while the first picture is looked at, so that it is there at once."""

    def load() -> None:
        for name in _LOOKED_AT_NEXT:
            importlib.import_module(name)
        collecting.take_up()

    loading = threading.Timer(LATER_SECONDS, load)
    loading.daemon = True
    loading.start()


def _train_pane(opening: Opening) -> Widget:
    from ysnakes_tui.panes.train import TrainPane

    return TrainPane(opening)


def say_what_goes_on(run: RunDirectory, started: int | None, now: float) -> None:
    """How to come back to ``run`` and how to end it, if it has a worker.

    ``started`` is the pid of one that may not be there yet. ``now`` is Unix seconds.
    """
    state = run.read_state()
    if state.has_worker(now):
        how = "is paused" if state.status == "paused" else "goes on training"
    elif started is not None and started != state.pid and start_of(started) is not None:
        how = "goes on training"
    else:
        return
    attach, stop = (command(verb, run, run.path.parent) for verb in ("runs attach", "runs stop"))
    say(f"{shown(run.name, 60)} {how}; come back with: {attach}; end it with: {stop}")

"""``ysnakes runs pause|resume|stop|validate|snooze``: ask a running worker, and wait for its answer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import duration
from ysnakes_tui.options import RunName, RunsDir
from ysnakes_tui.output import put, say, shown

if TYPE_CHECKING:
    from ysnakes_core.runs.events import CommandEvent

ANSWER_SECONDS = 60.0  # a step of a large model on a CPU can take this long
WORD_SECONDS = 4.0  # after which it is said what is waited for
SILENT_SECONDS = 10.0  # without a sign of life, of which there is one every two seconds
_LOOK_SECONDS = 0.1


def register(app: typer.Typer) -> None:
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("stop")(stop)
    app.command("validate")(validate)
    app.command("snooze")(snooze)


@guarded
def pause(run: RunName, runs_dir: RunsDir = None) -> int | None:
    """Let a running run save and wait."""
    return _ask("pause", run, runs_dir)


@guarded
def resume(run: RunName, runs_dir: RunsDir = None) -> int | None:
    """Let a paused run go on (one that ended: ysnakes train --resume RUN)."""
    return _ask("resume", run, runs_dir)


@guarded
def stop(run: RunName, runs_dir: RunsDir = None) -> int | None:
    """Let a running run validate, save and end."""
    return _ask("stop", run, runs_dir)


@guarded
def validate(run: RunName, runs_dir: RunsDir = None) -> int | None:
    """Let a running run score its validation text now."""
    return _ask("validate", run, runs_dir)


@guarded
def snooze(run: RunName, runs_dir: RunsDir = None) -> int | None:
    """Not yet: let early stopping begin its whole patience anew."""
    return _ask("snooze", run, runs_dir)


def _ask(verb: str, named: str, folder: Path | None) -> int:
    from ysnakes_core.errors import RunError
    from ysnakes_core.runs.control import send
    from ysnakes_tui.run_lookup import command, find_run

    run = find_run(named, folder)
    state = run.read_state()
    if not state.has_worker(time.time()):
        status = state.effective_status(time.time())
        again = command("train --no-ui --resume", run, folder)
        raise RunError(
            f"the run “{run.name}” is not being trained (it is {status})", f"go on with it: {again}"
        )
    offset = run.events_file.stat().st_size if run.events_file.exists() else 0
    identifier = send(run, verb)
    say(f"{verb} requested")
    answer = _answer(run.events_file, offset, identifier, WORD_SECONDS)
    if answer is None:
        silent = time.time() - run.read_state().heartbeat
        if silent > SILENT_SECONDS:
            say(f"no news of its worker for {duration(silent)}: it may be halted, or the machine very busy")
        say(f"waiting for its answer, up to {ANSWER_SECONDS:.0f} seconds (ctrl+c: wait no longer)")
        answer = _answer(run.events_file, offset, identifier, ANSWER_SECONDS - WORD_SECONDS)
    if answer is None:
        say(f"no answer yet; the worker will see it after its step: {command('runs show', run, folder)}")
        return 0
    if not answer.accepted:
        raise RunError(f"{verb} was refused: {answer.message}")
    put(f"{shown(run.name)}: {shown(answer.message) or verb}")
    return 0


def _answer(log: Path, offset: int, identifier: str, seconds: float) -> CommandEvent | None:
    """The worker's answer to a command, from its log; None if it does not come in time."""
    from ysnakes_core.runs.event_log import read
    from ysnakes_core.runs.events import CommandEvent

    deadline = time.monotonic() + seconds
    while True:
        events, offset = read(log, offset)
        for event in events:
            if isinstance(event, CommandEvent) and event.id == identifier:
                return event
        if time.monotonic() >= deadline:
            return None
        time.sleep(_LOOK_SECONDS)

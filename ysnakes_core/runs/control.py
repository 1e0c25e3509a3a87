"""Commands to a run's worker: small files in ``control/``, written by rename, answered in the log, removed.

Anyone who may write the folder may command the worker, so every file is checked like input from a stranger.
Where the disk is full, a command without arguments is an empty file that ends in its name, not in ``.json``.

==============  =======================================  =====================================================
command         arguments                                meaning
==============  =======================================  =====================================================
``pause``                                                finish this step, checkpoint, wait
``resume``                                               go on after a pause
``stop``                                                 finish this step, validate, checkpoint, end
``checkpoint``                                           save a checkpoint now
``validate``                                             score the validation text now
``sample``      ``prompt``: text                         complete the prompt
``run_steps``   ``n``: whole number from 1               go on for n steps, then pause
``snooze``                                               let early stopping begin its patience anew
``set``         any of ``SETTABLE``, at least one        change settings of the running training
==============  =======================================  =====================================================
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ysnakes_core.configuration import EarlyStoppingConfig, TrainingConfig, ValidationConfig
from ysnakes_core.errors import DiskFullError, UsageError, YsnakesError
from ysnakes_core.files import explain, printable, read_limited, remove, write_atomically, write_new
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.event_log import EventLog
from ysnakes_core.runs.events import CommandEvent
from ysnakes_core.settings import Setting, describe, nearest

COMMANDS = ("pause", "resume", "stop", "checkpoint", "validate", "sample", "run_steps", "snooze", "set")
MAX_COMMAND_BYTES = 2**16
MAX_PROMPT_CHARACTERS = 8000
MAX_STEPS = 10**9
MAX_PENDING = 256  # commands taken in one look; the rest comes with the next
_FILE = re.compile(r"([0-9]{20}-[0-9]{1,10}-[0-9]{6}-[0-9a-f]{8})\.([a-z]{1,40})")
_counter = itertools.count()


def settable() -> dict[str, Setting]:
    """What ``set`` may change while training, by name: ``early_stopping.patience``, ``validate_every``, …"""
    early = {f"early_stopping.{key}": s for key, s in describe("early_stopping", EarlyStoppingConfig).items()}
    validation = describe("validation", ValidationConfig)
    return {
        "learning_rate_scale": describe("training", TrainingConfig)["learning_rate_scale"],
        **early,
        "validate_every": validation["validate_every"],
        "sample_prompt": validation["sample_prompt"],
    }


@dataclass(frozen=True)
class Command:
    """One command as the worker finds it. With a ``problem`` it is not to be done, only answered."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)  # checked, see the table above
    problem: str = ""
    file: Path | None = None


def check_command(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in their right types. Raises ``UsageError`` for an unknown command or wrong arguments."""
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name!r:.60}", nearest(name, COMMANDS))
    if name == "set":
        return _check_set(arguments)
    expected = {"sample": "prompt", "run_steps": "n"}.get(name)
    if set(arguments) != ({expected} if expected else set()):
        given = ", ".join(sorted(map(str, arguments))) or "none"
        raise UsageError(f"{name} was given the arguments {given:.100}", f"give {expected or 'none'}")
    if name == "sample":
        prompt = arguments["prompt"]
        if not isinstance(prompt, str) or len(prompt) > MAX_PROMPT_CHARACTERS:
            raise UsageError(
                "the prompt is no text or too long", f"give at most {MAX_PROMPT_CHARACTERS} characters"
            )
    if name == "run_steps":
        n = arguments["n"]
        if type(n) is not int or not 1 <= n <= MAX_STEPS:
            raise UsageError(
                f"run_steps cannot run {n!r:.40} steps", f"give a whole number from 1 to {MAX_STEPS:,}"
            )
    return dict(arguments)


def _check_set(arguments: Mapping[str, Any]) -> dict[str, Any]:
    if not arguments:
        raise UsageError("set was given nothing to change", f"give any of {', '.join(settable())}")
    checked: dict[str, Any] = {}
    for name, value in arguments.items():
        if name not in settable():
            raise UsageError(f"{name!r:.60} cannot be changed while training", nearest(str(name), settable()))
        checked[name] = settable()[name].check(value)
        if isinstance(value, str) and len(value) > MAX_PROMPT_CHARACTERS:
            raise UsageError(f"{name} is too long", f"give at most {MAX_PROMPT_CHARACTERS} characters")
    return checked


def send(
    run: RunDirectory, command: str, *, clock_ns: Callable[[], int] = time.time_ns, **arguments: Any
) -> str:
    """Ask the run's worker for something; returns the id that its answer will bear.

    Names with a dot are given as ``**{"early_stopping.patience": 3}``. Raises ``UsageError`` for what the
    worker would refuse, ``YsnakesError`` if it cannot be written. Whether a worker is there is not checked.
    """
    checked = check_command(command, arguments)
    # Names sort by time; within one nanosecond and process by the counter.
    order = f"{max(clock_ns(), 0):020d}-{os.getpid()}-{next(_counter) % 10**6:06d}"
    identifier = f"{order}-{secrets.token_hex(4)}"
    content = json.dumps({"command": command, "arguments": checked}, allow_nan=False)
    try:
        run.control_folder.mkdir(exist_ok=True)
    except OSError as error:
        raise explain(error, run.control_folder, "make") from error
    file = run.control_folder / f"{identifier}.json"
    try:
        write_atomically(file, content)
    except DiskFullError as full:
        if checked:
            raise
        try:
            write_new(file.with_suffix(f".{command}"), b"")  # a name takes no room
        except OSError:
            raise full from None
    return identifier


def pending(run: RunDirectory) -> list[Command]:
    """The commands that wait, oldest first, at most ``MAX_PENDING``; those to refuse have a ``problem``.

    Never raises for what it finds; no folder means no commands.
    """
    try:
        with os.scandir(run.control_folder) as entries:
            # Written files appear by rename, so a dot at the front means one that is not there yet.
            files = (e.name for e in entries if e.name[0] != "." and not e.is_dir(follow_symlinks=False))
            names = heapq.nsmallest(MAX_PENDING, files)
    except OSError:
        return []
    return [_read_command(run.control_folder / name) for name in names]


def _read_command(file: Path) -> Command:
    match = _FILE.fullmatch(file.name)
    if match is None:
        return Command(printable(file.name, 60), "unknown", {}, "its file is not named like a command", file)
    name, problem, arguments = "unknown", "", {}
    try:
        if file.is_symlink():
            raise UsageError("its file is a link")
        content = (
            json.loads(read_limited(file, MAX_COMMAND_BYTES))
            if match[2] == "json"
            else {"command": match[2], "arguments": {}}
        )
        if not isinstance(content, dict) or not isinstance(content.get("command"), str):
            raise UsageError("its file does not hold a command")
        given = content.get("arguments", {})
        name = printable(content["command"], 40)
        if not isinstance(given, dict):
            raise UsageError("its arguments are no object")
        arguments = check_command(content["command"], given)
    except YsnakesError as error:
        problem = printable(str(error), 300)
    except (ValueError, RecursionError):
        problem = "its file is no valid JSON"
    except OSError as error:
        problem = f"its file cannot be read ({error.strerror})"
    return Command(match[1], name, arguments, problem, file)


def acknowledge(
    command: Command,
    message: str = "",
    *,
    log: EventLog,
    now: float,
    step: int,
    tokens: int,
    accepted: bool = True,
) -> CommandEvent:
    """Answer a command in the log and remove its file; one with a ``problem`` is refused with that reason.

    ``now`` is Unix seconds; ``step`` and ``tokens`` are where training stands. Raises ``YsnakesError``.
    """
    accepted = accepted and not command.problem
    event = CommandEvent(
        now, step, tokens, command.id, command.name, command.arguments, accepted, command.problem or message
    )
    if command.file is not None:  # removed first: a command that cannot be answered must not come again
        try:
            remove(command.file)
        except OSError as error:
            raise explain(error, command.file, "remove") from error
    log.append(event)
    return event


def refuse_leftovers(run: RunDirectory, now: float, step: int) -> list[CommandEvent]:
    """What a worker does before it says that it is there: refuse what an earlier worker never came to.

    ``now`` is Unix seconds, ``step`` where training stands. Raises ``YsnakesError``.
    """
    refused: list[CommandEvent] = []
    reason = "the worker it was meant for had ended"
    with EventLog(run.events_file) as log:
        while waiting := pending(run):
            refused += [
                acknowledge(command, reason, log=log, now=now, step=step, tokens=0, accepted=False)
                for command in waiting
            ]
    return refused

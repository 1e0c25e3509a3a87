"""``ysnakes runs list|show|attach|delete``: what there is, without loading torch."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ysnakes_core.errors import YsnakesError
from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import age, bits, count, duration, facts, size, table
from ysnakes_tui.options import AsJson, RunName, RunsDir
from ysnakes_tui.output import is_terminal, one_line, put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.runs.directory import RunSummary
    from ysnakes_core.runs.events import RunStartedEvent

_SHOWN_VALIDATIONS = 12
_POINTER_BYTES = 1000


def register(app: typer.Typer) -> None:
    app.command("list")(list_all)
    app.command("show")(show)
    app.command("attach")(attach)
    app.command("delete")(delete)


@guarded
def list_all(runs_dir: RunsDir = None, json: AsJson = False) -> int | None:
    """List all runs, the one last alive first."""
    from ysnakes_core import paths
    from ysnakes_core.runs.directory import list_runs

    now = time.time()
    folder = paths.runs_dir(runs_dir)
    rows = [("name", "status", "step", "bits/byte", "size", "last alive")]
    for found in list_runs(folder, now):
        state, used = found.state, disk_use(found.run.path)
        if json:
            put_json(
                {
                    "name": found.run.name,
                    "path": str(found.run.path),
                    "status": found.status,
                    "step": state.step if state else None,
                    "tokens": state.tokens if state else None,
                    "best": state.best if state else None,
                    "best_step": state.best_step if state else None,
                    "preset": found.config.preset if found.config else None,
                    "bytes": used,
                    "last_alive": (state.heartbeat or None) if state else None,
                    "problem": found.problem,
                }
            )
            continue
        rows.append(
            (
                shown(found.run.name, 40),
                found.status,
                f"{state.step:,}" if state else "–",
                bits(state.best if state else None),
                size(used),
                age(now - state.heartbeat) if state and state.heartbeat else "–",
            )
        )
        if found.problem:
            say(f"warning: {shown(found.run.name, 40)}: {shown(found.problem, 300)}")
    if json:
        return None
    if len(rows) == 1:
        say(f"there are no runs in {shown(str(folder))} yet; make one with: ysnakes train")
        return None
    for line in table(rows, right=(2, 3, 4)):
        put(line)
    return None


def disk_use(folder: Path) -> int:
    """Bytes of all files under ``folder``; links are not followed, what vanishes meanwhile does not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(Path(place, name)).st_size
    return total


@guarded
def show(run: RunName, runs_dir: RunsDir = None, json: AsJson = False) -> int | None:
    """Show one run: its settings, how far it is, validations, checkpoints, the last sample."""
    from ysnakes_core.runs.directory import summarize
    from ysnakes_core.runs.event_log import read
    from ysnakes_core.runs.events import RunStartedEvent, SampleEvent, ValidationEvent
    from ysnakes_tui.run_lookup import find_run

    found = find_run(run, runs_dir)
    now = time.time()
    summary = summarize(found, now)
    events, _ = read(found.events_file)
    validations = {event.step: event for event in events if isinstance(event, ValidationEvent)}
    samples = [event for event in events if isinstance(event, SampleEvent)]
    started = [event for event in events if isinstance(event, RunStartedEvent)]
    saved = _checkpoints(found.checkpoints_folder)
    if json:
        state = summary.state
        put_json(
            {
                "name": found.name,
                "path": str(found.path),
                **({} if state is None else asdict(state)),
                "status": summary.status,
                "problem": summary.problem,
                "config": None if summary.config is None else asdict(summary.config),
                "parameters": started[-1].parameters if started else None,
                "validations": [vars(event) for event in validations.values()],
                "checkpoints": saved,
                "sample": vars(samples[-1]) if samples else None,
            }
        )
        return None
    for line in facts([*_standing(summary, now), *_settings(summary, started[-1] if started else None)]):
        put(line)
    if validations:
        put("\nvalidations")
        state = summary.state
        best = (state.best_step, state.best) if state is not None else None
        rows = [("step", "bits/byte", "loss", "perplexity", "")]
        for event in list(validations.values())[-_SHOWN_VALIDATIONS:]:
            mark = "best" if (event.step, event.bits_per_byte) == best else ""
            row = (
                f"{event.step:,}",
                bits(event.bits_per_byte),
                f"{event.loss:.4f}",
                f"{event.perplexity:.2f}",
            )
            rows.append((*row, mark))
        put("\n".join(f"  {line}" for line in table(rows, right=(0, 1, 2, 3))))
    if saved:
        put("\ncheckpoints")
        places = [
            (entry["name"], size(entry["bytes"]), age(now - entry["time"]), ", ".join(entry["marks"]))
            for entry in saved
        ]
        put("\n".join(f"  {line}" for line in table(places, right=(1,))))
    if samples:
        put(f"\nlast sample (step {samples[-1].step:,})")
        put(f"  {one_line(samples[-1].prompt, 200)}")
        put(f"  {one_line(samples[-1].text, 1000)}")
    return None


def _standing(summary: RunSummary, now: float) -> list[tuple[str, str]]:
    state = summary.state
    rows = [("run", shown(str(summary.run.path))), ("status", summary.status)]
    if summary.problem:
        rows.append(("problem", shown(summary.problem, 500)))
    if state is None:
        return rows
    if state.message:
        rows.append(("message", shown(state.message, 300)))
    of = f" of {state.total_steps:,}" if state.total_steps else ""
    rows.append(("step", f"{state.step:,}{of} ({count(state.tokens)} tokens)"))
    if state.best is not None:
        at = f" at step {state.best_step:,}" if state.best_step is not None else ""
        rows.append(("best", f"{bits(state.best)} bits per byte{at}"))
    if state.eta is not None and summary.status == "running":
        rows.append(("left", duration(state.eta)))
    if state.heartbeat:
        rows.append(("last alive", age(now - state.heartbeat)))
    return rows


def _settings(summary: RunSummary, started: RunStartedEvent | None) -> list[tuple[str, str]]:
    config = summary.config
    if config is None:
        return []
    model, training = config.model, config.training
    size_of = f"{count(started.parameters)} parameters, " if started else ""
    vocabulary = started.vocab_size if started else config.text.vocab_size
    budgets = [f"{getattr(training, unit):g} {unit}" for unit in ("steps", "tokens", "epochs", "minutes")]
    budget = next((text for text in budgets if not text.startswith("0 ")), "")
    batch = training.batch_size or "auto"
    text = ", ".join(config.data.paths) or "the corpus that comes with ysnakes"
    return [
        ("preset", shown(config.preset, 40) or "–"),
        ("model", f"{size_of}d_model {model.d_model}, {model.n_layers} layers, d_state {model.d_state}"),
        ("tokenizer", f"{config.text.tokenizer}, {vocabulary:,} entries"),
        ("text", shown(text, 200)),
        ("budget", budget or "–"),
        ("batch", f"{training.seq_len} tokens × {batch} sequences"),
        ("optimizer", f"{training.optimizer}, seed {training.seed}, {shown(training.device, 40)}"),
    ]


def _checkpoints(folder: Path) -> list[dict[str, Any]]:
    """Name, bytes, time and marks of every checkpoint, read without torch."""
    from ysnakes_core.files import read_limited

    marks: dict[str, list[str]] = {}
    for pointer in ("best", "latest"):
        with contextlib.suppress(OSError, YsnakesError):
            name = read_limited(folder / pointer, _POINTER_BYTES).decode(errors="replace").strip()
            marks.setdefault(name, []).append(pointer)
    try:
        found = sorted(
            entry for entry in folder.iterdir() if entry.name.startswith("step-") and entry.is_dir()
        )
    except OSError:
        return []
    return [
        {
            "name": shown(entry.name, 40),
            "bytes": disk_use(entry),
            "time": entry.stat().st_mtime,
            "marks": marks.get(entry.name, []),
        }
        for entry in found
    ]


@guarded
def attach(
    run: RunName,
    runs_dir: RunsDir = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the run's events, one JSON object a line.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the result and warnings.")] = False,
) -> int | None:
    """Watch a run that is being trained, from its beginning to its end.

    Ctrl+c leaves the training alone. Ends as the run does, with its exit code.
    """
    from ysnakes_tui.attached_session import AttachedSession
    from ysnakes_tui.run_lookup import find_run

    return AttachedSession(find_run(run, runs_dir), runs_dir, json=json, quiet=quiet).follow()


@guarded
def delete(
    run: RunName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    runs_dir: RunsDir = None,
) -> int | None:
    """Delete a run with its checkpoints and its log, for good."""
    from ysnakes_core import paths
    from ysnakes_core.errors import UsageError
    from ysnakes_core.runs.directory import delete_run, find_runs

    folder = paths.runs_dir(runs_dir)
    names = [found.name for found in find_runs(folder)]
    if run not in names:  # exactly the name: what is deleted is never guessed
        there = ", ".join(names[:8])
        raise UsageError(
            f"there is no run “{run}” in {folder}", f"there are: {there}" if there else "there are no runs"
        )
    if not yes:
        if not is_terminal(sys.stdin):
            raise UsageError("nobody is there to confirm the deletion", f"ysnakes runs delete {run} --yes")
        used = size(disk_use(folder / run))
        say(f"delete {shown(run)} ({used}) for good? [y/N] ", end="")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            say("kept")
            return None
    delete_run(folder, run, time.time())
    say(f"deleted {shown(run)}")
    return None

"""``ysnakes train``: from the command line to a run's configuration, and off it goes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import facts
from ysnakes_tui.options import RunsDir
from ysnakes_tui.output import has_terminal_for_app, put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.runs.directory import RunDirectory
    from ysnakes_tui.new_run import Request

_BUDGETS = ("steps", "tokens", "epochs", "minutes")


def register(app: typer.Typer) -> None:
    app.command("train")(train)


def _option(help: str, *, metavar: str = "N", default: str = "") -> Any:
    told = f"{help}  [default: {default}]" if default else help
    return typer.Option(help=told, metavar=metavar, show_default=False)


@guarded
def train(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Text to train on; none: the corpus that comes with it."),
    ] = None,
    no_ui: Annotated[
        bool, typer.Option("--no-ui", help="Train here, without the app. --json and --quiet mean that, too.")
    ] = False,
    preset: Annotated[str | None, _option("Size to start from.", metavar="NAME", default="ys-2m")] = None,
    steps: Annotated[str | None, _option("Train this many steps in all.")] = None,
    tokens: Annotated[str | None, _option("Train on this many tokens in all (20k, 3M).")] = None,
    epochs: Annotated[str | None, _option("Pass this often over the text in all.")] = None,
    minutes: Annotated[str | None, _option("Train this long in all.", default="5")] = None,
    seq_len: Annotated[str | None, _option("Tokens per sequence.")] = None,
    batch_size: Annotated[str | None, _option("Sequences per step, or auto.", default="auto")] = None,
    stages: Annotated[
        str | None, _option("Sequence lengths: auto, or like 64x32@1.0,128x16@0.5,192.", metavar="TEXT")
    ] = None,
    resume: Annotated[
        str | None, _option("Go on with this run (its name, its folder, latest).", metavar="RUN")
    ] = None,
    checkpoint: Annotated[
        str | None, _option("With --resume: from this checkpoint.", metavar="NAME", default="latest")
    ] = None,
    run: Annotated[
        str | None, _option("Name of the new run.", metavar="NAME", default="a friendly one")
    ] = None,
    runs_dir: RunsDir = None,
    device: Annotated[
        str | None, _option("auto, cpu, cuda or cuda:N.", metavar="NAME", default="auto")
    ] = None,
    seed: Annotated[str | None, _option("Seed of weights and order.", default="0")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting; see `ysnakes config show`."),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Train in the background, and return once that has begun.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the run's events, one JSON object a line.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the result and warnings.")] = False,
) -> int | None:
    """Train a model on text and keep it as a run.

    Opens the app to watch it; the training is done in the background and goes on when the app is closed.
    Without the app (--no-ui, or where there is no terminal for it) ctrl+c saves and says how to go on.
    """
    from ysnakes_core import paths as places
    from ysnakes_core.errors import UsageError
    from ysnakes_tui.new_run import Request, new_config

    request = Request(
        budget={
            unit: value
            for unit, value in zip(_BUDGETS, (steps, tokens, epochs, minutes), strict=True)
            if value is not None
        },
        training={
            key: value
            for key, value in {
                "seq_len": seq_len,
                "batch_size": "0" if batch_size == "auto" else batch_size,
                "stages": stages,
                "device": device,
                "seed": seed,
            }.items()
            if value is not None
        },
        settings=tuple(settings or ()),
    )
    in_app = not (no_ui or json or quiet) and has_terminal_for_app()
    where = "background" if detach else "app" if in_app else "here"
    if resume is not None:
        for name, given in (("--preset", preset), ("--run", run), ("PATH", paths)):
            if given:
                raise UsageError(
                    f"a resumed run keeps its own shape, name and text, so {name} cannot be given",
                    "leave it out, or start a new run without --resume",
                )
        found, checkpoint, busy = _to_go_on(resume, request, checkpoint, runs_dir, attach=where == "app")
    elif checkpoint is not None:
        raise UsageError("--checkpoint says where to resume from", "give --resume RUN with it")
    else:
        config = new_config(preset, paths or [], request)

        from ysnakes_core.runs.directory import create_run

        found, busy = create_run(places.runs_dir(runs_dir), config, run), False
    if where == "app":
        return _train_in_app(found, resume=resume is not None, checkpoint=checkpoint, busy=busy)
    if where == "background":
        return _train_detached(found, runs_dir, resume=resume is not None, checkpoint=checkpoint, json=json)
    if not (no_ui or json or quiet):
        say("there is no terminal for the app, so the training is done here, as with --no-ui")

    from ysnakes_tui.training_session import Session

    return Session(found, runs_dir, fresh=resume is None, json=json, quiet=quiet).train(checkpoint)


# What a checkpoint belongs to; anything else may change from one session to the next.
_FIXED = {
    "model": (
        *("d_model", "n_layers", "d_state", "head_dim", "expand", "n_groups"),
        *("d_conv", "norm", "norm_eps", "tie_embeddings", "dt_limit"),
    ),
    "text": ("tokenizer", "vocab_size", "tokenizer_file"),
    "data": ("paths", "validation_fraction", "pack"),
    "training": ("seed", "optimizer", "stages"),
}


def _to_go_on(
    named: str, request: Request, checkpoint: str | None, folder: Path | None, *, attach: bool
) -> tuple[RunDirectory, str | None, bool]:
    """The run to go on with, changed as asked for, the checkpoint to go on from, and whether it is under way.

    One that is under way can only be watched: ``attach`` allows that, where nothing else is asked.
    """
    from ysnakes_core.errors import RunError, UsageError
    from ysnakes_tui.run_lookup import checked_checkpoint, command, find_run

    run = find_run(named, folder)
    before = run.read_config()
    after = request.applied(before)
    fixed = [
        f"{section}.{key}"
        for section, keys in _FIXED.items()
        for key in keys
        if getattr(getattr(before, section), key) != getattr(getattr(after, section), key)
    ]
    if fixed:
        raise UsageError(
            f"a resumed run cannot change {', '.join(fixed)}", "start a new run for that, without --resume"
        )
    if run.read_state().has_worker(time.time()):
        if attach and after == before and checkpoint is None:
            return run, None, True
        raise RunError(
            f"the run “{run.name}” is being trained by another process",
            f"stop that one first: {command('runs stop', run, folder)}",
        )

    checkpoint = checked_checkpoint(run, checkpoint)
    if after != before:
        run.write_config(after)
    return run, checkpoint, False


def _train_in_app(run: RunDirectory, *, resume: bool, checkpoint: str | None, busy: bool) -> int:
    """Start a worker, unless one is at it, and the app to watch it, without waiting for it to be there."""
    from ysnakes_core.runs.launching import start_worker

    pid = None if busy else start_worker(run, resume=resume, checkpoint=checkpoint)

    from ysnakes_tui.app_opening import run_app
    from ysnakes_tui.train.opening import Opening

    note = "It was being trained already; the app only shows it." if busy else ""
    return run_app(run.path.parent, opening=Opening(run.name, pid, note))


def _train_detached(
    run: RunDirectory, folder: Path | None, *, resume: bool, checkpoint: str | None, json: bool
) -> int:
    """Start a worker that outlives this command, and say how to see it."""
    from ysnakes_core.runs.launching import start_worker, wait_until_started
    from ysnakes_tui.run_lookup import command

    pid = start_worker(run, resume=resume, checkpoint=checkpoint)
    wait_until_started(run, pid)
    attach, stop = command("runs attach", run, folder), command("runs stop", run, folder)
    if json:
        put_json({"run": run.name, "path": str(run.path), "pid": pid})
    else:
        rows = [("run", shown(str(run.path))), ("worker", f"process {pid}"), ("watch", attach), ("end", stop)]
        put("\n".join(facts(rows)))
    return 0

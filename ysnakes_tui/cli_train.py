"""``ysnakes train``: from the command line to a run's configuration, and off it goes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import facts
from ysnakes_tui.options import RunsDir
from ysnakes_tui.output import put, put_json, shown

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
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Train here, without the app.")] = False,
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

    Ctrl+c saves and says how to go on.
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
    if resume is not None:
        for name, given in (("--preset", preset), ("--run", run), ("PATH", paths)):
            if given:
                raise UsageError(
                    f"a resumed run keeps its own shape, name and text, so {name} cannot be given",
                    "leave it out, or start a new run without --resume",
                )
        found, checkpoint = _to_go_on(resume, request, checkpoint, runs_dir)
        if detach:
            return _train_detached(found, runs_dir, resume=True, checkpoint=checkpoint, json=json)

        from ysnakes_tui.training_session import Session

        return Session(found, runs_dir, fresh=False, json=json, quiet=quiet).train(checkpoint)
    if checkpoint is not None:
        raise UsageError("--checkpoint says where to resume from", "give --resume RUN with it")
    config = new_config(preset, paths or [], request)

    from ysnakes_core.runs.directory import create_run

    made = create_run(places.runs_dir(runs_dir), config, run)
    if detach:
        return _train_detached(made, runs_dir, json=json)

    from ysnakes_tui.training_session import Session

    return Session(made, runs_dir, fresh=True, json=json, quiet=quiet).train()


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
    named: str, request: Request, checkpoint: str | None, folder: Path | None
) -> tuple[RunDirectory, str | None]:
    """The run to go on with, changed as asked for, and the checkpoint to go on from."""
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
        raise RunError(
            f"the run “{run.name}” is being trained by another process",
            f"stop that one first: {command('runs stop', run, folder)}",
        )

    checkpoint = checked_checkpoint(run, checkpoint)
    if after != before:
        run.write_config(after)
    return run, checkpoint


def _train_detached(
    run: RunDirectory,
    folder: Path | None,
    *,
    resume: bool = False,
    checkpoint: str | None = None,
    json: bool = False,
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

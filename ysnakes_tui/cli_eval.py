"""``ysnakes eval``: how good a model is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import bits, facts
from ysnakes_tui.options import AsJson, CheckpointName, Device, RunName, RunsDir
from ysnakes_tui.output import can_redraw, put, put_json, say, say_warning, shown

if TYPE_CHECKING:
    from ysnakes_core.runs.directory import RunDirectory
    from ysnakes_core.runs.opening import OpenedModel
    from ysnakes_core.text.corpus import TokenStream


def register(app: typer.Typer) -> None:
    app.command("eval")(evaluate_run)


@guarded
def evaluate_run(
    run: RunName,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Text to score; none: its validation text."),
    ] = None,
    checkpoint: CheckpointName = None,
    by_position: Annotated[
        bool, typer.Option("--by-position", help="Bits per byte by position, far beyond the trained length.")
    ] = False,
    longest: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="With --by-position: most tokens laid end to end.  "
            "[default: 64 times the trained length, 16384 at least]",
            show_default=False,
        ),
    ] = None,
    device: Device = "auto",
    runs_dir: RunsDir = None,
    json: AsJson = False,
) -> int | None:
    """Score a run's model on text: loss, perplexity and bits per byte.

    Every document is scored whole, with all of its own context.
    """
    from ysnakes_core.errors import UsageError
    from ysnakes_tui.run_lookup import checked_checkpoint, chosen_checkpoint, find_run

    if longest is not None and not by_position:
        raise UsageError("--longest says how far --by-position goes", "give --by-position too")
    if longest is not None and longest < 1:
        raise UsageError(f"--longest cannot be {longest}", "give a whole number, 1 or more")
    found = find_run(run, runs_dir)

    from ysnakes_core.runs.opening import open_model
    from ysnakes_core.training.evaluation import evaluate

    opened = open_model(found, checked_checkpoint(found, checkpoint), device)
    for note in opened.notes:
        say_warning(note)
    stream = _given_text(opened, paths) if paths else _validation_text(found, opened)
    which = chosen_checkpoint(opened, checkpoint)
    say(f"scoring {stream.n_documents:,} documents with {which} of {shown(found.name)}…")
    if by_position:
        _evaluate_by_position(found, opened, stream, longest or 0, json=json)
        return None
    score = evaluate(opened.model, stream)
    assert score is not None  # only an interruption, which nothing asks for, gives none
    if json:
        put_json(
            {
                "run": found.name,
                "checkpoint": opened.checkpoint,
                "step": opened.step,
                "loss": score.loss,
                "perplexity": score.perplexity,
                "bits_per_byte": score.bits_per_byte,
                "documents": score.documents,
                "tokens": score.tokens,
                "bytes": score.text_bytes,
                "seconds": score.seconds,
            }
        )
        return None
    rows = [
        ("bits per byte", bits(score.bits_per_byte)),
        ("perplexity", f"{score.perplexity:.3f} per token"),
        ("loss", f"{score.loss:.4f} nats per token"),
        ("text", f"{score.documents:,} documents, {score.text_bytes:,} bytes, {score.tokens:,} tokens"),
        ("model", f"{shown(found.name)}, {opened.checkpoint}"),
        ("speed", f"{score.tokens / max(1e-9, score.seconds):,.0f} tokens/s"),
    ]
    for line in facts(rows):
        put(line)
    return None


def _evaluate_by_position(
    run: RunDirectory, opened: OpenedModel, stream: TokenStream, longest: int, *, json: bool
) -> None:
    from ysnakes_core.training.by_position import score_by_position, trained_length
    from ysnakes_tui import position_report as report

    draws = can_redraw(sys.stderr)

    def progress(done: float) -> None:
        if draws:
            say(f"\r{done:.0%}\x1b[K", end="")

    try:
        found = score_by_position(
            opened.model,
            opened.tokenizer,
            stream,
            trained_length(opened.config.training),
            longest=longest,
            progress=progress,
        )
    finally:
        if draws:
            say("\r\x1b[K", end="")
    assert found is not None  # only an interruption, which nothing asks for, gives none
    if json:
        put_json({"run": run.name, "checkpoint": opened.checkpoint, "step": opened.step, **found.to_json()})
        return
    for title, lines in [*report.tables(found), (report.legend(found), report.plot_lines(found))]:
        put(f"{title}\n")
        for line in lines:
            put(line)
        put()
    for sentence in report.findings(found):
        put(sentence)


def _given_text(opened: OpenedModel, paths: list[Path]) -> TokenStream:
    from ysnakes_core.text.corpus import encode_documents, read_documents

    reading = read_documents([path.expanduser() for path in paths])
    for problem in reading.problems:
        where = f"{problem.source}, {problem.where}" if problem.where else problem.source
        say_warning(f"{where}: {problem.what}", problem.hint)
    return encode_documents(reading.documents, opened.tokenizer)


def _validation_text(run: RunDirectory, opened: OpenedModel) -> TokenStream:
    from ysnakes_core.runs.preparation import prepare_text

    _, corpus = prepare_text(run, opened.config, lambda what, done, total: None)
    return corpus.validation

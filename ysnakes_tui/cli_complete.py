"""``ysnakes complete``: one prompt, lines from a pipe, or a prompt loop."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ysnakes_core.errors import UsageError
from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import bits
from ysnakes_tui.options import AsJson, CheckpointName, RunsDir
from ysnakes_tui.output import say, say_warning, shown

if TYPE_CHECKING:
    from ysnakes_core.completion.history import ReadingChoice
    from ysnakes_core.model.precision import Precision
    from ysnakes_core.runs.opening import OpenedModel

MAX_PROMPT_BYTES = 64 * 2**20
MAX_VARIANTS, MAX_ALTERNATIVES = 64, 100


def register(app: typer.Typer) -> None:
    app.command("complete")(complete)


def _option(help: str, *, default: str, metavar: str = "N") -> Any:
    return typer.Option(help=f"{help}  [default: {default}]", metavar=metavar, show_default=False)


@guarded
def complete(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's name, its folder, or latest.")
    ] = "latest",
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="What to complete; - reads stdin; none: a prompt loop."),
    ] = None,
    max_tokens: Annotated[int | None, _option("Most tokens to write.", default="200")] = None,
    temperature: Annotated[float | None, _option("0 is greedy.", default="0.6", metavar="X")] = None,
    top_k: Annotated[
        int | None, _option("Choose among the k likeliest tokens; 0: all.", default="40")
    ] = None,
    top_p: Annotated[
        float | None, _option("Choose among tokens that make up p.", default="0.95", metavar="X")
    ] = None,
    min_p: Annotated[
        float | None, _option("Least probability, as a part of the likeliest's.", default="0", metavar="X")
    ] = None,
    repetition_penalty: Annotated[
        float | None, _option("Above 1 makes what was just said less likely.", default="1.1", metavar="X")
    ] = None,
    seed: Annotated[int | None, _option("The same seed gives the same text.", default="fresh")] = None,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="End before this text; may be repeated.")
    ] = None,
    as_: Annotated[
        str,
        typer.Option("--as", metavar="READING", help="The prompt is a request, a text's beginning, or auto."),
    ] = "auto",
    variants: Annotated[
        int | None, _option("Completions at once, each with a seed of its own.", default="1")
    ] = None,
    alternatives: Annotated[
        int | None, _option("With --json: likeliest tokens told beside each token.", default="0")
    ] = None,
    checkpoint: CheckpointName = None,
    precision: Annotated[
        str, typer.Option(metavar="NAME", help="Hold the weights in float32, bfloat16 or int8.")
    ] = "float32",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:N.")] = "cpu",
    runs_dir: RunsDir = None,
    json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but the text.")] = False,
) -> int | None:
    """Complete text with a run's model, as it goes.

    Without TEXT you are asked for one again and again; "exit" or ctrl+d leaves, ctrl+c ends a completion.
    """
    from ysnakes_core.completion.history import READING_CHOICES
    from ysnakes_core.model.precision import PRECISIONS
    from ysnakes_tui.prompt_loop import checked, loop
    from ysnakes_tui.run_lookup import checked_checkpoint, find_run

    _one_of(as_, READING_CHOICES, f"a prompt cannot be read as {as_}")
    _one_of(precision, tuple(PRECISIONS), f"weights cannot be held in {precision}")
    rows = _within("--variants", variants, 1, MAX_VARIANTS, usual=1)
    others = _within("--alternatives", alternatives, 0, MAX_ALTERNATIVES, usual=0)
    if others and not json:
        raise UsageError("alternatives are told with --json only", "give --json too")
    prompt = _stdin_text() if text == "-" else None if text is None else checked(text)
    found = find_run(run, runs_dir)

    from ysnakes_core.completion.options import SamplingOptions

    chosen = {
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
        "seed": seed,
        "stop": tuple(stop) if stop else None,
    }
    options = SamplingOptions(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]

    from ysnakes_core.thread_waiting import let_threads_spin

    let_threads_spin()  # before torch is loaded

    from ysnakes_core.completion.engine import Completer
    from ysnakes_core.runs.opening import open_model
    from ysnakes_tui.completion_teller import Teller, Wanted

    opened = open_model(
        found, checked_checkpoint(found, checkpoint), device, precision=cast("Precision", precision)
    )
    for note in opened.notes:
        say_warning(note)
    if not quiet:
        _introduce(found.name, opened, checkpoint)
    wanted = Wanted(
        options,
        cast("ReadingChoice", as_),
        rows,
        others,
        json=json,
        quiet=quiet,
        source={
            "run": found.name,
            "checkpoint": opened.checkpoint,
            "step": opened.step,
            "precision": precision,
        },
    )
    teller = Teller(Completer(opened.model, opened.tokenizer), wanted)
    return loop(teller) if prompt is None else teller.complete(prompt)


def _introduce(name: str, opened: OpenedModel, asked: str | None) -> None:
    """Who answers, and why that checkpoint."""
    from ysnakes_tui.run_lookup import chosen_checkpoint

    score = "" if opened.bits_per_byte is None else f", {bits(opened.bits_per_byte)} bits per byte"
    size = opened.model.n_parameters()
    held = "" if opened.precision == "float32" else f" in {opened.precision}"
    which = chosen_checkpoint(opened, asked)
    say(f"{shown(name)}: {which}{score}, {size / 1e6:.2f}M parameters{held}")


def _one_of(value: str, choices: Sequence[str], what: str) -> None:
    if value not in choices:
        raise UsageError(what, f"choose one of: {', '.join(choices)}")


def _within(name: str, value: int | None, low: int, high: int, *, usual: int) -> int:
    if value is None:
        return usual
    if not low <= value <= high:
        raise UsageError(f"{name} cannot be {value}", f"give a whole number from {low} to {high}")
    return value


def _stdin_text() -> str:
    """All of stdin, without the line break that ``echo`` puts at its end."""
    from ysnakes_core.errors import DataError

    data = sys.stdin.buffer.read(MAX_PROMPT_BYTES + 1)
    if len(data) > MAX_PROMPT_BYTES:
        raise DataError(f"the text is longer than {MAX_PROMPT_BYTES:,} bytes", "give a shorter one")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"the text on stdin is not UTF-8 (byte {error.start})", "give it as UTF-8") from error
    return text.removesuffix("\n").removesuffix("\r")

"""``ysnakes complete``: one prompt, lines from a pipe, or a prompt loop."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ysnakes_tui.failures import DONE, INTERRUPTED, guarded
from ysnakes_tui.formats import bits
from ysnakes_tui.options import AsJson, CheckpointName, RunsDir
from ysnakes_tui.output import is_terminal, put, put_json, say, say_error, say_warning, shown

if TYPE_CHECKING:
    from ysnakes_core.completion.engine import Completer, Stream
    from ysnakes_core.completion.sampling import SamplingOptions
    from ysnakes_core.runs.opening import OpenedModel

_READINGS = ("auto", "request", "text")
MAX_PROMPT_BYTES = 64 * 2**20


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
    checkpoint: CheckpointName = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:N.")] = "cpu",
    runs_dir: RunsDir = None,
    json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but the text.")] = False,
) -> int | None:
    """Complete text with a run's model, as it goes.

    Without TEXT you are asked for one again and again; "exit" or ctrl+d leaves, ctrl+c ends a completion.
    """
    from ysnakes_core.errors import UsageError
    from ysnakes_tui.run_lookup import checked_checkpoint, find_run

    if as_ not in _READINGS:
        raise UsageError(f"a prompt cannot be read as {as_}", f"choose one of: {', '.join(_READINGS)}")
    prompt = _stdin_text() if text == "-" else None if text is None else _checked(text)
    found = find_run(run, runs_dir)

    from ysnakes_core.completion.sampling import SamplingOptions

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

    from ysnakes_core.completion.engine import Completer
    from ysnakes_core.runs.opening import open_model

    opened = open_model(found, checked_checkpoint(found, checkpoint), device)
    for note in opened.notes:
        say_warning(note)
    if not quiet:
        _introduce(found.name, opened)
    teller = Teller(Completer(opened.model, opened.tokenizer), options, as_, json=json, quiet=quiet)
    if prompt is not None:
        return teller.complete(prompt)
    return _loop(teller)


def _introduce(name: str, opened: OpenedModel) -> None:
    score = "" if opened.bits_per_byte is None else f", {bits(opened.bits_per_byte)} bits per byte"
    say(f"{shown(name)}: {opened.checkpoint}{score}, {opened.model.n_parameters() / 1e6:.2f}M parameters")


def _checked(text: str) -> str:
    """A prompt from the command line, which may hold bytes that are no UTF-8."""
    from ysnakes_core.errors import DataError

    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"the text is not UTF-8 (character {error.start + 1})", "give it as UTF-8") from error
    return text


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


class Teller:
    """Completes prompts and writes what comes."""

    def __init__(
        self, completer: Completer, options: SamplingOptions, reading: Any, *, json: bool, quiet: bool
    ) -> None:
        self._completer, self._options, self._reading = completer, options, reading
        self._json, self._quiet = json, quiet
        self._literal = not is_terminal(sys.stdout)  # a pipe gets the text as it is

    def complete(self, prompt: str) -> int:
        """Write one completion; the exit code. Ctrl+c ends it and keeps what was made."""
        stream = self._completer.stream(prompt, self._options, reading=self._reading)
        parts: list[str] = []
        interrupted = False
        while True:
            try:
                for piece in stream:
                    parts.append(piece.text)
                    self._write(piece)
                break
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                stream.cancel()
        self._end("".join(parts), stream)
        return INTERRUPTED if interrupted else DONE

    def _write(self, piece: Any) -> None:
        if self._json:
            put_json({"type": "piece", **asdict(piece)})
        elif piece.text:
            put(piece.text if self._literal else shown(piece.text, keep_lines=True), end="")

    def _end(self, text: str, stream: Stream) -> None:
        summary = stream.summary
        if self._json:
            put_json({"type": "completion", "text": text, **asdict(summary)})
        elif not text.endswith("\n"):
            put()
        if self._quiet:
            return
        rate = summary.tokens_per_second
        speed = "" if rate is None else f", {rate:,.0f} tokens/s"
        ended = {"end": "the model's own end", "max_tokens": "--max-tokens", "stop": "--stop"}
        read_as = {"request": "a request", "text": "a text's beginning", "answer": "an answer's beginning"}
        say(
            f"[read as {read_as[summary.reading]}; {summary.tokens} tokens{speed}; "
            f"ended by {ended.get(summary.reason, 'ctrl+c')}; seed {summary.seed}]"
        )


def _loop(teller: Teller) -> int:
    """Prompts until "exit" or the end of input. Without a terminal every line of stdin is one."""
    if not is_terminal(sys.stdin):
        for line in sys.stdin:
            if line.strip() == "exit":
                break
            if line.strip():
                code = teller.complete(_checked(line.rstrip("\r\n")))
                if code:
                    return code
        return DONE
    from ysnakes_core.errors import DataError

    history = _history()
    say('write something; "exit" or ctrl+d leaves, ctrl+c ends a completion')
    try:
        while True:
            try:
                prompt = _asked()
            except EOFError:
                say()
                return DONE
            except KeyboardInterrupt:
                say("\n(ctrl+d leaves)")
                continue
            if prompt.strip() == "exit":
                return DONE
            try:
                if prompt.strip():
                    teller.complete(_checked(prompt))
            except DataError as error:
                say_error(error.what, error.hint)
    finally:
        _keep_history(history)


def _asked() -> str:
    if is_terminal(sys.stdout):
        return input("> ")  # readline has to know the prompt, to draw the line anew
    say("> ", end="")
    return input()


def _history() -> Path | None:
    """Line editing with what was asked before; None where the system has no readline."""
    from ysnakes_core.paths import home

    try:
        import readline
    except ImportError:
        return None
    file = home() / "prompts"
    readline.set_history_length(1000)
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    return file


def _keep_history(file: Path | None) -> None:
    if file is None:
        return
    import readline

    with contextlib.suppress(OSError):  # not worth a word
        file.parent.mkdir(parents=True, exist_ok=True)
        readline.write_history_file(file)

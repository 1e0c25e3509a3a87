"""Completions as they come, on stdout: as text, or as JSON objects with tokens, timings and probabilities."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ysnakes_tui.failures import DONE, INTERRUPTED
from ysnakes_tui.output import is_terminal, put, put_json, say, say_warning, shown

if TYPE_CHECKING:
    from collections import Counter

    from ysnakes_core.completion.engine import BatchStream, Completer
    from ysnakes_core.completion.history import ReadingChoice
    from ysnakes_core.completion.options import SamplingOptions
    from ysnakes_core.completion.pieces import Piece
    from ysnakes_core.completion.row import Summary

_READ_AS = {"request": "a request", "text": "a text's beginning", "answer": "an answer's beginning"}
_ENDED_BY = {"end": "the model's own end", "max_tokens": "--max-tokens", "stop": "--stop"}
_MOST_NAMED = 5  # characters
_LONG_PROMPT = 20_000  # tokens, of which the first word comes late enough to wonder


@dataclass(frozen=True)
class Wanted:
    """What is made of a prompt, and how it is told.

    variants: completions of it. alternatives: tokens told beside each. source: where the text came from, as
    ``--json`` says it.
    """

    options: SamplingOptions
    reading: ReadingChoice = "auto"
    variants: int = 1
    alternatives: int = 0
    json: bool = False
    quiet: bool = False
    source: Mapping[str, Any] | None = None


class Teller:
    """Completes prompts and writes what comes.

    Variants are made at once and written one after the other, the first as it comes. ``clock`` gives seconds.
    """

    def __init__(
        self, completer: Completer, wanted: Wanted, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._completer, self._wanted, self._clock = completer, wanted, clock

    def complete(self, prompt: str) -> int:
        """Write the completions of a prompt; the exit code. Ctrl+c ends them and keeps what was made."""
        wanted = self._wanted
        self._look_at(prompt)
        stream = self._completer.stream_batch(
            [prompt] * wanted.variants,
            wanted.options.variants(wanted.variants),
            reading=wanted.reading,
            alternatives=wanted.alternatives,
        )
        writing = (_JsonWriting if wanted.json else _TextWriting)(stream, wanted, self._clock)
        interrupted = False
        while True:
            try:
                for row, piece in stream:
                    writing.take(row, piece)
                break
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                stream.cancel()
        writing.end()
        return INTERRUPTED if interrupted else DONE

    def _look_at(self, prompt: str) -> None:
        """Say what of the prompt the model does not get."""
        tokenizer = self._completer.tokenizer
        dropped = tokenizer.dropped(prompt)
        if dropped:
            hint = "train with the bpe tokenizer, which knows every character"
            say_warning(unknown_characters(dropped), hint)
        if self._wanted.quiet:
            return
        count = len(tokenizer.encode(prompt))
        if not count:
            say("the prompt is empty: the model begins a text of its own")
        elif count >= _LONG_PROMPT:
            say(f"taking in a prompt of {count:,} tokens …")


def unknown_characters(dropped: Counter[str]) -> str:
    """Which characters are left out, how often, in a sentence."""
    total = dropped.total()
    most = [
        f"“{shown(character)}”" + (f" {n:,} times" if n > 1 else "")
        for character, n in dropped.most_common(_MOST_NAMED)
    ]
    more = "" if len(dropped) <= _MOST_NAMED else f" and {len(dropped) - _MOST_NAMED:,} more"
    are = "character of the prompt is" if total == 1 else "characters of the prompt are"
    return f"{total:,} {are} unknown to the model and left out: {', '.join(most)}{more}"


class _TextWriting:
    """The text of one row after the other; what later rows have made waits for its turn."""

    def __init__(self, stream: BatchStream, wanted: Wanted, clock: Callable[[], float]) -> None:
        self._stream, self._wanted = stream, wanted
        self._literal = not is_terminal(sys.stdout)  # a pipe gets the text as it is
        self._waiting: list[list[str]] = [[] for _ in range(wanted.variants)]
        self._row = -1
        self._ends_line = True
        self._next()

    def take(self, row: int, piece: Piece) -> None:
        self._waiting[row].append(piece.text)
        self._write()
        while row != self._row and self._stream.has_ended(self._row):  # all of it came before this piece
            self._close()
            self._next()

    def end(self) -> None:
        while True:
            self._write()
            self._close()
            if self._row + 1 == self._wanted.variants:
                return
            self._next()

    def _next(self) -> None:
        """Begin the next row."""
        self._row += 1
        if self._wanted.variants > 1:
            if self._row:
                put()  # an empty line stands between two texts
            if not self._wanted.quiet:
                say(f"[{self._row + 1} of {self._wanted.variants}]")
        self._ends_line = False
        self._write()

    def _write(self) -> None:
        text = "".join(self._waiting[self._row])
        self._waiting[self._row] = []
        if text:
            put(text if self._literal else shown(text, keep_lines=True), end="")
            self._ends_line = text.endswith("\n")

    def _close(self) -> None:
        if not self._ends_line:
            put()
        if not self._wanted.quiet:
            say(described(self._stream.summaries[self._row]))


class _JsonWriting:
    """An object a token as it comes, whichever row it is of, and one for each whole completion."""

    def __init__(self, stream: BatchStream, wanted: Wanted, clock: Callable[[], float]) -> None:
        self._stream, self._wanted, self._clock = stream, wanted, clock
        self._began = clock()
        self._texts: list[list[str]] = [[] for _ in range(wanted.variants)]

    def take(self, row: int, piece: Piece) -> None:
        self._texts[row].append(piece.text)
        content = asdict(piece)
        if not self._wanted.alternatives:
            del content["alternatives"]
        seconds = round(self._clock() - self._began, 6)
        put_json({"type": "piece", "variant": row + 1, **content, "seconds": seconds})

    def end(self) -> None:
        for row, (parts, summary) in enumerate(zip(self._texts, self._stream.summaries, strict=True)):
            put_json(
                {
                    "type": "completion",
                    "variant": row + 1,
                    "text": "".join(parts),
                    **asdict(summary),
                    **(self._wanted.source or {}),
                }
            )
            if not self._wanted.quiet:
                say(described(summary))


def described(summary: Summary) -> str:
    """How a completion went, on one line."""
    speed = "" if summary.tokens_per_second is None else f", {summary.tokens_per_second:,.0f} tokens/s"
    first = summary.seconds_to_first_token
    waited = "" if first is None else f", the first after {first:.2f} s"
    return (
        f"[read as {_READ_AS[summary.reading]}; {summary.tokens} tokens{waited}{speed}; "
        f"ended by {_ENDED_BY.get(summary.reason, 'ctrl+c')}; seed {summary.seed}]"
    )

"""What one completion needs beside the model's state: its choices, its text and when it ends."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ysnakes_core.completion.history import REQUEST_BREAK, Reading
from ysnakes_core.completion.past import Past
from ysnakes_core.completion.pieces import Alternative, Piece, StopFilter
from ysnakes_core.completion.reading import Read
from ysnakes_core.completion.sampling import (
    PENALTY_WINDOW,
    Choice,
    FloatArray,
    SamplingOptions,
    Uniform,
    choose,
)
from ysnakes_core.text.tokenizers import Tokenizer

StopReason = Literal["end", "max_tokens", "stop", "cancelled"]

_RECALLED = 64  # last prompt tokens that the decoder of a text that goes on is shown


@dataclass(frozen=True)
class Summary:
    """How a completion went.

    Attributes:
        reading: how the prompt was read; see ``reading.py``.
        reason: why it ended: the model's own ``<end>``, ``max_tokens``, a stop string, or cancelled.
        seed: that was used; with it and the same options, the same text comes again.
        prompt_tokens: without control tokens. unknown_characters: of the prompt, that the tokenizer has no
            token for; they were left out. unknown_before: of the answer before, where a person edited it.
        tokens: chosen, without the final ``<end>``.
        seconds_to_first_token: from the first piece being asked for; None if there was no token.
        tokens_per_second: of the tokens after the first, while computing; None if there were none.
    """

    reading: Reading
    reason: StopReason
    seed: int
    prompt_tokens: int
    tokens: int
    seconds_to_first_token: float | None
    tokens_per_second: float | None
    unknown_characters: int = 0
    unknown_before: int = 0


class Row:
    """One completion on its way.

    ``seed`` is used where the options have none; each token comes with so many ``alternatives``.
    """

    def __init__(
        self, tokenizer: Tokenizer, options: SamplingOptions, seed: int, alternatives: int = 0
    ) -> None:
        self._tokenizer = tokenizer
        self._alternatives = alternatives
        self._labels: dict[int, str] = {}  # of tokens that were alternatives
        self._options = options
        self._seed = seed if options.seed is None else options.seed
        self._uniform = Uniform(self._seed)
        self._recent: deque[int] = deque(maxlen=PENALTY_WINDOW)
        self._decoder = tokenizer.decoder()
        self._stops = StopFilter(options.stop)
        self._reading: Reading = "text"
        self._prompt_tokens = 0
        self._unknown_characters = 0
        self._unknown_before = 0
        self._chosen = array("i")
        self._started = False  # the document has its <start>
        self.reason: StopReason | None = None
        self.last = -1
        self.seconds = Span()

    def begin(self, prompt: str, read: Read, past: Past) -> None:
        """The prompt was taken in."""
        start, end = self._tokenizer.start_id, self._tokenizer.end_id
        self._reading = read.reading
        self._prompt_tokens = len(read.prompt)
        self._unknown_characters = self._tokenizer.dropped(prompt).total()
        self._unknown_before = past.unknown
        document = list(read.ids)[-read.ids[::-1].index(end) :] if read.ids[-1] != end else []
        self._started = start in document
        if not read.prompt:  # the last answer goes on: what it said is the model's own
            self._recent.extend(token for token in past.answer if token != start)
        text = document[-document[::-1].index(start) :] if self._started else document
        if document[-1:] != [start]:  # the case of a word that the prompt began, for one, goes on
            for token in text[-_RECALLED:]:
                self._decoder.push(token)

    def choose(self, logits: FloatArray) -> list[Piece]:
        """Choose the next token from ``logits (vocab,)``; the pieces that are certain now."""
        start, end = self._tokenizer.start_id, self._tokenizer.end_id
        forbidden = []
        if self._started:
            forbidden.append(start)
        if not self._chosen or self.last == start:
            forbidden.append(end)
        choice, others = choose(
            logits,
            self._options,
            self._uniform,
            recent=self._recent,
            forbidden=forbidden,
            alternatives=self._alternatives,
        )
        self.last = choice.id
        if choice.id == end:
            return self.finish("end")
        self._chosen.append(choice.id)
        text = self._decoder.push(choice.id)
        if choice.id == start:
            self._started = True
            text += REQUEST_BREAK
        else:
            self._recent.append(choice.id)
        pieces = self._stops.push(Piece(text, choice.id, choice.probability, self._named(others)))
        if self._stops.stopped:
            self.reason = "stop"
        elif len(self._chosen) >= self._options.max_tokens:
            pieces += self.finish("max_tokens")
        return pieces

    def finish(self, reason: StopReason) -> list[Piece]:
        """End here; the pieces that were held back."""
        rest = self._decoder.flush()
        if reason != "end":  # cut short within a character: better nothing than a mark for half of it
            rest = rest.rstrip("\ufffd")
        pieces = self._stops.finish(rest)
        self.reason = "stop" if self._stops.stopped else reason
        return pieces

    def _named(self, others: list[Choice]) -> tuple[Alternative, ...]:
        return tuple(Alternative(other.id, self._label(other.id), other.probability) for other in others)

    def _label(self, token: int) -> str:
        if token not in self._labels:
            self._labels[token] = self._tokenizer.label(token)
        return self._labels[token]

    @property
    def taken(self) -> Sequence[int]:
        """The chosen tokens that the model has taken in, once the row has ended: all but the last."""
        return self._chosen if self.reason == "end" else self._chosen[:-1]

    def summary(self) -> Summary:
        """How far it is."""
        return Summary(
            reading=self._reading,
            reason=self.reason or "cancelled",
            seed=self._seed,
            prompt_tokens=self._prompt_tokens,
            tokens=len(self._chosen),
            seconds_to_first_token=self.seconds.first,
            tokens_per_second=self.seconds.rate,
            unknown_characters=self._unknown_characters,
            unknown_before=self._unknown_before,
        )


class Span:
    """When choices were made, in seconds of computing: the first, the last and their number."""

    def __init__(self) -> None:
        self.first: float | None = None
        self._last = 0.0
        self._count = 0

    def append(self, seconds: float) -> None:
        if self.first is None:
            self.first = seconds
        self._last = seconds
        self._count += 1

    @property
    def rate(self) -> float | None:
        if self.first is None or self._last <= self.first:
            return None
        return (self._count - 1) / (self._last - self.first)

"""What one completion needs beside the model's state: its choices, its text and when it ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ysnakes_core.completion.pieces import Piece, StopFilter
from ysnakes_core.completion.reading import Reading
from ysnakes_core.completion.sampling import PENALTY_WINDOW, FloatArray, SamplingOptions, Uniform, pick
from ysnakes_core.text.tokenizers import Tokenizer

StopReason = Literal["end", "max_tokens", "stop", "cancelled"]

REQUEST_BREAK = "\n\n"
"""Text of a ``<start>`` that the model writes itself, between a request it finished and its answer."""

_RECALLED = 64  # last prompt tokens that the decoder of a text that goes on is shown


@dataclass(frozen=True)
class Summary:
    """How a completion went.

    Attributes:
        reading: how the prompt was read; see ``reading.py``.
        reason: why it ended: the model's own ``<end>``, ``max_tokens``, a stop string, or cancelled.
        seed: that was used; with it and the same options, the same text comes again.
        prompt_tokens: without control tokens. tokens: chosen, without the final ``<end>``.
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


class Row:
    """One completion on its way. ``seed`` is used where the options have none."""

    def __init__(self, tokenizer: Tokenizer, options: SamplingOptions, seed: int) -> None:
        self._tokenizer = tokenizer
        self._options = options
        self._seed = seed if options.seed is None else options.seed
        self._uniform = Uniform(self._seed)
        self._recent: deque[int] = deque(maxlen=PENALTY_WINDOW)
        self._decoder = tokenizer.decoder()
        self._stops = StopFilter(options.stop)
        self._reading: Reading = "text"
        self._prompt_tokens = 0
        self._tokens = 0
        self._started = False  # the model itself wrote <start>
        self.reason: StopReason | None = None
        self.last = -1
        self.seconds = Span()

    def begin(self, reading: Reading, prompt: Sequence[int]) -> None:
        """The prompt's tokens were taken in."""
        self._reading = reading
        self._prompt_tokens = len(prompt)
        if reading != "request":  # the case of a word that the prompt began, for one, goes on
            for token in prompt[-_RECALLED:]:
                self._decoder.push(token)

    def choose(self, logits: FloatArray) -> list[Piece]:
        """Choose the next token from ``logits (vocab,)``; the pieces that are certain now."""
        start, end = self._tokenizer.start_id, self._tokenizer.end_id
        forbidden = []
        if self._reading != "text" or self._started:
            forbidden.append(start)
        if self._tokens == 0 or self.last == start:
            forbidden.append(end)
        choice = pick(logits, self._options, self._uniform, recent=self._recent, forbidden=forbidden)
        self.last = choice.id
        if choice.id == end:
            return self.finish("end")
        self._tokens += 1
        text = self._decoder.push(choice.id)
        if choice.id == start:
            self._started = True
            text += REQUEST_BREAK
        else:
            self._recent.append(choice.id)
        pieces = self._stops.push(Piece(text, choice.id, choice.probability))
        if self._stops.stopped:
            self.reason = "stop"
        elif self._tokens >= self._options.max_tokens:
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

    def summary(self) -> Summary:
        """How far it is."""
        return Summary(
            reading=self._reading,
            reason=self.reason or "cancelled",
            seed=self._seed,
            prompt_tokens=self._prompt_tokens,
            tokens=self._tokens,
            seconds_to_first_token=self.seconds.first,
            tokens_per_second=self.seconds.rate,
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

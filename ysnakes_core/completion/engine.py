"""Completion: a prompt in by the chunked form, then one recurrent step a token, streamed as it goes.

The state, not the text, is the context: it has a constant size, so the hundred-thousandth token costs what
the first one did, in time and in memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ysnakes_core.completion.contexts import MAX_BYTES, Context, ContextStore
from ysnakes_core.completion.history import READING_CHOICES, Part, ReadingChoice
from ysnakes_core.completion.pace import Pace
from ysnakes_core.completion.past import past_of
from ysnakes_core.completion.pieces import Piece
from ysnakes_core.completion.reading import Read, Reader, take_in
from ysnakes_core.completion.row import Row, Summary
from ysnakes_core.completion.sampling import SamplingOptions, fresh_seed
from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.model.decoding import AnyDecoding, decoding
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.state import ModelState
from ysnakes_core.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class Completion:
    """A whole completion."""

    text: str
    pieces: tuple[Piece, ...]
    summary: Summary


class Completer:
    """Completes prompts with a model and its tokenizer.

    ``clock`` gives seconds, ``new_seed`` the seed where the options have none. Contexts at the ends of turns
    are kept, in ``max_bytes`` at most, so that the same history is not taken in twice: the model's weights
    must not change meanwhile. Raises :class:`YsnakesError` if the model has fewer tokens than the tokenizer.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        *,
        clock: Callable[[], float] = time.perf_counter,
        new_seed: Callable[[], int] = fresh_seed,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        if model.vocab_size < tokenizer.vocab_size:
            raise YsnakesError(
                f"the model knows {model.vocab_size} tokens, its tokenizer {tokenizer.vocab_size}",
                "use the tokenizer.json the model was trained with",
            )
        self.model = model
        self.tokenizer = tokenizer
        self.contexts = ContextStore(max_bytes)
        self.reader = Reader(model, tokenizer, self.contexts)
        self.pace = Pace()
        self.clock = clock
        self.new_seed = new_seed

    def stream(
        self,
        prompt: str,
        options: SamplingOptions | None = None,
        *,
        reading: ReadingChoice = "auto",
        history: Sequence[Part] = (),
        alternatives: int = 0,
    ) -> Stream:
        """Complete one prompt, piece by piece. Nothing is computed before the first piece is asked for."""
        return Stream(
            self.stream_batch([prompt], options, reading=reading, history=history, alternatives=alternatives)
        )

    def stream_batch(
        self,
        prompts: Sequence[str],
        options: SamplingOptions | Sequence[SamplingOptions] | None = None,
        *,
        reading: ReadingChoice = "auto",
        history: Sequence[Part] = (),
        alternatives: int = 0,
    ) -> BatchStream:
        """Complete several prompts at once: yields ``(row, piece)``.

        Each row's text is what it would be alone. One ``options`` serves all rows (the same prompt in two
        rows then gives the same text twice: ``options.variants(n)`` makes them differ); or give one a row.

        All rows go on from the same ``history`` of earlier turns; an empty prompt then goes on with its last
        answer. Each piece comes with so many ``alternatives``.
        """
        if options is None or isinstance(options, SamplingOptions):
            options = [options or SamplingOptions()] * len(prompts)
        if len(options) != len(prompts):
            raise UsageError(
                f"there are {len(prompts)} prompts but {len(options)} sampling options",
                "give one for all, or one for each prompt",
            )
        if reading not in READING_CHOICES:
            raise UsageError(
                f"a prompt cannot be read as {reading!r}", f"choose one of: {', '.join(READING_CHOICES)}"
            )
        return BatchStream(self, list(prompts), list(options), reading, tuple(history), alternatives)

    def complete(
        self,
        prompt: str,
        options: SamplingOptions | None = None,
        *,
        reading: ReadingChoice = "auto",
        history: Sequence[Part] = (),
        alternatives: int = 0,
    ) -> Completion:
        """Complete one prompt, whole."""
        return self.complete_batch(
            [prompt], options, reading=reading, history=history, alternatives=alternatives
        )[0]

    def complete_batch(
        self,
        prompts: Sequence[str],
        options: SamplingOptions | Sequence[SamplingOptions] | None = None,
        *,
        reading: ReadingChoice = "auto",
        history: Sequence[Part] = (),
        alternatives: int = 0,
    ) -> list[Completion]:
        """Complete several prompts at once, whole; rows as in :meth:`stream_batch`."""
        stream = self.stream_batch(
            prompts, options, reading=reading, history=history, alternatives=alternatives
        )
        pieces: list[list[Piece]] = [[] for _ in prompts]
        for row, piece in stream:
            pieces[row].append(piece)
        return [
            Completion("".join(p.text for p in row), tuple(row), summary)
            for row, summary in zip(pieces, stream.summaries, strict=True)
        ]

    def take_in(self, ids: Sequence[int], after: Context | None = None) -> Context:
        """The context after some tokens (one or more), going on from an earlier one if given."""
        return _run(take_in(self.model, ids, after))


class BatchStream(Iterator[tuple[int, Piece]]):
    """Several completions on their way; iterate for ``(row, piece)``.

    May be cancelled from any thread, and also after an exception (such as KeyboardInterrupt) broke the
    iteration: going on then gives what was held back and ends.
    """

    def __init__(
        self,
        completer: Completer,
        prompts: list[str],
        options: list[SamplingOptions],
        reading: ReadingChoice,
        history: tuple[Part, ...],
        alternatives: int,
    ) -> None:
        self._completer = completer
        self._clock = completer.clock
        self._prompts = prompts
        self._choice = reading
        self._history = history
        self._rows = [Row(completer.tokenizer, o, completer.new_seed(), alternatives) for o in options]
        self._read: list[Read] = []  # one a row
        self._active = list(range(len(prompts)))  # rows that go on, in the order of the decoding's batch
        self._next: list[int] = []  # their chosen tokens, not yet taken in
        self._context: Context | None = None  # after the prompts
        self._decoding: AnyDecoding | None = None  # after the tokens taken in since
        self._unsettled = False  # in the midst of a step; one that was broken off cannot be gone on from
        self._prefill: Generator[None, None, Context] | None = None
        self._ready: deque[tuple[int, Piece]] = deque()
        self._cancelled = False
        self._seconds = 0.0

    @property
    def summaries(self) -> list[Summary]:
        """One a row. Before the end: how far it is, as if cancelled now."""
        return [row.summary() for row in self._rows]

    def cancel(self) -> None:
        """End all rows; what was made stays."""
        self._cancelled = True

    def has_ended(self, row: int) -> bool:
        """Whether nothing more comes of a row, beside pieces that are ready."""
        return self._rows[row].reason is not None

    def step(self) -> list[tuple[int, Piece]] | None:
        """The least that is computed in one go, for whoever has more than one stream to drive.

        That is a block of the prompt, or a token for every row; given are the pieces that came of it and
        those that were ready. None when all has ended.
        """
        if not self._ready and not self._work():
            return None
        ready = list(self._ready)
        self._ready.clear()
        return ready

    def __next__(self) -> tuple[int, Piece]:
        while not self._ready:
            if not self._work():
                raise StopIteration
        return self._ready.popleft()

    def _work(self) -> bool:
        """Whether there was anything left to do."""
        if self._cancelled or self._unsettled:
            self._finish_all()
            return bool(self._ready)
        if not self._active:
            return False
        began = self._clock()
        self._advance(began)
        self._seconds += self._clock() - began
        return True

    def _finish_all(self) -> None:
        for at, i in enumerate(self._active):
            self._ready.extend((i, piece) for piece in self._rows[i].finish("cancelled"))
            self._keep(at, i)
        self._active = []

    def _advance(self, began: float) -> None:
        """Take in a block of a prompt, or choose a token for every active row."""
        if self._context is None:
            if self._prefill is None:
                self._prefill = self._take_in_prompts()
            try:
                with self._completer.pace.block():
                    next(self._prefill)
                return
            except StopIteration as done:
                self._context = done.value
            except BaseException:
                self._prefill = None  # it can't go on; whoever goes on begins anew
                raise
        assert self._context is not None
        self._unsettled = True
        logits = self._step(self._context.state) if self._next else self._context.logits
        scores = self._scores(logits)
        going, chosen = [], []
        for at, i in enumerate(self._active):
            row = self._rows[i]
            self._ready.extend((i, piece) for piece in row.choose(scores[at]))
            row.seconds.append(self._seconds + self._clock() - began)
            if row.reason is None:
                going.append(at)
                chosen.append(row.last)
        if len(going) < len(self._active):
            self._drop_others(going)
        self._next = chosen
        self._unsettled = False

    def _scores(self, logits: Tensor) -> npt.NDArray[np.float32]:
        """Of the tokens that the tokenizer has, ``(rows, vocabulary)``."""
        found: npt.NDArray[np.float32] = logits.detach().float().cpu().numpy()
        return found[:, : self._completer.tokenizer.vocab_size]

    def _step(self, begin: ModelState) -> Tensor:
        """Take in what was chosen, one token a row; ``begin`` is the state after the prompts."""
        if self._decoding is None:
            self._decoding = decoding(self._completer.model, begin)
        with self._completer.pace.step():
            return self._decoding.step(self._next)

    def _drop_others(self, going: list[int]) -> None:
        """Go on with some of the rows."""
        for at, i in enumerate(self._active):
            if at not in going:
                self._keep(at, i)
        self._active = [self._active[at] for at in going]
        if not going:
            return
        if self._decoding is None:
            assert self._context is not None
            self._context = self._context.select(going)
            return
        self._decoding = decoding(self._completer.model, self._decoding.state(going))

    def _keep(self, at: int, i: int) -> None:
        """Keep the context of a row that ended, to go on from; that after the prompt is kept already."""
        if self._decoding is None or self._unsettled:
            return
        context = Context(self._decoding.logits[at : at + 1].clone(), self._decoding.state([at]))
        self._completer.contexts.keep((*self._read[i].ids, *self._rows[i].taken), context)

    def _take_in_prompts(self) -> Generator[None, None, Context]:
        """Every different prompt once; each alone, so that a row doesn't depend on its neighbours."""
        completer = self._completer
        past = past_of(completer.tokenizer, self._history)
        read: dict[str, Read] = {}
        for row, prompt in zip(self._rows, self._prompts, strict=True):
            if prompt not in read:
                read[prompt] = yield from completer.reader.read(prompt, self._choice, past)
            row.begin(prompt, read[prompt], past)
        self._read = [read[prompt] for prompt in self._prompts]
        return Context.stack([read.context for read in self._read])


class Stream(Iterator[Piece]):
    """One completion on its way; iterate for its pieces."""

    def __init__(self, batch: BatchStream) -> None:
        self._batch = batch

    @property
    def summary(self) -> Summary:
        """Before the end: how far it is, as if cancelled now."""
        return self._batch.summaries[0]

    def cancel(self) -> None:
        """End it (from any thread, also after an interrupted iteration); what was made stays."""
        self._batch.cancel()

    def __next__(self) -> Piece:
        return next(self._batch)[1]


def _run(generator: Generator[None, None, Context]) -> Context:
    while True:
        try:
            next(generator)
        except StopIteration as done:
            context: Context = done.value
            return context

"""Taking a prompt in: what kind of text it is, and the model's state after it.

A model is trained on documents ``<end> request <start> answer <end>``, on prose ``<end> text <end>`` and on
records without a request, ``<end> <start> text <end>``. So a prompt can be read as

* ``request``: the whole request; the model is handed ``<end> prompt <start>`` and answers (white space
  around the prompt is left out: requests have none);
* ``text``: the beginning of a document; ``<end> prompt``, which the model continues (if it takes it for
  an unfinished request, it may finish it and then answer);
* ``answer``: the beginning of an answer; ``<end> <start> prompt``.

Which one it is, is a question the model itself can answer: see :func:`_choose`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch

from ysnakes_core.completion.contexts import Context, ContextStore
from ysnakes_core.completion.history import READING_CHOICES, Reading, ReadingChoice
from ysnakes_core.completion.pace import by_threads
from ysnakes_core.completion.past import Past, opening
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.text.tokenizers import Tokenizer
from ysnakes_core.thread_waiting import threads_sleep

__all__ = [
    "READING_CHOICES",
    "Context",
    "Read",
    "Reader",
    "Reading",
    "ReadingChoice",
    "computing",
    "take_in",
]

BLOCK = 2048
"""Prompt tokens taken in at a time: memory doesn't grow with the prompt."""

_FEW = 96  # tokens
_SCORED = 256  # leading prompt tokens that decide between its beginnings; later the two states agree
_LEAST_ANSWER = math.log(0.1)  # a model that never saw a record without a request may still be handed one
_REMEMBERED = 128  # readings
_LEAST_REQUEST = math.log(0.1)  # a prompt that one time in ten is followed by its answer is a request


@contextmanager
def computing(model: LanguageModel, n_tokens: int) -> Iterator[None]:
    """No gradients and no dropout, whatever the model is otherwise doing.

    Where threads sleep while they wait for each other, a few tokens are computed sooner by one alone: 16 of
    ys-4m in 9 ms instead of 16, of ys-24m in 46 instead of 60.
    """
    training = model.training
    if training:
        model.eval()
    alone = n_tokens <= _FEW and threads_sleep()
    try:
        with torch.inference_mode(), by_threads(1) if alone else nullcontext():
            yield
    finally:
        if training:
            model.train()


def take_in(
    model: LanguageModel, ids: Sequence[int], after: Context | None = None
) -> Generator[None, None, Context]:
    """The context after ``ids`` (one row, one token or more), by the chunked form, block by block.

    Yields after each block, so that whoever drives it can stop in between.
    """
    context = after
    for at in range(0, len(ids), BLOCK):
        with computing(model, min(BLOCK, len(ids) - at)):
            tokens = torch.tensor([ids[at : at + BLOCK]], device=model.device)
            state = None if context is None else context.state
            logits, state = model.forward(tokens, state=state, last_only=True)
            context = Context(logits[:, -1], state)
        yield
    if context is None:
        raise ValueError("there is nothing to take in: give one token or more")
    return context


def score(model: LanguageModel, ids: Sequence[int], after: Context) -> tuple[float, Context]:
    """Log probability (nats) of ``ids``, at most a block, after a context, and the context after them."""
    if not ids:
        return 0.0, after
    with computing(model, len(ids)):
        tokens = torch.tensor([ids], device=model.device)
        logits, state = model.forward(tokens, state=after.state)
        predictions = torch.cat([after.logits[:, None], logits[:, :-1]], dim=1).float()
        chosen = predictions.gather(2, tokens[..., None])[..., 0]
        nats = (chosen - predictions.logsumexp(dim=2)).sum(dtype=torch.float64)
        return float(nats), Context(logits[:, -1].clone(), state)  # not a view: it would hold all of them


def log_probability(context: Context, token: int) -> float:
    """Log probability (nats) that ``token`` comes next."""
    logits = context.logits[0].float()
    return float(logits[token] - logits.logsumexp(dim=0))


@dataclass(frozen=True)
class Read:
    """A prompt that was taken in.

    Attributes:
        reading: how it was read. prompt: its tokens.
        ids: all tokens that stand before the completion, earlier turns among them.
        context: after them.
    """

    reading: Reading
    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    context: Context


class Reader:
    """Takes prompts in, after whatever came before them, and keeps the contexts at the ends of turns."""

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, contexts: ContextStore) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._contexts = contexts
        self._decided: OrderedDict[tuple[tuple[int, ...], bool, str, ReadingChoice], Reading] = OrderedDict()

    def read(self, prompt: str, choice: ReadingChoice, past: Past) -> Generator[None, None, Read]:
        """Read and take in one prompt.

        ``choice`` is ``request``; ``text``: it goes on with an answer that did not end, else it is a
        document's or an answer's beginning, which the model decides; or ``auto``: the model decides. An empty
        prompt goes on with the last answer; without one it is the beginning of a document.
        """
        ids, stripped = self._tokenizer.encode(prompt), self._tokenizer.encode(prompt.strip())
        if not ids:
            whole = past.ids or past.new_document
            return Read(past.reading, (), whole, (yield from self._context(whole, past)))
        reading: Reading
        if choice == "request":
            reading = "request"
        elif choice == "text" and not past.ended:
            reading = "text"
        else:
            key = past.ids, past.ended, prompt, choice
            if key not in self._decided:
                reading, context = yield from self._decide(prompt, choice, past)
                if context is not None:
                    self._contexts.keep(self._whole(prompt, reading, past), context)
                self._decided[key] = reading
                if len(self._decided) > _REMEMBERED:
                    self._decided.popitem(last=False)
            reading = self._decided[key]
        whole = self._whole(prompt, reading, past)
        after = yield from self._context(whole, past)
        return Read(reading, tuple((stripped or ids) if reading == "request" else ids), whole, after)

    def _whole(self, prompt: str, reading: Reading, past: Past) -> tuple[int, ...]:
        """All tokens before the completion of a prompt that is read so."""
        return (
            *past.ids,
            *opening(self._tokenizer, prompt, reading, after=bool(past.ids), ended=past.ended),
        )

    def _context(self, ids: tuple[int, ...], past: Past) -> Generator[None, None, Context]:
        """The context after ``ids``, from the longest part that is kept; the ends of turns are kept too."""
        known, context = self._contexts.longest(ids, (*past.marks, len(past.ids) + 1, len(ids)))
        ends = [mark for mark in past.marks if known < mark < len(ids)]
        for end in (*ends, len(ids)):
            if end > known or context is None:
                context = yield from take_in(self._model, ids[known:end], context)
                self._contexts.keep(ids[:end], context)
                known = end
        assert context is not None
        return context

    def _decide(
        self, prompt: str, choice: ReadingChoice, past: Past
    ) -> Generator[None, None, tuple[Reading, Context | None]]:
        """Let the model decide how a prompt is read; with the context after it, if that came of it."""
        ids, stripped = self._tokenizer.encode(prompt), self._tokenizer.encode(prompt.strip())
        may_ask = choice == "auto" and bool(stripped)
        fresh = yield from self._context(past.new_document, past)
        if not past.ended:
            return (yield from self._choose_place(ids, stripped, fresh, past))
        reading, context = yield from self._choose(stripped if may_ask else ids, fresh, may_ask)
        if reading != "request" and may_ask and stripped != ids:
            # Going on with a text, its last space or line break counts.
            reading, context = yield from self._choose(ids, fresh, may_ask=False)
        return reading, context

    def _choose_place(
        self, ids: list[int], stripped: list[int], fresh: Context, past: Past
    ) -> Generator[None, None, tuple[Reading, Context | None]]:
        """Whether a prompt goes on with an answer that did not end, or is a new request.

        It is a request if it stands better at the beginning of a document, P(ids | … <end>) above
        P(ids | …), and P(<start> | … <end> ids) is 0.1 or more.
        """
        if not stripped:
            return "text", None
        going_on = yield from self._context(past.ids, past)
        as_more, more = score(self._model, ids[:_SCORED], going_on)
        yield
        as_document, document = score(self._model, stripped[:_SCORED], fresh)
        yield
        if as_document > as_more:
            if stripped[_SCORED:]:
                document = yield from take_in(self._model, stripped[_SCORED:], document)
            if log_probability(document, self._tokenizer.start_id) >= _LEAST_REQUEST:
                return "request", (yield from take_in(self._model, [self._tokenizer.start_id], document))
        return "text", (yield from take_in(self._model, ids[_SCORED:], more)) if ids[_SCORED:] else more

    def _choose(
        self, ids: Sequence[int], opening: Context, may_ask: bool
    ) -> Generator[None, None, tuple[Reading, Context]]:
        """Let the model decide how a prompt is read; as a request only if it may be one.

        First where it stands: it is an answer's beginning if P(<start> | <end>) P(ids | <end> <start>) is
        above P(ids | <end>), where the first factor counts as 0.1 or more, or else a document's. There it is
        a whole request if P(<start> | <end> ids) is 0.1 or more. (Comparing P(ids | <end>)
        P(<start> | <end> ids) with P(ids | <end>) would never find one: the first can't be the larger.)
        """
        head, tail = ids[:_SCORED], ids[_SCORED:]
        model, start = self._model, self._tokenizer.start_id
        as_document, document = score(model, head, opening)
        yield
        no_request = yield from take_in(model, [start], opening)
        as_answer, answer = score(model, head, no_request)
        yield
        as_answer += max(log_probability(opening, start), _LEAST_ANSWER)
        if as_answer > as_document:
            return "answer", ((yield from take_in(model, tail, answer)) if tail else answer)
        if tail:
            document = yield from take_in(model, tail, document)
        if may_ask and log_probability(document, start) >= _LEAST_REQUEST:
            return "request", (yield from take_in(model, [start], document))
        return "text", document

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
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.state import ModelState
from ysnakes_core.text.tokenizers import Tokenizer

Reading = Literal["request", "text", "answer"]
ReadingChoice = Literal["auto", "request", "text"]
READING_CHOICES: tuple[ReadingChoice, ...] = ("auto", "request", "text")

BLOCK = 2048
"""Prompt tokens taken in at a time: memory doesn't grow with the prompt."""

_SCORED = 256  # leading prompt tokens that decide between its beginnings; later the two states agree
_LEAST_ANSWER = math.log(0.1)  # a model that never saw a record without a request may still be handed one
_LEAST_REQUEST = math.log(0.1)  # a prompt that one time in ten is followed by its answer is a request


@dataclass(frozen=True)
class Context:
    """What a model makes of some text: its state and the scores of the next token.

    Never written to, so it can be kept and continued from again and again (a branch).

    Attributes:
        logits: ``(batch, vocabulary)``. state: of the same batch.
    """

    logits: Tensor
    state: ModelState


@contextmanager
def computing(model: LanguageModel) -> Iterator[None]:
    """No gradients and no dropout, whatever the model is otherwise doing."""
    training = model.training
    if training:
        model.eval()
    try:
        with torch.inference_mode():
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
        with computing(model):
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
    with computing(model):
        tokens = torch.tensor([ids], device=model.device)
        logits, state = model.forward(tokens, state=after.state)
        predictions = torch.cat([after.logits[:, None], logits[:, :-1]], dim=1).float()
        chosen = predictions.gather(2, tokens[..., None])[..., 0]
        nats = (chosen - predictions.logsumexp(dim=2)).sum(dtype=torch.float64)
        return float(nats), Context(logits[:, -1], state)


def log_probability(context: Context, token: int) -> float:
    """Log probability (nats) that ``token`` comes next."""
    logits = context.logits[0].float()
    return float(logits[token] - logits.logsumexp(dim=0))


def read_prompt(
    model: LanguageModel, tokenizer: Tokenizer, prompt: str, choice: ReadingChoice
) -> Generator[None, None, tuple[Reading, list[int], Context]]:
    """How a prompt is read, its tokens, and the context in which its completion begins.

    ``choice`` is ``request``; ``text``: a document's or an answer's beginning, which the model decides; or
    ``auto``: any of the three, which the model decides. An empty prompt is the beginning of a document.
    """
    start, end = tokenizer.start_id, tokenizer.end_id
    ids, stripped = tokenizer.encode(prompt), tokenizer.encode(prompt.strip())
    if not ids:
        return "text", [], (yield from take_in(model, [end]))
    if choice == "request" and stripped:
        return "request", stripped, (yield from take_in(model, [end, *stripped, start]))
    if choice == "request":
        return "request", ids, (yield from take_in(model, [end, *ids, start]))
    may_ask = choice == "auto" and bool(stripped)
    reading, context = yield from _choose(model, stripped if may_ask else ids, start, end, may_ask)
    if reading == "request":
        return reading, stripped, context
    if may_ask and stripped != ids:  # going on with a text, its last space or line break counts
        reading, context = yield from _choose(model, ids, start, end, may_ask=False)
    return reading, ids, context


def _choose(
    model: LanguageModel, ids: Sequence[int], start: int, end: int, may_ask: bool
) -> Generator[None, None, tuple[Reading, Context]]:
    """Let the model decide how a prompt is read; as a request only if it may be one.

    First where it stands: it is an answer's beginning if P(<start> | <end>) P(ids | <end> <start>) is above
    P(ids | <end>), where the first factor counts as 0.1 or more, or else a document's. There it is a whole
    request if P(<start> | <end> ids) is 0.1 or more. (Comparing P(ids | <end>) P(<start> | <end> ids) with
    P(ids | <end>) would never find a request: the first can't be the larger.)
    """
    head, tail = ids[:_SCORED], ids[_SCORED:]
    opening = yield from take_in(model, [end])
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

"""Scoring a model on text: every token of every document, each document with all of its own context."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ysnakes_core.model.head_loss import head_loss
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.state import ModelState
from ysnakes_core.text.token_stream import Tokens, TokenStream

BLOCK_TOKENS = 2048  # positions taken in at once; the state carries a longer document over the border


@dataclass(frozen=True)
class Evaluation:
    """Scores over ``documents`` documents of ``tokens`` tokens and ``text_bytes`` bytes of text."""

    nats: float
    tokens: int
    text_bytes: int
    documents: int
    seconds: float

    @property
    def loss(self) -> float:
        """Nats per token, the marks of the records' parts included."""
        return self.nats / max(1, self.tokens)

    @property
    def perplexity(self) -> float:
        return math.exp(min(self.loss, 700.0))

    @property
    def bits_per_byte(self) -> float:
        """All nats, those of the marks too, over the bytes of the text: comparable across tokenizers."""
        return self.nats / math.log(2.0) / max(1, self.text_bytes)


def chosen_documents(stream: TokenStream, max_tokens: int) -> list[int]:
    """Documents spread evenly over the stream, of about ``max_tokens`` tokens in all (0: every document)."""
    count = stream.n_documents
    if max_tokens <= 0 or stream.n_tokens <= max_tokens:
        return list(range(count))
    wanted = max(1, round(count * max_tokens / stream.n_tokens))
    return sorted({int(i * count / wanted) for i in range(wanted)})


def tokens_of(stream: TokenStream, documents: Sequence[int]) -> list[Tokens]:
    """Each document's tokens, with the ``<end>`` before it and the one after it."""
    ends = np.append(stream.starts[1:], len(stream.tokens) - 1)
    return [stream.tokens[stream.starts[d] : ends[d] + 1] for d in documents]


@torch.no_grad()
def evaluate(
    model: LanguageModel,
    stream: TokenStream,
    *,
    max_tokens: int = 0,
    interrupted: Callable[[], bool] = lambda: False,
    autocast: torch.dtype | None = None,
) -> Evaluation | None:
    """Score ``stream`` with dropout off; None if ``interrupted`` said so on the way.

    ``autocast``: the dtype of mixed precision, as in training.
    """
    began = time.perf_counter()
    was_training = model.training
    model.eval()
    try:
        documents = chosen_documents(stream, max_tokens)
        pieces = tokens_of(stream, documents)
        nats = torch.zeros((), dtype=torch.float64)
        tokens = 0
        for group in in_passes([len(p) - 1 for p in pieces]):
            if interrupted():
                return None
            with torch.autocast(model.device.type, dtype=autocast, enabled=autocast is not None):
                nats += _score(model, [pieces[i] for i in group])
            tokens += sum(len(pieces[i]) - 1 for i in group)
        text_bytes = int(stream.text_bytes[documents].sum())
        return Evaluation(float(nats), tokens, text_bytes, len(documents), time.perf_counter() - began)
    finally:
        model.train(was_training)


def in_passes(lengths: Sequence[int]) -> list[list[int]]:
    """Which texts of these lengths go through the model together: neighbours, up to a block's length."""
    groups: list[list[int]] = []
    room = 0
    for i, length in enumerate(lengths):
        if not groups or length > room:
            groups.append([])
            room = BLOCK_TOKENS
        groups[-1].append(i)
        room -= length
    return groups


def hidden_blocks(model: LanguageModel, pieces: Sequence[Tokens]) -> Iterator[tuple[Tensor, Tensor]]:
    """Whole texts laid end to end in one row, none seeing another, a block at a time.

    A piece is a text's tokens; all but the last are taken in, all but the first are to be predicted. Gives
    what the head sees, ``(positions, d_model)``, and the targets ``(positions,)``. Several pieces have to
    fit in one block.
    """
    inputs = np.concatenate([p[:-1] for p in pieces]).astype(np.int64)
    targets = np.concatenate([p[1:] for p in pieces]).astype(np.int64)
    ids = np.repeat(np.arange(len(pieces)), [len(p) - 1 for p in pieces])
    state: ModelState | None = None
    for first in range(0, len(inputs), BLOCK_TOKENS):
        part = slice(first, first + BLOCK_TOKENS)
        x, y, documents = (torch.from_numpy(a[part])[None].to(model.device) for a in (inputs, targets, ids))
        hidden, state = model.hidden(x, document_ids=documents if len(pieces) > 1 else None, state=state)
        yield hidden.flatten(0, 1), y.flatten()


def _score(model: LanguageModel, pieces: list[Tokens]) -> Tensor:
    """Summed nats of whole documents."""
    total = torch.zeros((), dtype=torch.float64)
    for hidden, targets in hidden_blocks(model, pieces):
        total += head_loss(hidden, model.head.weight, targets).double().cpu()
    return total

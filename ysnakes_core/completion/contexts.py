"""Contexts that are kept: the same beginning is never taken in twice.

A state is a whole context of constant size, so keeping one at the end of each turn costs little, and editing
the seventh turn takes in the seventh alone. What is kept is found by the tokens it stands for.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ysnakes_core.model.state import ModelState

MAX_BYTES = 128 * 2**20
"""Contexts kept for one model: some 14 of ys-120m, 130 of ys-4m."""


@dataclass(frozen=True)
class Context:
    """What a model makes of some text: its state and the scores of the next token.

    Never written to, so it can be kept and continued from again and again (a branch).

    Attributes:
        logits: ``(batch, vocabulary)``. state: of the same batch.
    """

    logits: Tensor
    state: ModelState

    @property
    def bytes(self) -> int:
        tensors = (self.logits, *self.state.conv, *self.state.ssm)
        return sum(t.numel() * t.element_size() for t in tensors)

    def select(self, rows: Sequence[int]) -> Context:
        """The given rows of the batch, repeated or reordered: a copy."""
        with torch.inference_mode():
            index = torch.tensor(rows, dtype=torch.long, device=self.logits.device)
            return Context(self.logits[index], self.state.select(index))

    @staticmethod
    def stack(contexts: Sequence[Context]) -> Context:
        """Several contexts as the rows of one batch."""
        with torch.inference_mode():
            return Context(
                torch.cat([c.logits for c in contexts]), ModelState.stack([c.state for c in contexts])
            )


class ContextStore:
    """Contexts by the tokens they stand for, at most ``max_bytes`` of them; the least recently used go first.

    A context larger than that is not kept at all.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[bytes, Context] = OrderedDict()
        self.bytes = 0

    def keep(self, ids: Sequence[int], context: Context) -> None:
        """Keep the context (one row) after ``ids``. It must hold no memory that is written to later."""
        (key,) = _keys(ids, [len(ids)])
        before = self._kept.pop(key, None)
        if before is not None:
            self.bytes -= before.bytes
        if context.bytes > self._max_bytes:
            return
        self._kept[key] = context
        self.bytes += context.bytes
        while self.bytes > self._max_bytes:
            self.bytes -= self._kept.popitem(last=False)[1].bytes

    def longest(self, ids: Sequence[int], marks: Iterable[int]) -> tuple[int, Context | None]:
        """The longest beginning of ``ids`` that is kept, among those of the lengths ``marks`` (ascending).

        Its length (0: none is) and its context.
        """
        marks = [mark for mark in marks if 0 < mark <= len(ids)]
        for mark, key in reversed(list(zip(marks, _keys(ids, marks), strict=True))):
            context = self._kept.get(key)
            if context is not None:
                self._kept.move_to_end(key)
                return mark, context
        return 0, None


def _keys(ids: Sequence[int], marks: Iterable[int]) -> Iterator[bytes]:
    """The hash of the tokens up to each mark."""
    data = array("q", ids)
    hashed, done = hashlib.blake2b(digest_size=16), 0
    for mark in marks:
        hashed.update(data[done:mark].tobytes())
        done = mark
        yield hashed.copy().digest()

"""What a model carries from one token to the next: its whole context, of constant size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ModelState:
    """The state of every layer after some text.

    Attributes:
        conv: per layer, the last inputs of the convolution, ``(batch, d_conv - 1, channels)``.
        ssm: per layer, the state-space state, ``(batch, heads, head_dim, d_state)``, float32.
    """

    conv: tuple[Tensor, ...]
    ssm: tuple[Tensor, ...]

    @property
    def batch_size(self) -> int:
        return self.ssm[0].shape[0]

    def select(self, rows: Tensor) -> ModelState:
        """The given rows of the batch, repeated or reordered: a copy that the original doesn't feel."""
        return ModelState(tuple(t[rows] for t in self.conv), tuple(t[rows] for t in self.ssm))

    @staticmethod
    def stack(states: list[ModelState]) -> ModelState:
        """Several states as the rows of one batch."""
        layers = range(len(states[0].ssm))
        return ModelState(
            tuple(torch.cat([s.conv[i] for s in states]) for i in layers),
            tuple(torch.cat([s.ssm[i] for s in states]) for i in layers),
        )

"""Weights in fewer bytes, for completing text: bfloat16, or int8 with one scale for each output."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ysnakes_core.errors import UsageError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.precision import PRECISIONS, Precision


class PackedLinear(nn.Module):
    """A linear map without bias whose weight ``(outputs, inputs)`` is held in fewer bytes."""

    def __init__(self, weight: Tensor, precision: Precision) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        scale: Tensor | None = None
        if precision == "int8":
            scale = weight.abs().amax(1).clamp_min(1e-12) / 127
            packed = (weight / scale[:, None]).round_().to(torch.int8)
        else:
            packed = weight.to(torch.bfloat16)
        self.register_buffer("packed", packed)
        self.register_buffer("scale", scale)

    packed: Tensor
    scale: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.rows(slice(None)).to(x.dtype))

    def rows(self, which: Tensor | slice) -> Tensor:
        """Some rows of the weight, in float32."""
        found = self.packed[which].float()
        return found if self.scale is None else found * self.scale[which][..., None]


class PackedEmbedding(nn.Module):
    """Looks tokens up in the rows of a packed head, which it shares."""

    def __init__(self, table: PackedLinear) -> None:
        super().__init__()
        self.table = table

    @property
    def weight(self) -> Tensor:
        return self.table.packed

    def forward(self, tokens: Tensor) -> Tensor:
        return self.table.rows(tokens)


def pack(model: LanguageModel, precision: Precision) -> LanguageModel:
    """Hold a model's matrices in ``precision`` from now on; it is the same model, changed in place.

    It can then complete text but not be trained. Raises ``UsageError`` for a precision there is not.
    """
    if precision not in PRECISIONS:
        raise UsageError(
            f"weights cannot be held in {precision!r:.40}", f"choose one of: {', '.join(PRECISIONS)}"
        )
    if precision == "float32":
        return model
    for block in model.blocks:
        for name in ("in_proj", "out_proj"):
            setattr(block.mixer, name, PackedLinear(getattr(block.mixer, name).weight, precision))
    tied = model.head.weight is model.embedding.weight
    head = PackedLinear(model.head.weight, precision)
    model.embedding = PackedEmbedding(  # type: ignore[assignment]
        head if tied else PackedLinear(model.embedding.weight, precision)
    )
    model.head = head  # type: ignore[assignment]
    return model

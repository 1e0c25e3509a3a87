"""Next-token cross-entropy through the output head without ever holding all logits.

The logits of a training step are by far its largest tensor (tokens x vocabulary). They are made a block of
positions at a time; each block's gradients are taken at once, while it is in the cache, and the block is
dropped.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100
BLOCK_ELEMENTS = 2**21  # logits held at a time: 8 MiB in float32


def head_loss(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Sum of the negative log-likelihoods, in nats, a scalar in float32 or better.

    Args:
        hidden: ``(positions, d_model)``. weight: ``(vocabulary, d_model)``.
        targets: ``(positions,)``; ``IGNORED`` (-100) marks positions that don't count.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
    else:
        dtype = hidden.dtype
    wanted = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    with torch.autocast(hidden.device.type, enabled=False):
        result: Tensor = _HeadLoss.apply(hidden, weight, targets, dtype, wanted)  # type: ignore[no-untyped-call]
    return result


def block_rows(vocab_size: int) -> int:
    """Positions whose logits are held at a time."""
    return max(16, BLOCK_ELEMENTS // vocab_size)


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype, wanted: bool
    ) -> Tensor:
        exact = torch.promote_types(hidden.dtype, torch.float32)
        head = weight.to(dtype)
        dhidden = torch.empty_like(hidden) if wanted else None
        dweight = torch.zeros_like(weight, dtype=exact) if wanted else None
        total = hidden.new_zeros((), dtype=torch.float64 if hidden.device.type == "cpu" else exact)
        rows = block_rows(weight.shape[0])
        for first in range(0, hidden.shape[0], rows):
            block = hidden[first : first + rows].to(dtype)
            aim = targets[first : first + rows]
            counted = aim != IGNORED
            place = aim.clamp_min(0)[:, None]
            logits = (block @ head.T).to(exact)
            logits -= logits.max(-1, keepdim=True).values
            chosen = logits.gather(1, place).squeeze(1)
            exponent = logits.exp_()
            normal = exponent.sum(-1)
            total += ((normal.log() - chosen) * counted).sum()
            if dhidden is None or dweight is None:
                continue
            # softmax - one-hot, nothing where the target is ignored
            slope = exponent.mul_((counted / normal)[:, None])
            slope.scatter_add_(1, place, -counted.to(exact)[:, None])
            slope = slope.to(dtype)
            dhidden[first : first + rows] = slope @ head
            if dtype == exact:
                dweight.addmm_(slope.T, block)
            else:
                dweight += slope.T @ block
        if dhidden is not None and dweight is not None:
            ctx.save_for_backward(dhidden, dweight.to(weight.dtype))
        return total.to(exact)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        dhidden, dweight = ctx.saved_tensors
        return dhidden * grads[0].to(dhidden.dtype), dweight * grads[0].to(dweight.dtype), None, None, None


def dense_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The same sum from whole logits: the form to test against."""
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=IGNORED, reduction="sum")

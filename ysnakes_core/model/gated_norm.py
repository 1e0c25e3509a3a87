"""RMSNorm of a gated value: ``RMSNorm(y * SiLU(z)) * weight`` (arXiv 2405.21060, section 7.1).

By hand because autograd would keep five tensors of the size of ``y``; here only ``y``, ``z`` and one number
per position are kept.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def gated_rms_norm(y: Tensor, z: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``y, z (batch, length, channels)``, ``weight (channels,)``; float32 inside under mixed precision."""
    with torch.autocast(y.device.type, enabled=False):
        result: Tensor = _GatedRMSNorm.apply(y, z, weight, eps)  # type: ignore[no-untyped-call]
    return result


class _GatedRMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, z: Tensor, weight: Tensor, eps: float) -> Tensor:
        exact = torch.promote_types(y.dtype, torch.float32)
        gated = F.silu(z.to(exact)).mul_(y)
        square = torch.linalg.vector_norm(gated, dim=-1, keepdim=True).square_()
        scale = torch.rsqrt(square / y.shape[-1] + eps)
        ctx.save_for_backward(y, z, weight, scale)
        return gated.mul_(scale).mul_(weight).to(y.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        y, z, weight, scale = ctx.saved_tensors
        grad = grads[0].to(scale.dtype)
        zx, yx = z.to(scale.dtype), y.to(scale.dtype)
        gate = F.silu(zx)
        normed = (gate * yx).mul_(scale)
        product = grad * normed
        dweight = product.flatten(0, -2).sum(0)
        # d gated = scale (grad w - normed <grad w, normed> / channels)
        inner = (product.flatten(0, -2) @ weight.to(scale.dtype)).view(scale.shape) / y.shape[-1]
        dgated = torch.mul(grad, weight).sub_(normed.mul_(inner)).mul_(scale)
        dy = (dgated * gate).to(y.dtype)
        dz = torch.ops.aten.silu_backward(dgated.mul_(yx), zx).to(z.dtype)
        return dy, dz, dweight.to(weight.dtype), None

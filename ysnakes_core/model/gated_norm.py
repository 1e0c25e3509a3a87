"""RMSNorm of a gated value: ``RMSNorm(y * SiLU(z)) * weight`` (arXiv 2405.21060, section 7.1).

By hand because autograd would keep five tensors of the size of ``y``; here only ``y``, ``z`` and one number
per position are kept.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def gated_rms_norm(y: Tensor, z: Tensor, weight: Tensor, eps: float, groups: int = 1) -> Tensor:
    """Normalise each of ``groups`` equal parts of the channels; float32 inside under mixed precision.

    ``y, z (..., channels)``, ``weight (channels,)``; the result has the type of ``y``.
    """
    with torch.autocast(y.device.type, enabled=False):
        result: Tensor = _GatedRMSNorm.apply(y, z, weight, eps, groups)  # type: ignore[no-untyped-call]
    return result


class _GatedRMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, z: Tensor, weight: Tensor, eps: float, groups: int) -> Tensor:
        exact = torch.promote_types(y.dtype, torch.float32)
        gated: Tensor = F.silu(z.to(exact)).mul_(y).unflatten(-1, (groups, -1))
        square = torch.linalg.vector_norm(gated, dim=-1, keepdim=True).square_()
        scale = torch.rsqrt(square / gated.shape[-1] + eps)  # (..., groups, 1)
        ctx.save_for_backward(y, z, weight, scale)
        normed = gated.mul_(scale).flatten(-2)
        return normed.mul_(weight).to(y.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        y, z, weight, scale = ctx.saved_tensors
        grad = grads[0].to(scale.dtype)
        groups = scale.shape[-2]
        zx, yx = z.to(scale.dtype), y.to(scale.dtype)
        gate = F.silu(zx)
        normed = (gate * yx).unflatten(-1, (groups, -1)).mul_(scale)
        product = grad.unflatten(-1, (groups, -1)) * normed
        dweight = product.flatten(0, -3).sum(0).flatten()
        # d gated = scale (grad w - normed <grad w, normed> / channels of the group)
        inner = torch.einsum("...gc,gc->...g", product, weight.to(scale.dtype).view(groups, -1))
        inner = inner.div_(normed.shape[-1])[..., None]
        dgated = (grad * weight).unflatten(-1, (groups, -1)).sub_(normed.mul_(inner)).mul_(scale).flatten(-2)
        dy = (dgated * gate).to(y.dtype)
        dz = torch.ops.aten.silu_backward(dgated.mul_(yx), zx).to(z.dtype)
        return dy, dz, dweight.to(weight.dtype), None, None

"""The short causal depthwise convolution and SiLU before the state-space map (arXiv 2405.21060, figure 6).

Forward and backward by hand: a depthwise convolution over channels-last data is fast everywhere, but its
weight gradient is not on a CPU (some ten times the forward); as four products and sums it costs little.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def causal_conv_silu(
    x: Tensor, weight: Tensor, bias: Tensor, before: Tensor, documents: Tensor | None = None
) -> Tensor:
    """SiLU of a causal depthwise convolution along the length.

    Args:
        x: ``(batch, length, channels)``.
        weight: ``(channels, taps)``, the last tap on the position itself. bias: ``(channels,)``.
        before: the ``taps - 1`` inputs before the first position, ``(batch, taps - 1, channels)``; they
            belong to the document of the first position.
        documents: numbers ``(batch, length)`` that don't decrease; taps don't reach into another document.
            None: one document.
    """
    padded = torch.cat([before.to(x.dtype), x], dim=1)
    with torch.autocast(x.device.type, enabled=False):
        result: Tensor = _CausalConvSiLU.apply(padded, weight.to(x.dtype), bias.to(x.dtype), documents)  # type: ignore[no-untyped-call]
    return result


def conv_window(x: Tensor, before: Tensor, documents: Tensor | None = None) -> Tensor:
    """What the convolution looks back on after the last position: ``before`` for the text that follows.

    Inputs of other documents than the last position's are zero, as before a document's first position.
    """
    taps = before.shape[1]
    if taps == 0:
        return before
    window = torch.cat([before.to(x.dtype), x[:, -taps:]], dim=1)[:, -taps:]
    if documents is None:
        return window
    owners = torch.cat([documents[:, :1].expand(-1, taps), documents[:, -taps:]], dim=1)[:, -taps:]
    return window * (owners == documents[:, -1:])[..., None]


class _CausalConvSiLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, padded: Tensor, weight: Tensor, bias: Tensor, documents: Tensor | None) -> Tensor:
        cuts = _cuts(documents, weight.shape[1])
        ctx.save_for_backward(padded, weight, bias)
        ctx.cuts = cuts
        return F.silu(_convolve(padded, weight, bias, cuts))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        padded, weight, bias = ctx.saved_tensors
        taps = weight.shape[1]
        length = padded.shape[1] - taps + 1
        pre = _convolve(padded, weight, bias, ctx.cuts)
        dpre = torch.ops.aten.silu_backward(grads[0], pre)
        widened = F.pad(dpre, (0, 0, taps - 1, taps - 1))
        dpadded = _depthwise(widened, weight.flip(1), None)
        dweight = torch.stack([(dpre * padded[:, k : k + length]).sum((0, 1)) for k in range(taps)], dim=1)
        for k, (rows, positions) in enumerate(ctx.cuts):
            leaked = dpre[rows, positions]
            dweight[:, k] -= (leaked * padded[rows, positions + k]).sum(0)
            dpadded.index_put_((rows, positions + k), -leaked * weight[:, k], accumulate=True)
        return dpadded, dweight, dpre.sum((0, 1)), None


def _convolve(padded: Tensor, weight: Tensor, bias: Tensor, cuts: list[tuple[Tensor, Tensor]]) -> Tensor:
    out = _depthwise(padded, weight, bias)
    for k, (rows, positions) in enumerate(cuts):  # few places: take back what crossed into a new document
        out.index_put_((rows, positions), -padded[rows, positions + k] * weight[:, k], accumulate=True)
    return out


def _depthwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Correlation along the length without padding, as a channels-last 2-D convolution of height 1."""
    channels, taps = weight.shape
    kernel = weight.view(channels, 1, 1, taps).contiguous(memory_format=torch.channels_last)
    y = F.conv2d(x.transpose(1, 2).unsqueeze(2), kernel, bias, groups=channels)
    return y.squeeze(2).transpose(1, 2)


def _cuts(documents: Tensor | None, taps: int) -> list[tuple[Tensor, Tensor]]:
    """For each tap but the last, the (rows, positions) at which it would look into another document."""
    if documents is None or taps == 1 or not bool((documents != documents[:, :1]).any()):
        return []
    whole = torch.cat([documents[:, :1].expand(-1, taps - 1), documents], dim=1)
    length = documents.shape[1]
    found = [torch.nonzero(documents != whole[:, k : k + length], as_tuple=True) for k in range(taps - 1)]
    return [(rows, positions) for rows, positions in found]

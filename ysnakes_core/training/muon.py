"""Muon: momentum whose update is orthogonalised (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/).

torch ships a Muon that orthogonalises in bfloat16, which is right on a GPU and ruinous on a CPU without
bfloat16 units; here it is done in the precision that suits the device. The iteration runs on the Gram
matrix ``G Gᵀ`` of the short side: every iterate is a polynomial of it times ``G``, so the long side is
touched twice, not once per iteration.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

# Quintic coefficients a, b, c of x -> a x + b x^3 + c x^5 per iteration: the "polar express" schedule
# (Amsel et al. 2025, arXiv 2505.16932, algorithm 1), the best sequence for the interval it starts from.
COEFFICIENTS: tuple[tuple[float, float, float], ...] = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
)
STACK_ELEMENTS = 2**23  # numbers orthogonalised together: bounds the workspace


def orthogonalize(gradient: Tensor, steps: int = 5) -> Tensor:
    """Nearest semi-orthogonal matrices to ``(..., rows, columns)``, all singular values near 1."""
    dtype = (
        torch.bfloat16
        if gradient.device.type == "cuda"
        else torch.promote_types(gradient.dtype, torch.float32)
    )
    g = gradient.to(dtype)
    tall = g.shape[-2] > g.shape[-1]
    if tall:
        g = g.mT
    norm = torch.linalg.matrix_norm(g.float() if dtype == torch.bfloat16 else g, keepdim=True)
    g = g / (norm * 1.01 + 1e-7).to(dtype)
    gram = g @ g.mT
    total: Tensor | None = None
    for i, (a, b, c) in enumerate(COEFFICIENTS[:steps]):
        squared = gram @ gram
        factor = gram.mul(b).add_(squared, alpha=c)
        factor.diagonal(dim1=-2, dim2=-1).add_(a)
        total = factor if total is None else factor @ total
        if i + 1 < steps:
            gram = factor @ gram @ factor
    assert total is not None
    result: Tensor = total @ g
    return result.mT if tall else result


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, with decoupled weight decay; for two-dimensional weights.

    A parameter group may have ``row_blocks``, the heights of the parts that its weights are made of (several
    projections of the same input in one matrix): each part is orthogonalised by itself, or the largest would
    set the pace of the others. The update of a ``(rows, columns)`` part is a semi-orthogonal matrix times
    ``sqrt(max(1, rows / columns))``, so that one learning rate suits all shapes.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "row_blocks": ()}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    by_shape[p.shape].append(p)
            for shape, alike in by_shape.items():
                at_once = max(1, STACK_ELEMENTS // shape.numel())
                for first in range(0, len(alike), at_once):
                    self._update(alike[first : first + at_once], group)

    def _update(self, parameters: list[nn.Parameter], group: dict[str, Any]) -> None:
        momentum, directions = group["momentum"], []
        for p in parameters:
            assert p.grad is not None
            state = self.state[p]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(p)
            buffer: Tensor = state["momentum_buffer"]
            buffer.lerp_(p.grad, 1.0 - momentum)
            directions.append(p.grad.lerp(buffer, momentum))
        stacked = torch.stack(directions)
        rows, columns = parameters[0].shape
        done = 0
        for height in group["row_blocks"] or (rows,):
            part = slice(done, done + height)
            done += height
            update = orthogonalize(stacked[:, part]).to(stacked.dtype)
            stacked[:, part] = update.mul_(max(1.0, height / columns) ** 0.5)
        for p, change in zip(parameters, stacked, strict=True):
            p.mul_(1.0 - group["lr"] * group["weight_decay"])
            p.add_(change, alpha=-group["lr"])

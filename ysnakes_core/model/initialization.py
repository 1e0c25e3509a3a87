"""Initial weights that train stably from the first step.

* ``A`` is the real member of the HiPPO family that S4D calls S4D-Real (arXiv 2206.11893, eq. 9):
  -(1, 2, ..., 16), spread over the heads.
* ``dt`` is log-uniform in [dt_min, dt_max], stored through the inverse of softplus (arXiv 2312.00752, 3.6).
* Projections onto the residual stream are scaled by 1 / sqrt(number of residual additions), so that
  its variance does not grow with depth (GPT-2's rule).
* The rows of the in-projection that make B and C start ``STATE_GAIN`` times larger. With the plain rule the
  state's answer, a product of B, C and a small dt, is drowned by the direct path D x, and in short trainings
  nothing learns to look back: on small stories, a model repeats who a story is about after 600,000 tokens
  with the gain and after more than a million without. Measured here, not published.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

A_MIN, A_MAX = 1.0, 16.0
STATE_GAIN = 3.0


def initial_a_log(n_heads: int) -> Tensor:
    """log of -A for each head, ``(heads,)``: values from 1 to 16, evenly spread."""
    return torch.log(torch.linspace(A_MIN, A_MAX, n_heads)) if n_heads > 1 else torch.zeros(1)


def initial_dt_bias(n_heads: int, dt_min: float, dt_max: float) -> Tensor:
    """Biases ``(heads,)`` with softplus(bias) log-uniform in [dt_min, dt_max]."""
    dt = torch.exp(torch.rand(n_heads) * math.log(dt_max / dt_min) + math.log(dt_min))
    return dt + torch.log(-torch.expm1(-dt))


@torch.no_grad()
def scaled_normal_(weight: Tensor, n_residuals: int = 1) -> None:
    """Normal with variance 1 / fan_in, divided by the number of residual additions."""
    weight.normal_(std=1.0 / math.sqrt(weight.shape[1] * n_residuals))

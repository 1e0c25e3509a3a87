"""The SSD mixer: the Mamba-2 block exactly as published (arXiv 2405.21060, figure 6).

One projection gives z, x, B, C and dt; a short causal convolution and SiLU over x, B, C; the state-space map;
a gate and RMSNorm; a projection back. Parameter names and layouts are those of the reference implementation,
so that weights travel both ways.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ysnakes_core.configuration import ModelConfig
from ysnakes_core.model.convolution import causal_conv_silu, conv_window
from ysnakes_core.model.gated_norm import gated_rms_norm
from ysnakes_core.model.initialization import STATE_GAIN, initial_a_log, initial_dt_bias, scaled_normal_
from ysnakes_core.model.ssd import ssd, ssd_step


class GatedRMSNorm(nn.Module):
    """Holder of the weight of ``gated_rms_norm``."""

    def __init__(self, channels: int, eps: float, groups: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.eps, self.groups = eps, groups

    def forward(self, y: Tensor, z: Tensor) -> Tensor:
        return gated_rms_norm(y, z, self.weight, self.eps, self.groups)


class SSDMixer(nn.Module):
    """Mixes positions: ``(batch, length, d_model)`` to the same shape."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.conv_channels = config.d_inner + 2 * config.n_groups * config.d_state
        self.in_proj = nn.Linear(
            config.d_model, config.d_inner + self.conv_channels + config.n_heads, bias=False
        )
        self.conv1d = nn.Conv1d(
            self.conv_channels, self.conv_channels, config.d_conv, groups=self.conv_channels
        )
        self.dt_bias = nn.Parameter(initial_dt_bias(config.n_heads, config.dt_min, config.dt_max))
        self.A_log = nn.Parameter(initial_a_log(config.n_heads))
        self.D = nn.Parameter(torch.ones(config.n_heads))
        self.norm = GatedRMSNorm(config.d_inner, config.norm_eps, config.n_groups)
        self.out_proj = nn.Linear(config.d_inner, config.d_model, bias=False)
        scaled_normal_(self.in_proj.weight)
        with torch.no_grad():
            self.in_proj.weight[2 * config.d_inner : -config.n_heads].mul_(STATE_GAIN)  # B and C
        scaled_normal_(self.out_proj.weight, n_residuals=config.n_layers)

    def forward(
        self, u: Tensor, conv_state: Tensor, ssm_state: Tensor | None, documents: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The output, and the convolution's and the map's state after the last position.

        ``conv_state (batch, d_conv - 1, channels)``; ``ssm_state`` as in ``ssd`` or None for zero;
        ``documents (batch, length)`` as from ``document_numbers``.
        """
        config = self.config
        batch, length, _ = u.shape
        z, xbc, dt = self._split(self.in_proj(u))
        bias = self.conv1d.bias
        assert bias is not None
        mixed = causal_conv_silu(xbc, self.conv1d.weight[:, 0], bias, conv_state, documents)
        x, B, C = mixed.split(self._widths, dim=-1)
        grouped = (batch, length, config.n_groups, config.d_state)
        with torch.autocast(u.device.type, enabled=False):
            y, ssm_state = ssd(
                x.view(batch, length, config.n_heads, config.head_dim),
                self._time_steps(dt),
                -torch.exp(_exact(self.A_log)),
                B.reshape(grouped),
                C.reshape(grouped),
                D=self.D,
                chunk_size=config.chunk_size,
                initial_state=ssm_state,
                document_ids=documents,
            )
        conv_state = conv_window(xbc, conv_state, documents)
        return self.out_proj(self.norm(y.flatten(2), z)), conv_state, ssm_state

    def step(self, u: Tensor, conv_state: Tensor, ssm_state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One position: ``u (batch, d_model)``; the cost does not depend on what came before."""
        config = self.config
        z, xbc, dt = self._split(self.in_proj(u))
        window = torch.cat([conv_state, xbc[:, None]], dim=1)  # (batch, d_conv, channels)
        weight, bias = self.conv1d.weight[:, 0], self.conv1d.bias
        assert bias is not None
        mixed = F.silu((window * weight.T).sum(1) + bias)
        x, B, C = mixed.split(self._widths, dim=-1)
        batch = u.shape[0]
        grouped = (batch, config.n_groups, config.d_state)
        y, ssm_state = ssd_step(
            x.view(batch, config.n_heads, config.head_dim),
            self._time_steps(dt),
            -torch.exp(_exact(self.A_log)),
            B.reshape(grouped),
            C.reshape(grouped),
            ssm_state,
            D=self.D,
        )
        return self.out_proj(self.norm(y.flatten(1), z)), window[:, 1:], ssm_state

    @property
    def in_proj_parts(self) -> tuple[int, ...]:
        """How many rows of the in-projection make z, x, B, C and dt."""
        return (self.config.d_inner, *self._widths, self.config.n_heads)

    @property
    def _widths(self) -> list[int]:
        wide = self.config.n_groups * self.config.d_state
        return [self.config.d_inner, wide, wide]

    def _split(self, projected: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z, xbc, dt = projected.split([self.config.d_inner, self.conv_channels, self.config.n_heads], dim=-1)
        return z, xbc, dt

    def _time_steps(self, dt: Tensor) -> Tensor:
        """softplus(dt + bias), clamped, in float32 or better."""
        return F.softplus(_exact(dt) + self.dt_bias).clamp(max=self.config.dt_limit)


def _exact(t: Tensor) -> Tensor:
    """In float32 or better."""
    return t.to(torch.promote_types(t.dtype, torch.float32))

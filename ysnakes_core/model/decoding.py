"""One token after another, quickly: the recurrence of ``LanguageModel.step`` in place.

A step of a small model is some hundred operations on a few numbers each, so what counts beside reading the
weights is how many there are. Here nothing is allocated, viewed or copied twice: every buffer and every view
of one is made once, and operations write into them. A layer's projections of the last ``d_conv`` positions
form a ring, which is the convolution's window as it stands; the filter turns with it. The gated norm's scale
is one number a row, so it is applied after the out-projection, with the residual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ysnakes_core.model.language_model import Block, LanguageModel
from ysnakes_core.model.packing import PackedLinear
from ysnakes_core.model.state import ModelState

Product = Callable[[Tensor, Tensor], object]
"""``product(x, out)``: writes a linear map of ``x (batch, inputs)`` to ``out (batch, outputs)``."""


class Decoding:
    """A batch of texts on its way through a model, whose weights must not change meanwhile.

    ``state`` is where it begins; it is copied. ``logits``: what the last step gave. Use it under
    ``torch.inference_mode()``.
    """

    def __init__(self, model: LanguageModel, state: ModelState) -> None:
        config, batch = model.config, state.batch_size
        self._model, self._batch = model, batch
        self._position = 0
        self._n_groups, self._d_inner = config.n_groups, config.d_inner
        self._dt_limit = config.dt_limit
        exact = torch.promote_types(model.dtype, torch.float32)

        def buffer(*shape: int) -> Tensor:
            return torch.zeros(batch, *shape, dtype=exact, device=model.device)

        heads, head_dim, d_state = config.n_heads, config.head_dim, config.d_state
        wide = config.n_groups * d_state
        self._hidden, self._out = buffer(config.d_model), buffer(config.d_model)
        self.logits = buffer(model.vocab_size)
        self._mixed = buffer(config.d_inner + 2 * wide)  # x, B and C after the convolution
        x, b, c = self._mixed.split([config.d_inner, wide, wide], dim=1)
        self._x = x.view(batch, heads, head_dim)
        by_group = (batch, config.n_groups, heads // config.n_groups, head_dim)
        self._b = b.view(batch, config.n_groups, 1, 1, d_state)
        self._c = c.view(batch, config.n_groups, d_state, 1)
        self._c_alone = c.view(-1) if batch == 1 else c  # of one row and group
        self._dt = buffer(heads)
        self._decay = buffer(heads)
        self._decay_of_group = self._decay.view(*by_group[:3], 1, 1)
        self._added = buffer(heads, head_dim)  # dt x
        self._added_by_group = self._added.view(*by_group, 1)
        self._y = buffer(heads, head_dim)
        self._y_flat = self._y.view(batch, config.d_inner)
        self._y_by_group = self._y.view(batch, config.n_groups, -1, 1)
        self._y_alone = self._y.view(-1)
        self._gated = buffer(config.d_inner)
        self._layers = [
            _Layer(block, conv, ssm, exact, by_group)
            for block, conv, ssm in zip(model.blocks, state.conv, state.ssm, strict=True)
        ]
        self._norm = _norm(model.norm)
        self._head = product_of(model.head)

    def step(self, tokens: Tensor) -> Tensor:
        """Take in one token a row, ``(batch,)``; the scores of the next, ``(batch, vocabulary)``.

        The next step writes to the same memory.
        """
        hidden, mixed, dt, decay, gated = self._hidden, self._mixed, self._dt, self._decay, self._gated
        alone = self._batch == self._n_groups == 1
        hidden.copy_(self._model.embedding(tokens))
        for layer in self._layers:
            at = layer.slots[self._position % len(layer.slots)]
            layer.in_proj(layer.norm(hidden), at.projected)
            torch.mul(layer.window, at.filter, out=layer.filtered)
            torch.sum(layer.filtered, 0, out=mixed)
            torch.ops.aten.silu_(mixed)
            torch.add(at.dt, layer.dt_bias, out=dt)
            torch.ops.aten.softplus.out(dt, 1, 20, out=dt)
            dt.clamp_(max=self._dt_limit)
            torch.mul(dt, layer.A, out=decay)
            decay.exp_()
            torch.mul(self._x, dt.unsqueeze(-1), out=self._added)
            layer.state.mul_(self._decay_of_group)
            layer.state.addcmul_(self._added_by_group, self._b)
            if alone:
                torch.mv(layer.state_alone, self._c_alone, out=self._y_alone)
            else:
                torch.matmul(layer.state_by_group, self._c, out=self._y_by_group)
            self._y.addcmul_(self._x, layer.D)
            torch.ops.aten.silu.out(at.z, out=gated)
            gated.mul_(self._y_flat)
            if alone:
                square = torch.dot(gated[0], gated[0]).item()
                gated.mul_(layer.gate_weight)
                layer.out_proj(gated, self._out)
                hidden.add_(self._out, alpha=(square / self._d_inner + layer.eps) ** -0.5)
            else:
                grouped = gated.view(self._batch, self._n_groups, -1)
                square_mean = torch.linalg.vector_norm(grouped, dim=2, keepdim=True).square_()
                square_mean.div_(grouped.shape[2]).add_(layer.eps)
                grouped.mul_(square_mean.rsqrt_())
                gated.mul_(layer.gate_weight)
                layer.out_proj(gated, self._out)
                hidden.add_(self._out)
        self._position += 1
        self._head(self._norm(hidden), self.logits)
        return self.logits

    def state(self, rows: Sequence[int] | None = None) -> ModelState:
        """The state after what was taken in, of some rows or all: a copy."""
        index = torch.tensor(range(self._batch) if rows is None else rows, device=self._hidden.device)
        return ModelState(
            tuple(layer.conv_state(self._position)[index] for layer in self._layers),
            tuple(layer.ssm[index] for layer in self._layers),
        )


class _Slot:
    """One place of a layer's ring, and how the layer looks when it holds the newest position."""

    def __init__(self, layer: _Layer, place: int, taps: Tensor, bias: Tensor) -> None:
        count, width = taps.shape
        d_inner = layer.d_inner
        self.projected = layer.ring[place]
        self.z = self.projected[:, :d_inner]
        self.dt = self.projected[:, d_inner + width :]
        self.filter = torch.empty(count + 1, 1, width, dtype=taps.dtype, device=taps.device)
        for other in range(count):
            self.filter[other, 0] = taps[count - 1 - (place - other) % count]
        self.filter[count, 0] = bias


class _Layer:
    """A block's weights as its step needs them, and its state."""

    def __init__(
        self, block: Block, conv: Tensor, ssm: Tensor, exact: torch.dtype, by_group: tuple[int, ...]
    ) -> None:
        mixer = block.mixer
        batch, width = conv.shape[0], mixer.conv_channels
        heads, head_dim, d_state = ssm.shape[1:]
        self.d_inner = mixer.config.d_inner
        taps = mixer.conv1d.weight[:, 0].T.to(exact)  # (d_conv, channels), the last on the position itself
        bias = mixer.conv1d.bias
        assert bias is not None
        self._taps = taps.shape[0]
        self.norm = _norm(block.norm)
        self.in_proj = product_of(mixer.in_proj)
        self.out_proj = product_of(mixer.out_proj)
        # One place more than there are taps: a place of ones, whose filter is the bias.
        self.ring = ssm.new_zeros(self._taps + 1, batch, self.d_inner + width + heads, dtype=exact)
        self.window = self.ring[:, :, self.d_inner : self.d_inner + width]
        self.window[-1] = 1.0
        self.window[1 : self._taps] = conv.transpose(0, 1)  # the first position will be in the first place
        self.filtered = torch.empty_like(self.window, memory_format=torch.contiguous_format)
        self.slots = [_Slot(self, place, taps, bias.to(exact)) for place in range(self._taps)]
        self.dt_bias = mixer.dt_bias.to(exact)
        self.A = -torch.exp(mixer.A_log.to(exact))
        self.D = mixer.D.to(exact)[:, None].expand(heads, head_dim).contiguous()
        self.gate_weight = mixer.norm.weight.to(exact)
        self.eps = mixer.norm.eps
        self.ssm = ssm.to(exact, copy=True).contiguous()
        self.state = self.ssm.view(*by_group, d_state)
        self.state_by_group = self.ssm.view(*by_group[:2], -1, d_state)
        self.state_alone = self.ssm.view(-1, d_state)

    def conv_state(self, position: int) -> Tensor:
        """The convolution's inputs at the last positions before ``position``, the oldest first; a copy."""
        order = [(position + back) % self._taps for back in range(1, self._taps)]
        return self.window[order].transpose(0, 1)


def product_of(linear: nn.Module) -> Product:
    """How the product of a linear map without bias is written somewhere."""
    if isinstance(linear, PackedLinear):
        return linear.write
    weight = linear.weight
    assert isinstance(weight, Tensor)
    flipped = weight.T

    def write(x: Tensor, out: Tensor) -> None:
        if x.shape[0] == 1:
            torch.mv(weight, x[0], out=out[0])
        else:
            torch.mm(x, flipped, out=out)

    return write


def _norm(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """A norm's function; without the module's ways, which take as long again."""
    if not isinstance(module, nn.LayerNorm):
        return module
    shape, weight, bias, eps = list(module.normalized_shape), module.weight, module.bias, module.eps
    return lambda x: torch.layer_norm(x, shape, weight, bias, eps)

"""One token after another, quickly: the recurrence of ``LanguageModel.step`` in place.

A step of a small model is some hundred operations on a few numbers each, so what counts beside reading the
weights is how many there are. Here nothing is allocated or viewed twice: every buffer and every view of one
is made once, and operations write into them. The convolution is turned round: each position is added to the
sums of the next ``d_conv`` positions, its own among them, in one operation over a ring of sums; z and dt of
the newest position go through as they are. The scale of the gated norm is one number a row: with one row, it
is applied after the out-projection, with the residual.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ysnakes_core.model.language_model import Block, LanguageModel
from ysnakes_core.model.mixer import SSDMixer
from ysnakes_core.model.native.library import library
from ysnakes_core.model.native_decoding import NativeDecoding, can_decode
from ysnakes_core.model.packing import BFloat16Linear, PackedLinear
from ysnakes_core.model.state import ModelState

Product = Callable[[Tensor, Tensor], object]
"""``product(x, out)``: writes a linear map of ``x (batch, inputs)`` to ``out (batch, outputs)``."""


class Decoding:
    """A batch of texts on its way through a model, whose weights must not change meanwhile.

    ``state`` is where it begins; it is copied. ``logits``: what the last step gave.
    """

    @torch.inference_mode()
    def __init__(self, model: LanguageModel, state: ModelState) -> None:
        config, batch = model.config, state.batch_size
        self._batch, self._n_groups, self._d_inner = batch, config.n_groups, config.d_inner
        self._dt_limit = config.dt_limit
        self._position = 0
        exact = torch.promote_types(model.dtype, torch.float32)

        def buffer(*shape: int) -> Tensor:
            return torch.zeros(batch, *shape, dtype=exact, device=model.device)

        heads, head_dim, d_state = config.n_heads, config.head_dim, config.d_state
        d_inner, wide = config.d_inner, config.n_groups * config.d_state
        by_group = (batch, config.n_groups, heads // config.n_groups)
        self._hidden, self._out, self.logits = (
            buffer(config.d_model),
            buffer(config.d_model),
            buffer(model.vocab_size),
        )
        self._active, self._dt = buffer(2 * d_inner + 2 * wide), buffer(heads)
        self._z, x, b, c = self._active.split([d_inner, d_inner, wide, wide], dim=1)
        self._x = x.view(batch, heads, head_dim)
        self._b = b.view(batch, config.n_groups, 1, 1, d_state)
        self._c = c.view(batch, config.n_groups, d_state, 1)
        self._c_alone = c[0]
        self._dt_of_x = self._dt.view(batch, heads, 1)
        self._decay = buffer(heads)
        self._decay_of_state = self._decay.view(*by_group, 1, 1)
        self._added = buffer(heads, head_dim)  # dt x
        self._added_of_state = self._added.view(*by_group, head_dim, 1)
        self._y = buffer(heads, head_dim)
        self._y_flat = self._y.view(batch, d_inner)
        self._y_of_state = self._y.view(batch, config.n_groups, -1, 1)
        self._y_alone = self._y.view(-1)
        self._gated = buffer(d_inner)
        self._gated_alone = self._gated[0]
        self._look_up = _look_up_of(model.embedding, self._hidden)
        self._layers = [
            _Layer(block, self._hidden, conv, ssm, by_group)
            for block, conv, ssm in zip(model.blocks, state.conv, state.ssm, strict=True)
        ]
        self._norm = _norm_of(model.norm, self._hidden)
        self._head = product_of(model.head)

    @torch.inference_mode()
    def step(self, tokens: Tensor | Sequence[int]) -> Tensor:
        """Take in one token a row, ``(batch,)``; the scores of the next, ``(batch, vocabulary)``.

        The next step writes to the same memory.
        """
        hidden, active, dt, decay = self._hidden, self._active, self._dt, self._decay
        gated, gated_alone = self._gated, self._gated_alone
        alone = self._batch == self._n_groups == 1
        self._look_up(torch.as_tensor(tokens, device=hidden.device))
        for layer in self._layers:
            at = layer.places[self._position % len(layer.places)]
            layer.in_proj(layer.norm(), at.projected)
            layer.sums.addcmul_(at.filter, at.projected)
            torch._C._nn.silu(at.active, out=active)  # type: ignore[call-arg]
            F.softplus(at.dt, out=dt)  # type: ignore[call-arg]
            at.sum.copy_(layer.bias)
            dt.clamp_(max=self._dt_limit)
            torch.mul(dt, layer.A, out=decay)
            decay.exp_()
            torch.mul(self._x, self._dt_of_x, out=self._added)
            layer.state.mul_(self._decay_of_state)
            layer.state.addcmul_(self._added_of_state, self._b)
            if alone:
                torch.mv(layer.state_alone, self._c_alone, out=self._y_alone)
            else:
                torch.matmul(layer.state_by_group, self._c, out=self._y_of_state)
            self._y.addcmul_(self._x, layer.D)
            torch.mul(self._z, self._y_flat, out=gated)
            if alone:
                square = torch.dot(gated_alone, gated_alone).item()
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
        self._head(self._norm(), self.logits)
        return self.logits

    @torch.inference_mode()
    def state(self, rows: Sequence[int] | None = None) -> ModelState:
        """The state after what was taken in, of some rows or all: a copy."""
        index = torch.tensor(range(self._batch) if rows is None else rows, device=self._hidden.device)
        return ModelState(
            tuple(layer.conv_state(self._position)[index] for layer in self._layers),
            tuple(layer.ssm[index] for layer in self._layers),
        )


class Apart:
    """A batch of texts, each on its own way; otherwise like ``Decoding``.

    In bfloat16 a last digit is a hundredth of a number, and it may be another where a sum is added up in
    another order: a text that is so scored in a batch would soon read differently than alone. Nothing is lost
    by it, for the product with one row is quicker than a row's part of that with several.
    """

    @torch.inference_mode()
    def __init__(self, model: LanguageModel, state: ModelState) -> None:
        rows = torch.arange(state.batch_size, device=model.device)
        self._rows = [Decoding(model, state.select(row[None])) for row in rows]
        self.logits = torch.cat([row.logits for row in self._rows])

    @torch.inference_mode()
    def step(self, tokens: Tensor | Sequence[int]) -> Tensor:
        for i, row in enumerate(self._rows):
            self.logits[i] = row.step(tokens[i : i + 1])[0]
        return self.logits

    def state(self, rows: Sequence[int] | None = None) -> ModelState:
        chosen = range(len(self._rows)) if rows is None else rows
        return ModelState.stack([self._rows[i].state() for i in chosen])


AnyDecoding = Decoding | Apart | NativeDecoding


def decoding(model: LanguageModel, state: ModelState) -> AnyDecoding:
    """Go on from a state, so that each row of it comes to what it would alone; the quickest way there is."""
    native = library()
    if native is not None and can_decode(model, state.batch_size):
        return NativeDecoding(native, model, state)
    apart = state.batch_size > 1 and isinstance(model.head, BFloat16Linear)
    return Apart(model, state) if apart else Decoding(model, state)


class _Place:
    """One of a layer's ``d_conv`` places, when it holds the newest position."""

    def __init__(self, projected: Tensor, sums: Tensor, filter: Tensor, n_active: int) -> None:
        self.projected, self.sum, self.filter = projected, sums, filter
        self.active, self.dt = sums[:, :n_active], sums[:, n_active:]


class _Layer:
    """A block's weights as its step needs them, and its state."""

    def __init__(
        self, block: Block, hidden: Tensor, conv: Tensor, ssm: Tensor, by_group: tuple[int, int, int]
    ) -> None:
        mixer, exact = block.mixer, hidden.dtype
        batch, heads, head_dim, d_state = ssm.shape
        d_inner, taps = mixer.config.d_inner, mixer.config.d_conv
        self._window = slice(d_inner, d_inner + mixer.conv_channels)
        self.norm = _norm_of(block.norm, hidden)
        self.in_proj = product_of(mixer.in_proj)
        self.out_proj = product_of(mixer.out_proj)
        filters, self.bias = _filters(mixer, exact)
        self._ring = hidden.new_zeros(taps, batch, sum(mixer.in_proj_parts))
        self.sums = torch.empty_like(self._ring).copy_(self.bias)
        self.places = [
            _Place(self._ring[place], self.sums[place], filters[place], self._window.stop)
            for place in range(taps)
        ]
        for back, at in enumerate(self.places[1:]):  # the first place is next
            at.projected[:, self._window] = conv[:, back]
            self.sums.addcmul_(at.filter, at.projected)
            at.sum.copy_(self.bias)
        self.A = -torch.exp(mixer.A_log.to(exact))
        self.D = mixer.D.to(exact)[:, None].expand(heads, head_dim).contiguous()
        self.gate_weight = mixer.norm.weight.to(exact)
        self.eps = mixer.norm.eps
        self.ssm = ssm.to(exact, copy=True).contiguous()
        self.state = self.ssm.view(*by_group, head_dim, d_state)
        self.state_by_group = self.ssm.view(*by_group[:2], -1, d_state)
        self.state_alone = self.ssm.view(-1, d_state)

    def conv_state(self, position: int) -> Tensor:
        """The convolution's inputs at the last positions before ``position``, the oldest first; a copy."""
        taps = len(self.places)
        order = [(position + back) % taps for back in range(1, taps)]
        return self._ring[:, :, self._window][order].transpose(0, 1)


def _filters(mixer: SSDMixer, exact: torch.dtype) -> tuple[list[Tensor], Tensor]:
    """What the newest position adds to each place's sum, by its place, ``(d_conv, 1, width)``; and the bias.

    A position adds to the sums of its own place and those of the next, by one tap less each.
    """
    bias = mixer.conv1d.bias
    assert bias is not None
    taps = mixer.conv1d.weight[:, 0].T  # (d_conv, channels), the last on the position itself
    z, *_, heads = mixer.in_proj_parts
    rows = taps.new_zeros(len(taps), 1, z + taps.shape[1] + heads, dtype=exact)
    rows[:, 0, z : z + taps.shape[1]] = taps.flip(0)
    rows[0, 0, :z] = rows[0, 0, z + taps.shape[1] :] = 1.0
    whole_bias = torch.cat([taps.new_zeros(z), bias, mixer.dt_bias]).to(exact)
    return [rows.roll(place, 0) for place in range(len(taps))], whole_bias


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


def _look_up_of(embedding: nn.Module, out: Tensor) -> Callable[[Tensor], object]:
    """How tokens' embeddings are written to ``out (batch, d_model)``."""
    if isinstance(embedding, nn.Embedding):
        weight = embedding.weight
        return lambda tokens: torch.index_select(weight, 0, tokens, out=out)
    return lambda tokens: out.copy_(embedding(tokens))


def _norm_of(module: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """A norm of what stands in ``x (batch, channels)``, without the module's ways, which take far longer."""
    if isinstance(module, nn.LayerNorm):
        shape, weight, bias = list(module.normalized_shape), module.weight, module.bias
        return functools.partial(torch.layer_norm, x, shape, weight, bias, module.eps)
    assert isinstance(module, nn.RMSNorm)
    scale, eps, width = module.weight, module.eps, x.shape[1]
    assert eps is not None
    if x.shape[0] > 1:
        return functools.partial(torch.rms_norm, x, [width], scale, eps)
    normed, nothing, row = torch.empty_like(x), torch.zeros_like(x), x[0]

    def rms_norm() -> Tensor:
        factor = (torch.dot(row, row).item() / width + eps) ** -0.5
        return torch.addcmul(nothing, x, scale, value=factor, out=normed)

    return rms_norm

"""The block decomposition of the SSD map, forward and backward by hand (arXiv 2405.21060, section 6).

Autograd through the textbook form keeps and walks some ten tensors of the size of the masked matrix.
Here the forward keeps its inputs and one state per chunk, and the backward builds the rest again:
less memory and, on a CPU, about half the passes over it.

Shapes inside: ``b`` batch, ``c`` chunks, ``l`` positions in a chunk, ``g`` groups, ``h`` heads,
``r = h / g`` heads per group, ``p`` head_dim, ``n`` d_state. Heads of one group share B and C, so
everything but the diagonal blocks is one matrix product per chunk and group over ``r p`` columns.

The gradient of a step's log-decay is the sum of all influence that passes over it: from an earlier position
of the chunk or the state before it, to a later position or the state after it. It is summed from just those,
never as a difference from totals that include what does not pass (the usual ``<dy, y> - <x, dx>``): where
little is remembered that difference is only the rounding of its parts.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def chunked_ssd(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    chunk_size: int,
    initial_state: Tensor | None,
    documents: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The chunked form of ``ssd``; ``documents (batch, length)`` must not decrease along a row."""
    batch, length, heads, head_dim = x.shape
    d_state = B.shape[3]
    exact = torch.promote_types(x.dtype, torch.float32)
    chunks = math.ceil(length / chunk_size)
    size = math.ceil(length / chunks)  # equal chunks: the least padding
    padding = chunks * size - length
    if initial_state is None:
        initial_state = x.new_zeros(batch, heads, head_dim, d_state, dtype=exact)
    dt, A = dt.to(exact), A.to(exact)
    B, C = B.to(x.dtype), C.to(x.dtype)
    if padding:  # dt = 0 neither decays the state nor adds to it
        x = F.pad(x, (0, 0, 0, 0, 0, padding))
        dt = F.pad(dt, (0, 0, 0, padding))
        B, C = F.pad(B, (0, 0, 0, 0, 0, padding)), F.pad(C, (0, 0, 0, 0, 0, padding))
        if documents is not None:
            documents = torch.cat([documents, documents[:, -1:].expand(-1, padding)], dim=1)
    skip = x.new_zeros(heads, dtype=exact) if D is None else D.to(exact)
    with torch.autocast(x.device.type, enabled=False):
        y, state = _ChunkedSSD.apply(  # type: ignore[no-untyped-call]
            x, dt, A, B, C, skip, initial_state.to(exact), documents, size, D is not None
        )
    return y[:, :length], state


class _Decays:
    """The decay factors of every chunk, in float32 or better."""

    def __init__(self, dt: Tensor, A: Tensor, documents: Tensor | None, size: int) -> None:
        batch, length, heads = dt.shape
        chunks = length // size
        dt = dt.reshape(batch, chunks, size, heads)
        cumulative = torch.cumsum(log_decays(dt, A), dim=2)
        # dt scales column j of the matrix: as a logarithm it costs no pass of its own.
        columns = cumulative - torch.log(dt)
        last = cumulative[:, :, -1:]
        self.to_end = torch.exp(last - columns)  # (b, c, l, h): position j in the chunk's state, dt included
        self.from_start = torch.exp(cumulative)  # (b, c, l, h): the state before the chunk, at i
        self.whole = torch.exp(last[:, :, 0])  # (b, c, h): the state across the chunk
        self.rows = cumulative.transpose(2, 3).contiguous()  # (b, c, h, l)
        self.columns = columns.transpose(2, 3).contiguous()
        above = torch.ones(size, size, dtype=torch.bool, device=dt.device).triu(1)
        self.mask = torch.zeros(size, size, dtype=dt.dtype, device=dt.device).masked_fill_(above, -torch.inf)
        self.mask = self.mask.view(1, 1, 1, size, size)
        if documents is not None:
            d = documents.reshape(batch, chunks, size)
            ends = d[:, :, -1]
            before = torch.cat([d[:, :1, 0], ends[:, :-1]], dim=1)  # document of the state that comes in
            self.to_end *= (d == ends[:, :, None])[..., None]
            self.from_start *= (d == before[:, :, None])[..., None]
            self.whole *= (ends == before)[..., None]
            if bool((d[:, :, 0] != ends).any()):
                other = d[:, :, None, :, None] != d[:, :, None, None, :]
                self.mask = self.mask.masked_fill(other, -torch.inf)

    def blocks(self) -> Tensor:
        """exp(cumulative_i - cumulative_j) dt_j of the diagonal blocks, ``(b, c, h, l, l)``."""
        exponent = self.rows[..., :, None] - self.columns[..., None, :]
        exponent += self.mask
        return exponent.exp_()


class _ChunkedSSD(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        dt: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        D: Tensor,
        initial_state: Tensor,
        documents: Tensor | None,
        size: int,
        has_skip: bool,
    ) -> tuple[Tensor, Tensor]:
        batch, length, heads, head_dim = x.shape
        groups, d_state = B.shape[2], B.shape[3]
        chunks = length // size
        decays = _Decays(dt, A, documents, size)
        xc = x.reshape(batch, chunks, size, heads, head_dim)
        bc = B.reshape(batch, chunks, size, groups, d_state).transpose(2, 3)  # (b, c, g, l, n)
        cc = C.reshape(batch, chunks, size, groups, d_state).transpose(2, 3)

        # Blocks on the diagonal: quadratic, per head.
        matrix = _masked(cc @ bc.transpose(-1, -2), decays.blocks(), x.dtype)
        diagonal = matrix @ xc.transpose(2, 3)  # (b, c, h, l, p)
        del matrix

        # What each chunk adds to the state, and the states before each chunk.
        weighted = _by_group((xc * decays.to_end[..., None]).to(x.dtype), groups)
        added = (bc.transpose(-1, -2) @ weighted).to(dt.dtype)  # (b, c, g, n, r p)
        whole = _per_column(decays.whole, groups, head_dim)
        states = torch.empty_like(added)
        state = _state_in(initial_state, groups)
        for c in range(chunks):
            states[:, c] = state
            state = torch.addcmul(added[:, c], whole[:, c], state)

        # Blocks below the diagonal: through those states.
        carried = _from_group(cc @ states.to(x.dtype), heads)  # (b, c, l, h, p)
        y = torch.addcmul(diagonal.transpose(2, 3), carried, decays.from_start[..., None])
        if has_skip:
            y.addcmul_(xc, D[:, None])
        ctx.save_for_backward(x, dt, A, B, C, D, states, documents)
        ctx.size, ctx.has_skip = size, has_skip
        return y.to(x.dtype).reshape(x.shape), _state_out(state, heads)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        dy, dstate = grads
        x, dt, A, B, C, D, states, documents = ctx.saved_tensors
        size = ctx.size
        batch, length, heads, head_dim = x.shape
        groups, d_state = B.shape[2], B.shape[3]
        chunks = length // size
        decays = _Decays(dt, A, documents, size)
        shape = (batch, chunks, size, heads, head_dim)
        xc, dyc = x.reshape(shape), dy.to(x.dtype).reshape(shape)
        bc = B.reshape(batch, chunks, size, groups, d_state).transpose(2, 3)
        cc = C.reshape(batch, chunks, size, groups, d_state).transpose(2, 3)

        # Diagonal blocks.
        dyh = dyc.transpose(2, 3).contiguous()  # (b, c, h, l, p)
        influence = (dyh @ xc.permute(0, 1, 3, 4, 2)).to(dt.dtype)  # <dy_i, x_j>, (b, c, h, l, l)
        skip = influence.diagonal(dim1=-2, dim2=-1).transpose(2, 3).clone()  # <dy_t, x_t>
        blocks = decays.blocks()
        influence *= blocks
        by_group = influence.view(batch, chunks, groups, heads // groups, size, size)
        dmatrix = by_group.sum(3).to(x.dtype)  # (b, c, g, l, l)
        inner = cc @ bc.transpose(-1, -2)
        by_group *= inner[:, :, :, None]  # now what position j does to the loss through position i
        matrix = _masked(inner, blocks, x.dtype)
        del blocks
        dx = (matrix.transpose(-1, -2) @ dyh).transpose(2, 3)  # (b, c, l, h, p)
        del matrix
        itself = influence.diagonal(dim1=-2, dim2=-1).transpose(2, 3).clone()  # (b, c, l, h)
        influence.diagonal(dim1=-2, dim2=-1).zero_()
        through_later = influence.sum(-2).transpose(2, 3)
        rates = (influence.sum(-1).transpose(2, 3) - through_later).contiguous()
        del influence, by_group

        # Blocks below the diagonal: gradients of the states, from the last chunk to the first.
        dcarried = _by_group((dyc * decays.from_start[..., None]).to(x.dtype), groups)
        dlocal = (cc.transpose(-1, -2) @ dcarried).to(dt.dtype)  # (b, c, g, n, r p)
        entering = states.to(x.dtype)
        dC = dmatrix @ bc
        dC += dcarried @ entering.transpose(-1, -2)
        rates += _per_head(dcarried * (cc @ entering), heads, dt.dtype)
        del dcarried, entering
        whole = _per_column(decays.whole, groups, head_dim)
        dstates = torch.empty_like(dlocal)  # of the state after each chunk
        carry = _state_in(dstate.to(dt.dtype), groups)
        for c in range(chunks - 1, -1, -1):
            dstates[:, c] = carry
            carry = torch.addcmul(dlocal[:, c], whole[:, c], carry)
        across = (dstates * states).view(*states.shape[:-1], heads // groups, head_dim).sum((3, 5))
        across = across.view(batch, chunks, heads) * decays.whole
        leaving = dstates.to(x.dtype)
        del dstates
        weighted = _by_group((xc * decays.to_end[..., None]).to(x.dtype), groups)
        dB = dmatrix.transpose(-1, -2) @ cc
        dB += weighted @ leaving.transpose(-1, -2)
        dweighted = bc @ leaving
        dx = torch.addcmul(dx, _from_group(dweighted, heads), decays.to_end[..., None].to(x.dtype))
        through_state = _per_head(weighted * dweighted, heads, dt.dtype)
        dD = None
        if ctx.has_skip:
            dD = skip.sum((0, 1, 2))
            dx.addcmul_(dyc, D.to(x.dtype)[:, None])

        # Decays, dt and A (see the module's docstring).
        rates = rates.flip(2).cumsum(2).flip(2)
        rates += across[:, :, None]
        rates[:, :, 1:] += through_state.cumsum(2)[:, :, :-1]
        dtc = dt.reshape(batch, chunks, size, heads)
        rates *= dtc * A > log_floor(dt.dtype)
        ddt = torch.where(dtc > 0, (itself + through_later + through_state) / dtc, 0.0)
        ddt.addcmul_(rates, A)
        dA = (rates * dtc).sum((0, 1, 2))
        return (
            dx.reshape(x.shape),
            ddt.reshape(dt.shape),
            dA,
            dB.transpose(2, 3).reshape(B.shape),
            dC.transpose(2, 3).reshape(C.shape),
            dD,
            _state_out(carry, heads),
            None,
            None,
            None,
        )


def log_floor(dtype: torch.dtype) -> float:
    """Logarithm of the smallest normal number: a decay below it is nothing."""
    return math.log(torch.finfo(dtype).tiny)


def log_decays(dt: Tensor, A: Tensor) -> Tensor:
    """The logarithm dt A of every step's decay; bounded, so that sums over steps keep their precision."""
    return (dt * A).clamp_min(log_floor(dt.dtype))


def _masked(products: Tensor, blocks: Tensor, dtype: torch.dtype) -> Tensor:
    """C Bᵀ ``(b, c, g, l, l)`` times the decays ``(b, c, h, l, l)`` of the group's heads."""
    batch, chunks, groups, size, _ = products.shape
    by_group = blocks.view(batch, chunks, groups, blocks.shape[2] // groups, size, size)
    return (by_group * products[:, :, :, None]).view(blocks.shape).to(dtype)


def _by_group(t: Tensor, groups: int) -> Tensor:
    """(b, c, l, h, p) -> (b, c, g, l, r p)."""
    batch, chunks, size, heads, head_dim = t.shape
    return t.reshape(batch, chunks, size, groups, heads // groups * head_dim).transpose(2, 3)


def _from_group(t: Tensor, heads: int) -> Tensor:
    """(b, c, g, l, r p) -> (b, c, l, h, p)."""
    batch, chunks, groups, size, columns = t.shape
    return t.transpose(2, 3).reshape(batch, chunks, size, heads, groups * columns // heads)


def _per_head(t: Tensor, heads: int, dtype: torch.dtype) -> Tensor:
    """(b, c, g, l, r p) -> (b, c, l, h): sums over a head's channels."""
    return _from_group(t, heads).sum(-1, dtype=dtype)


def _per_column(t: Tensor, groups: int, head_dim: int) -> Tensor:
    """(b, c, h) -> (b, c, g, 1, r p): one factor per column of a group's state."""
    batch, chunks, heads = t.shape
    wide = t[..., None].expand(batch, chunks, heads, head_dim)
    return wide.reshape(batch, chunks, groups, 1, heads // groups * head_dim)


def _state_in(state: Tensor, groups: int) -> Tensor:
    """(batch, heads, head_dim, d_state) -> (batch, groups, d_state, r head_dim)."""
    batch, heads, head_dim, d_state = state.shape
    return state.reshape(batch, groups, heads // groups * head_dim, d_state).transpose(-1, -2)


def _state_out(state: Tensor, heads: int) -> Tensor:
    """(batch, groups, d_state, r head_dim) -> (batch, heads, head_dim, d_state)."""
    batch, groups, d_state, columns = state.shape
    return state.transpose(-1, -2).reshape(batch, heads, groups * columns // heads, d_state)

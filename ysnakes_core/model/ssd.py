"""State space duality: one sequence map in three forms (Dao & Gu 2024, arXiv 2405.21060).

With ``a_t = exp(dt_t A)`` per head, the map is the linear recurrence

    S_t = a_t S_{t-1} + dt_t x_t B_tᵀ        y_t = S_t C_t + D x_t          (eq. 1, SSD case)

which equals multiplication by the lower triangular, 1-semiseparable-masked matrix

    M_ij = (C_iᵀ B_j) · exp(sum_{j<k<=i} dt_k A) · dt_j,   j <= i           (eq. 16)

* ``recurrent`` runs the first line, one position at a time: constant cost per token.
* ``quadratic`` builds M: best for short sequences.
* ``chunked`` splits M into blocks (section 6): diagonal blocks are quadratic, the blocks below the
  diagonal have rank ``d_state`` and go through one state per chunk: linear in the length.

Decays are always exponentials of differences of cumulative sums, never ratios of exponentials.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from ysnakes_core.model.chunked_ssd import chunked_ssd, log_decays

Mode = Literal["auto", "quadratic", "chunked", "recurrent"]

# Longest sequences for which each form was the quickest on two CPU cores (tests/benchmarks/train_speed.py).
MOST_RECURRENT = 3  # without gradients only: autograd would keep every step
MOST_QUADRATIC = 32
MOST_QUADRATIC_WITH_GRADIENTS = 16  # up to 64 it is some 20 % quicker, but autograd keeps the matrices


def ssd(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    *,
    D: Tensor | None = None,
    chunk_size: int = 64,
    initial_state: Tensor | None = None,
    document_ids: Tensor | None = None,
    mode: Mode = "auto",
) -> tuple[Tensor, Tensor]:
    """Apply the state-space map to a batch of sequences of any length.

    Args:
        x: input, ``(batch, length, heads, head_dim)``.
        dt: time steps, positive, ``(batch, length, heads)``; one that underflowed to 0 is a step that does
            nothing.
        A: decay rates, negative, ``(heads,)``.
        B, C: input and output maps, ``(batch, length, groups, d_state)``; ``groups`` divides ``heads``.
        D: skip weights ``(heads,)`` or None.
        chunk_size: positions per diagonal block in the chunked form.
        initial_state: ``(batch, heads, head_dim, d_state)``, the state before the first position; it
            belongs to the document of the first position.
        document_ids: integers ``(batch, length)``; a change of value starts a document, which sees
            nothing of what came before it. None: each row is one document.
        mode: one of auto, quadratic, chunked, recurrent; all compute the same map.

    Returns:
        ``y`` of the shape and dtype of ``x``, and the state after the last position
        ``(batch, heads, head_dim, d_state)`` in float32 or better.

    Raises:
        ValueError: shapes that do not fit, an empty sequence, or an unknown mode.
    """
    _check(x, dt, A, B, C, D, initial_state, document_ids)
    if mode not in get_args(Mode):
        raise ValueError(f"mode must be auto, quadratic, chunked or recurrent, not {mode!r}")
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be 1 or more, not {chunk_size}")
    if mode == "auto":
        grad = torch.is_grad_enabled() and any(
            t is not None and t.requires_grad for t in (x, dt, A, B, C, D, initial_state)
        )
        mode = _quickest(x.shape[1], gradients=grad)
    starts = None if document_ids is None else document_numbers(document_ids)
    if mode == "chunked":
        return chunked_ssd(x, dt, A, B, C, D, chunk_size, initial_state, starts)
    state_dtype = torch.promote_types(x.dtype, torch.float32)
    if initial_state is None:
        batch, _, heads, head_dim = x.shape
        initial_state = x.new_zeros(batch, heads, head_dim, B.shape[3], dtype=state_dtype)
    form = _recurrent if mode == "recurrent" else _quadratic
    u, dt, A, B, C = (t.to(state_dtype) for t in (x, dt, A, B, C))
    with torch.autocast(x.device.type, enabled=False):
        y, state = form(u, dt, A, B, C, initial_state.to(state_dtype), starts)
    if D is not None:
        y = y + u * D.to(state_dtype)[:, None]
    return y.to(x.dtype), state


def _quickest(length: int, *, gradients: bool) -> Mode:
    if length <= MOST_RECURRENT and not gradients:
        return "recurrent"
    return (
        "quadratic"
        if length <= (MOST_QUADRATIC_WITH_GRADIENTS if gradients else MOST_QUADRATIC)
        else "chunked"
    )


def ssd_step(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, *, D: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """One position of the recurrence (eq. 1): the cost does not depend on what came before.

    Args:
        x: ``(batch, heads, head_dim)``. dt: ``(batch, heads)``. A: ``(heads,)``.
        B, C: ``(batch, groups, d_state)``. state: ``(batch, heads, head_dim, d_state)``.

    Returns:
        ``y (batch, heads, head_dim)`` in the type of ``x``, and the next state in its own.
    """
    repeat = x.shape[1] // B.shape[1]
    b = B.repeat_interleave(repeat, dim=1) if B.shape[1] != 1 else B
    c = C.repeat_interleave(repeat, dim=1) if C.shape[1] != 1 else C
    decay = torch.exp(dt * A)
    state = state * decay[..., None, None] + (x * dt[..., None])[..., None] * b[:, :, None, :]
    y = (state * c[:, :, None, :]).sum(-1)
    return (y if D is None else y + x * D[:, None]).to(x.dtype), state


def _recurrent(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, documents: Tensor | None
) -> tuple[Tensor, Tensor]:
    outputs = []
    for t in range(x.shape[1]):
        if documents is not None and t > 0:
            same = documents[:, t] == documents[:, t - 1]
            state = torch.where(same[:, None, None, None], state, torch.zeros_like(state))
        y, state = ssd_step(x[:, t], dt[:, t], A, B[:, t], C[:, t], state)
        outputs.append(y)
    return torch.stack(outputs, dim=1), state


def _quadratic(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, documents: Tensor | None
) -> tuple[Tensor, Tensor]:
    length, heads = x.shape[1], x.shape[2]
    repeat = heads // B.shape[2]
    b = B.repeat_interleave(repeat, dim=2)
    c = C.repeat_interleave(repeat, dim=2)
    cumulative = torch.cumsum(log_decays(dt, A), dim=1).transpose(1, 2)  # (batch, heads, length)
    allowed = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
    carried = torch.ones(1, length, dtype=torch.bool, device=x.device)
    kept = carried
    if documents is not None:
        allowed = allowed & (documents[:, None, :, None] == documents[:, None, None, :])
        carried = documents == documents[:, :1]  # sees the initial state
        kept = documents == documents[:, -1:]  # is part of the final state
    exponent = cumulative[..., :, None] - cumulative[..., None, :]
    decay = torch.exp(exponent.masked_fill(~allowed, -torch.inf))
    u = x * dt[..., None]
    matrix = torch.einsum("bihn,bjhn->bhij", c, b) * decay
    y = torch.einsum("bhij,bjhp->bihp", matrix, u)
    from_start = torch.exp(cumulative).masked_fill(~carried[:, None], 0.0)
    y = y + torch.einsum("bhi,bihn,bhpn->bihp", from_start, c, state)
    to_end = torch.exp(cumulative[..., -1:] - cumulative).masked_fill(~kept[:, None], 0.0)
    final = torch.einsum("bhj,bjhp,bjhn->bhpn", to_end, u, b) + from_start[..., -1, None, None] * state
    return y, final


def document_numbers(document_ids: Tensor) -> Tensor:
    """Number the runs of equal ids along each row, so that a value that comes back is a new document."""
    changes = document_ids[:, 1:] != document_ids[:, :-1]
    return torch.nn.functional.pad(changes.to(torch.int32), (1, 0)).cumsum(dim=1, dtype=torch.int32)


def _check(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    initial_state: Tensor | None,
    document_ids: Tensor | None,
) -> None:
    if x.dim() != 4:
        raise ValueError(f"x must be (batch, length, heads, head_dim), not of shape {tuple(x.shape)}")
    batch, length, heads, head_dim = x.shape
    if length < 1:
        raise ValueError("the sequence is empty: its length must be 1 or more")
    fits = B.dim() == 4 and B.shape[:2] == x.shape[:2] and C.shape == B.shape
    if not fits or B.shape[2] < 1 or heads % B.shape[2]:
        raise ValueError(
            "B and C must be (batch, length, groups, d_state) with groups dividing "
            f"{heads} heads, not {tuple(B.shape)} and {tuple(C.shape)}"
        )
    expected = {
        "dt": (dt, (batch, length, heads)),
        "A": (A, (heads,)),
        "D": (D, (heads,)),
        "initial_state": (initial_state, (batch, heads, head_dim, B.shape[3])),
        "document_ids": (document_ids, (batch, length)),
    }
    for name, (tensor, shape) in expected.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must be of shape {shape}, not {tuple(tensor.shape)}")

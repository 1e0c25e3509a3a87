"""The parts of the model that are differentiated by hand, each against its plain form."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ysnakes_core.configuration import ModelConfig
from ysnakes_core.model.convolution import causal_conv_silu, conv_window
from ysnakes_core.model.gated_norm import gated_rms_norm
from ysnakes_core.model.head_loss import block_rows, dense_loss, head_loss
from ysnakes_core.model.initialization import (
    A_MAX,
    A_MIN,
    STATE_GAIN,
    initial_a_log,
    initial_dt_bias,
    scaled_normal_,
)
from ysnakes_core.model.mixer import SSDMixer
from ysnakes_core.model.state import ModelState


class Watcher(TorchDispatchMode):
    """Records the largest result of any operation, and how often each one ran."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0
        self.counts: dict[str, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        self.counts[name] = self.counts.get(name, 0) + 1
        for value in result if isinstance(result, tuple | list) else (result,):
            if isinstance(value, Tensor):
                self.largest = max(self.largest, value.numel())
        return result


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_same_with_gradients(got, wanted, leaves: list[Tensor]) -> None:
    """Two functions of ``leaves``: equal, and with equal gradients of a random mixture."""
    results = []
    for function in (got, wanted):
        own = [t.detach().clone().requires_grad_() for t in leaves]
        value = function(*own)
        mixture = (value * normal(99, *value.shape, 1).squeeze(-1)).sum()
        results.append((value, *torch.autograd.grad(mixture, own)))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


# The convolution.


def plain_convolution(x: Tensor, weight: Tensor, bias: Tensor, before: Tensor, ids: Tensor | None) -> Tensor:
    """Position by position, tap by tap."""
    batch, length, _ = x.shape
    taps = weight.shape[1]
    padded = torch.cat([before, x], dim=1)
    rows = []
    for b in range(batch):
        owners = [0] * padded.shape[1] if ids is None else [ids[b, 0]] * (taps - 1) + list(ids[b])
        for t in range(length):
            value = bias
            for k in range(taps):
                if owners[t + k] == owners[t + taps - 1]:
                    value = value + weight[:, k] * padded[b, t + k]
            rows.append(value)
    value = torch.stack(rows).view(batch, length, -1)
    return value / (1 + torch.exp(-value))


@given(
    seed=st.integers(0, 1000),
    batch=st.integers(1, 3),
    length=st.integers(1, 12),
    channels=st.integers(1, 5),
    taps=st.integers(1, 5),
    cut=st.sampled_from([0.0, 0.2, 0.7, 1.0]),
)
@settings(max_examples=40)
def test_convolution_is_the_plain_one_within_each_document(seed, batch, length, channels, taps, cut):
    g = torch.Generator().manual_seed(seed)
    ids = (torch.rand(batch, length, generator=g) < cut).int().cumsum(1) if cut else None
    leaves = [
        normal(seed, batch, length, channels),
        normal(seed + 1, channels, taps),
        normal(seed + 2, channels),
        normal(seed + 3, batch, taps - 1, channels),
    ]
    assert_same_with_gradients(
        lambda *t: causal_conv_silu(*t, documents=ids), lambda *t: plain_convolution(*t, ids), leaves
    )


@given(
    seed=st.integers(0, 1000),
    length=st.integers(2, 12),
    taps=st.integers(1, 5),
    cut=st.sampled_from([0.0, 0.3, 0.8]),
    data=st.data(),
)
@settings(max_examples=40)
def test_convolution_carries_its_window_over_any_split(seed, length, taps, cut, data):
    """Where a document ends just before the split, its last inputs must not reach what follows."""
    place = data.draw(st.integers(1, length - 1))
    g = torch.Generator().manual_seed(seed)
    ids = (torch.rand(2, length, generator=g) < cut).int().cumsum(1)
    ids[:, place:] = ids[:, place - 1 : place] + (ids[:, place:] - ids[:, place : place + 1])
    x, weight, bias = normal(seed, 2, length, 3), normal(seed + 1, 3, taps), normal(seed + 2, 3)
    before = normal(seed + 3, 2, taps - 1, 3)
    whole = causal_conv_silu(x, weight, bias, before, ids)
    first = causal_conv_silu(x[:, :place], weight, bias, before, ids[:, :place])
    window = conv_window(x[:, :place], before, ids[:, :place])
    assert window.shape == before.shape
    second = causal_conv_silu(x[:, place:], weight, bias, window, ids[:, place:])
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-12, atol=1e-12)


# The gated norm.


def plain_gated_norm(y: Tensor, z: Tensor, weight: Tensor, eps: float, groups: int) -> Tensor:
    gated = y * z / (1 + torch.exp(-z))
    parts = [part / (part.square().mean(-1, keepdim=True) + eps).sqrt() for part in gated.chunk(groups, -1)]
    return torch.cat(parts, -1) * weight


@pytest.mark.parametrize("shape", [(2, 5, 12), (3, 12)])
@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_gated_norm_is_the_plain_one(shape, groups, eps):
    leaves = [normal(1, *shape), normal(2, *shape), normal(3, 12)]
    assert_same_with_gradients(
        lambda y, z, w: gated_rms_norm(y, z, w, eps, groups),
        lambda y, z, w: plain_gated_norm(y, z, w, eps, groups),
        leaves,
    )


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e15])
def test_gated_norm_of_tiny_and_huge_values_is_finite(scale):
    y = (normal(1, 4, 16) * scale).float().requires_grad_()
    z = normal(2, 4, 16).float().requires_grad_()
    weight = torch.ones(16, requires_grad=True)
    out = gated_rms_norm(y, z, weight, 1e-5)
    out.square().sum().backward()
    for t in (out, y.grad, z.grad, weight.grad):
        assert torch.isfinite(t).all()


def test_gated_norm_works_in_float32_on_bfloat16_values():
    y, z = normal(1, 64, 256).bfloat16(), normal(2, 64, 256).bfloat16()
    weight = normal(3, 256).float()
    out = gated_rms_norm(y, z, weight, 1e-5)
    assert out.dtype == torch.bfloat16
    exact = plain_gated_norm(y.double(), z.double(), weight.double(), 1e-5, 1)
    torch.testing.assert_close(out.double(), exact, rtol=2**-8, atol=1e-6)  # the last rounding only


# The loss through the head.


@pytest.mark.parametrize("positions", [1, 16, 61])
@pytest.mark.parametrize("ignored", [0.0, 0.3, 1.0])
def test_head_loss_is_cross_entropy_of_whole_logits(monkeypatch, positions, ignored):
    monkeypatch.setattr("ysnakes_core.model.head_loss.BLOCK_ELEMENTS", 37 * 20)
    assert block_rows(37) == 20
    targets = torch.randint(0, 37, (positions,), generator=torch.Generator().manual_seed(1))
    targets[: int(positions * ignored)] = -100
    leaves = [normal(1, positions, 8), normal(2, 37, 8) * 3]
    assert_same_with_gradients(
        lambda h, w: head_loss(h, w, targets),
        lambda h, w: F.cross_entropy(h @ w.T, targets, ignore_index=-100, reduction="sum"),
        leaves,
    )
    hidden, weight = leaves
    torch.testing.assert_close(dense_loss(hidden @ weight.T, targets), head_loss(hidden, weight, targets))


def test_head_loss_of_huge_logits_is_finite():
    hidden, weight = (normal(1, 40, 8) * 1e4).float().requires_grad_(), (normal(2, 50, 8) * 1e3).float()
    loss = head_loss(hidden, weight, torch.arange(40))
    loss.backward()
    wanted = F.cross_entropy(hidden.double() @ weight.double().T, torch.arange(40), reduction="sum")
    torch.testing.assert_close(loss.double(), wanted, rtol=1e-5, atol=0)
    assert torch.isfinite(hidden.grad).all()


def test_head_loss_shows_what_is_not_a_number():
    """A broken model must not look like a good one."""
    hidden, weight = normal(1, 4, 8), normal(2, 10, 8)
    hidden[2, 3] = math.nan
    assert math.isnan(float(head_loss(hidden, weight, torch.arange(4))))


def test_head_loss_never_holds_all_logits():
    positions, vocab = 4096, 4096
    hidden = torch.zeros(positions, 4, requires_grad=True)
    weight = torch.zeros(vocab, 4, requires_grad=True)
    with Watcher() as watcher:
        head_loss(hidden, weight, torch.zeros(positions, dtype=torch.int64)).backward()
    assert watcher.largest <= block_rows(vocab) * vocab
    assert watcher.largest * 8 <= positions * vocab


def test_head_loss_without_gradients_makes_none():
    """Validation is a third of the work: one product instead of three."""
    hidden, weight = torch.zeros(8, 4), torch.zeros(32, 4, requires_grad=True)
    targets = torch.zeros(8, dtype=torch.int64)
    with Watcher() as trained:
        head_loss(hidden, weight, targets)
    with torch.no_grad(), Watcher() as validated:
        head_loss(hidden, weight, targets)

    def products(watcher: Watcher) -> int:
        return sum(watcher.counts.get(name, 0) for name in ("mm", "addmm", "addmm_"))

    assert products(trained) == 3
    assert products(validated) == 1


@pytest.mark.parametrize("frozen", ["hidden", "weight"])
def test_head_loss_with_one_side_frozen(frozen):
    hidden, weight = normal(1, 9, 8), normal(2, 20, 8)
    leaf = weight if frozen == "hidden" else hidden
    leaf.requires_grad_()
    head_loss(hidden, weight, torch.arange(9)).backward()
    (wanted,) = torch.autograd.grad(
        F.cross_entropy(hidden @ weight.T, torch.arange(9), reduction="sum"), leaf
    )
    torch.testing.assert_close(leaf.grad, wanted)


# Initial weights and the state.


@pytest.mark.parametrize("n_heads", [1, 2, 8, 40])
def test_initial_decays_are_spread_from_1_to_16(n_heads):
    a = torch.exp(initial_a_log(n_heads))
    assert a.shape == (n_heads,)
    assert float(a[0]) == pytest.approx(A_MIN)
    assert n_heads == 1 or float(a[-1]) == pytest.approx(A_MAX)
    assert (a.diff() > 0).all()


def test_initial_steps_are_log_uniform_in_their_range():
    torch.manual_seed(0)
    dt = F.softplus(initial_dt_bias(20_000, 1e-3, 1e-1))
    assert 1e-3 * 0.999 <= float(dt.min()) < 1.01e-3
    assert 0.99e-1 < float(dt.max()) <= 1e-1 * 1.001
    below = float((dt < 1e-2).float().mean())
    assert below == pytest.approx(0.5, abs=0.02)  # the middle of the range by its logarithm


def test_projections_keep_variance_over_residual_additions():
    torch.manual_seed(0)
    weight = torch.empty(300, 400)
    scaled_normal_(weight, n_residuals=9)
    assert float(weight.std()) == pytest.approx(1 / math.sqrt(400 * 9), rel=0.02)


def test_the_maps_of_the_state_start_larger_than_the_other_projections():
    torch.manual_seed(0)
    config = ModelConfig(d_model=128, n_layers=1)
    mixer = SSDMixer(config)
    z, x, B, C, dt = mixer.in_proj.weight.detach().split(mixer.in_proj_parts)
    for part in (z, x, dt):
        assert float(part.std()) == pytest.approx(1 / math.sqrt(128), rel=0.1)
    for part in (B, C):
        assert float(part.std()) == pytest.approx(STATE_GAIN / math.sqrt(128), rel=0.1)


def test_states_are_chosen_repeated_and_stacked_as_copies():
    state = ModelState(
        conv=(normal(1, 3, 2, 4), normal(2, 3, 2, 4)), ssm=(normal(3, 3, 2, 5, 6), normal(4, 3, 2, 5, 6))
    )
    chosen = state.select(torch.tensor([2, 0, 2, 2]))
    assert chosen.batch_size == 4
    assert torch.equal(chosen.ssm[1][3], state.ssm[1][2])
    chosen.ssm[0].zero_()
    assert state.ssm[0].all()
    pair = ModelState.stack([state, chosen])
    assert pair.batch_size == 7
    assert torch.equal(pair.conv[0][3:], chosen.conv[0])
    assert torch.equal(pair.ssm[1][:3], state.ssm[1])

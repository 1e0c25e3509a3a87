"""A token at a time, in place and in any precision, comes to what the whole text does."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from decoding_ways import WAYS, compiled_library, decode_by

from ysnakes_core.configuration import ModelConfig
from ysnakes_core.errors import UsageError
from ysnakes_core.model import packing
from ysnakes_core.model.decoding import decoding
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.packing import FoldedLinear, Int8Linear, NativeInt8Linear, has_int8_kernels, pack
from ysnakes_core.model.precision import PRECISIONS
from ysnakes_core.model.state import ModelState

VOCAB = 300
SHAPE = ModelConfig(d_model=32, n_layers=2, d_state=8, head_dim=16, chunk_size=8)
OTHER = replace(SHAPE, n_groups=2, norm="rmsnorm", tie_embeddings=False, d_conv=3)
SINGLE_TAP = replace(SHAPE, d_conv=1)
SHAPES = {"usual": SHAPE, "groups, rmsnorm, untied": OTHER, "no window": SINGLE_TAP}

# Scores are some units apart; bfloat16 keeps three digits of each product, int8's products are exact sums.
CLOSE = {"float64": 1e-12, "float32": 1e-5, "bfloat16": 0.1, "int8": 1e-4}


@pytest.fixture(params=WAYS, autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    decode_by(request.param, monkeypatch)
    return request.param


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def model_in(precision: str, shape: ModelConfig = SHAPE) -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(shape, VOCAB).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:  # norms and biases are all the same at first
                parameter.add_(torch.rand_like(parameter) * 0.3)
    return model.double() if precision == "float64" else pack(model, precision)  # type: ignore[arg-type]


def tokens(*shape: int) -> torch.Tensor:
    return torch.randint(0, VOCAB, shape, generator=torch.Generator().manual_seed(1))


def everything(state: ModelState) -> tuple[torch.Tensor, ...]:
    return (*state.conv, *state.ssm)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("precision", CLOSE)
def test_every_position_is_scored_as_by_the_full_forward_pass(precision, batch, shape):
    model, ids = model_in(precision, SHAPES[shape]), tokens(batch, 40)
    with torch.inference_mode():
        whole, end = model(ids)
        _, begin = model(ids[:, :7])
        going_on = decoding(model, begin)
        for at in range(7, 40):
            torch.testing.assert_close(
                going_on.step(ids[:, at]), whole[:, at], atol=CLOSE[precision], rtol=0, check_dtype=False
            )
        for mine, its in zip(everything(going_on.state()), everything(end), strict=True):
            torch.testing.assert_close(mine, its, atol=CLOSE[precision], rtol=0, check_dtype=False)


@pytest.mark.parametrize("precision", CLOSE)
def test_a_row_of_a_batch_is_scored_as_alone(precision):
    model, ids = model_in(precision), tokens(4, 30)
    with torch.inference_mode():
        together = decoding(model, model.initial_state(4))
        alone = [decoding(model, model.initial_state(1)) for _ in range(4)]
        for at in range(30):
            rows = together.step(ids[:, at])
            for i, one in enumerate(alone):
                # Also in bfloat16: a last digit that differs would be a different text soon.
                close = min(CLOSE[precision], 1e-4)
                torch.testing.assert_close(rows[i : i + 1], one.step(ids[i : i + 1, at]), atol=close, rtol=0)


@pytest.mark.parametrize("taken", [1, 2, 3, 4, 9])
def test_a_state_that_was_taken_out_can_be_gone_on_from(taken):
    model, ids = model_in("float64"), tokens(2, 20)
    with torch.inference_mode():
        one = decoding(model, model.initial_state(2))
        for at in range(taken):
            one.step(ids[:, at])
        other = decoding(model, one.state([1, 0]))
        for at in range(taken, 20):
            torch.testing.assert_close(
                one.step(ids[:, at]), other.step(ids[:, at].flip(0)).flip(0), atol=1e-12, rtol=0
            )


def test_what_it_began_with_is_not_written_to():
    model = model_in("float32")
    with torch.inference_mode():
        _, begin = model(tokens(1, 9))
        before = [t.clone() for t in everything(begin)]
        going_on = decoding(model, begin)
        kept = going_on.state()
        for _ in range(5):
            going_on.step(torch.tensor([3]))
        assert all(torch.equal(a, b) for a, b in zip(before, everything(begin), strict=True))
        assert all(torch.equal(a, b) for a, b in zip(before, everything(kept), strict=True))


# --- fewer bytes ---


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_packing_keeps_the_number_of_parameters(precision, shape):
    assert (
        model_in(precision, SHAPES[shape]).n_parameters() == model_in("float64", SHAPES[shape]).n_parameters()
    )


def test_a_precision_there_is_not_is_refused():
    with pytest.raises(UsageError, match="int4"):
        pack(LanguageModel(SHAPE, VOCAB), "int4")  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [1, 2, 40])
@pytest.mark.parametrize("kind", [NativeInt8Linear, Int8Linear, FoldedLinear])
def test_int8_is_as_close_as_rounding_lets_it_be(kind, rows):
    if kind is NativeInt8Linear:
        kind = functools.partial(NativeInt8Linear, library=compiled_library())
    elif kind is Int8Linear and not has_int8_kernels():
        pytest.skip("torch has no int8 kernels for this processor")
    generator = torch.Generator().manual_seed(2)
    weight = torch.randn(50, 70, generator=generator) * torch.logspace(-3, 3, 50)[:, None]
    x = torch.randn(rows, 70, generator=generator) * torch.logspace(-2, 2, rows)[:, None]
    x[0, 0] = 0.0
    exact = x.double() @ weight.double().T
    found = kind(weight)(x).double()
    # Two roundings, each by up to half a step of 127 (63 of the numbers, without VNNI).
    size = x.double().norm(dim=1)[:, None] * weight.double().norm(dim=1)
    assert ((found - exact).abs() / size).max() < 0.02


def test_int8_of_zeros_is_zero():
    assert torch.equal(
        pack(LanguageModel(SHAPE, VOCAB), "int8").head(torch.zeros(2, 32)), torch.zeros(2, VOCAB)
    )


def test_where_torch_has_no_int8_kernels_the_weights_are_unfolded(monkeypatch):
    monkeypatch.setattr(packing, "has_int8_kernels", lambda: False)
    decode_by("torch", monkeypatch)
    ids = tokens(1, 20)
    model, exact = model_in("int8", OTHER), model_in("float32", OTHER)
    assert isinstance(model.head, FoldedLinear)
    with torch.inference_mode():
        whole, _ = exact(ids)
        going_on = decoding(model, model.initial_state(1))
        for at in range(20):
            assert (going_on.step(ids[:, at]) - whole[:, at]).norm() < 0.05 * whole[:, at].norm()


@pytest.mark.parametrize(("precision", "bound"), [("bfloat16", 0.01), ("int8", 0.02)])
def test_fewer_bytes_hardly_cost_anything_on_text_that_was_learned(precision, bound):
    """Bits per token of a model that has learned a sequence, where a wrong score would be dear."""
    torch.manual_seed(3)
    model = LanguageModel(replace(SHAPE, d_model=64), 50)
    walk = torch.cumsum(torch.randint(1, 4, (8, 65), generator=torch.Generator().manual_seed(4)), 1) % 50
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(walk[:, :-1], walk[:, 1:]).backward()
        optimizer.step()
    model.eval().requires_grad_(False)

    def bits() -> float:
        with torch.inference_mode():
            logits, _ = model(walk[:, :-1])
        nats = torch.nn.functional.cross_entropy(logits.flatten(0, 1), walk[:, 1:].flatten())
        return float(nats) / 0.6931

    exact = bits()
    pack(model, precision)  # type: ignore[arg-type]
    assert exact < 2.0  # of log2(50) = 5.6
    assert abs(bits() - exact) < bound

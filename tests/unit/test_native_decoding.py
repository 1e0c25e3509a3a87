"""The compiled step: exactly the same for any number of rows and threads, and safe with what it is given."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from decoding_ways import compiled_library
from hypothesis import given, settings
from hypothesis import strategies as st

from ysnakes_core.configuration import ModelConfig
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.native.library import Library, load
from ysnakes_core.model.native.product import multiply_int8
from ysnakes_core.model.native_decoding import NativeDecoding, can_decode
from ysnakes_core.model.packing import NativeInt8Linear, fold, pack
from ysnakes_core.model.precision import PRECISIONS, Precision
from ysnakes_core.model.state import ModelState

VOCAB = 301
SHAPE = ModelConfig(d_model=36, n_layers=3, d_state=20, head_dim=12, chunk_size=8)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["best", "avx2"])
def library(request: pytest.FixtureRequest) -> Library:
    """What this processor would use, and what a lesser one would."""
    best = compiled_library()
    if request.param == "best":
        return best
    if not best.level.startswith("avx") or best.level == request.param:
        pytest.skip("there is no lesser one")
    return load(request.param)


def model_in(precision: Precision, shape: ModelConfig = SHAPE) -> LanguageModel:
    compiled_library()  # or int8 would be held otherwise
    torch.manual_seed(0)
    model = LanguageModel(shape, VOCAB).eval().requires_grad_(False)
    for parameter in model.parameters():
        if parameter.dim() == 1:  # norms and biases are all the same at first
            parameter.add_(torch.rand_like(parameter) * 0.3)
    return pack(model, precision)


def tokens(*shape: int) -> torch.Tensor:
    return torch.randint(0, VOCAB, shape, generator=torch.Generator().manual_seed(1))


def scores(library: Library, model: LanguageModel, ids: torch.Tensor) -> torch.Tensor:
    """Of each position of each row, ``(rows, length, vocabulary)``."""
    going_on = NativeDecoding(library, model, model.initial_state(len(ids)))
    return torch.stack([going_on.step(column).clone() for column in ids.T], 1)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_row_is_exactly_the_same_in_any_batch(library, precision):
    model, ids = model_in(precision), tokens(9, 12)
    alone = torch.cat([scores(library, model, row[None]) for row in ids])
    for batch in range(2, 10):
        assert torch.equal(scores(library, model, ids[:batch]), alone[:batch])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_any_number_of_threads_gives_exactly_the_same(library, precision):
    model, ids = model_in(precision, replace(SHAPE, d_model=96, n_layers=8)), tokens(2, 60)
    found = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        found.append(scores(library, model, ids))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_the_number_of_threads_may_change_from_step_to_step(library):
    model, ids = model_in("float32"), tokens(1, 90)
    torch.set_num_threads(1)
    expected = scores(library, model, ids)
    torch.set_num_threads(3)
    going_on = NativeDecoding(library, model, model.initial_state(1))
    for at in range(90):
        torch.set_num_threads(1 + at % 4)  # at times more than there were at first
        assert torch.equal(going_on.step(ids[:, at]), expected[:, at])


@settings(max_examples=40)
@given(
    st.integers(1, 3).flatmap(lambda groups: st.tuples(st.just(groups), st.integers(1, 3))),
    st.integers(1, 40),
    st.sampled_from([4, 8, 12, 16, 24]),
    st.integers(1, 6),
    st.booleans(),
    st.sampled_from(["layernorm", "rmsnorm"]),
    st.sampled_from(list(PRECISIONS)),
)
def test_any_shape_is_scored_as_by_the_full_forward_pass(
    groups, d_state, head_dim, d_conv, tied, norm, precision
):
    n_groups, of_each = groups
    shape = ModelConfig(
        d_model=head_dim * n_groups * of_each,
        expand=1,
        n_layers=2,
        d_state=d_state,
        head_dim=head_dim,
        n_groups=n_groups,
        d_conv=d_conv,
        norm=norm,
        tie_embeddings=tied,
    )
    model, ids = model_in(precision, shape), tokens(2, 9)
    # A step rounds bfloat16's weights only, a prompt also what they are multiplied with.
    exact = unpacked(model, shape) if precision == "bfloat16" else model
    with torch.inference_mode():
        whole, end = exact(ids)
        _, begin = exact(ids[:, :3])
    going_on = NativeDecoding(compiled_library(), model, begin)
    # int8: a number in the middle between two whole steps may be rounded to either.
    close = 0.1 if precision == "int8" else 3e-5
    for at in range(3, 9):
        torch.testing.assert_close(going_on.step(ids[:, at]), whole[:, at], atol=close, rtol=close)
    for mine, its in zip((*going_on.state().conv, *going_on.state().ssm), (*end.conv, *end.ssm), strict=True):
        torch.testing.assert_close(mine, its, atol=close, rtol=close)


def unpacked(model: LanguageModel, shape: ModelConfig) -> LanguageModel:
    """The same weights in float32."""
    found = LanguageModel(shape, VOCAB).eval().requires_grad_(False)
    weights = {name.replace("packed", "weight"): value.float() for name, value in model.state_dict().items()}
    found.load_state_dict(weights)
    return found


def test_a_long_text_does_not_drift(library):
    model, ids = model_in("float32"), tokens(1, 3000)
    exact = model_in("float32").double()
    with torch.inference_mode():
        whole, _ = exact(ids)
    assert (scores(library, model, ids) - whole).abs().max() < 1e-4


def test_several_texts_are_decoded_at_once(library):
    """As many as there are threads that want one, all with the same helpers."""
    torch.set_num_threads(3)
    model, ids = model_in("int8"), tokens(4, 50)
    expected = [scores(library, model, row[None]) for row in ids]
    found: list[torch.Tensor] = [torch.empty(0)] * 4

    def decode(i: int) -> None:
        found[i] = scores(library, model, ids[i][None])

    workers = [threading.Thread(target=decode, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("where", ["in_proj", "norm"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_reach_the_scores(library, precision, where, value):
    """Weights that are damaged are told by that."""
    model = model_in("float32")
    mixer = model.blocks[1].mixer
    (mixer.in_proj.weight if where == "in_proj" else mixer.norm.weight).view(-1)[5] = value
    assert not scores(library, pack(model, precision), tokens(1, 2)).isfinite().all()


def test_a_token_that_the_model_does_not_have_is_refused(library):
    model = model_in("float32")
    going_on = NativeDecoding(library, model, model.initial_state(2))
    for wrong in (-1, VOCAB, 2**40):
        with pytest.raises(IndexError):
            going_on.step(torch.tensor([3, wrong]))
    with pytest.raises(ValueError, match="rows"):
        going_on.step(torch.tensor([3]))
    # Nothing was taken in by that.
    assert torch.equal(
        going_on.step(torch.tensor([3, 4])), scores(library, model, torch.tensor([[3], [4]]))[:, 0]
    )


def test_a_state_of_another_model_is_refused(library):
    model, other = model_in("float32"), model_in("float32", replace(SHAPE, d_state=21))
    with pytest.raises(ValueError, match="state"):
        NativeDecoding(library, model, other.initial_state(1))
    state = model.initial_state(1)
    with pytest.raises(ValueError, match="state"):
        NativeDecoding(library, model, ModelState(state.conv[:-1], state.ssm[:-1]))


def test_what_it_cannot_do_is_left_to_torch():
    assert can_decode(model_in("float32"), 9)
    assert not can_decode(model_in("float32"), 11_000)  # times the heads, the parts can no longer be counted
    assert not can_decode(model_in("float32").double(), 1)
    assert not can_decode(model_in("float32").bfloat16(), 1)


@pytest.mark.parametrize("count", [1, 2, 7, 33, 100])
@pytest.mark.parametrize("columns", [1, 15, 64, 200])
def test_int8_products_are_exact_sums_of_whole_numbers(library, count, columns):
    torch.set_num_threads(3)
    generator = torch.Generator().manual_seed(2)
    weight, x = (torch.randn(n, columns, generator=generator) for n in (70, count))
    packed, scale = fold(weight)
    out = torch.empty(count, 70)
    multiply_int8(library, x, packed, scale, packed.sum(1, dtype=torch.int32), out)
    steps = x.abs().amax(1, keepdim=True) / 127
    whole = (x / steps).round().double() @ packed.double().T
    torch.testing.assert_close(out.double(), whole * steps * scale, rtol=1e-6, atol=1e-6)


def test_int8_refuses_tensors_that_do_not_fit(library):
    packed, scale = fold(torch.randn(4, 8))
    sums, x = packed.sum(1, dtype=torch.int32), torch.randn(2, 8)
    for wrong in (torch.empty(2, 5), torch.empty(3, 4), torch.empty(4, 2).T, torch.empty(2, 4).double()):
        with pytest.raises(ValueError, match="needed"):
            multiply_int8(library, x, packed, scale, sums, wrong)
    with pytest.raises(ValueError, match="needed"):
        multiply_int8(library, torch.randn(2, 7), packed, scale, sums, torch.empty(2, 4))


def test_int8_weights_are_held_once(library):
    model = model_in("int8")
    held = {t.data_ptr(): t.nbytes for t in (*model.parameters(), *model.buffers())}
    assert all(isinstance(block.mixer.in_proj, NativeInt8Linear) for block in model.blocks)
    assert sum(held.values()) < 1.5 * model.n_parameters()

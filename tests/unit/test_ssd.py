"""The state-space map: its three forms against a plain recurrence, and the properties that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from ysnakes_core.model.ssd import ssd, ssd_step

MODES = ("auto", "quadratic", "chunked", "recurrent")
NAMES = ("x", "dt", "A", "B", "C", "D", "initial_state")


@dataclass(frozen=True)
class Inputs:
    """Everything ``ssd`` takes but the mode."""

    x: Tensor
    dt: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor | None
    initial_state: Tensor | None
    document_ids: Tensor | None
    chunk_size: int

    def run(self, mode: str = "auto") -> tuple[Tensor, Tensor]:
        return ssd(
            self.x,
            self.dt,
            self.A,
            self.B,
            self.C,
            D=self.D,
            chunk_size=self.chunk_size,
            initial_state=self.initial_state,
            document_ids=self.document_ids,
            mode=mode,
        )

    def between(self, first: int, last: int) -> Inputs:
        """The positions from ``first`` up to ``last``; the initial state only for the first of all."""
        ids = None if self.document_ids is None else self.document_ids[:, first:last]
        x, dt, B, C = (t[:, first:last] for t in (self.x, self.dt, self.B, self.C))
        state = self.initial_state if first == 0 else None
        return replace(self, x=x, dt=dt, B=B, C=C, initial_state=state, document_ids=ids)

    def to(self, dtype: torch.dtype) -> Inputs:
        return self._mapped(lambda t: t.to(dtype))

    def with_grad(self) -> Inputs:
        return self._mapped(lambda t: t.detach().clone().requires_grad_())

    def leaves(self) -> dict[str, Tensor]:
        found = {name: getattr(self, name) for name in NAMES}
        return {name: t for name, t in found.items() if t is not None}

    def _mapped(self, change) -> Inputs:  # type: ignore[no-untyped-def]
        return replace(self, **{name: change(t) for name, t in self.leaves().items()})


def plain(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Equation 1, one position after the other: S = exp(dt A) S + dt x B', y = S C + D x."""
    x, dt, A, ids = inputs.x, inputs.dt, inputs.A, inputs.document_ids
    batch, _, heads, head_dim = x.shape
    per_group = heads // inputs.B.shape[2]
    B = torch.stack([inputs.B[:, :, h // per_group] for h in range(heads)], dim=2)
    C = torch.stack([inputs.C[:, :, h // per_group] for h in range(heads)], dim=2)
    state = inputs.initial_state
    if state is None:
        state = torch.zeros(batch, heads, head_dim, B.shape[3], dtype=x.dtype)
    outputs = []
    for t, (x_t, dt_t, b, c) in enumerate(
        zip(x.unbind(1), dt.unbind(1), B.unbind(1), C.unbind(1), strict=True)
    ):
        if ids is not None and t > 0:
            state = state * (ids[:, t] == ids[:, t - 1]).to(x.dtype).view(batch, 1, 1, 1)
        update = (dt_t[..., None] * x_t)[..., :, None] * b[:, :, None, :]
        state = torch.exp(dt_t * A)[..., None, None] * state + update
        y = (state @ c[..., None]).squeeze(-1)
        outputs.append(y if inputs.D is None else y + inputs.D.view(heads, 1) * x_t)
    return torch.stack(outputs, dim=1), state


def draw(
    seed: int,
    *,
    batch: int = 2,
    length: int = 50,
    groups: int = 1,
    per_group: int = 2,
    head_dim: int = 3,
    d_state: int = 4,
    chunk_size: int = 16,
    skip: bool = True,
    state: bool = True,
    document_length: int = 0,
) -> Inputs:
    """Random inputs in float64; documents of about ``document_length`` positions (0: not given)."""
    g = torch.Generator().manual_seed(seed)
    heads = groups * per_group

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    ids = None
    if document_length:
        starts = torch.rand(batch, length, generator=g) < 1 / document_length
        values = torch.tensor([5, -3, 2**40])  # any integers, and they come back
        ids = values[starts.long().cumsum(1) % 3]
    return Inputs(
        x=normal(batch, length, heads, head_dim),
        dt=torch.exp(torch.rand(batch, length, heads, generator=g, dtype=torch.float64) * 8 - 7),
        A=-torch.exp(torch.rand(heads, generator=g, dtype=torch.float64) * 5 - 2),
        B=normal(batch, length, groups, d_state),
        C=normal(batch, length, groups, d_state),
        D=normal(heads) if skip else None,
        initial_state=normal(batch, heads, head_dim, d_state) if state else None,
        document_ids=ids,
        chunk_size=chunk_size,
    )


def outcome(inputs: Inputs, mode: str | None) -> dict[str, Tensor]:
    """y, the final state and the gradients of a random mixture of both; ``None``: the plain recurrence."""
    inputs = inputs.with_grad()
    y, state = plain(inputs) if mode is None else inputs.run(mode)
    g = torch.Generator().manual_seed(1)
    mixture = (y * torch.randn(y.shape, generator=g, dtype=torch.float64)).sum()
    mixture = mixture + (state * torch.randn(state.shape, generator=g, dtype=torch.float64)).sum()
    mixture.backward()
    grads = {f"gradient of {name}": leaf.grad for name, leaf in inputs.leaves().items()}
    return {"y": y.detach(), "state": state.detach(), **grads}  # type: ignore[dict-item]


def assert_close(got: dict[str, Tensor], wanted: dict[str, Tensor], rtol: float, atol: float) -> None:
    for name, value in wanted.items():
        torch.testing.assert_close(
            got[name].to(value.dtype), value, rtol=rtol, atol=atol, msg=lambda m, n=name: f"{n}: {m}"
        )


def scaled_error(got: Tensor, wanted: Tensor) -> float:
    """Largest difference in units of the largest value wanted."""
    return float((got.to(wanted.dtype) - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30))


lengths = st.integers(1, 20) | st.integers(1, 200)
shapes = st.builds(
    draw,
    st.integers(0, 2**31),
    batch=st.integers(1, 3),
    length=lengths,
    groups=st.integers(1, 3),
    per_group=st.integers(1, 3),
    head_dim=st.integers(1, 5),
    d_state=st.integers(1, 5),
    chunk_size=st.sampled_from([1, 2, 3, 7, 16, 64, 256]),
    skip=st.booleans(),
    state=st.booleans(),
    document_length=st.sampled_from([0, 1, 4, 30]),
)


@given(shapes)
@settings(max_examples=60)
def test_every_form_is_the_recurrence_with_its_gradients(inputs):
    wanted = outcome(inputs, None)
    for mode in MODES:
        assert_close(outcome(inputs, mode), wanted, rtol=1e-10, atol=1e-10)


@given(shapes)
@settings(max_examples=30)
def test_without_gradients_the_values_are_the_same(inputs):
    wanted = plain(inputs)
    with torch.no_grad():
        for mode in MODES:
            for got, value in zip(inputs.run(mode), wanted, strict=True):
                torch.testing.assert_close(got, value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("document_length", [0, 3])
def test_gradients_are_the_numeric_ones(mode, document_length):
    inputs = draw(3, batch=1, length=7, groups=2, per_group=1, head_dim=2, d_state=2, chunk_size=3)
    if document_length:
        inputs = replace(inputs, document_ids=torch.tensor([[4, 4, 4, 4, 9, 4, 4]]))
    inputs = inputs.with_grad()
    names = list(inputs.leaves())

    def run(*leaves: Tensor) -> tuple[Tensor, Tensor]:
        return replace(inputs, **dict(zip(names, leaves, strict=True))).run(mode)

    assert torch.autograd.gradcheck(run, tuple(inputs.leaves().values()), fast_mode=True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wanted", [*NAMES])
def test_one_gradient_alone_is_the_same_as_among_all(mode, wanted):
    """What doesn't ask for a gradient must not change or break those that do."""
    inputs = draw(5, length=21, groups=2, chunk_size=8, document_length=6)
    among_all = outcome(inputs, mode)[f"gradient of {wanted}"]
    leaf = getattr(inputs, wanted).clone().requires_grad_()
    y, state = replace(inputs, **{wanted: leaf}).run(mode)
    g = torch.Generator().manual_seed(1)
    loss = (y * torch.randn(y.shape, generator=g, dtype=torch.float64)).sum()
    loss = loss + (state * torch.randn(state.shape, generator=g, dtype=torch.float64)).sum()
    (alone,) = torch.autograd.grad(loss, leaf)
    torch.testing.assert_close(alone, among_all, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_the_output_or_the_state_alone(mode):
    """A training step uses only y, and carries no gradient into the final state."""
    for part in (0, 1):
        grads = []
        for form in (mode, None):
            inputs = draw(6, length=19, chunk_size=8).with_grad()
            result = (plain(inputs) if form is None else inputs.run(form))[part]
            leaves = list(inputs.leaves().values())
            grads.append(torch.autograd.grad(result.square().sum(), leaves, allow_unused=True))
        for got, wanted in zip(*grads, strict=True):
            if wanted is None:
                assert got is None or not got.any()
            else:
                torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-10)


@given(shapes, st.data())
@settings(max_examples=60)
def test_splitting_anywhere_and_carrying_the_state_changes_nothing(inputs, data):
    mode = data.draw(st.sampled_from(MODES))
    length = inputs.x.shape[1]
    assume(length > 1)
    cuts = sorted(data.draw(st.sets(st.integers(1, length - 1), min_size=1, max_size=3)))
    y, final = inputs.run(mode)
    pieces, state = [], inputs.initial_state
    for first, last in zip([0, *cuts], [*cuts, length], strict=True):
        if first and inputs.document_ids is not None:  # a document that starts here starts from nothing
            same = inputs.document_ids[:, first] == inputs.document_ids[:, first - 1]
            state = state * same.view(-1, 1, 1, 1)
        piece, state = replace(inputs.between(first, last), initial_state=state).run(mode)
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces, 1), y, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(state, final, rtol=1e-10, atol=1e-10)


@given(shapes, st.data())
@settings(max_examples=60)
def test_what_comes_later_changes_nothing_before(inputs, data):
    mode = data.draw(st.sampled_from(MODES))
    length = inputs.x.shape[1]
    place = data.draw(st.integers(0, length - 1))
    before = inputs.run(mode)[0][:, :place]
    name = data.draw(st.sampled_from(["x", "dt", "B", "C", "ids"]))
    if name == "ids":
        ids = torch.zeros(inputs.x.shape[:2], dtype=torch.int64)
        ids = ids if inputs.document_ids is None else inputs.document_ids.clone()
        before = replace(inputs, document_ids=ids).run(mode)[0][:, :place]
        ids = ids.clone()
        ids[:, place:] += torch.arange(length - place)
        changed = replace(inputs, document_ids=ids)
    else:
        values = getattr(inputs, name).clone()
        values[:, place:] *= 3.0
        changed = replace(inputs, **{name: values})
    after = changed.run(mode)[0][:, :place]
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_no_gradient_flows_back_in_time_from_the_future(mode):
    inputs = draw(8, length=40, chunk_size=16).with_grad()
    y, _ = inputs.run(mode)
    y[:, :17].sum().backward()
    for t in (inputs.x, inputs.dt, inputs.B, inputs.C):
        assert t.grad is not None
        assert not t.grad[:, 17:].any()
        assert t.grad[:, :17].any()


@given(shapes, st.sampled_from(MODES))
@settings(max_examples=60)
def test_packed_documents_equal_the_documents_alone(inputs, mode):
    assume(inputs.document_ids is not None)
    y, final = inputs.run(mode)
    for row, ids in enumerate(inputs.document_ids.tolist()):
        borders = [0, *(t for t in range(1, len(ids)) if ids[t] != ids[t - 1]), len(ids)]
        for first, last in pairwise(borders):
            alone = replace(inputs.between(first, last), document_ids=None)
            own = {name: getattr(alone, name)[row : row + 1] for name in ("x", "dt", "B", "C")}
            state = None if alone.initial_state is None else alone.initial_state[row : row + 1]
            piece, state = replace(alone, **own, initial_state=state).run(mode)
            torch.testing.assert_close(y[row, first:last], piece[0], rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(final[row], state[0], rtol=1e-10, atol=1e-10)


@given(shapes)
@settings(max_examples=20)
def test_the_step_is_one_position_of_the_map(inputs):
    inputs = replace(inputs, document_ids=None)
    batch, length, heads, head_dim = inputs.x.shape
    wanted, final = inputs.run("chunked")
    state = inputs.initial_state
    if state is None:
        state = torch.zeros(batch, heads, head_dim, inputs.B.shape[3], dtype=torch.float64)
    for t in range(length):
        x, dt, B, C = (v[:, t] for v in (inputs.x, inputs.dt, inputs.B, inputs.C))
        y, state = ssd_step(x, dt, inputs.A, B, C, state, D=inputs.D)
        torch.testing.assert_close(y, wanted[:, t], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(state, final, rtol=1e-10, atol=1e-10)


# Far from the comfortable middle, in float32 against the float64 recurrence.

EXTREMES = {
    "as at the start of training": lambda dt: dt,
    "every step forgets nearly all": lambda dt: dt * 1e3,
    "every step forgets everything": lambda dt: torch.full_like(dt, 1e4),
    "now and then everything is forgotten": lambda dt: torch.where(dt > 0.05, 100.0, dt),
    "nothing is forgotten": lambda dt: dt * 1e-6,
    "steps near the smallest number": lambda dt: dt * 1e-36,
    "from one end to the other": lambda dt: torch.where(dt > 0.01, dt * 1e4, dt * 1e-30),
}


@pytest.mark.parametrize("case", EXTREMES)
@pytest.mark.parametrize("mode", ["chunked", "quadratic"])
def test_extreme_decays_stay_finite_and_close_in_float32(case, mode):
    exact = draw(11, length=200, per_group=4, head_dim=8, d_state=8, chunk_size=64, document_length=150)
    start = torch.exp(torch.rand(exact.dt.shape, dtype=torch.float64) * 4.6 - 6.9)  # 0.001 to 0.1
    exact = replace(exact, dt=EXTREMES[case](start), A=torch.tensor([-1.0, -4.0, -9.0, -16.0]))
    single = exact.to(torch.float32)
    wanted, got = outcome(single.to(torch.float64), None), outcome(single, mode)
    for name, value in wanted.items():
        assert torch.isfinite(got[name]).all(), name
        assert scaled_error(got[name], value) < 1e-3, name


def test_steps_that_underflow_give_finite_gradients():
    inputs = draw(12, length=130, chunk_size=64).to(torch.float32)
    inputs = replace(inputs, dt=inputs.dt * 1e-44)
    assert bool((inputs.dt == 0).any())
    for name, value in outcome(inputs, "chunked").items():
        assert torch.isfinite(value).all(), name


@pytest.mark.parametrize("mode", MODES)
def test_a_step_of_zero_changes_nothing(mode):
    inputs = draw(12, length=30)
    dt = inputs.dt.clone()
    dt[:, 10:20] = 0.0
    _, before = replace(inputs.between(0, 10), initial_state=inputs.initial_state).run(mode)
    y, after = replace(inputs, dt=dt).between(0, 20).run(mode)
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)
    assert torch.isfinite(y).all()


def test_4096_positions_in_float32_stay_close_to_the_float64_recurrence():
    exact = draw(13, batch=1, length=4096, per_group=4, head_dim=4, d_state=8, chunk_size=64)
    start = torch.exp(torch.rand(exact.dt.shape, dtype=torch.float64) * 4.6 - 6.9)
    exact = replace(exact, dt=start, A=torch.tensor([-1e-3, -1.0, -4.0, -16.0], dtype=torch.float64))
    single = exact.to(torch.float32)
    wanted, got = outcome(single.to(torch.float64), None), outcome(single, "auto")
    for name, value in wanted.items():
        assert scaled_error(got[name], value) < 1e-4, name


@pytest.mark.parametrize("strength", [1.0, 300.0])
def test_bfloat16_gradients_are_as_good_as_bfloat16_allows(strength):
    """The gradients of dt and A are small differences; they must not be differences of rounded values."""
    exact = draw(14, batch=1, length=192, per_group=4, head_dim=32, d_state=32, chunk_size=64)
    start = torch.exp(torch.rand(exact.dt.shape, dtype=torch.float64) * 4.6 - 6.9)
    exact = replace(exact, dt=start * strength, A=torch.tensor([-1.0, -4.0, -9.0, -16.0]))
    single = exact.to(torch.float32)
    half = {name: getattr(single, name).bfloat16() for name in ("x", "B", "C")}
    single = replace(single, **half)
    wanted, got = outcome(single.to(torch.float64), None), outcome(single, "chunked")
    for name, value in wanted.items():
        error = float((got[name].double() - value).norm() / value.norm())
        assert error < 0.1, name


# Types, layouts, and what is refused.


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_the_output_has_the_type_of_x_and_the_state_at_least_float32(mode, dtype):
    inputs = draw(15, length=33)
    wanted, _ = inputs.run("recurrent")
    cast = {name: getattr(inputs, name).to(dtype) for name in ("x", "B", "C")}
    y, state = replace(inputs.to(torch.float32), **cast).run(mode)
    assert y.dtype == dtype
    assert state.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert scaled_error(y, wanted) < 0.05


@pytest.mark.parametrize("mode", MODES)
def test_autocast_around_it_does_not_lower_its_precision(mode):
    inputs = draw(16, length=40, chunk_size=16).to(torch.float32)
    wanted, _ = inputs.run(mode)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = inputs.run(mode)
    assert y.dtype == torch.float32
    assert scaled_error(y, wanted) < 1e-6


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", [1, 24, 37])
def test_inputs_may_lie_in_memory_in_any_order(mode, length):
    inputs = draw(17, length=length, groups=2, chunk_size=8, document_length=9)

    def reversed_axes(t: Tensor) -> Tensor:
        return t.permute(*reversed(range(t.dim()))).contiguous().permute(*reversed(range(t.dim())))

    wanted = outcome(inputs, None)
    scattered = {name: reversed_axes(t) for name, t in inputs.leaves().items()}
    scattered["document_ids"] = reversed_axes(inputs.document_ids)
    leaves = {k: t.requires_grad_() for k, t in scattered.items() if t.is_floating_point()}
    y, state = replace(inputs, **{**scattered, **leaves}).run(mode)
    torch.testing.assert_close(y, wanted["y"], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(state, wanted["state"], rtol=1e-10, atol=1e-10)
    (y.sum() + state.sum()).backward()  # the gradient comes in expanded, of stride 0
    for leaf in leaves.values():
        assert torch.isfinite(leaf.grad).all()


@pytest.mark.parametrize("mode", MODES)
def test_inputs_may_be_one_value_expanded(mode):
    inputs = draw(18, length=40, chunk_size=16)
    small = {
        "x": inputs.x[:, :1],
        "dt": inputs.dt[:, :1, :1],
        "B": inputs.B[:1, :1],
        "C": inputs.C[:1, :1, :, :1],
        "initial_state": inputs.initial_state[:1],
    }
    small = {name: t.clone().requires_grad_() for name, t in small.items()}
    wide = {name: t.expand_as(getattr(inputs, name)) for name, t in small.items()}
    whole = {name: t.detach().clone(memory_format=torch.contiguous_format) for name, t in wide.items()}
    got, wanted = replace(inputs, **wide).run(mode), plain(replace(inputs, **whole))
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    got[0].sum().backward()
    assert all(torch.isfinite(t.grad).all() for t in small.values())


@pytest.mark.parametrize("mode", MODES)
def test_inputs_are_left_as_they_were(mode):
    inputs = draw(19, length=37, document_length=9)
    before = inputs.with_grad()
    tracked = inputs.with_grad()
    y, state = tracked.run(mode)
    (y.square().sum() + state.square().sum()).backward()
    for name, leaf in tracked.leaves().items():
        assert torch.equal(leaf, getattr(before, name)), name


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_batch_gives_an_empty_result(mode):
    inputs = draw(20, length=20)
    empty = {name: getattr(inputs, name)[:0] for name in ("x", "dt", "B", "C", "initial_state")}
    y, state = replace(inputs, **empty).run(mode)
    assert y.shape == empty["x"].shape
    assert state.shape == empty["initial_state"].shape


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(2, 50, 6)}, "x must be"),
        ({"x": torch.zeros(2, 0, 2, 3)}, "empty"),
        ({"dt": torch.ones(2, 50)}, "dt must be"),
        ({"dt": torch.ones(2, 49, 2)}, "dt must be"),
        ({"A": -torch.ones(3)}, "A must be"),
        ({"A": -torch.ones(2, 2)}, "A must be"),
        ({"B": torch.zeros(2, 50, 1, 5)}, "B and C must be"),
        ({"C": torch.zeros(2, 49, 1, 4)}, "B and C must be"),
        ({"B": torch.zeros(2, 50, 3, 4), "C": torch.zeros(2, 50, 3, 4)}, "dividing"),
        ({"B": torch.zeros(2, 50, 0, 4), "C": torch.zeros(2, 50, 0, 4)}, "dividing"),
        ({"D": torch.ones(3)}, "D must be"),
        ({"initial_state": torch.zeros(2, 2, 4, 3)}, "initial_state must be"),
        ({"document_ids": torch.zeros(50, dtype=torch.int64)}, "document_ids must be"),
        ({"chunk_size": 0}, "chunk_size must be"),
        ({"chunk_size": -1}, "chunk_size must be"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_the_name(change, message):
    inputs = replace(draw(21), **change)
    for mode in MODES:
        with pytest.raises(ValueError, match=message):
            inputs.run(mode)


def test_an_unknown_mode_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="auto, quadratic, chunked or recurrent"):
        draw(22).run("attention")


@pytest.mark.parametrize("length", [1, 4, 5, 16, 17, 64, 65, 300])
def test_auto_never_keeps_a_graph_of_single_steps_or_of_a_large_matrix(length):
    """One position at a time is for inference; a whole matrix only where the sequence is short."""
    functions, found = [draw(23, length=length).with_grad().run("auto")[0].grad_fn], set()
    while functions:
        function = functions.pop()
        found.add(type(function).__name__)
        functions += [parent for parent, _ in function.next_functions if parent is not None]
    assert "StackBackward0" not in found
    assert ("_ChunkedSSDBackward" in found) == (length > 16)

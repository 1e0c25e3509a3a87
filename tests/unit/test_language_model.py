"""The whole model: its ways of reading text agree, documents stay apart, its sizes are what they say."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ysnakes_core.configuration import PRESETS, ModelConfig, preset_config
from ysnakes_core.model.head_loss import block_rows
from ysnakes_core.model.language_model import LanguageModel, count_parameters

VOCAB = 23
SMALL = ModelConfig(d_model=16, n_layers=3, d_state=5, head_dim=8, n_groups=2, chunk_size=8)
VARIANTS = {
    "as it comes": SMALL,
    "one group, rmsnorm, untied": replace(SMALL, n_groups=1, norm="rmsnorm", tie_embeddings=False),
    "one head, two taps": replace(SMALL, head_dim=32, n_groups=1, d_conv=2),
    "no convolution to speak of": replace(SMALL, d_conv=1, chunk_size=64),
    "wide, many taps": replace(SMALL, expand=3, head_dim=4, n_groups=3, d_conv=7),
}


def build(config: ModelConfig = SMALL, seed: int = 0, vocab: int = VOCAB) -> LanguageModel:
    """In float64, with weights that are nowhere at a special value."""
    torch.manual_seed(seed)
    model = LanguageModel(config, vocab).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn_like(parameter) * 0.1
    return model


def random_tokens(seed: int, *shape: int, vocab: int = VOCAB) -> Tensor:
    return torch.randint(0, vocab, shape, generator=torch.Generator().manual_seed(seed))


def random_documents(seed: int, batch: int, length: int, chance: float = 0.15) -> Tensor:
    """Ids that change now and then, and come back."""
    g = torch.Generator().manual_seed(seed)
    starts = torch.rand(batch, length, generator=g) < chance
    return torch.tensor([7, -1, 3])[starts.long().cumsum(1) % 3]


@pytest.fixture(params=VARIANTS)
def model(request) -> LanguageModel:
    return build(VARIANTS[request.param])


def test_one_token_at_a_time_is_the_whole_at_once(model):
    tokens = random_tokens(1, 2, 37)
    logits, final = model(tokens)
    state = model.initial_state(2)
    for t in range(37):
        one, state = model.step(tokens[:, t], state)
        torch.testing.assert_close(one, logits[:, t], rtol=1e-9, atol=1e-10)
    for got, wanted in zip(state.conv + state.ssm, final.conv + final.ssm, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-10)


@given(seed=st.integers(0, 99), cuts=st.sets(st.integers(1, 36), min_size=1, max_size=4))
@settings(max_examples=15)
def test_text_may_be_read_in_pieces(seed, cuts):
    model, tokens = build(), random_tokens(seed, 2, 37)
    wanted, _ = model(tokens)
    pieces, state = [], None
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), 37], strict=True):
        piece, state = model(tokens[:, first:last], state=state)
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces, 1), wanted, rtol=1e-9, atol=1e-10)


@given(seed=st.integers(0, 99), place=st.integers(1, 36), chance=st.sampled_from([0.1, 0.6]))
@settings(max_examples=20)
def test_packed_text_may_be_read_in_pieces_too(seed, place, chance):
    """What a document's end left behind must not reach the next piece, in the convolution either."""
    model, tokens = build(), random_tokens(seed, 2, 37)
    ids = random_documents(seed, 2, 37, chance)
    ids[:, place:] = torch.where(  # no row starts a document at the cut: there the state is not to be given
        (ids[:, place:] == ids[:, place : place + 1]).cumprod(1).bool(),
        ids[:, place - 1 : place],
        ids[:, place:],
    )
    wanted, _ = model(tokens, document_ids=ids)
    first, state = model(tokens[:, :place], document_ids=ids[:, :place])
    second, _ = model(tokens[:, place:], document_ids=ids[:, place:], state=state)
    torch.testing.assert_close(torch.cat([first, second], 1), wanted, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("chance", [0.05, 0.2, 0.7])
def test_packed_documents_do_not_see_each_other(model, chance):
    tokens, ids = random_tokens(3, 2, 41), random_documents(3, 2, 41, chance)
    packed, final = model(tokens, document_ids=ids)
    for row in range(2):
        borders = [0, *(t for t in range(1, 41) if ids[row, t] != ids[row, t - 1]), 41]
        for first, last in pairwise(borders):
            alone, state = model(tokens[row : row + 1, first:last])
            torch.testing.assert_close(packed[row, first:last], alone[0], rtol=1e-9, atol=1e-10)
        for got, wanted in zip(final.conv + final.ssm, state.conv + state.ssm, strict=True):
            torch.testing.assert_close(got[row], wanted[0], rtol=1e-9, atol=1e-10)


@given(seed=st.integers(0, 99), place=st.integers(0, 29), packed=st.booleans())
@settings(max_examples=20)
def test_a_token_changes_nothing_before_it(seed, place, packed):
    model, tokens = build(), random_tokens(seed, 1, 30)
    ids = random_documents(seed, 1, 30) if packed else None
    before, _ = model(tokens, document_ids=ids)
    tokens[0, place] = (tokens[0, place] + 1) % VOCAB
    after, _ = model(tokens, document_ids=ids)
    torch.testing.assert_close(after[:, :place], before[:, :place], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(after[:, place], before[:, place])


def test_the_last_position_alone_is_the_last_of_all(model):
    tokens = random_tokens(4, 3, 12)
    whole, _ = model(tokens)
    last, _ = model(tokens, last_only=True)
    assert last.shape == (3, 1, VOCAB)
    torch.testing.assert_close(last[:, 0], whole[:, -1])


def test_a_batch_gives_each_row_what_it_gets_alone(model):
    tokens = random_tokens(5, 3, 20)
    together, state = model(tokens)
    for row in range(3):
        alone, own = model(tokens[row : row + 1])
        torch.testing.assert_close(together[row], alone[0], rtol=1e-9, atol=1e-10)
        chosen = state.select(torch.tensor([row]))
        torch.testing.assert_close(chosen.ssm[0], own.ssm[0], rtol=1e-9, atol=1e-10)


def test_the_state_grows_with_nothing_but_the_batch(model):
    _, short = model(random_tokens(6, 2, 3))
    _, long = model(random_tokens(6, 2, 90))
    empty = model.initial_state(2)
    for a, b, c in zip(short.conv + short.ssm, long.conv + long.ssm, empty.conv + empty.ssm, strict=True):
        assert a.shape == b.shape == c.shape


# The loss.


@pytest.mark.parametrize("packed", [False, True])
def test_the_loss_is_cross_entropy_with_its_gradients(model, packed):
    tokens, targets = random_tokens(7, 2, 33), random_tokens(8, 2, 33)
    targets[0, :5] = -100
    targets[1, 20:] = -100
    ids = random_documents(7, 2, 33) if packed else None
    parameters = list(model.parameters())
    loss = model.loss(tokens, targets, document_ids=ids)
    logits, _ = model(tokens, document_ids=ids)
    wanted = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    torch.testing.assert_close(loss, wanted)
    for got, value in zip(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(wanted, parameters), strict=True
    ):
        torch.testing.assert_close(got, value, rtol=1e-9, atol=1e-11)


def test_gradients_of_the_whole_model_are_the_numeric_ones(model):
    tokens, targets, ids = random_tokens(9, 1, 11), random_tokens(10, 1, 11), random_documents(9, 1, 11)
    names = [name for name, _ in model.named_parameters()]

    def loss(*parameters: Tensor) -> Tensor:
        return torch.func.functional_call(
            _Loss(model),
            {f"model.{n}": p for n, p in zip(names, parameters, strict=True)},
            (tokens, targets, ids),
        )

    leaves = tuple(p.detach().clone().requires_grad_() for p in model.parameters())
    assert torch.autograd.gradcheck(loss, leaves, fast_mode=True)


class _Loss(nn.Module):
    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, targets: Tensor, ids: Tensor) -> Tensor:
        return self.model.loss(tokens, targets, document_ids=ids)


def test_every_parameter_learns(model):
    model.loss(random_tokens(11, 2, 30), random_tokens(12, 2, 30)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_a_batch_without_targets_costs_nothing(model):
    loss = model.loss(random_tokens(1, 1, 6), torch.full((1, 6), -100))
    loss.backward()
    assert loss.item() == 0.0
    assert not any(p.grad.any() for p in model.parameters())


def test_a_training_step_never_holds_tokens_by_vocabulary():
    class Largest(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if isinstance(result, Tensor):
                self.elements = max(self.elements, result.numel())
            return result

    vocab = 30_000
    torch.manual_seed(0)
    model = LanguageModel(ModelConfig(d_model=16, n_layers=1, d_state=4, head_dim=16), vocab)
    tokens = random_tokens(1, 4, 256, vocab=vocab)
    with Largest() as largest:
        model.loss(tokens, tokens).backward()
    assert largest.elements < tokens.numel() * vocab / 8
    assert largest.elements <= max(block_rows(vocab) * vocab, 16 * vocab)


def test_reading_without_gradients_builds_no_graph(model):
    with torch.no_grad():
        logits, state = model(random_tokens(1, 2, 9))
        loss = model.loss(random_tokens(1, 2, 9), random_tokens(2, 2, 9))
    with torch.inference_mode():
        torch.testing.assert_close(model(random_tokens(1, 2, 9))[0], logits)
    assert not any(t.requires_grad for t in (logits, loss, *state.conv, *state.ssm))


# What the settings do.


def test_a_tied_head_is_the_embedding_and_counts_once():
    tied, untied = LanguageModel(SMALL, VOCAB), LanguageModel(replace(SMALL, tie_embeddings=False), VOCAB)
    assert tied.head.weight is tied.embedding.weight
    assert untied.head.weight is not untied.embedding.weight
    assert untied.n_parameters() == tied.n_parameters() + VOCAB * SMALL.d_model


def test_the_norms_are_what_they_are_called():
    x = torch.randn(4, 16, generator=torch.Generator().manual_seed(1)) + 3.0
    layer, rms = (
        LanguageModel(SMALL, VOCAB).norm(x),
        LanguageModel(replace(SMALL, norm="rmsnorm"), VOCAB).norm(x),
    )
    torch.testing.assert_close(layer, F.layer_norm(x, (16,)))
    torch.testing.assert_close(rms, x / x.square().mean(-1, keepdim=True).add(1e-5).sqrt())


def test_dropout_acts_in_training_only():
    model = build(replace(SMALL, dropout=0.5))
    tokens, targets = random_tokens(1, 2, 20), random_tokens(2, 2, 20)
    assert torch.equal(model(tokens)[0], model(tokens)[0])
    undropped = build()
    torch.testing.assert_close(model(tokens)[0], undropped(tokens)[0])
    model.train()
    torch.manual_seed(1)
    first = model.loss(tokens, targets)
    assert not torch.equal(first, model.loss(tokens, targets))
    torch.manual_seed(1)
    assert torch.equal(first, model.loss(tokens, targets))


def test_time_steps_have_a_limit():
    model = build(replace(SMALL, dt_limit=0.05))
    mixer = model.blocks[0].mixer
    steps = mixer._time_steps(torch.full((1, 4), 50.0, dtype=torch.float64))
    assert steps.max().item() == 0.05


def test_the_seed_decides_the_weights():
    def weights(seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        return list(LanguageModel(SMALL, VOCAB).parameters())

    assert all(torch.equal(a, b) for a, b in zip(weights(5), weights(5), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(5), weights(6), strict=True))


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm"])
def test_an_untrained_model_knows_nothing_but_is_not_wild(norm):
    """Its first loss is near that of a uniform guess, and depth doesn't inflate the residual stream."""
    torch.manual_seed(0)
    model = LanguageModel(ModelConfig(d_model=64, n_layers=24, d_state=16, head_dim=32, norm=norm), 512)
    loss = float(model.loss(random_tokens(1, 4, 64, vocab=512), random_tokens(2, 4, 64, vocab=512)))
    assert loss == pytest.approx(float(torch.log(torch.tensor(512.0))), rel=0.1)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_as_many_parameters_as_their_names_say(name):
    config = preset_config(name)
    named = int(name.removeprefix("ys-").removesuffix("m")) * 1_000_000
    promised = 1_913_648 if name == "ys-2m" else named  # whose name is rounded up
    assert count_parameters(config.model, config.text.vocab_size) == pytest.approx(promised, rel=0.03)


def test_counting_parameters_builds_no_weights():
    huge = ModelConfig(d_model=16384, n_layers=64, head_dim=64)
    assert count_parameters(huge, 100_000) > 100e9
    assert count_parameters(SMALL, VOCAB) == LanguageModel(SMALL, VOCAB).n_parameters()


# Other precisions.


def test_mixed_precision_keeps_the_residual_stream_and_the_state_in_float32():
    model = build().float()
    tokens, targets = random_tokens(1, 2, 40), random_tokens(2, 2, 40)
    exact = model.loss(tokens, targets)
    seen = []
    for block in model.blocks:
        block.norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden, state = model.hidden(tokens)
        loss = model.loss(tokens, targets)
    loss.backward()
    assert set(seen) == {torch.float32}
    assert hidden.dtype == torch.float32
    assert {t.dtype for t in state.ssm} == {torch.float32}
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(exact), rel=0.02)
    for name, parameter in model.named_parameters():
        assert parameter.grad.dtype == torch.float32, name
        assert torch.isfinite(parameter.grad).all(), name


def test_mixed_precision_gradients_point_the_same_way():
    model = build(replace(SMALL, d_model=64, n_layers=2)).float()
    tokens, targets, ids = random_tokens(1, 4, 64), random_tokens(2, 4, 64), random_documents(1, 4, 64)
    parameters = list(model.parameters())
    exact = torch.autograd.grad(model.loss(tokens, targets, document_ids=ids), parameters)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model.loss(tokens, targets, document_ids=ids)
    for (name, _), got, wanted in zip(
        model.named_parameters(), torch.autograd.grad(loss, parameters), exact, strict=True
    ):
        assert float(F.cosine_similarity(got.flatten(), wanted.flatten(), dim=0)) > 0.99, name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_in_half_precision_read_and_step_alike(dtype):
    exact = build().float()
    half = build().to(dtype)
    tokens = random_tokens(1, 2, 20)
    wanted, _ = exact(tokens)
    got, _ = half(tokens)
    assert got.dtype == dtype
    scale = float(wanted.abs().max())
    assert float((got.float() - wanted).abs().max()) < 0.1 * scale
    state = half.initial_state(2)
    for t in range(20):
        one, state = half.step(tokens[:, t], state)
        assert one.dtype == dtype
        assert float((one.float() - wanted[:, t]).abs().max()) < 0.1 * scale
    assert {t.dtype for t in state.ssm} == {torch.float32}

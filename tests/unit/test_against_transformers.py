"""The published block: the same random weights give the same logits in transformers' Mamba-2, both ways."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # models are built from their configuration; nothing is fetched

import pytest
import torch
from torch import Tensor

from ysnakes_core.configuration import ModelConfig
from ysnakes_core.model.language_model import LanguageModel

transformers = pytest.importorskip("transformers")

VOCAB = 61
RENAMED = {
    "embedding": "backbone.embeddings",
    "layers": "backbone.layers",
    "norm": "backbone.norm_f",
    "head": "lm_head",
}

SHAPES = {
    "one group": ModelConfig(d_model=32, n_layers=2, d_state=16, head_dim=16, n_groups=1, chunk_size=16),
    "two groups": ModelConfig(d_model=32, n_layers=3, d_state=8, head_dim=8, n_groups=2, chunk_size=32),
    "a group per head": ModelConfig(
        d_model=24, n_layers=2, d_state=12, head_dim=12, n_groups=4, chunk_size=8
    ),
    "one head, wide, other taps": ModelConfig(
        d_model=16, n_layers=2, expand=3, d_state=5, head_dim=48, d_conv=3, chunk_size=64
    ),
    "as the presets": ModelConfig(d_model=128, n_layers=2, d_state=64, head_dim=64, chunk_size=64),
}


def ours(config: ModelConfig, tied: bool) -> LanguageModel:
    """With every weight moved away from its initial value, which may be a special one."""
    torch.manual_seed(0)
    fields = {**vars(config), "norm": "rmsnorm", "tie_embeddings": tied, "norm_eps": 3e-5}
    model = LanguageModel(ModelConfig(**fields), VOCAB).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


def theirs(model: LanguageModel) -> transformers.Mamba2ForCausalLM:
    """Of the same shape, before the weights are copied: all of its own settings are given."""
    c = model.config
    config = transformers.Mamba2Config(
        num_heads=c.n_heads,
        head_dim=c.head_dim,
        vocab_size=VOCAB,
        hidden_size=c.d_model,
        state_size=c.d_state,
        num_hidden_layers=c.n_layers,
        layer_norm_epsilon=c.norm_eps,
        expand=c.expand,
        conv_kernel=c.d_conv,
        n_groups=c.n_groups,
        use_bias=False,
        use_conv_bias=True,
        hidden_act="silu",
        residual_in_fp32=True,
        time_step_limit=(0.0, c.dt_limit),
        chunk_size=c.chunk_size,
        tie_word_embeddings=c.tie_embeddings,
        pad_token_id=None,
        bos_token_id=0,
        eos_token_id=0,
    )
    torch.manual_seed(1)
    return transformers.Mamba2ForCausalLM(config).eval()


def renamed(model: LanguageModel) -> dict[str, Tensor]:
    """Our state under their names."""
    state = {}
    for name, value in model.state_dict().items():
        first, rest = name.split(".", 1)
        state[f"{RENAMED[first]}.{rest}"] = value.clone()
    return state


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def tied(request) -> bool:
    return request.param


@pytest.fixture(params=SHAPES)
def pair(request, tied):
    model = ours(SHAPES[request.param], tied)
    other = theirs(model)
    found = other.load_state_dict(renamed(model), strict=False)
    assert found.missing_keys == []
    assert found.unexpected_keys == []
    return model, other


@pytest.mark.parametrize("length", [1, 2, 16, 37, 130])
def test_logits_agree(pair, length):
    model, other = pair
    tokens = torch.randint(0, VOCAB, (3, length), generator=torch.Generator().manual_seed(length))
    with torch.no_grad():
        got, _ = model(tokens)
        wanted = other(tokens, use_cache=False).logits
    assert float(wanted.std()) > 0.1  # there is something to agree on
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-4)


def test_the_state_after_a_text_goes_on_alike(pair):
    model, other = pair
    tokens = torch.randint(0, VOCAB, (2, 29), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        cache = other(tokens[:, :21], use_cache=True).cache_params
        _, state = model(tokens[:, :21])
        for t in range(21, 29):
            step = other(tokens[:, t : t + 1], cache_params=cache, use_cache=True)
            got, state = model.step(tokens[:, t], state)
            torch.testing.assert_close(got, step.logits[:, -1], rtol=0, atol=1e-4)


def test_losses_and_gradients_agree(pair):
    model, other = pair
    tokens = torch.randint(0, VOCAB, (2, 41), generator=torch.Generator().manual_seed(2))
    loss = model.loss(tokens[:, :-1], tokens[:, 1:])
    other_loss = other(tokens, labels=tokens, use_cache=False).loss
    torch.testing.assert_close(loss, other_loss, rtol=0, atol=1e-4)
    loss.backward()
    other_loss.backward()
    wanted = {name: p.grad for name, p in other.named_parameters()}
    for name, parameter in model.named_parameters():
        first, rest = name.split(".", 1)
        value = wanted[f"{RENAMED[first]}.{rest}"]
        scale = float(value.abs().max())
        torch.testing.assert_close(parameter.grad, value, rtol=0, atol=1e-4 * max(scale, 1.0), msg=name)

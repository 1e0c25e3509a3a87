from __future__ import annotations

import pytest
import torch

from ysnakes_core.configuration import ModelConfig, TrainingConfig
from ysnakes_core.errors import RunError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.training.muon import Muon, orthogonalize
from ysnakes_core.training.optimizer import Optimizers

SHAPE = ModelConfig(d_model=32, n_layers=2, d_state=8, head_dim=16, chunk_size=16)


@pytest.mark.parametrize("shape", [(40, 24), (24, 40), (32, 32), (5, 1), (3, 30, 12)])
def test_orthogonalize_brings_every_singular_value_near_one(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    result = orthogonalize(torch.randn(shape) * 1e-3)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.7
    assert values.max() < 1.3


def test_orthogonalize_keeps_the_singular_vectors() -> None:
    torch.manual_seed(0)
    u, _, vh = torch.linalg.svd(torch.randn(12, 20, dtype=torch.float64), full_matrices=False)
    values = torch.linspace(0.5, 2, 12, dtype=torch.float64)
    result = u.T @ orthogonalize(u @ torch.diag(values) @ vh) @ vh.T
    assert (result - torch.diag(result.diagonal())).abs().max() < 1e-10


def test_orthogonalize_of_zero_is_zero() -> None:
    assert torch.equal(orthogonalize(torch.zeros(4, 6)), torch.zeros(4, 6))


def test_muon_updates_matrices_alike_whether_stacked_or_alone() -> None:
    torch.manual_seed(0)
    start, grads = torch.randn(3, 8, 6), torch.randn(3, 8, 6)
    together = [torch.nn.Parameter(w.clone()) for w in start]
    alone = [torch.nn.Parameter(w.clone()) for w in start]
    for p, g in zip(together + alone, torch.cat([grads, grads]), strict=True):
        p.grad = g.clone()
    Muon(together, lr=0.1, weight_decay=0.1).step()
    for p in alone:
        Muon([p], lr=0.1, weight_decay=0.1).step()
    for a, b, w in zip(together, alone, start, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
        assert not torch.allclose(a, w, atol=1e-2)


def test_muon_treats_the_parts_of_a_matrix_like_matrices_of_their_own() -> None:
    torch.manual_seed(0)
    start, grad = torch.randn(12, 6), torch.randn(12, 6)
    whole = torch.nn.Parameter(start.clone())
    whole.grad = grad.clone()
    Muon([{"params": [whole], "row_blocks": (9, 3)}], lr=0.1).step()
    for part in (slice(0, 9), slice(9, 12)):
        alone = torch.nn.Parameter(start[part].clone())
        alone.grad = grad[part].clone()
        Muon([alone], lr=0.1).step()
        assert torch.allclose(whole[part], alone, atol=1e-6)


def steps(model: LanguageModel, optimizers: Optimizers, count: int) -> list[float]:
    losses = []
    for i in range(count):
        generator = torch.Generator().manual_seed(i)
        tokens = torch.randint(2, 40, (2, 17), generator=generator)
        loss = model.loss(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        optimizers.step()
        optimizers.zero_grad()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_state_tensors_restore_training_bit_for_bit(kind: str) -> None:
    config = TrainingConfig(optimizer=kind)
    torch.manual_seed(0)
    model = LanguageModel(SHAPE, 40)
    optimizers = Optimizers(model, config)
    steps(model, optimizers, 3)
    weights = {k: v.clone() for k, v in model.state_dict().items()}
    kept = {k: v.clone() for k, v in optimizers.state_tensors().items()}
    expected = steps(model, optimizers, 4)

    again = LanguageModel(SHAPE, 40)
    again.load_state_dict(weights)
    other = Optimizers(again, config)
    other.load_state_tensors(kept)
    assert steps(again, other, 4) == expected


def test_every_parameter_is_trained_by_exactly_one_optimizer() -> None:
    model = LanguageModel(SHAPE, 40)
    before = {k: v.detach().clone() for k, v in model.named_parameters()}
    optimizers = Optimizers(model, TrainingConfig())
    steps(model, optimizers, 2)
    assert all(not torch.equal(before[k], v) for k, v in model.named_parameters())
    names = {name.rpartition("/")[0] for name in optimizers.state_tensors()}
    assert names == set(before)


def test_the_state_of_another_model_is_refused() -> None:
    model = LanguageModel(SHAPE, 40)
    optimizers = Optimizers(model, TrainingConfig())
    steps(model, optimizers, 1)
    wider = Optimizers(LanguageModel(SHAPE, 50), TrainingConfig())
    with pytest.raises(RunError, match=r"embedding\.weight"):
        wider.load_state_tensors(optimizers.state_tensors())


def test_the_scale_multiplies_the_peaks() -> None:
    optimizers = Optimizers(LanguageModel(SHAPE, 40), TrainingConfig(learning_rate=0.01))
    optimizers.set_scale(0.5)
    optimizers.set_scale(0.25)
    assert {g["lr"] / g["peak"] for part in optimizers._parts for g in part.param_groups} == {0.25}

"""The optimizers of a model: Muon for its hidden matrices, AdamW for the rest; or AdamW for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ysnakes_core.configuration import TrainingConfig
from ysnakes_core.errors import RunError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.training.muon import Muon


class Optimizers:
    """One or two optimizers over all parameters, stepped, scaled and stored as one."""

    def __init__(self, model: LanguageModel, config: TrainingConfig) -> None:
        self._names = {id(p): name for name, p in model.named_parameters()}
        inward, outward, others = (
            [p for name, p in model.named_parameters() if _role(name) == role]
            for role in ("in_proj", "out_proj", "")
        )
        self._parts: list[torch.optim.Optimizer] = []
        if config.optimizer == "muon":
            groups: list[dict[str, Any]] = [
                {"params": inward, "row_blocks": model.blocks[0].mixer.in_proj_parts},
                {"params": outward},
            ]
            self._parts.append(
                Muon(groups, config.muon_learning_rate, config.muon_momentum, config.weight_decay)
            )
        else:
            others = others + inward + outward
        by_decay = [
            {"params": [p for p in others if p.dim() >= 2], "weight_decay": config.weight_decay},
            {"params": [p for p in others if p.dim() < 2], "weight_decay": 0.0},
        ]
        self._parts.append(
            torch.optim.AdamW(
                [g for g in by_decay if g["params"]],
                lr=config.learning_rate,
                betas=(config.beta1, config.beta2),
                eps=1e-8,
                fused=True,
            )
        )
        for part in self._parts:
            for group in part.param_groups:
                group["peak"] = group["lr"]

    def step(self) -> None:
        for part in self._parts:
            part.step()

    def zero_grad(self) -> None:
        for part in self._parts:
            part.zero_grad(set_to_none=True)

    def set_scale(self, scale: float) -> None:
        """Set every learning rate to its peak times ``scale``."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = group["peak"] * scale

    def state_tensors(self) -> dict[str, Tensor]:
        """Everything the optimizers remember, by parameter and name."""
        return {
            f"{self._names[id(p)]}/{key}": value
            for part in self._parts
            for p, state in part.state.items()
            for key, value in state.items()
            if isinstance(value, Tensor)
        }

    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what ``state_tensors`` gave.

        Raises:
            RunError: the tensors are not those of this model and optimizer.
        """
        owners: dict[str, tuple[torch.optim.Optimizer, nn.Parameter]] = {}
        for part in self._parts:
            part.state.clear()
            for group in part.param_groups:
                owners.update({self._names[id(p)]: (part, p) for p in group["params"]})
        for full, value in tensors.items():
            name, _, key = full.rpartition("/")
            if name not in owners or (value.dim() > 0 and value.shape != owners[name][1].shape):
                raise RunError(f"the checkpoint's optimizer state {full!r} does not belong to this model")
            part, p = owners[name]
            part.state[p][key] = value.clone() if value.dim() == 0 else value.to(p.device, copy=True)


def _role(name: str) -> str:
    """``in_proj`` and ``out_proj`` for the hidden matrices, which Muon is meant for; "" for all others."""
    *_, part, kind = ["", "", *name.split(".")]
    return part if kind == "weight" and part in ("in_proj", "out_proj") else ""


def make_optimizer(model: LanguageModel, config: TrainingConfig) -> Optimizers:
    return Optimizers(model, config)

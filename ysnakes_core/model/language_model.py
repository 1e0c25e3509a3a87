"""The language model: embedding, N residual blocks around an SSD mixer, norm, head. No attention.

h = embedding(tokens);  h = h + dropout(mixer(norm(h))) for each block;  logits = head(norm(h))
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ysnakes_core.configuration import ModelConfig
from ysnakes_core.model.head_loss import IGNORED, head_loss
from ysnakes_core.model.initialization import scaled_normal_
from ysnakes_core.model.mixer import SSDMixer
from ysnakes_core.model.ssd import document_numbers
from ysnakes_core.model.state import ModelState


class Block(nn.Module):
    """Norm, mixer, dropout; the caller adds the residual."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = _norm(config)
        self.mixer = SSDMixer(config)
        self.dropout = nn.Dropout(config.dropout)


class LanguageModel(nn.Module):
    """A causal state-space language model over ``vocab_size`` tokens.

    Weights are drawn from torch's global generator: seed it for a repeatable model.
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.config = config
        self.vocab_size = vocab_size
        self.embedding = nn.Embedding(vocab_size, config.d_model)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = _norm(config)
        self.head = nn.Linear(config.d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=config.embedding_std)
        if config.tie_embeddings:
            self.head.weight = self.embedding.weight
        else:
            scaled_normal_(self.head.weight)

    @property
    def blocks(self) -> list[Block]:
        return [layer for layer in self.layers if isinstance(layer, Block)]

    @property
    def device(self) -> torch.device:
        return self._final_scale.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the residual stream, whatever the matrices are held in."""
        return self._final_scale.dtype

    @property
    def _final_scale(self) -> Tensor:
        scale = self.norm.weight
        assert isinstance(scale, Tensor)
        return scale

    def n_parameters(self) -> int:
        """Numbers that were trained; a tied head counts once."""
        packed = sum(getattr(module, "n_packed", 0) for module in self.modules())
        return packed + sum(p.numel() for p in self.parameters())

    def initial_state(self, batch_size: int) -> ModelState:
        """The state before any token."""
        config, weight = self.config, self._final_scale
        exact = torch.promote_types(weight.dtype, torch.float32)
        shape = (batch_size, config.n_heads, config.head_dim, config.d_state)
        return ModelState(
            tuple(self._empty_window(batch_size) for _ in self.layers),
            tuple(weight.new_zeros(shape, dtype=exact) for _ in self.layers),
        )

    def forward(
        self,
        tokens: Tensor,
        *,
        document_ids: Tensor | None = None,
        state: ModelState | None = None,
        last_only: bool = False,
    ) -> tuple[Tensor, ModelState]:
        """Logits ``(batch, length, vocabulary)``, or only the last position's, and the state after it.

        Args:
            tokens: ``(batch, length)`` int64, length 1 or more.
            document_ids: as in ``ssd``. state: of the text before ``tokens``; None: there is none.
        """
        states: list[tuple[Tensor, Tensor]] = []
        hidden = self._blocks(tokens, document_ids, state, states)
        return self.head(self.norm(hidden[:, -1:] if last_only else hidden)), _model_state(states)

    def hidden(
        self, tokens: Tensor, *, document_ids: Tensor | None = None, state: ModelState | None = None
    ) -> tuple[Tensor, ModelState]:
        """What the head sees, ``(batch, length, d_model)``, and the state after it."""
        states: list[tuple[Tensor, Tensor]] = []
        hidden = self._blocks(tokens, document_ids, state, states)
        return self.norm(hidden), _model_state(states)

    def loss(self, tokens: Tensor, targets: Tensor, *, document_ids: Tensor | None = None) -> Tensor:
        """Mean nats per target; targets of -100 don't count. Logits are never held whole."""
        count = (targets != IGNORED).sum().clamp_min(1)
        return self.loss_sum(tokens, targets, document_ids=document_ids) / count

    def loss_sum(
        self,
        tokens: Tensor,
        targets: Tensor,
        *,
        document_ids: Tensor | None = None,
    ) -> Tensor:
        """Summed nats of all targets that count."""
        hidden = self.norm(self._blocks(tokens, document_ids, None, None))
        return head_loss(hidden.flatten(0, 1), self.head.weight, targets.flatten())

    def step(self, tokens: Tensor, state: ModelState) -> tuple[Tensor, ModelState]:
        """One token: ``tokens (batch,)`` to logits ``(batch, vocabulary)`` and the next state."""
        hidden = self.embedding(tokens)
        conv, ssm = [], []
        for block, conv_state, ssm_state in zip(self.blocks, state.conv, state.ssm, strict=True):
            mixed, conv_state, ssm_state = block.mixer.step(block.norm(hidden), conv_state, ssm_state)
            hidden = hidden + mixed
            conv.append(conv_state)
            ssm.append(ssm_state)
        return self.head(self.norm(hidden)), ModelState(tuple(conv), tuple(ssm))

    def _empty_window(self, batch_size: int) -> Tensor:
        channels = self.blocks[0].mixer.conv_channels
        return self._final_scale.new_zeros(batch_size, self.config.d_conv - 1, channels)

    def _blocks(
        self,
        tokens: Tensor,
        document_ids: Tensor | None,
        state: ModelState | None,
        states: list[tuple[Tensor, Tensor]] | None,
    ) -> Tensor:
        """The residual stream after the last block; each block's state goes to ``states``.

        Without ``states`` they are dropped at once: in training they would add up to gigabytes.
        """
        documents = None if document_ids is None else document_numbers(document_ids)
        hidden: Tensor = self.embedding(tokens)  # stays float32 under mixed precision: the residual stream
        nothing = self._empty_window(tokens.shape[0])
        for i, block in enumerate(self.blocks):
            conv_state, ssm_state = (nothing, None) if state is None else (state.conv[i], state.ssm[i])
            mixed, conv_state, ssm_state = block.mixer(block.norm(hidden), conv_state, ssm_state, documents)
            hidden = hidden + block.dropout(mixed)
            if states is not None:
                states.append((conv_state, ssm_state))
        return hidden


def _model_state(states: list[tuple[Tensor, Tensor]]) -> ModelState:
    return ModelState(tuple(conv for conv, _ in states), tuple(ssm for _, ssm in states))


def count_parameters(config: ModelConfig, vocab_size: int) -> int:
    """The number of parameters a model of this shape has, without building it."""
    with torch.device("meta"):
        return LanguageModel(config, vocab_size).n_parameters()


class _RMSNorm(nn.RMSNorm):
    """RMSNorm in float32 under mixed precision."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)


def _norm(config: ModelConfig) -> nn.Module:
    if config.norm == "rmsnorm":
        return _RMSNorm(config.d_model, eps=config.norm_eps)
    return nn.LayerNorm(config.d_model, eps=config.norm_eps)

"""One token after another by the compiled step: what ``Decoding`` does, with a few waits of threads a layer.

All rows of a batch are computed by the same sums as one alone, and by any number of threads, so that each
comes to exactly what it would alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ysnakes_core.model.language_model import Block, LanguageModel
from ysnakes_core.model.native.helpers import helpers
from ysnakes_core.model.native.library import (
    BFLOAT16,
    FLOAT32,
    INT8,
    PAD,
    Layer,
    Library,
    Matrix,
    Stage,
    Step,
)
from ysnakes_core.model.packing import BFloat16Linear, NativeInt8Linear, PackedEmbedding
from ysnakes_core.model.state import ModelState

STAGES = 3  # of a layer; as in decode_step.c
MOST_PARTS = 65_535  # as in sharing.h


def can_decode(model: LanguageModel, batch_size: int) -> bool:
    """Whether the compiled step knows this kind of model, and takes so many rows at once."""
    everything = [*model.parameters(), *model.buffers()]
    return (
        batch_size * model.config.n_heads <= MOST_PARTS
        and model.dtype == torch.float32
        and all(t.device.type == "cpu" for t in everything)
        and all(t.dtype == torch.float32 for t in model.parameters())
        and all(_kind(module) is not None for module in _matrices(model))
    )


class NativeDecoding:
    """A batch of texts on its way through a model, whose weights must not change meanwhile.

    ``state`` is where it begins; it is copied. ``logits``: what the last step gave.
    """

    def __init__(self, library: Library, model: LanguageModel, state: ModelState) -> None:
        config, batch = model.config, state.batch_size
        _check(model, state)
        self._library = library
        self._kept: list[Tensor] = []  # what the step has the addresses of
        self._batch, self._taps = batch, config.d_conv
        self._first_channel = config.d_inner
        widest = max(config.d_model, config.d_inner, 2 * config.d_state + 2 * config.head_dim + PAD)
        stride = -(-widest // PAD) * PAD
        row = stride * 5 + 4  # float32, int8 and a scale
        scratch_size = -(-(batch * row) // PAD) * PAD
        threads = max(1, torch.get_num_threads())

        def buffer(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(*shape, dtype=dtype)

        self.logits = buffer(batch, model.vocab_size)
        heads = state.ssm[0].shape[1]
        self._rings, self._ssm = [], [_copy(t) for t in state.ssm]
        layers = (Layer * config.n_layers)()
        for layer, block, conv, ssm in zip(layers, model.blocks, state.conv, self._ssm, strict=True):
            self._rings.append(self._fill(layer, block, conv, ssm))
        stages = (Stage * (STAGES * config.n_layers + 1))()
        self._structures = layers, stages
        norm = model.norm
        self._step = Step(
            batch=batch,
            d_model=config.d_model,
            n_layers=config.n_layers,
            d_inner=config.d_inner,
            n_heads=heads,
            head_dim=config.head_dim,
            d_state=config.d_state,
            n_groups=config.n_groups,
            d_conv=config.d_conv,
            stride=stride,
            scratch_size=scratch_size,
            n_threads=threads,
            norm_eps=_eps(norm),
            gate_eps=model.blocks[0].mixer.norm.eps,
            dt_limit=config.dt_limit,
            embedding=self._matrix(model.embedding),
            head=self._matrix(model.head),
            norm_weight=self._address(norm.get_parameter("weight")),
            norm_bias=self._address(_bias(norm)),
            layers=ctypes.addressof(layers),
            hidden=self._address(buffer(batch, config.d_model)),
            gated=self._address(buffer(batch, config.d_inner)),
            squares=self._address(buffer(batch, heads)),
            logits=self._address(self.logits),
            scratch=self._address(buffer(threads * scratch_size, dtype=torch.uint8)),
            stages=ctypes.addressof(stages),
            position=config.d_conv - 2,  # of what was taken in last: the ring begins with the oldest
        )
        self._at = ctypes.addressof(self._step)
        self._tokens = (ctypes.c_int64 * batch)()
        self._tokens_at = ctypes.addressof(self._tokens)
        self._threads = threads

    def step(self, tokens: Tensor | Sequence[int]) -> Tensor:
        """Take in one token a row, ``(batch,)``; the scores of the next, ``(batch, vocabulary)``.

        It is computed with as many threads as torch has at most. The next step writes to the same memory.
        Raises ``IndexError`` for a token that the model does not have.
        """
        if len(tokens) != self._batch:
            raise ValueError(f"there must be a token for each of {self._batch} rows, not {len(tokens)}")
        for at, token in enumerate(tokens.tolist() if isinstance(tokens, Tensor) else tokens):
            self._tokens[at] = token
        begun = self._library.begin(self._at, self._tokens_at)
        if begun == -1:
            raise IndexError("there is a token that the model does not have")
        if begun:
            raise RuntimeError("the last step was broken off: what comes after it is not known")
        others = min(torch.get_num_threads(), self._threads) - 1
        if others > 0:
            helpers().ask(self._help, others)
        self._help(0)
        return self.logits

    def _help(self, thread: int) -> None:
        self._library.help(self._at, thread)

    def state(self, rows: Sequence[int] | None = None) -> ModelState:
        """The state after what was taken in, of some rows or all: a copy."""
        chosen = slice(None) if rows is None else list(rows)
        position = self._step.position
        order = [(position + 1 + back) % self._taps for back in range(1, self._taps)]
        return ModelState(
            tuple(ring[:, :, self._window(ring)][order].transpose(0, 1)[chosen] for ring in self._rings),
            tuple(_copy(ssm, chosen) for ssm in self._ssm),
        )

    def _window(self, ring: Tensor) -> slice:
        return slice(self._first_channel, self._first_channel + self._channels)

    def _fill(self, layer: Layer, block: Block, conv: Tensor, ssm: Tensor) -> Tensor:
        """Describe a block; its ring of projections."""
        mixer = block.mixer
        bias = mixer.conv1d.bias
        assert bias is not None
        self._channels = mixer.conv_channels
        layer.in_proj, layer.out_proj = self._matrix(mixer.in_proj), self._matrix(mixer.out_proj)
        norm = block.norm
        layer.norm_weight = self._address(norm.get_parameter("weight"))
        layer.norm_bias = self._address(_bias(norm))
        layer.conv_weight = self._address(mixer.conv1d.weight[:, 0].T)
        layer.conv_bias = self._address(bias)
        layer.dt_bias = self._address(mixer.dt_bias)
        layer.A = self._address(-torch.exp(mixer.A_log.detach()))
        layer.D = self._address(mixer.D)
        layer.gate_weight = self._address(mixer.norm.weight)
        ring = torch.zeros(self._taps, self._batch, layer.in_proj.rows)
        ring[: self._taps - 1, :, self._window(ring)] = conv.transpose(0, 1)
        layer.ring = self._address(ring)
        layer.ssm = self._address(ssm)
        return ring

    def _address(self, tensor: Tensor | None) -> int | None:
        """Of a tensor's numbers, in one piece, which are kept; no address for none."""
        if tensor is None:
            return None
        piece = tensor.detach().contiguous()
        self._kept.append(piece)
        return piece.data_ptr()

    def _matrix(self, module: nn.Module) -> Matrix:
        kind = _kind(module)
        assert kind is not None
        weight = _weight(module)
        scale, sums = getattr(module, "scale", None), getattr(module, "sums", None)
        rows, columns = weight.shape
        return Matrix(self._address(weight), self._address(scale), self._address(sums), rows, columns, kind)


def _check(model: LanguageModel, state: ModelState) -> None:
    """Raises ``ValueError`` if the state is not one of the model, which must be one that can be decoded."""
    begin = model.initial_state(0)
    for mine, its in ((begin.conv, state.conv), (begin.ssm, state.ssm)):
        if [t.shape[1:] for t in mine] != [t.shape[1:] for t in its]:
            raise ValueError("the state is not one of this model")
    if any(len(t) != state.batch_size for t in (*state.conv, *state.ssm)):
        raise ValueError("the layers' states are not of as many rows")


def _matrices(model: LanguageModel) -> Iterable[nn.Module]:
    yield from (model.embedding, model.head)
    for block in model.blocks:
        yield from (block.mixer.in_proj, block.mixer.out_proj)


def _kind(module: nn.Module) -> int | None:
    if isinstance(module, (nn.Linear, nn.Embedding)):
        return FLOAT32
    if isinstance(module, BFloat16Linear):
        return BFLOAT16
    if isinstance(module, NativeInt8Linear):
        return INT8
    if isinstance(module, PackedEmbedding):
        return BFLOAT16 if module.scale is None else INT8
    return None


def _weight(module: nn.Module) -> Tensor:
    weight = module.weight if isinstance(module, (nn.Linear, nn.Embedding)) else module.packed
    assert isinstance(weight, Tensor)
    return weight


def _copy(tensor: Tensor, rows: slice | list[int] = slice(None)) -> Tensor:
    """Some rows in float32. By numpy: torch has several threads copy, which wait for each other."""
    return torch.from_numpy(np.array(tensor.detach().numpy()[rows], dtype=np.float32, order="C"))


def _bias(norm: nn.Module) -> Tensor | None:
    return norm.bias if isinstance(norm, nn.LayerNorm) else None


def _eps(norm: nn.Module) -> float:
    eps = norm.eps
    assert isinstance(eps, float)
    return eps

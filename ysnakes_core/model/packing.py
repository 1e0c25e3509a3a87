"""Weights in fewer bytes, to complete text with: bfloat16, or int8 with one scale for each output.

In int8, the numbers that a matrix is multiplied with are rounded too, each row of them by its own largest:
what a row comes to does not depend on the rows beside it, and whole numbers add up alike in any order. So a
text taken in at once, token by token, alone or among others, comes to the same.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ysnakes_core.errors import UsageError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.native.library import Library, library
from ysnakes_core.model.native.product import MOST_COLUMNS, multiply_int8
from ysnakes_core.model.precision import PRECISIONS, Precision

_ROWS = 256  # of a weight at a time, where it is unfolded to float32
_TINY = 1e-30


class PackedLinear(nn.Module):
    """A linear map without bias, of ``weight (outputs, inputs)``; to float32 from float32."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape

    @property
    def n_packed(self) -> int:
        """Numbers in the weight."""
        return self.in_features * self.out_features

    def forward(self, x: Tensor) -> Tensor:
        out = x.new_empty(*x.shape[:-1], self.out_features)
        self.write(x.reshape(-1, self.in_features), out.view(-1, self.out_features))
        return out

    def write(self, x: Tensor, out: Tensor) -> None:
        """Write the map of ``x (rows, inputs)`` to ``out (rows, outputs)``."""
        raise NotImplementedError


class BFloat16Linear(PackedLinear):
    """A weight in bfloat16."""

    packed: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__(weight)
        self.register_buffer("packed", weight.to(torch.bfloat16))

    def write(self, x: Tensor, out: Tensor) -> None:
        halves = x.to(torch.bfloat16)
        if x.shape[0] == 1:
            out.copy_(torch.mv(self.packed, halves[0]))
        else:
            out.copy_(F.linear(halves, self.packed))


class FoldedLinear(PackedLinear):
    """A weight in int8, on any device: unfolded to float32 a few rows at a time."""

    packed: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__(weight)
        packed, scale = fold(weight)
        self.register_buffer("packed", packed)
        self.register_buffer("scale", scale)

    def write(self, x: Tensor, out: Tensor) -> None:
        for at in range(0, self.out_features, _ROWS):
            some = slice(at, at + _ROWS)
            torch.mul(x @ self.packed[some].to(x.dtype).T, self.scale[some], out=out[:, some])


class Int8Linear(PackedLinear):
    """A weight in int8 in the order that FBGEMM's kernels read it; for x86 processors."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__(weight)
        packed, scale = fold(weight)
        zero = torch.zeros(len(scale), dtype=torch.int64)
        with _fbgemm():
            quantized = torch._make_per_channel_quantized_tensor(packed, scale.double(), zero, 0)
            self._packed = torch.ops.quantized.linear_prepack(quantized, None)
        self._levels = _levels()

    def write(self, x: Tensor, out: Tensor) -> None:
        # Both ways round the same: to whole numbers of steps, by a product with 1 / step in float32.
        if x.shape[0] == 1:
            step = max(x.abs().max().item(), _TINY) / self._levels
            out.copy_(_product(x, step, self._levels + 1, self._packed))
        else:
            steps = x.abs().amax(1, keepdim=True).clamp_min_(_TINY).div_(self._levels)
            product = _product(x * steps.reciprocal(), 1.0, self._levels + 1, self._packed)
            torch.mul(product, steps, out=out)


class NativeInt8Linear(PackedLinear):
    """A weight in int8, for the compiled step; prompts are multiplied with it by the same sums."""

    packed: Tensor
    scale: Tensor
    sums: Tensor  # of each row, whole numbers

    def __init__(self, weight: Tensor, library: Library) -> None:
        super().__init__(weight)
        packed, scale = fold(weight)
        self.register_buffer("packed", packed)
        self.register_buffer("scale", scale)
        self.register_buffer("sums", packed.sum(1, dtype=torch.int32))
        self._library = library

    def write(self, x: Tensor, out: Tensor) -> None:
        multiply_int8(self._library, x, self.packed, self.scale, self.sums, out)


class PackedEmbedding(nn.Module):
    """Looks tokens up in a table that is held in fewer bytes; they come in float32."""

    packed: Tensor
    scale: Tensor | None

    def __init__(self, packed: Tensor, scale: Tensor | None, *, tied: bool) -> None:
        super().__init__()
        self.n_packed = 0 if tied else packed.numel()
        self.register_buffer("packed", packed)
        self.register_buffer("scale", scale)

    def forward(self, tokens: Tensor) -> Tensor:
        flat = tokens.reshape(-1)
        rows = torch.index_select(self.packed, 0, flat).float()
        if self.scale is not None:
            rows.mul_(torch.index_select(self.scale, 0, flat)[:, None])
        return rows.view(*tokens.shape, -1)


def fold(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A weight as int8 from -127 to 127, and for each row what one of them stands for, ``(rows,)``."""
    scale = (weight.abs().amax(1) / 127).clamp_min(_TINY)
    return (weight / scale[:, None]).round_().to(torch.int8), scale


def check_precision(precision: str) -> None:
    """Raises ``UsageError`` for a precision there is not."""
    if precision not in PRECISIONS:
        raise UsageError(
            f"weights cannot be held in {precision!r:.40}", f"choose one of: {', '.join(PRECISIONS)}"
        )


def pack(model: LanguageModel, precision: Precision) -> LanguageModel:
    """Hold a model's matrices in ``precision`` from now on; it is the same model, changed in place.

    One matrix after the other, so that never much more is held than before. It can then complete text but not
    be trained, and stays on its device. Raises ``UsageError`` for a precision there is not.
    """
    check_precision(precision)
    if precision == "float32":
        return model
    with torch.no_grad():
        for block in model.blocks:
            for name in ("in_proj", "out_proj"):
                setattr(block.mixer, name, _packed(getattr(block.mixer, name).weight, precision))
        tied = model.head.weight is model.embedding.weight
        head = _packed(model.head.weight, precision)
        if tied and not isinstance(head, Int8Linear):
            scale = head.get_buffer("scale") if precision == "int8" else None
            embedding = PackedEmbedding(head.get_buffer("packed"), scale, tied=True)
        elif precision == "bfloat16":
            embedding = PackedEmbedding(model.embedding.weight.to(torch.bfloat16), None, tied=False)
        else:
            embedding = PackedEmbedding(*fold(model.embedding.weight), tied=tied)
        model.embedding, model.head = embedding, head  # type: ignore[assignment]
    return model


def _packed(weight: Tensor, precision: Precision) -> PackedLinear:
    if precision == "bfloat16":
        return BFloat16Linear(weight)
    if weight.device.type != "cpu":
        return FoldedLinear(weight)
    native = library()
    if native is not None and weight.dtype == torch.float32 and weight.shape[1] <= MOST_COLUMNS:
        return NativeInt8Linear(weight, native)
    return Int8Linear(weight) if has_int8_kernels() else FoldedLinear(weight)


@functools.cache
def has_int8_kernels() -> bool:
    """Whether FBGEMM's int8 kernels are there and right: torch has them on x86 only."""
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        return False
    weight = torch.linspace(-1.0, 1.0, 64).view(4, 16).roll(3, 1)
    x = torch.linspace(-2.0, 1.5, 32).view(2, 16)
    try:
        found = Int8Linear(weight)(x)
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return bool((found - x @ weight.T).abs().max() < 0.2)


def _product(x: Tensor, step: float, zero: int, packed: Any) -> Tensor:
    """``x`` rounded to whole steps, from -``zero`` steps up, times a packed weight."""
    product: Tensor = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default(
        x, step, zero, packed
    )
    return product


@functools.cache
def _levels() -> int:
    """Steps from 0 to a row's largest number.

    Without the VNNI instructions two products are added in 16 bits, which only hold those of 7-bit numbers.
    """
    known = getattr(torch.cpu, "_is_vnni_supported", None)
    return 127 if known is not None and known() else 63


@contextlib.contextmanager
def _fbgemm() -> Iterator[None]:
    """Have torch pack for FBGEMM; which kernels it packs for is one setting of the whole process.

    The tensors that are packed are of a kind that torch means to drop: it says so once, which is no news to
    whoever completes text. Where they are gone, there are no kernels.
    """
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = "fbgemm"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        torch.backends.quantized.engine = before

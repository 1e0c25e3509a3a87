"""Products with weights in int8 by the compiled functions, shared among as many threads as torch has."""

from __future__ import annotations

import ctypes
import functools

import torch
from torch import Tensor

from ysnakes_core.model.native.helpers import helpers
from ysnakes_core.model.native.library import INT8, PAD, Library, Matrix, Product

MOST_COLUMNS = 65_536  # the sum of so many products is a whole number of 32 bits
_MOST_ROWS = 2**20


def multiply_int8(
    library: Library, x: Tensor, weight: Tensor, scale: Tensor, sums: Tensor, out: Tensor
) -> None:
    """Write ``x (count, columns)`` times ``weight (rows, columns)`` to ``out (count, rows)``.

    ``scale (rows,)``: what 1 in the weight stands for. ``sums (rows,)`` of it. ``x`` is rounded by row, to
    127 steps of its largest number.
    """
    rows, columns = weight.shape
    count = x.shape[0]
    if count > _MOST_ROWS:
        for some in (slice(at, at + _MOST_ROWS) for at in range(0, count, _MOST_ROWS)):
            multiply_int8(library, x[some], weight, scale, sums, out[some])
        return
    if not count:
        return
    x = x.detach().to(torch.float32).contiguous()
    if columns > MOST_COLUMNS:
        raise ValueError(f"sums of {columns} products may be too large")
    _check(weight, torch.int8, (rows, columns))
    _check(scale, torch.float32, (rows,))
    _check(sums, torch.int32, (rows,))
    _check(out, torch.float32, (count, rows))
    _check(x, torch.float32, (count, columns))
    stride = -(-columns // PAD) * PAD
    levels, steps = torch.empty(count, stride, dtype=torch.int8), torch.empty(count)
    by = Matrix(weight.data_ptr(), scale.data_ptr(), sums.data_ptr(), rows, columns, INT8)
    product = Product(by, x.data_ptr(), out.data_ptr(), count, stride, levels.data_ptr(), steps.data_ptr())
    for stage in product.stages:
        stage.taken = 1 << 32
    help = functools.partial(_help, library, product, (x, weight, scale, sums, out, levels, steps))
    others = torch.get_num_threads() - 1
    if others > 0:
        helpers().ask(help, others)
    help(0)


def _help(library: Library, product: Product, kept: tuple[Tensor, ...], thread: int) -> None:
    """``kept``: what the product has the addresses of."""
    library.help_product(ctypes.addressof(product), thread)


def _check(tensor: Tensor, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    if tensor.dtype != dtype or tuple(tensor.shape) != shape or not tensor.is_contiguous():
        raise ValueError(f"a tensor of {dtype} {shape} in one piece is needed, not {tensor.dtype}")
    if tensor.device.type != "cpu":
        raise ValueError(f"a tensor in the computer's memory is needed, not on {tensor.device}")

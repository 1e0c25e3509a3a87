"""From columns of values to the characters that draw them: Braille dots, block elements or ASCII."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ysnakes_tui.widgets.chart_scale import Scale
from ysnakes_tui.widgets.decimation import Columns, Floats

Glyphs = Literal["braille", "block", "ascii"]
GLYPHS: tuple[Glyphs, ...] = ("braille", "block", "ascii")

Cells = NDArray[np.uint32]
Masks = NDArray[np.uint8]
Rows = NDArray[np.int64]

# Dots of one cell, (across, down).
DOTS: dict[Glyphs, tuple[int, int]] = {"braille": (2, 4), "block": (2, 2), "ascii": (1, 1)}

# Which bit each dot (down, across) of a cell is.
_BITS = {
    "braille": {(0, 0): 0, (1, 0): 1, (2, 0): 2, (0, 1): 3, (1, 1): 4, (2, 1): 5, (3, 0): 6, (3, 1): 7},
    "block": {(0, 0): 0, (0, 1): 1, (1, 0): 2, (1, 1): 3},
}
_BLOCKS = np.array([ord(character) for character in " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"], dtype=np.uint32)


@dataclass(frozen=True)
class Extents:
    """The rows that each column of dots fills, from ``top`` to ``bottom``, both included; row 0 is uppermost.

    A column with ``top`` below ``bottom`` is empty. ``above``, ``below``: some value is beyond that edge.
    """

    top: Rows
    bottom: Rows
    above: NDArray[np.bool_]
    below: NDArray[np.bool_]


def dot_rows(values: Floats, scale: Scale, n_rows: int) -> Rows:
    """The row of dots of each value; -1 and ``n_rows`` are beyond the edges. NaN gives some row."""
    fractions = scale.fractions(values)
    if n_rows > 1:
        places = np.rint((1 - fractions) * (n_rows - 1))
    else:
        places = np.where(fractions > 1 + 1e-9, -1.0, np.where(fractions < -1e-9, 1.0, 0.0))
    rows: Rows = np.clip(np.nan_to_num(places, nan=-1.0), -1, n_rows).astype(np.int64)
    return rows


def line(columns: Columns, scale: Scale, n_rows: int) -> Extents:
    """A line through all values of each column and from column to column, across those without points.

    It is broken where a value is NaN or infinite.
    """
    present = ~np.isnan(columns.low)
    enters, leaves = _passage(columns, scale)
    rows_in, rows_out = (dot_rows(fractions, _UNIT, n_rows) for fractions in (enters, leaves))
    crossed = (columns.count == 0) & np.isfinite(enters)
    top = np.where(present, dot_rows(columns.high, scale, n_rows), np.where(crossed, rows_in, n_rows + 1))
    bottom = np.where(present, dot_rows(columns.low, scale, n_rows), np.where(crossed, rows_in, -2))
    _join(top, bottom, rows_out, rows_in, np.isfinite(leaves[:-1]) & np.isfinite(enters[1:]))
    with np.errstate(invalid="ignore"):
        above = present & (scale.fractions(columns.high) > 1 + 1e-9)
        below = present & (scale.fractions(columns.low) < -1e-9)
    return Extents(np.maximum(top, 0), np.minimum(bottom, n_rows - 1), above, below)


_UNIT = Scale(0.0, 1.0)


def _join(top: Rows, bottom: Rows, rows_out: Rows, rows_in: Rows, joined: NDArray[np.bool_]) -> None:
    """Let neighbours meet half-way between where one is left and the next entered."""
    leave, enter = rows_out[:-1], rows_in[1:]
    middle = (leave + enter) // 2
    falls, rises = joined & (leave < enter), joined & (leave > enter)
    bottom[:-1] = np.where(falls, np.maximum(bottom[:-1], middle), bottom[:-1])
    top[1:] = np.where(falls, np.minimum(top[1:], middle + 1), top[1:])
    top[:-1] = np.where(rises, np.minimum(top[:-1], middle + 1), top[:-1])
    bottom[1:] = np.where(rises, np.maximum(bottom[1:], middle), bottom[1:])


def _passage(columns: Columns, scale: Scale) -> tuple[Floats, Floats]:
    """Where the line enters and leaves each column, as fractions of the scale; NaN where it is broken.

    In columns without points both lie on the straight line between the neighbouring points.
    """
    enters, leaves = _finite(columns.first, scale), _finite(columns.last, scale)
    filled = np.flatnonzero(columns.count)
    before, after = ([] if side is None else [side] for side in (columns.before, columns.after))
    outside = [_finite(np.array([value for _, value in side]), scale) for side in (before, after)]
    at = np.array([*(at for at, _ in before), *filled, *(at for at, _ in after)], dtype=np.float64)
    goes_in, comes_out = (np.concatenate([outside[0], ends[filled], outside[1]]) for ends in (enters, leaves))
    empty = np.flatnonzero(columns.count == 0)
    right = np.searchsorted(at, empty)
    between = (right > 0) & (right < len(at))
    empty, right = empty[between], right[between]
    left = right - 1
    share = (empty - at[left]) / (at[right] - at[left])
    enters[empty] = comes_out[left] + (goes_in[right] - comes_out[left]) * share
    leaves[empty] = enters[empty]
    return enters, leaves


def _finite(values: Floats, scale: Scale) -> Floats:
    """Fractions of the scale, NaN for what has no place on it."""
    fractions = scale.fractions(np.where(np.isfinite(values), values, np.nan))
    return np.where(np.isfinite(fractions), fractions, np.nan)


def dot_masks(extents: Extents, n_rows: int, glyphs: Glyphs) -> Masks:
    """The dots of a line in each cell, as bits: ``(n_rows, columns of cells)``, 0 where it does not go.

    ``extents`` has as many columns of dots as the cells have, and rows for ``n_rows`` cells.
    """
    across, down = DOTS[glyphs]
    rows = np.arange(n_rows * down)[:, None]
    dots = (rows >= extents.top) & (rows <= extents.bottom)
    if glyphs == "ascii":
        return dots.astype(np.uint8)
    masks = np.zeros((n_rows, dots.shape[1] // across), dtype=np.uint8)
    for (row, column), bit in _BITS[glyphs].items():
        masks |= dots[row::down, column::across].view(np.uint8) << np.uint8(bit)
    return masks


def characters(masks: Masks, glyphs: Glyphs, ascii_character: str = "*") -> Cells:
    """The characters that show those dots, 0 where there are none; in ASCII always the one that is given."""
    if glyphs == "ascii":
        return np.where(masks > 0, np.uint32(ord(ascii_character)), np.uint32(0))
    if glyphs == "block":
        return np.where(masks > 0, _BLOCKS[masks & 15], np.uint32(0))
    return np.where(masks > 0, masks.astype(np.uint32) + np.uint32(0x2800), np.uint32(0))

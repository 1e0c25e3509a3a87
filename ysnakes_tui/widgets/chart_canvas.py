"""A grid of characters with styles, drawn on by position and handed out as lines of exactly its width."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from ysnakes_core.files import printable

CURSOR = 0x80  # added to a style's number: the cell is under the crosshair
_SPACE = ord(" ")
_CONTINUED = 0  # the right half of a wide character


def fit(text: str, width: int, *, unicode: bool = True) -> str:
    """``text`` as it can be drawn in at most ``width`` cells, literally; a longer one ends in an ellipsis.

    What steers a terminal is shown as a symbol, what has no width of its own is left out.
    """
    kept: list[str] = []
    used = 0
    for character in printable(text[: 4 * max(width, 0) + 8]):
        if not character.isprintable():  # other spaces; what is unassigned or private, of unknown width
            character = " " if character.isspace() else "\ufffd"
        size = _size(character)
        if size == 0:
            continue
        if used + size > width:
            ellipsis = "…" if unicode else "."
            while kept and used + 1 > width:
                used -= _size(kept.pop())
            return "".join(kept) + ellipsis * (width > 0)
        kept.append(character)
        used += size
    return "".join(kept)


def cells_of(text: str) -> int:
    """Cells that a text made by ``fit`` takes."""
    return sum(map(_size, text))


def _size(character: str) -> int:
    return get_character_cell_size(character)


class Canvas:
    """``height`` rows of ``width`` cells, at first blank in style 0."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(width, 0), max(height, 0)
        self.codes: NDArray[np.uint32] = np.full((self.height, self.width), _SPACE, dtype=np.uint32)
        self.styles: NDArray[np.uint8] = np.zeros((self.height, self.width), dtype=np.uint8)
        self._wide_rows: set[int] = set()

    def put(self, row: int, column: int, character: str, style: int) -> None:
        """One character of width 1; nothing if it would be outside."""
        if 0 <= row < self.height and 0 <= column < self.width:
            self.codes[row, column] = ord(character)
            self.styles[row, column] = style

    def text(self, row: int, column: int, text: str, style: int) -> int:
        """Text made by ``fit``, cropped at the edges; returns the column after it."""
        for character in text:
            size = _size(character)
            if 0 <= row < self.height and column >= 0 and column + size <= self.width:
                self.codes[row, column] = ord(character)
                self.styles[row, column : column + size] = style
                if size == 2:
                    self.codes[row, column + 1] = _CONTINUED
                    self._wide_rows.add(row)
            column += size
        return column

    def blend(self, row: int, column: int, codes: NDArray[np.uint32], style: int) -> None:
        """Characters of width 1 over what is there, except where ``codes`` is 0. It must lie inside."""
        height, width = codes.shape
        drawn = codes > 0
        self.codes[row : row + height, column : column + width][drawn] = codes[drawn]
        self.styles[row : row + height, column : column + width][drawn] = style

    def runs(self, row: int) -> list[tuple[str, int]]:
        """The row as pieces of text in one style each; together exactly as wide as the canvas."""
        if self.width == 0:
            return []
        if row in self._wide_rows:
            self._mend(row)
        codes, styles = self.codes[row], self.styles[row]
        cuts = [0, *(np.flatnonzero(styles[1:] != styles[:-1]) + 1).tolist(), self.width]
        text = codes.astype("<u4").tobytes().decode("utf-32-le")
        return [
            (text[start:end].replace("\0", ""), int(styles[start])) for start, end in itertools.pairwise(cuts)
        ]

    def _mend(self, row: int) -> None:
        """Blank what is left of wide characters that were partly drawn over."""
        codes = self.codes[row]
        for column in range(self.width):
            whole = column + 1 < self.width and codes[column + 1] == _CONTINUED
            if codes[column] == _CONTINUED:
                if column == 0 or _size(chr(codes[column - 1])) != 2:
                    codes[column] = _SPACE
            elif _size(chr(codes[column])) == 2 and not whole:
                codes[column] = _SPACE
            elif whole:
                self.styles[row, column + 1] = self.styles[row, column]

    def strips(self, styles: Mapping[int, Style]) -> list[Strip]:
        """The rows for Textual, with the look of each style."""
        return [
            Strip([Segment(text, styles[style]) for text, style in self.runs(row) if text], self.width)
            for row in range(self.height)
        ]

    def plain(self) -> list[str]:
        """The rows as text without styles."""
        return ["".join(text for text, _ in self.runs(row)) for row in range(self.height)]

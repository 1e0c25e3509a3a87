"""Where the lines of a text begin that grows at its end: words stay whole, and what stands never moves again.

A line is a range of the text: its newline, or the space it was broken at, are its last character. They have a
cell to themselves: lines of ``width`` cells may take one more for that. Nearly every line is found without
looking at its characters one by one; only wide and combining characters, emoji and tabs need that.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from rich.cells import get_character_cell_size, split_graphemes

TAB = 4  # cells from one tab stop to the next
PLAIN_COST, ODD_COST = 1, 25  # about microseconds that a line takes
_MOST_CHARACTERS = 8  # of a line, for each of its cells: marks can be piled up without end
_MORE = 32
_JOINING = re.compile("[\u200d\ufe0f]")
# Of one cell each, and with nothing that changes their neighbours: as Rich measures them.
_PLAIN = re.compile("[\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u2010-\u2027\u2500-\u25fc]*")


def is_plain(text: str, start: int = 0, end: int | None = None) -> bool:
    """Whether every character takes one cell."""
    return _PLAIN.fullmatch(text, start, len(text) if end is None else end) is not None


def spans_of(text: str) -> Iterator[tuple[int, int, int]]:
    """What can only be shown together, from the beginning of a line on: start, end and cells of each.

    A newline has one cell.
    """
    if is_plain(text):
        for at in range(len(text)):
            yield at, at + 1, 1
        return
    column = 0
    for start, end, size in split_graphemes(text.replace("\t", " ").replace("\n", " "))[0]:
        cells = TAB - column % TAB if text[start] == "\t" else size
        column += cells
        yield start, end, cells


def offset_at(text: str, column: int) -> int:
    """Which character of a line is drawn in a column; the last one beyond the end, 0 for no text."""
    right, last = 0, 0
    for start, _, cells in spans_of(text):
        right += cells
        last = start
        if column < right:
            break
    return last


def next_line(text: str, start: int, width: int) -> tuple[int | None, int]:
    """Where the line after the one from ``start`` on begins, and what finding out cost.

    None: what is left of the text fits, and more may come into the line.
    """
    limit = min(start + width + 1, len(text))
    newline = text.find("\n", start, limit)
    end = limit if newline < 0 else newline
    if not is_plain(text, start, end):
        return _next_of_odd(text, start, width), ODD_COST
    if newline >= 0:
        return newline + 1, PLAIN_COST
    if limit - start <= width:
        return None, PLAIN_COST
    if text[limit - 1] == " ":
        following = limit
    else:
        space = text.rfind(" ", start, limit - 1)
        following = space + 1 if space >= 0 else limit - 1
    return (following if following < len(text) else None), PLAIN_COST


def _next_of_odd(text: str, start: int, width: int) -> int | None:
    newline = text.find("\n", start, start + _MOST_CHARACTERS * width + _MORE)
    most = min(len(text), start + _MOST_CHARACTERS * width + _MORE) if newline < 0 else newline
    end = min(most, start + width // 2 + _MORE)  # enough for wide characters
    while True:
        found = _broken(text[start:end], width)
        if found is not None:
            return start + found if start + found < len(text) else None
        if end == most:
            break
        end = min(most, end + width + _MORE)
    if newline >= 0:
        return newline + 1
    return most if most < len(text) else None


def _broken(line: str, width: int) -> int | None:
    """How much of ``line``, at least one character, has room; None if all of it has."""
    if _JOINING.search(line) is None:  # each character alone then: the same, but much quicker
        return _broken_by_characters(line, width)
    cells = cut = 0
    for begin, after, size in spans_of(line):
        character = line[begin]
        if cells + size > width and begin:
            if character == " ":
                return after
            return begin if size == 2 or not cut or character == "\t" else cut
        cells += size
        if character in " \t" or size == 2:
            cut = after
    return None


def _broken_by_characters(line: str, width: int) -> int | None:
    cells = cut = 0
    for at, character in enumerate(line):
        size = get_character_cell_size(character)
        if size == 0 and character != "\t":
            if cut == at:  # a mark on what it could be broken after
                cut = at + 1
            continue
        if character == "\t":
            size = TAB - cells % TAB
        if cells + size > width and at:
            if character == " ":
                return at + 1
            return at if size == 2 or not cut or character == "\t" else cut
        cells += size
        if size == 2 or character in " \t":
            cut = at + 1
    return None


class Wrapping:
    """The lines of a text in ``width`` cells (at least 1), as far as they are laid out.

    The text is handed in each time; it may have grown at its end, but what was there must be the same.
    """

    def __init__(self, width: int) -> None:
        self.width = max(1, width)
        self._starts: list[int] = []  # of lines that are complete
        self._open = 0  # where the line begins that is not
        self._seen = 0  # characters that are laid out; in the open line more may come
        self._estimate = (-1, -1, 0)

    @property
    def laid_out(self) -> int:
        """Characters of the text that are laid out."""
        return self._seen

    def is_done(self, text: str) -> bool:
        return self._seen == len(text)

    def advance(self, text: str, budget: int) -> int:
        """Lay out more, as much as ``budget`` allows (see the costs); gives what is left of that."""
        starts, length = self._starts, len(text)
        while budget > 0 and self._seen < length:
            following, cost = next_line(text, self._open, self.width)
            budget -= cost
            if following is None:
                self._seen = length
            else:
                starts.append(self._open)
                self._open = self._seen = following
        return budget

    def height(self, text: str) -> int:
        """How many lines there are; a guess for what is not laid out."""
        if self.is_done(text):
            return len(self._starts) + (self._open < len(text))
        if self._estimate[:2] != (self._open, len(text)):
            lines = text.count("\n", self._open) + (len(text) - self._open) // self.width + 1
            self._estimate = (self._open, len(text), lines)
        return len(self._starts) + self._estimate[2]

    def line(self, text: str, number: int) -> tuple[int, int] | None:
        """From where to where in the text a line goes; None if it is not laid out."""
        known = len(self._starts)
        if number + 1 < known:
            return self._starts[number], self._starts[number + 1]
        if number + 1 == known:
            return self._starts[number], self._open
        is_open = number == known and self.is_done(text) and self._open < len(text)
        return (self._open, len(text)) if is_open else None

    def line_of(self, offset: int) -> int:
        """The line that a character is in, of those that are laid out."""
        return len(self._starts) if offset >= self._open else bisect_right(self._starts, offset) - 1

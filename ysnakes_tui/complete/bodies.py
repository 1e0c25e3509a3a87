"""How the text of a block is laid out in lines: as it is, or (see ``markdown_lines``) as Markdown."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from rich.segment import Segment

from ysnakes_tui.complete.wrapping import Wrapping

Place = tuple[int, int]
"""A place in a text that is selected: a line (of those that never move while it grows), and a character."""


class Line(NamedTuple):
    """A line as it is to be drawn.

    ``text`` and ``offset`` (of its first character in the text of the block) for text as it is;
    ``segments`` where it was rendered. ``place`` is that of its first character.
    """

    text: str
    offset: int
    place: Place
    segments: tuple[Segment, ...] | None = None


class Body(Protocol):
    """Lines of a text that grows at its end. Those that are not laid out yet are guessed."""

    @property
    def height(self) -> int: ...

    @property
    def is_done(self) -> bool:
        """There is nothing to lay out in advance."""
        ...

    def grow(self, text: str) -> None:
        """The text is a longer one now."""
        ...

    def advance(self, budget: int) -> int:
        """Lay out more, for about ``budget`` microseconds; gives what is left of them."""
        ...

    def lay_out(self, first: int, last: int) -> bool:
        """See that these lines are laid out; whether something changed by that."""
        ...

    def line(self, number: int) -> Line | None: ...

    def offset_of(self, number: int) -> int:
        """About where in the text a line begins."""
        ...

    def line_of(self, offset: int) -> int:
        """About which line a place in the text is in; it is laid out up to there."""
        ...

    def extract(self, start: Place | None, end: Place | None) -> str:
        """The text between two places; None for its beginning, or its end."""
        ...


class PlainBody:
    """The text as it is, broken at words into lines of ``width`` cells."""

    def __init__(self, text: str, width: int) -> None:
        self.text = text
        self._wrapping = Wrapping(width)

    @property
    def width(self) -> int:
        return self._wrapping.width

    @property
    def height(self) -> int:
        return self._wrapping.height(self.text)

    @property
    def is_done(self) -> bool:
        return self._wrapping.is_done(self.text)

    def grow(self, text: str) -> None:
        self.text = text

    def advance(self, budget: int) -> int:
        return self._wrapping.advance(self.text, budget)

    def lay_out(self, first: int, last: int) -> bool:
        changed = False
        while not self.is_done and self._wrapping.line(self.text, last) is None:
            self._wrapping.advance(self.text, 1000)
            changed = True
        return changed

    def line(self, number: int) -> Line | None:
        found = self._wrapping.line(self.text, number)
        return None if found is None else Line(self.text[slice(*found)], found[0], (0, found[0]))

    def offset_of(self, number: int) -> int:
        self.lay_out(number, number)
        found = self._wrapping.line(self.text, number)
        return len(self.text) if found is None else found[0]

    def line_of(self, offset: int) -> int:
        while not self.is_done and self._wrapping.laid_out <= offset:
            self._wrapping.advance(self.text, 1000)
        return self._wrapping.line_of(offset)

    def extract(self, start: Place | None, end: Place | None) -> str:
        return self.text[start[1] if start else 0 : end[1] if end else None]

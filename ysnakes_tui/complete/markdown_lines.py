"""Markdown as lines of a given width, rendered piece by piece: only those pieces that come into sight.

A text is cut into pieces of some ``PIECE`` characters, between paragraphs where it can be, so that what one
costs is bounded however long an answer gets: while it is written, only its last piece is rendered anew. What
goes on over a cut (a list, a table) begins again there; a fence is opened again. What cannot be rendered, or
would take long, is shown as it is.

Nothing is hidden and nothing acts: HTML is text, a link has its address behind it, and characters that steer
a terminal are symbols, also those that were written as an entity.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, HorizontalRule, Markdown
from rich.padding import Padding
from rich.rule import Rule
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from rich.theme import Theme

from ysnakes_core.files import printable
from ysnakes_tui.complete.bodies import Line, Place
from ysnakes_tui.complete.wrapping import Wrapping

PIECE = 1500  # characters
_LEAST_WIDTH = 12  # cells; below, Markdown is shown as it is
_LINES = 1 << 16  # more than a piece has lines
# What takes long to parse or to render for its length.
_MOST_CELLS, _MOST_SIGNS = 150, 400
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*$", re.MULTILINE)
_NAMES = ("heading", "code", "link", "quote")
_BOLD, _ITALIC, _STRIKE = Style(bold=True), Style(italic=True), Style(strike=True)


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Code(CodeBlock):
    """Without colours of a language: which one it is, is a stranger's word, and reading it can take long."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        style = console.get_style("markdown.code_block")
        yield Padding(Text(str(self.text).rstrip(), style), (0, 0, 0, 2))


class _Rule(HorizontalRule):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Rule(style="markdown.hr")


class _Literal(Markdown):
    elements = {  # noqa: RUF012 (Rich's own way)
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
        "hr": _Rule,
    }

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        self.parsed = _parser().parse(text)
        _make_printable(self.parsed)


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    return parser.disable(["image", "reference"])  # there are no pictures here, and nothing is hidden


def _make_printable(tokens: Sequence[Token]) -> None:
    for token in tokens:
        keeps = token.type in ("fence", "code_block", "inline")
        token.content = printable(token.content.replace("\t", "    "), keep_lines=keeps)
        token.attrs = {
            name: printable(value) if isinstance(value, str) else value for name, value in token.attrs.items()
        }
        if token.children:
            _make_printable(token.children)


def looks_of(styles: Mapping[str, Style]) -> Theme:
    """The look of Markdown, made of four styles: ``heading``, ``code``, ``link`` and ``quote``."""
    heading, code, link, quote = (styles.get(name, Style()) for name in _NAMES)
    parts = {"paragraph": Style(), "text": Style(), "em": _ITALIC, "emph": _ITALIC, "strong": _BOLD}
    parts |= {"s": _STRIKE, "code": code, "code_block": code, "block_quote": quote, "list": Style()}
    parts |= {"item": Style(), "item.bullet": _BOLD, "item.number": _BOLD, "hr": quote, "link": link}
    parts |= {"link_url": quote, "table.border": quote, "table.header": _BOLD}
    parts |= {f"h{level}": heading for level in range(1, 8)}
    return Theme({f"markdown.{name}": style for name, style in parts.items()})


class Renderer:
    """Renders for one width, in one look."""

    def __init__(self, width: int, looks: Theme) -> None:
        self.width = max(1, width)
        self._console = Console(
            file=io.StringIO(),
            width=self.width,
            theme=looks,
            color_system="truecolor",
            force_terminal=True,
            legacy_windows=False,
            _environ={},
        )

    def render(self, text: str) -> list[list[Segment]]:
        """The lines of a text, none of them wider than ``width``."""
        if self.width >= _LEAST_WIDTH and _is_harmless(text):
            options = self._console.options.update(width=self.width, height=None)
            lines = self._console.render_lines(_Literal(text), options, pad=False)
            while lines and not any(segment.text.strip() for segment in lines[-1]):
                lines.pop()
            if all(sum(segment.cell_length for segment in line) <= self.width for line in lines):
                return lines
        wrapping, text = Wrapping(self.width), text.expandtabs(4)
        wrapping.advance(text, 1_000_000)
        ranges = (wrapping.line(text, number) for number in range(wrapping.height(text)))
        plain = [text[slice(*each)].rstrip("\n") for each in ranges if each is not None]
        return [[Segment(line[:-1] if cell_len(line) > self.width else line)] for line in plain]


def _is_harmless(text: str) -> bool:
    text = "".join(_FENCE.split(text)[::4])  # without what is in fences
    return text.count("|") <= _MOST_CELLS and sum(map(text.count, "[]*_`<>&!~")) <= _MOST_SIGNS


@dataclass
class _Piece:
    """``opening``: the fence that it begins in."""

    start: int
    end: int
    opening: str = ""
    gap: bool = False  # an empty line comes before it
    lines: list[list[Segment]] | None = None
    texts: list[str] = field(default_factory=list)

    def height(self, text: str, width: int) -> int:
        if self.lines is not None:
            return len(self.lines)
        paragraphs = text.count("\n\n", self.start, self.end)
        return (self.end - self.start) // width + paragraphs + paragraphs // 2 + 1


def cut_of(text: str, start: int) -> int | None:
    """Where the piece that begins at ``start`` ends; None if it is the last, and may grow."""
    limit = start + PIECE
    if len(text) <= limit:
        return None
    fences = [match.start() for match in _FENCE.finditer(text, start, limit)]
    for pattern in (r"\n\n+(?=\S)", r"\n(?=\S)", r"\n"):
        ends = [match.end() for match in re.finditer(pattern, text[start:limit])]
        outside = [end for end in ends if sum(fence < start + end for fence in fences) % 2 == 0]
        for found in (outside, ends) if pattern == r"\n" else (outside,):
            if found and found[-1] > PIECE // 4:
                return start + found[-1]
    space = text.rfind(" ", start + 1, limit)
    return space + 1 if space > 0 else limit


class MarkdownBody:
    """See ``bodies.Body``."""

    def __init__(self, text: str, renderer: Renderer) -> None:
        self._renderer = renderer
        self._pieces: list[_Piece] = [_Piece(0, 0)]
        self._sizes: list[int] | None = None
        self.text = ""
        self.grow(text)

    def grow(self, text: str) -> None:
        last = self._pieces[-1]
        if text != self.text or last.end != len(text):
            self.text = text
            last.end, last.lines, self._sizes = len(text), None, None
            while (cut := cut_of(text, last.start)) is not None:
                last.end = cut
                last = _Piece(cut, len(text), self._fence_after(last), text[:cut].endswith("\n\n"))
                self._pieces.append(last)

    def _fence_after(self, piece: _Piece) -> str:
        opening = piece.opening
        for match in _FENCE.finditer(self.text, piece.start, piece.end):
            sign = match[1]
            if not opening:
                opening = sign
            elif sign[0] == opening[0] and len(sign) >= len(opening):
                opening = ""
        return opening

    def _render(self, piece: _Piece) -> None:
        text = self.text[piece.start : piece.end]
        if piece.opening:
            text = f"{piece.opening}\n{text}"
        lines = self._renderer.render(text)[:_LINES]
        if piece.gap:
            lines.insert(0, [Segment("")])
        piece.lines, piece.texts = lines, ["".join(segment.text for segment in line) for line in lines]
        self._sizes = None

    @property
    def _heights(self) -> list[int]:
        if self._sizes is None:
            self._sizes = [piece.height(self.text, self._renderer.width) for piece in self._pieces]
        return self._sizes

    @property
    def height(self) -> int:
        return sum(self._heights) if self.text else 0

    @property
    def is_done(self) -> bool:
        return True  # what is not in sight is not rendered

    def advance(self, budget: int) -> int:
        return budget

    def lay_out(self, first: int, last: int) -> bool:
        changed = False
        while (number := self._missing(first, last)) is not None:
            self._render(self._pieces[number])
            changed = True
        return changed

    def _missing(self, first: int, last: int) -> int | None:
        top = 0
        for number, height in enumerate(self._heights if self.text else ()):
            if top <= last and first < top + height and self._pieces[number].lines is None:
                return number
            top += height
        return None

    def _at(self, number: int) -> tuple[int, int]:
        """The piece that a line is in, and which of its lines it is."""
        for at, height in enumerate(self._heights):
            if number < height:
                return at, number
            number -= height
        return len(self._pieces) - 1, self._heights[-1]

    def line(self, number: int) -> Line | None:
        at, number = self._at(number)
        piece = self._pieces[at]
        if piece.lines is None or number >= len(piece.lines):
            return None
        return Line(piece.texts[number], 0, (at * _LINES + number, 0), tuple(piece.lines[number]))

    def offset_of(self, number: int) -> int:
        at, number = self._at(number)
        piece = self._pieces[at]
        return piece.start + (piece.end - piece.start) * number // max(1, self._heights[at])

    def line_of(self, offset: int) -> int:
        top = 0
        for at, piece in enumerate(self._pieces):
            if offset < piece.end:
                if piece.lines is None:
                    self._render(piece)
                share = (offset - piece.start) * self._heights[at]
                return top + -(-share // max(1, piece.end - piece.start))
            top += self._heights[at]
        return max(0, top - 1)

    def extract(self, start: Place | None, end: Place | None) -> str:
        """As it was rendered; pieces that never were, as they were written."""
        first, last = start or (0, 0), end or (len(self._pieces) * _LINES, 0)
        parts = []
        for at, piece in enumerate(self._pieces):
            if piece.lines is None:
                if first[0] < (at + 1) * _LINES and at * _LINES <= last[0]:
                    parts.append(self.text[piece.start : piece.end].rstrip("\n"))
                continue
            for number, text in enumerate(piece.texts):
                place = at * _LINES + number
                if first[0] <= place <= last[0]:
                    begin = first[1] if place == first[0] else 0
                    parts.append(text[begin : last[1]] if place == last[0] else text[begin:])
        return "\n".join(part.rstrip() for part in parts)

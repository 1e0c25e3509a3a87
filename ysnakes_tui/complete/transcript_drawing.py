"""Lines of a transcript as Textual draws them, and what a place on them means to a selection."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from ysnakes_tui.complete.bodies import Line
from ysnakes_tui.complete.probability import BAND_CSS, BANDS
from ysnakes_tui.complete.wrapping import is_plain, spans_of

NEWLINE, ASCII_NEWLINE = "⏎", "<"
WAITING, ASCII_WAITING = "▌", "_"
BAR, ASCII_BAR = "▌", "|"

_BANDS = (*(f"band-{band}" for band in range(BANDS)), "written")
_MARKDOWN = ("heading", "code", "link", "quote")
STYLES = (
    *("title", "prompt-title", "selected-title", "bar", "sign", "empty", "cursor"),
    *("prompt", "answer", "note", "newline"),
    *_MARKDOWN,
    *_BANDS,
)
CSS = (
    """
    & > .transcript--title { color: $text-muted; text-style: bold; }
    & > .transcript--prompt-title { color: $text-primary; text-style: bold; }
    & > .transcript--selected-title { background: $foreground 12%; color: $foreground; text-style: bold; }
    &:focus > .transcript--selected-title { background: $primary; color: $background; }
    & > .transcript--bar { color: $foreground 40%; }
    &:focus > .transcript--bar { color: $primary; }
    & > .transcript--sign { color: $text-accent; text-style: bold; }
    & > .transcript--empty { color: $text-muted; text-style: italic; }
    & > .transcript--cursor { text-style: bold reverse; }
    & > .transcript--prompt { color: $text-primary; }
    & > .transcript--answer { color: $foreground; }
    & > .transcript--note { color: $text-muted; text-style: italic; }
    & > .transcript--newline { color: $foreground 40%; }
    & > .transcript--heading { color: $text-primary; text-style: bold underline; }
    & > .transcript--code { color: $text-accent; }
    & > .transcript--link { text-style: underline; }
    & > .transcript--quote { color: $text-muted; text-style: italic; }
    &:ansi > .transcript--selected-title { background: ansi_default; text-style: bold underline; }
    &:ansi:focus > .transcript--selected-title { background: ansi_default; text-style: bold reverse; }
    &:ansi > .transcript--bar, &:ansi > .transcript--newline { color: ansi_default; }
    &:nocolor > .transcript--selected-title { text-style: bold underline; }
    &:nocolor:focus > .transcript--selected-title { text-style: bold reverse; }
    &:nocolor > .transcript--code { text-style: bold; }
"""
    + BAND_CSS
)

Range = tuple[int, int]


@dataclass(frozen=True)
class Marks:
    """What lies over the text of a line. Ranges are offsets in the text of its block.

    ``bands``: ranges with their band, or None where probabilities aren't shown. ``tail``: drawn behind it.
    """

    base: str
    bands: tuple[tuple[int, int, int | None], ...] | None = None
    cursor: Range | None = None
    selected: Range | None = None
    tail: str = ""


def draw(
    line: Line, marks: Marks, looks: Mapping[str, Style], selection: Style, *, width: int, ascii: bool
) -> list[Segment]:
    """A line of a text: at most ``width`` cells, and one more for the sign at its end."""
    base = looks[marks.base]
    text, end = line.text, line.offset + len(line.text)
    if line.segments is not None:
        styles = [
            style for each in line.segments for style in [base + (each.style or Style())] * len(each.text)
        ]
    else:
        styles = [base] * len(text)
    for first, last, band in marks.bands or ():
        if band is not None:
            _put(styles, line.offset, (first, last), looks[_BANDS[band]])
    if text.endswith("\n"):
        shown = "" if marks.bands is None else ASCII_NEWLINE if ascii else NEWLINE
        text = text[:-1] + shown
        del styles[len(text) :]
    if marks.cursor is not None:
        if marks.cursor[0] >= end:  # behind all of the text
            text, styles = text + " ", [*styles, base]
        first, last = (each - line.offset for each in marks.cursor)
        first = max((start for start, _, _ in spans_of(text) if start <= first), default=first)
        _put(styles, 0, (first, last), base + looks["cursor"])
    if marks.selected is not None:
        first, last = (min(max(0, each - line.offset), len(text)) for each in marks.selected)
        styles[first:last] = [style + selection for style in styles[first:last]]
    if marks.tail and text.endswith(" ") and cell_len(text) > width:
        text = text[:-1]
    segments = _runs(text, styles)
    if marks.tail:
        segments.append(Segment(marks.tail, looks["sign"]))
    return segments


def _put(styles: list[Style], offset: int, where: Range, style: Style) -> None:
    first, last = max(where[0] - offset, 0), min(where[1] - offset, len(styles))
    if first < last:
        styles[first:last] = [style] * (last - first)


def _runs(text: str, styles: Sequence[Style]) -> list[Segment]:
    """A text in as few segments as can be; what can only be shown together has the style of its beginning."""
    if is_plain(text):
        ends = [at for at in range(1, len(text)) if styles[at] is not styles[at - 1]]
        cuts = [0, *ends, len(text)]
        return [Segment(text[a:b], styles[a]) for a, b in itertools.pairwise(cuts) if a < b]
    pieces = (
        (" " * cells if text[start] == "\t" else text[start:end], styles[start])
        for start, end, cells in spans_of(text)
    )
    return [
        Segment("".join(piece for piece, _ in group), style)
        for style, group in itertools.groupby(pieces, key=lambda piece: piece[1])
    ]


def places(line: Line, y: int, left: int) -> Strip:
    """The line as it is asked for when a text is selected: each piece says which character it begins with.

    ``y`` is the line's for the selection; to the left of it there are ``left`` cells.
    """
    _, first = line.place
    text = line.text.rstrip("\n")
    if text.endswith(" "):  # what is beyond the end of a line that was broken is still in it
        text = text[:-1]
    segments = [Segment(" ", _at(first, y)) for _ in range(left)]
    at = 0
    for start, end, cells in spans_of(text) if "\t" in text else ():
        if text[start] == "\t":
            segments.append(Segment(text[at:start], _at(first + at, y)))
            segments.extend(Segment(" ", _at(first + start, y)) for _ in range(cells))
            at = end
    segments.append(Segment(text[at:], _at(first + at, y)))
    return Strip(segments)


def nowhere(x: int, y: int) -> Strip:
    """A line without text, for a selection."""
    return Strip([Segment("", _at(x, y))])


def _at(x: int, y: int) -> Style:
    return Style.from_meta({"offset": (x, y)})

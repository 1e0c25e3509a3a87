"""Where the cursor goes that is on a token of an answer. The lines must be those of the text as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ysnakes_tui.complete.bodies import Line
from ysnakes_tui.complete.transcript_lines import Row, TranscriptLines


class Spot(NamedTuple):
    """A token: that many in its block, and the block's place, both counted from 0."""

    block: int
    token: int


def line_of(lines: TranscriptLines, spot: Spot) -> int:
    """The line of the transcript that a token begins in."""
    return line_at(lines, spot.block, lines.entries[spot.block].content.span(spot.token)[0])


def line_at(lines: TranscriptLines, block: int, offset: int) -> int:
    """The line of the transcript that a character of a block stands in."""
    entry = lines.entries[block]
    number = entry.body.line_of(offset)
    lines.changed()  # more may be laid out now
    return lines.tops[block] + entry.titles + min(number, max(0, entry.body.height - 1))


def step(lines: TranscriptLines, spot: Spot, by: int) -> Spot:
    """The token before or after, also of another answer; the same where there is none."""
    token = spot.token + by
    if 0 <= token < len(lines.entries[spot.block].content.tokens):
        return Spot(spot.block, token)
    entries = lines.entries
    others = range(spot.block + 1, len(entries)) if by > 0 else range(spot.block - 1, -1, -1)
    for block in others:
        if count := len(entries[block].content.tokens):
            return Spot(block, 0 if by > 0 else count - 1)
    return spot


def line_step(lines: TranscriptLines, spot: Spot, by: int) -> Spot | None:
    """The token above or below in the same answer; None where its text ends."""
    entry = lines.entries[spot.block]
    y = line_of(lines, spot)
    number = y - lines.tops[spot.block] - entry.titles
    here = entry.body.line(number)
    if here is None:
        return None
    along = max(0, entry.content.span(spot.token)[0] - here.offset)
    while True:
        number += by
        entry.body.lay_out(max(0, number), max(0, number))
        lines.changed()
        line = entry.body.line(number) if number >= 0 else None
        if line is None:
            return None
        token = entry.content.token_at(line.offset + min(along, len(line.text) - 1))
        if token is not None and token != spot.token:
            return Spot(spot.block, token)


def first_in(lines: TranscriptLines, ys: Iterable[int], *, at_end: bool) -> Spot | None:
    """The first token (or the last of the first line) that is found on these lines."""
    for y in ys:
        row = lines.row(y)
        if (line := _line(lines, row)) is not None and row is not None:
            offset = line.offset + (len(line.text) - 1 if at_end else 0)
            token = lines.entries[row.block].content.token_at(offset)
            if token is not None:
                return Spot(row.block, token)
    return None


def _line(lines: TranscriptLines, row: Row | None) -> Line | None:
    return lines.entries[row.block].body.line(row.number) if row is not None and row.part == "text" else None

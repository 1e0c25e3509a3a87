"""What is selected with the mouse in a transcript.

Textual knows places in a widget by a line and a character. Lines move when a block above grows or when the
width changes, so here a line is one that never moves: of the whole text of a block there is only one, and a
character is its offset in that.
"""

from __future__ import annotations

from textual.geometry import Offset
from textual.selection import Selection

from ysnakes_tui.complete.bodies import Place
from ysnakes_tui.complete.transcript_drawing import Range
from ysnakes_tui.complete.transcript_lines import TranscriptLines

_BLOCK = 1 << 40
TITLE = 0
GAP = _BLOCK - 1


def line_name(block: int, inside: int) -> int:
    """How a line is called: ``TITLE``, ``GAP``, or what the body calls it."""
    return block * _BLOCK + inside


def name_in_body(place: Place) -> int:
    return place[0] + 1


def selected_range(selection: Selection, block: int, place: Place, length: int) -> Range | None:
    """Which characters of a line (or of the text that it is a part of) are selected."""
    span = selection.get_span(line_name(block, name_in_body(place)))
    if span is None:
        return None
    start, end = span
    return start, place[1] + length if end < 0 else end


def selected_text(lines: TranscriptLines, selection: Selection) -> str:
    """What is selected, as it is shown; lines that were only broken are whole."""
    start, end = selection
    first, last = _block(start, 0), _block(end, len(lines.entries) - 1)
    return "\n\n".join(
        _of_block(lines, at, start if at == first else None, end if at == last else None)
        for at in range(first, min(last, len(lines.entries) - 1) + 1)
    )


def _block(offset: Offset | None, default: int) -> int:
    return default if offset is None else offset.y // _BLOCK


def _of_block(lines: TranscriptLines, at: int, start: Offset | None, end: Offset | None) -> str:
    entry = lines.entries[at]
    parts = []
    begins = TITLE if start is None else start.y % _BLOCK
    ends = GAP if end is None else end.y % _BLOCK
    if begins == TITLE and entry.titles:
        title = entry.content.shown_title
        parts.append(title[start.x if start else 0 : end.x if end and ends == TITLE else None])
    if ends != TITLE and begins != GAP:
        parts.append(
            entry.body.extract(
                (begins - 1, start.x) if start is not None and begins != TITLE else None,
                (ends - 1, end.x) if end is not None and ends != GAP else None,
            )
        )
    return "\n".join(parts)

"""How a record looks as one line of the list."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from ysnakes_core.synthesis.library_records import Decision
from ysnakes_core.synthesis.library_rows import Row
from ysnakes_tui.widgets.chart_canvas import cells_of, fit

SIGNS: dict[Decision, str] = {"pending": "·", "accepted": "✓", "edited": "+", "rejected": "✗"}
ASCII_SIGNS: dict[Decision, str] = {"pending": ".", "accepted": "v", "edited": "+", "rejected": "x"}
_FLAGS, _WORDS, _TEACHER = 3, 6, 14
_WORDS_FROM, _TEACHER_FROM = 48, 96  # cells of a line


@dataclass(frozen=True)
class Layout:
    """Cells of the columns of a line; 0 for one there is no room for. What is left is the request's."""

    width: int
    kind: int
    words: int
    teacher: int

    @property
    def request(self) -> int:
        others = (1, _FLAGS, self.kind, self.words, self.teacher)
        return max(0, self.width - sum(each + 1 for each in others if each) - 1)


def layout(width: int) -> Layout:
    return Layout(
        width,
        kind=13 if width >= _WORDS_FROM else 9,
        words=_WORDS if width >= _WORDS_FROM else 0,
        teacher=_TEACHER if width >= _TEACHER_FROM else 0,
    )


def heading(columns: Layout) -> str:
    return _joined(columns, " ", "", "kind", "words", "teacher", "request")


@functools.lru_cache(maxsize=1024)
def line(row: Row, columns: Layout, *, ascii: bool) -> str:
    """Exactly as many cells as there are."""
    return _joined(
        columns,
        (ASCII_SIGNS if ascii else SIGNS)[row.decision],
        f"!{min(row.flags, 99)}" if row.flags else "",
        row.kind,
        f"{row.words:,}",
        row.teacher,
        " ".join(row.request.split()),
    )


def unread(columns: Layout, *, ascii: bool) -> str:
    """A line whose record has yet to be read."""
    return _padded(" ." if ascii else " …", columns.width)


def _joined(columns: Layout, sign: str, flags: str, kind: str, words: str, teacher: str, request: str) -> str:
    cells = [sign, _padded(flags, _FLAGS), _padded(kind, columns.kind)]
    if columns.words:
        cells.append(words.rjust(columns.words))
    if columns.teacher:
        cells.append(_padded(teacher, columns.teacher))
    cells.append(_padded(request, columns.request))
    return _padded(" " + " ".join(cells), columns.width)


def _padded(text: str, width: int) -> str:
    text = fit(text, width)
    return text + " " * (width - cells_of(text))

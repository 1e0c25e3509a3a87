"""Keys, what they are called and what they do, in three columns. Laid out here: a rich Table takes ten times
as long, and help is to be there at once."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Sequence

from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

GAP = "  "
KEYS, TITLE = 9, 19  # cells, at least; wider where a row needs it
LEAST_HELP = 16


class KeyTable(Widget):
    """Each row: (keys, title, help). Help that is too long goes on below itself."""

    DEFAULT_CSS = "KeyTable { height: auto; width: 1fr; }"

    def __init__(self, rows: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self._rows = tuple(rows)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return _lay_out(self._rows, width).plain.count("\n") + 1

    def render(self) -> Text:
        return _lay_out(self._rows, self.content_size.width)


@functools.lru_cache(maxsize=32)  # help for one place, at some widths
def _lay_out(rows: tuple[tuple[str, str, str], ...], width: int) -> Text:
    keys = max([KEYS, *(len(row[0]) for row in rows)])
    title = max([TITLE, *(len(row[1]) for row in rows if row[2])])
    before = keys + title + 2 * len(GAP)
    text = Text(no_wrap=True)
    for number, row in enumerate(rows):
        text.append("\n" * (number > 0))
        text.append(f"{row[0]:<{keys}}{GAP}", "bold")
        text.append(f"{row[1]:<{title}}{GAP}")
        lines = textwrap.wrap(row[2], max(LEAST_HELP, width - before))
        text.append(("\n" + " " * before).join(lines), "dim")
    return text

"""The lines of the list of jobs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from ysnakes_tui.data.job_list import HEADINGS
from ysnakes_tui.widgets.line_table import LineTable


class JobTable(LineTable):
    """A line for each job."""

    DEFAULT_CSS = "JobTable { overflow-x: hidden; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._widths: list[int] = []

    def show(self, rows: Sequence[tuple[str, list[Text]]], go_to: str) -> None:
        """Show lines by their names, the cursor on that of ``go_to``, else where it is.

        Lines that are there already are changed in place, as long as the columns have room for them.
        """
        names = [name for name, _ in rows]
        chosen = go_to if go_to in names else self.chosen
        widths = [max(map(cell_len, column)) for column in zip(HEADINGS, *map(_plain, rows), strict=True)]
        if widths != self._widths:
            self._widths = widths
            self.clear(columns=True)
            for heading, width in zip(HEADINGS, widths, strict=True):
                self.add_column(heading, width=width, key=heading)
        if names == [str(key.value) for key in self.rows]:
            for name, line in rows:
                for heading, cell in zip(HEADINGS, line, strict=True):
                    if self.get_cell(name, heading) != cell:
                        self.update_cell(name, heading, cell)
        else:
            self.clear()
            for name, line in rows:
                self.add_row(*line, key=name)
        if chosen in names and chosen != self.chosen:
            self.move_cursor(row=names.index(chosen))

    @property
    def chosen(self) -> str:
        """The name on the line of the cursor; "" if there is none."""
        names = [str(key.value) for key in self.rows]
        return names[self.cursor_row] if 0 <= self.cursor_row < len(names) else ""


def _plain(row: tuple[str, list[Text]]) -> list[str]:
    return [cell.plain for cell in row[1]]

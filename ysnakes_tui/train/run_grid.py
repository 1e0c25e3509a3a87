"""The lines of the list of runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from ysnakes_tui.train.run_list import Order, RunRow
from ysnakes_tui.train.run_row import Column, cells, columns
from ysnakes_tui.widgets.line_table import LineTable


class RunGrid(LineTable):
    """A line for each run. The lines are made anew only when they are of other runs or in another order."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "First run", show=False),
        Binding("end", "scroll_bottom", "Last run", show=False),
    ]
    DEFAULT_CSS = "RunGrid { height: 1fr; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown_columns: list[Column] = []

    def show(
        self,
        rows: Sequence[RunRow],
        order: Order,
        *,
        marked: Collection[str],
        go_to: str,
        width: int,
        now: float,
        ascii: bool,
    ) -> None:
        """Show ``rows`` in ``width`` columns, the cursor on the one named ``go_to``, else where it is.

        ``now`` is Unix seconds.
        """
        place = self.cursor_row
        wanted = columns(width, order, ascii=ascii)
        if wanted != self._shown_columns:
            self._shown_columns = wanted
            self.clear(columns=True)
            for column in wanted:
                self.add_column(column.label, width=column.width, key=column.key)
        room = next(column.width for column in wanted if column.key == "name")
        lines = [cells(row, room, marked=row.name in marked, now=now, ascii=ascii) for row in rows]
        names = [row.name for row in rows]
        if names == [str(key.value) for key in self.rows]:
            for name, line in zip(names, lines, strict=True):
                for key, cell in line.items():
                    if self.get_cell(name, key) != cell:
                        self.update_cell(name, key, cell)
            return
        self.clear()
        for name, line in zip(names, lines, strict=True):
            self.add_row(*line.values(), key=name)
        self.move_cursor(row=names.index(go_to) if go_to in names else min(place, len(names) - 1))

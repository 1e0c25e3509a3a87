"""A table whose lines are chosen with the cursor, as lists of runs and of jobs are."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import DataTable


class LineTable(DataTable[Text]):
    """Marks the line of the cursor, not by colour alone where there may be none."""

    DEFAULT_CSS = """
    LineTable {
        background: $background;
        &:focus { background-tint: $foreground 0%; }
        & > .datatable--header { background: $background; color: $text-muted; text-style: bold; }
        & > .datatable--cursor { background: $foreground 12%; color: $foreground; text-style: none; }
        &:focus > .datatable--cursor { background: $primary; color: $background; text-style: bold; }
        &:ansi > .datatable--cursor { text-style: reverse; }
        &:nocolor > .datatable--cursor { text-style: reverse; }
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(cursor_type="row", cell_padding=1, id=id)

"""How the list of runs looks: columns for the room there is, a run's cells, and what stands where none is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from ysnakes_core.files import printable
from ysnakes_tui.formats import age, bits
from ysnakes_tui.train.run_list import Order, RunRow
from ysnakes_tui.widgets.status_strip import SYMBOLS

HEADINGS = {
    "state": "state",
    "name": "run",
    "size": "size",
    "step": "step",
    "best": "bits/byte",
    "when": "when",
}
_WIDTHS = {"mark": 1, "state": 10, "size": 7, "step": 9, "best": 10, "when": 10}
_LEAST_NAME = 12
_RIGHT = ("step", "best")


@dataclass(frozen=True)
class Column:
    """``width`` is without the column on either side that keeps it apart."""

    key: str
    label: Text
    width: int


def columns(width: int, order: Order, *, ascii: bool) -> list[Column]:
    """The columns in ``width`` cells; the heading of the one that is sorted by has an arrow."""
    fixed = sum(_WIDTHS.values()) + 2 * (len(_WIDTHS) + 1)
    widths = {"mark": _WIDTHS["mark"], **{key: _WIDTHS.get(key, 0) for key in HEADINGS}}
    widths["name"] = max(_LEAST_NAME, width - fixed)
    arrow = ("v" if order.reverse else "^") if ascii else ("▾" if order.reverse else "▴")
    found = []
    for key, each in widths.items():
        label = HEADINGS.get(key, "") + (arrow if key == order.sort else "")
        found.append(Column(key, Text(label, justify=_side(key), no_wrap=True), each))
    return found


def _side(key: str) -> Literal["left", "right"]:
    return "right" if key in _RIGHT else "left"


def cells(row: RunRow, name_width: int, *, marked: bool, now: float, ascii: bool) -> dict[str, Text]:
    """A run's cells by column. ``now`` is Unix seconds."""
    symbol = SYMBOLS.get(row.status, ("?", "?"))[ascii]
    texts = {
        "mark": ("*" if ascii else "◆") if marked else "",
        "state": f"{symbol} {row.status}",
        "name": cut(row.name, name_width),
        "size": cut(row.size, _WIDTHS["size"]) or "–",
        "step": f"{row.step:,}" if row.step else "–",
        "best": bits(row.best),
        "when": age(now - row.when) if row.when else "–",
    }
    return {key: Text(text, justify=_side(key), no_wrap=True) for key, text in texts.items()}


def counted(shown: int, of: int | None, marked: int, order: Order, *, ascii: bool) -> str:
    """The line below the list. ``of``: how many there are, where some are left out."""
    sorted_by = f"{HEADINGS[order.sort]}{', reversed' if order.reverse else ''}"
    many = "run" if shown == 1 else "runs"
    parts = [f"{shown} {many}" if of is None else f"{shown} of {of} runs", f"sorted by {sorted_by}"]
    if marked:
        parts.insert(1, f"{marked} marked")
    return f" {'-' if ascii else '·'} ".join(parts)


def nothing_found(wanted: str) -> Text:
    """What stands where no run has what is looked for."""
    return Text.assemble(
        f"No run has “{printable(wanted, 40)}” in its name, state or size.\n\n",
        ("esc shows them all again.", "dim"),
    )


def all_gone(undo_key: str, new_run_key: str) -> Text:
    """What stands where all runs were deleted, as long as that can be undone."""
    text = Text("No run is left.\n", "bold")
    for key, what in ((undo_key, "brings back what was deleted last"), (new_run_key, "starts a new run")):
        if key:
            text.append(f"\n{key}", "bold")
            text.append(f"  {what}")
    text.append("\n\nWhat was deleted is gone for good once the app closes.", "dim")
    return text


def cut(text: str, width: int) -> str:
    """``text``, safe to show, in at most ``width`` columns."""
    shown = printable(text, 300)
    return shown if cell_len(shown) <= width else set_cell_size(shown, width - 1).rstrip() + "…"

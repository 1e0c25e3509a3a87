"""A line of a form: its name, its fields, and below it what is wrong with them."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from ysnakes_core.files import printable


def form_row(field: str, name: str, *widgets: Widget) -> ComposeResult:
    """The line ``row-<field>``, with ``wrong-<field>`` below it, where nothing is to be seen yet."""
    with Horizontal(classes="row", id=f"row-{field}"):
        yield Static(Text(name), classes="name", markup=False)
        yield from widgets
    yield Static(classes="wrong", id=f"wrong-{field}", markup=False)


def show_wrong(form: Widget, field: str, wrong: str, *, ascii: bool) -> None:
    """Say below a line what is wrong there; nothing if ``wrong`` is empty."""
    form.query_one(f"#row-{field}").set_class(bool(wrong), "-bad")
    line = form.query_one(f"#wrong-{field}", Static)
    if not wrong and not line.has_class("-shown"):
        return  # to change it, even unseen, would have all laid out anew
    line.update(Text(f"{'x' if ascii else '✗'} {printable(wrong, 300)}" if wrong else ""))
    line.set_class(bool(wrong), "-shown")

"""The kinds of records in the form of a new job: a number for each, those of one teacher at a time."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from ysnakes_core.files import printable
from ysnakes_core.synthesis.job_opening import BUILTIN, OLLAMA
from ysnakes_tui.cli_data_kinds import BUILTIN_KINDS
from ysnakes_tui.data.job_form_check import USUAL_COUNTS, count_of
from ysnakes_tui.widgets.literal_input import LiteralInput


class CountInput(LiteralInput):
    """How many records of a kind; ``what`` says what the kind is."""

    def __init__(self, kind: str, value: str, what: str) -> None:
        super().__init__(value, placeholder="0", max_length=12, select_on_focus=True)
        self.kind, self.what = kind, what


class KindCounts(VerticalScroll, can_focus=False, inherit_bindings=False):
    """``kinds`` are those of models: title and what it is, by name. Those of the built-in one are known."""

    DEFAULT_CSS = """
    KindCounts {
        .kind { height: 1; }
        .name { width: 15; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        .kind.-bad .name { color: $text-error; text-style: bold; }
        .what { width: 1fr; padding-left: 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        Input { width: 11; }
    }
    """

    def __init__(self, kinds: Mapping[str, tuple[str, str]], teacher: str, *, id: str) -> None:
        super().__init__(id=id)
        self._kinds = {
            OLLAMA: dict(kinds),
            BUILTIN: {kind: (what, what) for kind, what in BUILTIN_KINDS.items()},
        }
        self._rows: dict[str, list[_Row]] = {}  # made when their teacher is first shown
        self.teacher = teacher

    def compose(self) -> ComposeResult:
        yield Static(Text("how many of each kind"), classes="title", markup=False)
        yield from self._make(self.teacher)

    def _make(self, teacher: str) -> list[_Row]:
        usual = USUAL_COUNTS[teacher]
        self._rows[teacher] = [
            _Row(kind, usual.get(kind, ""), title, what)
            for kind, (title, what) in self._kinds[teacher].items()
        ]
        return self._rows[teacher]

    def show(self, teacher: str) -> None:
        """Show the kinds of that teacher."""
        self.teacher = teacher
        if teacher not in self._rows:
            self.mount(*self._make(teacher))
        for each, rows in self._rows.items():
            for row in rows:
                row.display = each == teacher

    @property
    def fields(self) -> list[CountInput]:
        """Those that are shown."""
        return [row.field for row in self._rows.get(self.teacher, [])]

    @property
    def counts(self) -> dict[str, str]:
        return {field.kind: field.value.strip() for field in self.fields}

    @property
    def total(self) -> tuple[int, int]:
        """How many records of how many kinds, as far as they are numbers."""
        numbers = [count_of(text) or 0 for text in self.counts.values()]
        return sum(numbers), sum(number > 0 for number in numbers)

    def set_all(self, text: str) -> None:
        """The same number for all."""
        for field in self.fields:
            field.value = text

    def mark(self, wrong: Mapping[str, str]) -> None:
        """Show which are wrong: ``count-<kind>`` are."""
        for teacher, rows in self._rows.items():
            for row in rows:
                row.set_class(teacher == self.teacher and f"count-{row.field.kind}" in wrong, "-bad")

    def field(self, kind: str) -> CountInput | None:
        return next((field for field in self.fields if field.kind == kind), None)


class _Row(Horizontal):
    def __init__(self, kind: str, count: str, title: str, what: str) -> None:
        super().__init__(classes="kind")
        self._title = title
        self.field = CountInput(kind, count, what)

    def compose(self) -> ComposeResult:
        yield Static(Text(printable(self.field.kind, 60)), classes="name", markup=False)
        yield self.field
        yield Static(Text(printable(self._title, 200)), classes="what", markup=False)

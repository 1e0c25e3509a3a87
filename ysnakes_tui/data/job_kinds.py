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
        .kind { height: 1; display: none; }
        &.-ollama .kind.-of-ollama { display: block; }
        &.-builtin .kind.-of-builtin { display: block; }
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
        self.teacher = teacher
        self.add_class(f"-{teacher}")

    def compose(self) -> ComposeResult:
        yield Static(Text("how many of each kind"), classes="title", markup=False)
        for teacher, kinds in self._kinds.items():
            for kind, (title, what) in kinds.items():
                with Horizontal(classes=f"kind -of-{teacher}"):
                    yield Static(Text(printable(kind, 60)), classes="name", markup=False)
                    yield CountInput(kind, USUAL_COUNTS[teacher].get(kind, ""), what)
                    yield Static(Text(printable(title, 200)), classes="what", markup=False)

    def show(self, teacher: str) -> None:
        """Show the kinds of that teacher."""
        self.set_class(teacher == OLLAMA, "-ollama")
        self.set_class(teacher == BUILTIN, "-builtin")
        self.teacher = teacher

    @property
    def fields(self) -> list[CountInput]:
        """Those that are shown."""
        return list(self.query(f".-of-{self.teacher} CountInput").results(CountInput))

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
        for field in self.query(CountInput):
            assert field.parent is not None
            field.parent.set_class(f"count-{field.kind}" in wrong and field in self.fields, "-bad")

    def field(self, kind: str) -> CountInput | None:
        return next((field for field in self.fields if field.kind == kind), None)

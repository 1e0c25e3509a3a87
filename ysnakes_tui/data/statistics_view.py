"""Statistics: how much text there is, of what, how long, how varied, and what the rules found in it."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_tui.data import statistics_tables as tables
from ysnakes_tui.data.library_colours import colour
from ysnakes_tui.data.library_thread import LibraryThread
from ysnakes_tui.data.statistics_reading import (
    Duplicates,
    Figures,
    Vocabulary,
    figures,
    near_duplicates,
    vocabulary,
)
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.widgets.line_chart import LineChart

_WIDE = 110
_TOLD_SECONDS = 0.1  # between two words of progress
_MUCH = 0.05  # of the records, that have to be new for all words to be counted again by itself


class Column(Vertical):
    """Tells when there is more or less room: what is drawn in it depends on that."""

    class Resized(Message):
        pass

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class StatisticsView(Vertical, can_focus=False):
    """Does the actions of the context ``statistics``. ``folder`` is the library's."""

    DEFAULT_CSS = """
    StatisticsView {
        height: 1fr;
        #progress { height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; }
        #figures { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
        #columns { height: auto; layout: vertical; }
        #columns > Vertical { height: auto; }
        .title { height: 1; color: $primary; text-style: bold; margin-top: 1; }
        .title.-first { margin-top: 0; }
        .part { height: auto; }
        LineChart { height: 9; }
        &.-wide #columns { layout: horizontal; }
        &.-wide #columns > Vertical { width: 1fr; padding-right: 2; }
        &.-wide #right > .title.-second { margin-top: 0; }
        &.-empty #figures { display: none; }
    }
    """
    context: ClassVar[str] = "statistics"

    def __init__(self, folder: Path, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._thread = LibraryThread(folder, self.call_later, self._broken, waited_for=False)
        self._stop = threading.Event()
        self._figures: Figures | None = None
        self._vocabulary: Vocabulary | None = None
        self._duplicates: Duplicates | None = None
        self._under_way = ""  # what is being counted
        self._asked_for = False  # by a key: else it goes on while one is elsewhere
        self._told_at = float("-inf")

    def compose(self) -> ComposeResult:
        yield Static(id="progress", markup=False)
        with VerticalScroll(id="figures"), Container(id="columns"):
            with Column(id="left"):
                yield Static(Text("In all"), classes="title -first", markup=False)
                yield Static(id="summary", classes="part", markup=False)
                yield Static(Text("By teacher and kind"), classes="title", markup=False)
                yield Static(id="kinds", classes="part", markup=False)
            with Vertical(id="right"):
                yield Static(Text("Words in an answer"), classes="title -second", markup=False)
                yield Static(id="lengths", classes="part", markup=False)
                yield Static(Text("Different words, in so many words"), classes="title", markup=False)
                chart = LineChart(
                    "", "words", fit="all", empty_text="still counting", own_keys=False, id="vocabulary"
                )
                chart.can_focus = False
                yield chart
                yield Static(Text("Found by the rules"), classes="title", markup=False)
                yield Static(id="rules", classes="part", markup=False)
                yield Static(Text("Near-duplicates"), classes="title", markup=False)
                yield Static(id="duplicates", classes="part", markup=False)

    def on_mount(self) -> None:
        self.query_one(LineChart).draw_with(shell_of(self).glyphs)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())
        self.library_changed()

    def on_unmount(self) -> None:
        self._stop.set()
        self._thread.close()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _WIDE, "-wide")

    def on_column_resized(self, event: Column.Resized) -> None:
        event.stop()
        self._draw()

    def focus_first(self) -> None:
        self.query_one("#figures").focus()

    # Counting.

    def library_changed(self) -> None:
        """Records are others now: the quick figures are read again, the words if much is new."""
        if not self._under_way:
            if self._figures is None:
                self._draw_progress("counting records")
            self._thread.ask("figures", figures, self._show_figures, Figures())

    def _show_figures(self, found: Figures) -> None:
        first, self._figures = self._figures is None, found
        if first:
            self._draw_progress("")
            self.refresh_bindings()
        self.set_class(found.records == 0, "-empty")
        self._draw()
        read = self._vocabulary.records if self._vocabulary is not None else 0
        if found.records and abs(found.records - read) > _MUCH * read:
            self._count_words()

    def _count_words(self) -> None:
        self._start("counting words")
        work = partial(vocabulary, stop=self._stop, told=partial(self._progress, "counting words"))
        self._thread.ask("texts", work, self._show_vocabulary, None)

    def _show_vocabulary(self, found: Vocabulary | None) -> None:
        self._say("")
        if found is not None:
            self._vocabulary = found
            self._draw()

    def _show_duplicates(self, found: Duplicates | None) -> None:
        self._say("")
        if found is not None:
            self._duplicates = found
            self._draw()

    def _start(self, what: str) -> None:
        self._stop = threading.Event()
        self._say(what)

    def _progress(self, what: str, done: int, total: int) -> None:
        """Called in the thread."""
        now = time.monotonic()
        if now - self._told_at >= _TOLD_SECONDS:
            self._told_at = now
            self.call_later(self._say_progress, what, done, total)

    def _say_progress(self, what: str, done: int, total: int) -> None:
        if self._under_way == what:
            self._draw_progress(f"{what}: {done:,} of {total:,} records")

    def _say(self, what: str) -> None:
        self._under_way = what
        self._asked_for = self._asked_for and bool(what)
        self._draw_progress(what)
        self.refresh_bindings()

    def _draw_progress(self, what: str) -> None:
        text = Text("Statistics  ", "bold")
        if self._figures is not None and not self._figures.records and not what:
            text.append("there is no record yet", "not bold")
        elif what:
            text.append(f"{what} …", "not bold")
        for place in self.query("#progress").results(Static):
            place.update(text)

    def _broken(self, error: Exception) -> None:
        if not isinstance(error, YsnakesError):
            raise error
        self._say("")
        text = Text.assemble((printable(error.what, 300), "bold"), f"  {printable(error.hint, 300)}")
        self.query_one("#progress", Static).update(text)

    # Drawing.

    def _draw(self) -> None:
        found = self._figures
        columns = self.query_one("#left").scrollable_content_region.width - 1
        if found is None or columns < 1:
            return
        ascii = shell_of(self).glyphs == "ascii"
        width, primary = min(columns, 76), colour(self.app.theme_variables, "primary")
        parts = {
            "summary": tables.summary(found, self._vocabulary),
            "kinds": tables.by_kind(found.tallies, columns),
            "lengths": tables.lengths(found.lengths or {}, found.step, width, primary, ascii=ascii),
            "rules": tables.bars(_largest_first(found), width, primary, ascii=ascii)
            if found.rules
            else Text("nothing"),
            "duplicates": self._told_of_duplicates(),
        }
        for name, text in parts.items():
            self.query_one(f"#{name}", Static).update(text)
        chart = self.query_one(LineChart)
        if self._vocabulary is not None:
            chart.set_series("words", self._vocabulary.x, self._vocabulary.y, label="different words")

    def _told_of_duplicates(self) -> Text:
        if self._duplicates is not None:
            return tables.duplicates(self._duplicates)
        key = key_of(self, "near_duplicates")
        return Text(f"{key} looks for them" if key else "not looked for yet", "dim")

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("count_again", "near_duplicates"):
            return True if self._figures and self._figures.records and not self._under_way else None
        return super().check_action(action, parameters)

    def action_count_again(self) -> None:
        self._vocabulary = None
        self.library_changed()
        self._asked_for = True

    def action_near_duplicates(self) -> None:
        what = "looking for near-duplicates"
        self._start(what)
        self._asked_for = True
        work = partial(near_duplicates, stop=self._stop, told=partial(self._progress, what))
        self._thread.ask("texts", work, self._show_duplicates, None)

    def action_back(self) -> bool:
        """Stop counting what was asked for; whether there was anything to stop."""
        if not (self._under_way and self._asked_for):
            return False
        self._stop.set()
        return True


def _largest_first(found: Figures) -> list[tuple[str, int]]:
    return sorted((found.rules or {}).items(), key=lambda each: (-each[1], each[0]))

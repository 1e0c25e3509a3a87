"""Several answers to the same prompt side by side: variants of one model, or two models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import HorizontalScroll, Vertical
from textual.widgets import Static

from ysnakes_core.completion.transcript import Answer, Turn
from ysnakes_core.files import printable
from ysnakes_tui.complete.blocks import ANSWER, NOTE, of_answer, short_title, untitled, waiting_title
from ysnakes_tui.complete.conversation import Conversation, Exchange, News
from ysnakes_tui.complete.transcript_view import Block, TranscriptView
from ysnakes_tui.panes.interface import key_of

_NARROWEST = 26  # columns of a terminal for one answer


@dataclass
class Column:
    """One answer: that of a row of an exchange, or one that was there before."""

    exchange: Exchange | None = None
    row: int = 0
    before: Answer | None = None

    @property
    def answer(self) -> Answer | None:
        if self.exchange is None:
            return self.before
        return self.exchange.answers[self.row] if self.row < len(self.exchange.answers) else None


class SideBySide(Vertical, can_focus=False):
    """Shows the answers as they are written. The one that has the focus is the one that can be taken."""

    DEFAULT_CSS = f"""
    SideBySide {{
        height: 1fr;
        .prompt {{ height: auto; max-height: 3; padding: 0 1; }}
        HorizontalScroll {{ height: 1fr; scrollbar-size-horizontal: 1; }}
        .column {{ width: 1fr; min-width: {_NARROWEST}; height: 1fr; }}
        .of-column {{ height: 3; padding: 0 1; margin-right: 1; background: $surface; color: $text-muted; }}
        .of-column.-chosen {{ background: $primary; color: $background; text-style: bold; }}
        .of-column.-chosen:nocolor {{ text-style: bold reverse; }}
        .of-column.-chosen:ansi {{ text-style: bold reverse; }}
        TranscriptView {{ height: 1fr; }}
    }}
    """

    def __init__(
        self, turn: Turn, columns: Sequence[Column], conversation: Conversation, *, what: str
    ) -> None:
        super().__init__(id="side-by-side")
        self.turn, self.columns, self._conversation, self._what = turn, tuple(columns), conversation, what

    def compose(self) -> ComposeResult:
        yield Static(classes="prompt", markup=False)
        with HorizontalScroll(can_focus=False):
            for number in range(len(self.columns)):
                with Vertical(classes="column"):
                    yield Static(classes="of-column", markup=False)
                    yield TranscriptView(id=f"column-{number}")

    def on_mount(self) -> None:
        key = key_of(self, "keep_variant")
        said = printable(" ".join(self.turn.prompt.split()), 200) or "(the answer goes on)"
        told = (f"{self._what}: {key} goes on with one, esc leaves ", "bold")
        self.query_one(".prompt", Static).update(Text.assemble(told, (said, "dim")))
        self.draw()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for title, view in zip(self._titles, self.views, strict=False):
            title.set_class(view is event.widget, "-chosen")

    @property
    def _titles(self) -> list[Static]:
        return list(self.query(".of-column").results(Static))

    def focus_first(self) -> None:
        self.views[0].focus()

    @property
    def views(self) -> list[TranscriptView]:
        return list(self.query(TranscriptView))

    @property
    def _pairs(self) -> list[tuple[Column, TranscriptView]]:
        """Each column with its view; none before they are there."""
        return list(zip(self.columns, self.views, strict=False))

    @property
    def place(self) -> int:
        """The column that has the focus."""
        return next((n for n, view in enumerate(self.views) if view.has_focus), 0)

    @property
    def answer(self) -> Answer | None:
        """What stands in the column that has the focus."""
        return self.columns[self.place].answer

    def move(self, by: int) -> None:
        views = self.views
        views[(self.place + by) % len(views)].focus()

    def draw(self) -> None:
        """All columns as they are now."""
        now = self._conversation.now
        noted: set[tuple[int, str]] = set()  # what is said beside it already, of an answer to the same
        for column, view in self._pairs:
            answer, exchange = column.answer, column.exchange
            if answer is not None:
                blocks = untitled(of_answer(self.turn, answer, self._conversation, now))
                view.show([block for block in blocks if (id(exchange), block.text) not in noted])
                noted |= {(id(exchange), block.text) for block in blocks if block.kind == "note"}
            elif exchange is not None and exchange.stage == "failed":
                text = f"{exchange.problem}. {exchange.hint}"
                view.show([Block(f"{NOTE}{column.row}", "note", "It did not answer", text)])
            elif exchange is not None:
                title = waiting_title(exchange)
                view.show([Block(f"{NOTE}{column.row}", "note", title, waiting=exchange.is_open)])
        self.draw_titles()

    def extend(self, news: News) -> None:
        """Further tokens of one of the answers."""
        for column, view in self._pairs:
            if news.answer is not None and column.answer is news.answer:
                view.extend(f"{ANSWER}{news.answer.id}", news.tokens)

    def draw_titles(self) -> None:
        """What sets each apart from those beside it, and how quickly it goes."""
        found = [column.answer for column in self.columns]
        by_seed = len({(each.run, each.step) for each in found if each is not None}) < 2
        for column, title in zip(self.columns, self._titles, strict=False):
            if (answer := column.answer) is not None:
                lines = short_title(answer, column.exchange, self._conversation.now, by_seed=by_seed)
                title.update(Text("\n".join(printable(line, 100) for line in lines), no_wrap=True))
            elif column.exchange is not None:
                title.update(Text(printable(column.exchange.model.run, 100), no_wrap=True))

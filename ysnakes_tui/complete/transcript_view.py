"""A transcript: prompts, answers as they are written, and what is said of them, in lines that scroll.

Whoever scrolls back stays there, whatever is written: the end is only followed by those who are at it, and a
sign says that there is more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from ysnakes_core.completion.transcript_records import Token
from ysnakes_tui.complete import token_cursor
from ysnakes_tui.complete.block_text import Block
from ysnakes_tui.complete.markdown_making import MarkdownMaker
from ysnakes_tui.complete.probability import BANDS, legend
from ysnakes_tui.complete.token_cursor import Spot
from ysnakes_tui.complete.transcript_lines import MakeMarkdown
from ysnakes_tui.complete.transcript_rows import Scene
from ysnakes_tui.complete.transcript_scroll import TranscriptScroll

__all__ = ["Block", "TranscriptView"]

_KEYS = (
    Binding("up", "line(-1)", "Line up", show=False),
    Binding("down", "line(1)", "Line down", show=False),
    Binding("pageup", "page(-1)", "Page up", show=False),
    Binding("pagedown", "page(1)", "Page down", show=False),
    Binding("home", "first", "Beginning", show=False),
    Binding("end", "last", "End", show=False),
    Binding("left", "token(-1)", "Token before", show=False),
    Binding("right", "token(1)", "Token after", show=False),
)


class TranscriptView(TranscriptScroll, can_focus=True, inherit_bindings=False):
    """``clock`` gives seconds. All texts are shown literally.

    ``by_probability`` shows how likely each token was, as it is written, also where ``markdown`` is on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*_KEYS]
    by_probability: reactive[bool] = reactive(False)
    markdown: reactive[bool] = reactive(False)

    @dataclass
    class BlockSelected(Message):
        """The cursor is in another block; None: there is none."""

        key: str | None

    @dataclass
    class TokenSelected(Message):
        """The cursor is on another token of an answer; None (and -1): on none any more."""

        key: str | None
        index: int
        token: Token | None

    def __init__(
        self,
        *,
        id: str | None = None,
        classes: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(id, classes, clock)
        self._markdown = MarkdownMaker(self)
        self._chosen: str | None = None
        self._cursor: tuple[str, int] | None = None
        self._told: tuple[str, int] | None = None

    # What is shown.

    def show(self, blocks: Sequence[Block]) -> None:
        """Show other blocks, at once. What stays the same keeps its place, and the cursor where it can be."""
        self._take_pending()
        before = [entry.content.key for entry in self._lines.entries]
        at, count = self._lines.index_of(self._chosen), len(before)
        if self._lines.show(blocks) and self.is_attached and self.text_selection is not None:
            self.screen.clear_selection()
        keys = [entry.content.key for entry in self._lines.entries]
        if self._chosen not in keys or (self._follows and at == count - 1):
            last = at is None or at == count - 1 or at >= len(keys)
            self._choose((keys[-1] if last or at is None else keys[at]) if keys else None)
        if self._cursor is not None and self._spot is None:
            self._put_cursor(None)
        if not self._follows and len(keys) > count:
            self._unseen = self._unseen or 0
        self._settle()

    def extend(self, key: str, tokens: Sequence[Token]) -> None:
        """More tokens of the answer ``key``; nothing if there is none. The first are drawn at once."""
        at = self._lines.index_of(key)
        if not tokens or at is None:
            return
        is_first = not self._lines.entries[at].content.tokens and key not in self._pending
        self._pending.setdefault(key, []).extend(tokens)
        if is_first:
            self._draw_pending()
        else:
            self._draw_soon()

    def update_title(self, key: str, title: str, waiting: bool) -> None:
        """What stands above a block, and whether more will come."""
        at = self._lines.index_of(key)
        if at is None:
            return
        content = self._lines.entries[at].content
        if (content.title, content.waiting) != (title, waiting):
            content.title = title
            ended, content.waiting = content.waiting and not waiting, waiting
            self._lines.changed()
            if ended:
                self._draw_pending()
            else:
                self._draw_soon()

    def tokens_of(self, key: str) -> Sequence[Token]:
        """The tokens of an answer, also those that are not drawn yet."""
        at = self._lines.index_of(key)
        return [] if at is None else [*self._lines.entries[at].content.tokens, *self._pending.get(key, ())]

    # Laying out and scrolling.

    def action_line(self, by: int) -> None:
        spot = self._spot
        if spot is not None and self._in_sight(token_cursor.line_of(self._lines, spot)):
            found = token_cursor.line_step(self._lines, spot, by)
            if found is not None:
                self._put_cursor(found)
                return
        self._scroll(self.scroll_offset.y + by)

    def action_page(self, by: int) -> None:
        self._scroll(self.scroll_offset.y + by * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self._scroll(0)
        self._put_cursor_in_sight(at_end=False)

    def scroll_end(self, **how: object) -> None:
        """To the end at once, and follow it."""
        self.action_last()

    def action_last(self) -> None:
        self._follows, self._unseen = True, None
        self._settle()
        self.scrolled()
        self._put_cursor_in_sight(at_end=True)

    def _put_cursor_in_sight(self, *, at_end: bool) -> None:
        """Put the token cursor on the first token in sight, or the last, while probabilities are shown."""
        if self.by_probability:
            ys = range(self.scroll_offset.y, self.scroll_offset.y + self.size.height)
            found = token_cursor.first_in(self._lines, reversed(ys) if at_end else ys, at_end=at_end)
            if found is not None:
                self._put_cursor(found, see=False)

    # The chosen block and the token cursor.

    @property
    def selected(self) -> str | None:
        """The key of the block that the cursor is in."""
        return self._chosen

    def select(self, key: str) -> None:
        """Put the cursor in a block and bring it into sight, from its beginning."""
        at = self._lines.index_of(key)
        if at is None:
            return
        self._choose(key)
        if self.by_probability and self._lines.entries[at].content.tokens:
            self._put_cursor(Spot(at, 0))
        top, bottom = self._lines.tops[at], self._lines.tops[at + 1] - 2
        if not (self._in_sight(top) and (self._in_sight(bottom) or top == self.scroll_offset.y)):
            self._scroll(min(top, max(0, self._lines.height - self.size.height)))
            self._choose(key)

    def find(self, key: str, offset: int) -> None:
        """Put the cursor in a block and bring a character of its text into sight."""
        at = self._lines.index_of(key)
        if at is not None:
            self._see(token_cursor.line_at(self._lines, at, offset))
            self._choose(key)

    def select_next(self, by: int = 1) -> None:
        """Put the cursor in the block that many further on."""
        at, count = self._lines.index_of(self._chosen), len(self._lines.entries)
        if count:
            number = 0 if at is None else max(0, min(at + by, count - 1))
            self.select(self._lines.entries[number].content.key)

    def _choose(self, key: str | None) -> None:
        if key != self._chosen:
            self._chosen = key
            self.post_message(self.BlockSelected(key))
            self.refresh()

    @property
    def _spot(self) -> Spot | None:
        if self._cursor is None or (at := self._lines.index_of(self._cursor[0])) is None:
            return None
        count = len(self._lines.entries[at].content.tokens)
        return Spot(at, min(self._cursor[1], count - 1)) if count else None

    @property
    def token(self) -> Token | None:
        """The token under the cursor, while probabilities are shown."""
        spot = self._spot
        return None if spot is None else self._lines.entries[spot.block].content.tokens[spot.token]

    def _put_cursor(self, spot: Spot | None, *, see: bool = True) -> None:
        """Put the token cursor there; ``see``: and bring it into sight."""
        if spot is None:
            self._cursor = None
        else:
            key = self._lines.entries[spot.block].content.key
            self._cursor = (key, spot.token)
            if see:
                self._see(token_cursor.line_of(self._lines, spot))
            self._choose(key)
        if self._cursor != self._told:
            self._told = self._cursor
            name, index = (None, -1) if self._cursor is None else self._cursor
            self.post_message(self.TokenSelected(name, index, self.token))
        self.refresh()

    def _see(self, y: int) -> None:
        """Scroll as little as brings a line into sight; the end is not followed any more."""
        top, height = self.scroll_offset.y, self.size.height
        self._follows = False
        self._anchor = self._lines.anchor(top)
        if not self._in_sight(y):
            self._settle()
            self._scroll(y if y < top else y - height + 1)

    def scrolled(self) -> None:
        """The cursor comes along into what is in sight."""
        top, height = self.scroll_offset.y, self.size.height
        ys = range(top, min(top + height, self._lines.height))
        if not ys:
            return
        at = self._lines.index_of(self._chosen)
        if at is not None and not (
            self._lines.tops[at] < top + height and self._lines.tops[at + 1] - 1 > top
        ):
            row = self._lines.row(ys[0] if self._lines.tops[at] < top else ys[-1])
            if row is not None:
                self._choose(self._lines.entries[row.block].content.key)
        spot = self._spot
        if spot is not None and not self._in_sight(y := token_cursor.line_of(self._lines, spot)):
            below = y >= top + height
            found = token_cursor.first_in(self._lines, reversed(ys) if below else ys, at_end=below)
            if found is not None:
                self._put_cursor(found, see=False)

    def action_token(self, by: int) -> None:
        if (spot := self._spot) is not None:
            self._put_cursor(token_cursor.step(self._lines, spot, by))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "token":
            return self.by_probability
        return super().check_action(action, parameters)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse clicked."""
        place = event.get_content_offset(self)
        if place is None or self.text_selection is not None:
            return
        on_last_row = place.y == self.size.height - 1 and self._unseen is not None
        if on_last_row and place.x >= self._width - len(self._more):
            self.action_last()
            return
        row = self._lines.row(place.y + self.scroll_offset.y)
        if row is None:
            return
        token = self._rows.token_at(row, place.x, self._width) if self.by_probability else None
        if token is not None:
            self._put_cursor(Spot(row.block, token))
        else:
            self._choose(self._lines.entries[row.block].content.key)

    # How it is shown.

    @property
    def scene(self) -> Scene:
        chosen = self._lines.index_of(self._chosen)
        return Scene(self.by_probability, self._spot, chosen, self.text_selection)

    @property
    def maker(self) -> MakeMarkdown | None:
        return self._markdown.maker if self.markdown and not self.by_probability else None

    def watch_by_probability(self, on: bool) -> None:
        if self.markdown:
            self._lay_out_anew()
        if not on:
            self._put_cursor(None)
        elif self.is_attached:
            self._put_cursor_in_sight(at_end=self._follows)
        self.refresh()

    def watch_markdown(self) -> None:
        self._markdown.wanted(self._lay_out_anew)

    def legend(self, width: int = 80) -> Text:
        """What the looks of tokens mean while probabilities are shown."""
        styles = self.look.styles
        return legend(tuple(styles[f"band-{band}"] for band in range(BANDS)), width=width)

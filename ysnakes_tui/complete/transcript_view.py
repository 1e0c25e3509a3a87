"""A transcript: prompts, answers as they are written, and what is said of them, in lines that scroll.

Whoever scrolls back stays there, whatever is written: the end is only followed by those who are at it, and a
sign says that there is more. What a change costs depends on how much is in sight, not on how long the
transcript is. What is written is drawn at most ten times a second, as Markdown five times.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer

from ysnakes_core.completion.transcript_records import Token
from ysnakes_tui.complete import token_cursor
from ysnakes_tui.complete.block_text import Block
from ysnakes_tui.complete.markdown_making import MarkdownMaker
from ysnakes_tui.complete.probability import BANDS, legend
from ysnakes_tui.complete.token_cursor import Spot
from ysnakes_tui.complete.transcript_drawing import CSS, STYLES
from ysnakes_tui.complete.transcript_lines import Anchor, TranscriptLines
from ysnakes_tui.complete.transcript_rows import Look, RowDrawer, Scene, columns
from ysnakes_tui.complete.transcript_selection import selected_text
from ysnakes_tui.panes.interface import shell_of

__all__ = ["Block", "TranscriptView"]

DRAW_SECONDS, MARKDOWN_SECONDS = 0.1, 0.2
_AT_ONCE, _A_TURN = 6000, 4000  # about microseconds of laying out
_TURN_SECONDS = 0.01
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


class TranscriptView(ScrollView, can_focus=True, inherit_bindings=False):
    """``clock`` gives seconds. All texts are shown literally.

    ``by_probability`` shows how likely each token was, as it is written, also where ``markdown`` is on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*_KEYS]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"transcript--{name}" for name in STYLES}
    DEFAULT_CSS = (
        """
    TranscriptView {
        height: 1fr;
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        overflow-y: scroll;
    """
        + CSS
        + "}"
    )

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
        super().__init__(id=id, classes=classes)
        self._clock = clock
        self._lines = TranscriptLines()
        self._rows = RowDrawer(self._lines)
        self._look: Look | None = None
        self._markdown = MarkdownMaker(self)
        self._chosen: str | None = None
        self._cursor: tuple[str, int] | None = None
        self._told: tuple[str, int] | None = None
        self._follows = True  # the end
        self._anchor: Anchor | None = None  # what is at the top, for those who don't
        self._unseen: int | None = None  # tokens that were written below since then
        self._pending: dict[str, list[Token]] = {}
        self._drawn = float("-inf")
        self._timer: Timer | None = None
        self._turn: Timer | None = None
        self._placing = self._drawing = False

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
        """More tokens of the answer ``key``; nothing if there is none."""
        if tokens and self._lines.index_of(key) is not None:
            self._pending.setdefault(key, []).extend(tokens)
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

    def _draw_soon(self) -> None:
        if self._timer is not None or not self.is_attached:
            return
        rendered = self.markdown and not self.by_probability
        wait = self._drawn + (MARKDOWN_SECONDS if rendered else DRAW_SECONDS) - self._clock()
        if wait <= 0:
            self._draw_pending()
        else:
            self._timer = self.set_timer(wait, self._draw_pending)

    def _draw_pending(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._drawn = self._clock()
        self._take_pending()
        self._settle()

    def _take_pending(self) -> None:
        for key, tokens in self._pending.items():
            at = self._lines.index_of(key)
            if at is not None:
                entry = self._lines.entries[at]
                entry.content.add(tokens)
                entry.body.grow(entry.content.text)
            if not self._follows:
                self._unseen = (self._unseen or 0) + len(tokens)
        if self._pending:
            self._pending.clear()
            self._lines.changed()

    # Laying out and scrolling.

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._looks_changed())

    def on_resize(self, event: events.Resize) -> None:
        if self._lines.width != columns(self._width):
            self._lay_out_anew()
        else:
            self._settle()

    def on_show(self) -> None:
        self._settle()

    def _lay_out_anew(self) -> None:
        if self._width < 1:
            return
        maker = self._markdown.maker if self.markdown and not self.by_probability else None
        self._lines.lay_out_anew(columns(self._width), maker)
        self._settle()

    def _settle(self) -> None:
        """Lay out what is in sight (and soon the rest), stay at the end or at the place, and draw."""
        if not self.is_attached or self.size.height < 1:
            return
        lines, height = self._lines, self.size.height
        lines.advance(_AT_ONCE)
        follows = self._follows and self.text_selection is None
        for _ in range(10):
            y = self.scroll_offset.y if self._follows else 0
            if follows:
                y = lines.height - height
            elif self._anchor is not None and not self._follows:
                y = found if (found := lines.line_of(self._anchor)) is not None else self.scroll_offset.y
            y = max(0, min(y, lines.height - height))
            if not lines.lay_out(y, y + height - 1):
                break
        self._place(y)
        if not lines.is_done and self._turn is None:
            self._turn = self.set_timer(_TURN_SECONDS, self._next_turn)

    def _next_turn(self) -> None:
        self._turn = None
        self._lines.advance(_A_TURN)
        self._settle()

    def _place(self, y: int) -> None:
        self._placing = True
        try:
            self.virtual_size = Size(self._width, self._lines.height)
            self.scroll_to(y=y, animate=False, immediate=True, force=True)
        finally:
            self._placing = False
        if self.is_at_end:
            self._unseen = None
        self.refresh()

    @property
    def is_at_end(self) -> bool:
        """The last line is in sight."""
        return self.scroll_offset.y >= self._lines.height - self.size.height

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._placing or round(old_value) == round(new_value) or old_value > self.max_scroll_y:
            return  # not done by a person
        self._scrolled()

    def _scrolled(self) -> None:
        top, height = self.scroll_offset.y, self.size.height
        self._follows = self.is_at_end
        if self._follows:
            self._unseen = None
        self._anchor = self._lines.anchor(top)
        if self._lines.lay_out(top, top + height - 1):
            self._settle()
        self._pull_cursor()

    def _scroll(self, y: float) -> None:
        """Scroll there, as a person did."""
        self.scroll_to(y=max(0, min(y, self.max_scroll_y)), animate=False, immediate=True, force=True)
        if self.is_at_end:
            self._follows, self._unseen = True, None

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
        self._pull_cursor()
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

    def _in_sight(self, y: int) -> bool:
        return 0 <= y - self.scroll_offset.y < self.size.height

    def _pull_cursor(self) -> None:
        """After scrolling: the cursor comes along into what is in sight."""
        if not self._lines.entries:
            return
        top, height = self.scroll_offset.y, self.size.height
        ys = range(top, min(top + height, self._lines.height))
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

    def _looks_changed(self) -> None:
        self._look = None
        if self.markdown:
            self._lay_out_anew()
        self.refresh()

    def notify_style_update(self) -> None:
        self._look = None
        super().notify_style_update()

    @property
    def look(self) -> Look:
        if self._look is None:
            styles = {name: self.get_component_rich_style(f"transcript--{name}") for name in STYLES}
            selection = self.screen.get_component_rich_style("screen--selection")
            self._look = Look(styles, selection, shell_of(self).glyphs == "ascii")
        return self._look

    def legend(self, width: int = 80) -> Text:
        """What the looks of tokens mean while probabilities are shown."""
        styles = self.look.styles
        return legend(tuple(styles[f"band-{band}"] for band in range(BANDS)), width=width)

    # Drawing.

    def render_lines(self, crop: Region) -> list[Strip]:
        self._drawing = True
        try:
            return super().render_lines(crop)
        finally:
            self._drawing = False

    def render_line(self, y: int) -> Strip:
        """A line; where it is not asked for to be drawn, one that says where each of its characters is from.

        Textual asks for those when the mouse selects text; drawn ones are simpler without.
        """
        row, width = self._lines.row(y + self.scroll_offset.y), self._width
        if not self._drawing:
            return self._rows.places(row, width)
        look = self.look
        if row is None:
            strip = Strip.blank(width, look.styles["answer"])
        else:
            chosen = self._lines.index_of(self._chosen)
            scene = Scene(self.by_probability, self._spot, chosen, self.text_selection)
            strip = self._rows.strip(row, width, scene, look)
        if self._unseen is not None and y == self.size.height - 1:
            sign = Strip([Segment(self._more, look.styles["sign"])])
            strip = Strip.join([strip.crop(0, width - sign.cell_length), sign]).crop(0, width)
        return strip

    @property
    def _more(self) -> str:
        """What the bottom edge says of what was written below."""
        return f" {'v' if self.look.ascii else '▼'} {f'{self._unseen:,} ' if self._unseen else ''}new "

    # Selecting text with the mouse.

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selected_text(self._lines, selection), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        if selection is None:
            self._settle()  # what came meanwhile
        self.refresh()

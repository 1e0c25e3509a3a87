"""Lines of a transcript that scroll: which are in sight, when they are laid out and drawn, and what is kept.

What a change costs depends on how much is in sight, not on how long the transcript is. What is written is
drawn at most ten times a second, as Markdown five times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer

from ysnakes_core.completion.transcript_records import Token
from ysnakes_tui.complete.transcript_drawing import CSS, STYLES
from ysnakes_tui.complete.transcript_lines import Anchor, MakeMarkdown, TranscriptLines
from ysnakes_tui.complete.transcript_rows import Look, RowDrawer, Scene, columns
from ysnakes_tui.complete.transcript_selection import selected_text
from ysnakes_tui.panes.interface import shell_of

DRAW_SECONDS, MARKDOWN_SECONDS = 0.1, 0.2
_AT_ONCE, _A_TURN = 6000, 4000  # about microseconds of laying out
_TURN_SECONDS = 0.01


class TranscriptScroll(ScrollView):
    """Follows the end for those who are at it, and keeps its place for all others.

    ``scene``, ``maker`` and ``scrolled`` are what a view adds. ``clock`` gives seconds.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"transcript--{name}" for name in STYLES}
    DEFAULT_CSS = (
        """
    TranscriptScroll {
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

    def __init__(self, id: str | None, classes: str | None, clock: Callable[[], float]) -> None:
        super().__init__(id=id, classes=classes)
        self._clock = clock
        self._lines = TranscriptLines()
        self._rows = RowDrawer(self._lines)
        self._look: Look | None = None
        self._follows = True  # the end
        self._anchor: Anchor | None = None  # what is at the top, for those who don't
        self._unseen: int | None = None  # tokens that were written below since then
        self._pending: dict[str, list[Token]] = {}
        self._drawn = float("-inf")
        self._timer: Timer | None = None
        self._turn: Timer | None = None
        self._placing = self._drawing = False

    # What a view adds.

    @property
    def scene(self) -> Scene:
        """What lies over the lines."""
        return Scene()

    @property
    def maker(self) -> MakeMarkdown | None:
        """What renders answers; None: they are shown as they are."""
        return None

    def scrolled(self) -> None:
        """A person has scrolled."""

    # What is written.

    def _draw_soon(self) -> None:
        if self._timer is not None or not self.is_attached:
            return
        between = DRAW_SECONDS if self.maker is None else MARKDOWN_SECONDS
        wait = self._drawn + between - self._clock()
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
        self._lines.lay_out_anew(columns(self._width), self.maker)
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

    def _in_sight(self, y: int) -> bool:
        return 0 <= y - self.scroll_offset.y < self.size.height

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
        self.scrolled()

    def _scroll(self, y: float) -> None:
        """Scroll there, as a person did."""
        self.scroll_to(y=max(0, min(y, self.max_scroll_y)), animate=False, immediate=True, force=True)
        if self.is_at_end:
            self._follows, self._unseen = True, None

    # Drawing.

    def _looks_changed(self) -> None:
        self._look = None
        if self.maker is not None:
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
            strip = self._rows.strip(row, width, self.scene, look)
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

"""Which line of a transcript shows what. Lines far away may be guessed, so that no change takes long."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from ysnakes_tui.complete.block_text import Block, BlockText
from ysnakes_tui.complete.bodies import Body, PlainBody

Part = Literal["title", "text", "gap"]
MakeMarkdown = Callable[[str, int], Body]


class Anchor(NamedTuple):
    """A place that stays where it is when lines move: a block, a part of it, and where in its text."""

    key: str
    part: Part
    offset: int


class Row(NamedTuple):
    """``number``: of a line of the text, where it is one."""

    block: int
    part: Part
    number: int = 0


_serials = itertools.count()


class Entry:
    """A block and its lines: a title, its text (one line where there is none), and an empty line."""

    def __init__(self, content: BlockText) -> None:
        self.serial = next(_serials)  # no two are alike
        self.content = content
        self._plain = PlainBody(content.text, 1)
        self.body: Body = self._plain

    def lay_out_anew(self, width: int, markdown: MakeMarkdown | None) -> None:
        """In lines of another width, or rendered in another way; what is known of the text stays known."""
        if markdown is not None and self.content.kind == "answer":
            self.body = markdown(self.content.text, width)
            return
        if self._plain.width != width:
            self._plain = PlainBody(self.content.text, width)
        self._plain.grow(self.content.text)
        self.body = self._plain

    @property
    def titles(self) -> int:
        return 1 if self.content.title else 0

    @property
    def height(self) -> int:
        return self.titles + max(1, self.body.height) + 1

    def part(self, number: int) -> tuple[Part, int]:
        if number < self.titles:
            return "title", 0
        number -= self.titles
        return ("text", number) if number < max(1, self.body.height) else ("gap", 0)


class TranscriptLines:
    """The blocks of a transcript in lines of ``width`` cells; ``markdown`` makes a body out of an answer."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._places: dict[str, int] = {}
        self.width = 1
        self._markdown: MakeMarkdown | None = None
        self._tops: list[int] | None = None

    # What there is.

    def show(self, blocks: Sequence[Block]) -> bool:
        """Show other blocks; those that stay, or grew, keep their lines. Whether any went or moved."""
        before = {entry.content.key: entry for entry in self.entries}
        entries = []
        for block in blocks:
            entry = before.pop(block.key, None)
            if entry is not None and entry.content.becomes(block):
                entry.body.grow(entry.content.text)
            else:
                entry = Entry(BlockText(block))
                entry.lay_out_anew(self.width, self._markdown)
            entries.append(entry)
        moved = entries[: len(self.entries)] != self.entries
        self.entries = entries
        self._places = {entry.content.key: at for at, entry in enumerate(entries)}
        self.changed()
        return moved

    def index_of(self, key: str | None) -> int | None:
        return None if key is None else self._places.get(key)

    def lay_out_anew(self, width: int, markdown: MakeMarkdown | None) -> None:
        """Lines of another width, or with answers rendered in another way, which need not be laid out yet."""
        self.width, self._markdown = max(1, width), markdown
        for entry in self.entries:
            entry.lay_out_anew(self.width, markdown)
        self.changed()

    def changed(self) -> None:
        """A block grew, or has another title."""
        self._tops = None

    # Where it is.

    @property
    def tops(self) -> list[int]:
        """The first line of each block, and after that how many there are."""
        if self._tops is None:
            self._tops = list(itertools.accumulate((entry.height for entry in self.entries), initial=0))
        return self._tops

    @property
    def height(self) -> int:
        return max(0, self.tops[-1] - 1)  # below the last block there is no empty line

    def row(self, y: int) -> Row | None:
        if not 0 <= y < self.height:
            return None
        at = bisect_right(self.tops, y) - 1
        return Row(at, *self.entries[at].part(y - self.tops[at]))

    def anchor(self, y: int) -> Anchor | None:
        """What a line shows; the last one beyond the end."""
        row = self.row(min(max(y, 0), self.height - 1))
        if row is None:
            return None
        entry = self.entries[row.block]
        offset = entry.body.offset_of(row.number) if row.part == "text" else 0
        return Anchor(entry.content.key, row.part, offset)

    def line_of(self, anchor: Anchor) -> int | None:
        """The line that shows it; its text is laid out up to there."""
        at = self.index_of(anchor.key)
        if at is None:
            return None
        entry = self.entries[at]
        inside = entry.titles if anchor.part != "title" else 0
        if anchor.part == "text":
            inside += min(entry.body.line_of(anchor.offset), max(0, entry.body.height - 1))
        elif anchor.part == "gap":
            inside = entry.height - 1
        self.changed()
        return self.tops[at] + inside

    # Laying out.

    @property
    def is_done(self) -> bool:
        return all(entry.body.is_done for entry in self.entries)

    def advance(self, budget: int) -> None:
        """Lay out more, for about ``budget`` microseconds."""
        for entry in self.entries:
            if not entry.body.is_done:
                if budget <= 0:
                    break
                budget = entry.body.advance(budget)
        self.changed()

    def lay_out(self, first: int, last: int) -> bool:
        """See that these lines are laid out. Whether some were not: lines below may have moved then."""
        changed = False
        at = max(0, bisect_right(self.tops, first) - 1)
        while at < len(self.entries) and self.tops[at] <= last:
            entry, top = self.entries[at], self.tops[at] + self.entries[at].titles
            if entry.body.lay_out(max(0, first - top), last - top):
                changed = True
                self.changed()
            at += 1
        return changed

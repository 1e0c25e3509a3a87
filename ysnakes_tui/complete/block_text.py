"""The blocks of a transcript as they are shown: literally, with the place of every token."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from ysnakes_core.completion.transcript_records import Token
from ysnakes_core.files import printable
from ysnakes_tui.complete.probability import band_of

Kind = Literal["prompt", "answer", "note"]


@dataclass(frozen=True)
class Block:
    """A part of a transcript.

    Attributes:
        key: names it, once in a transcript. title: the line above it; none if empty.
        text: of a prompt or a note. tokens: of an answer.
        waiting: a sign at its end says that more will come.
    """

    key: str
    kind: Kind
    title: str
    text: str = ""
    tokens: tuple[Token, ...] = ()
    waiting: bool = False


class BlockText:
    """What is shown of a block, which may grow at its end."""

    def __init__(self, block: Block) -> None:
        self.key, self.kind = block.key, block.kind
        self.title, self.waiting = block.title, block.waiting
        self.tokens: list[Token] = []
        self._starts: list[int] = []  # offset in the text of each token
        self.text = printable(block.text, keep_lines=True) if block.kind != "answer" else ""
        self._source = block.text
        self.add(block.tokens)

    @property
    def shown_title(self) -> str:
        return printable(self.title)

    def add(self, tokens: Sequence[Token]) -> None:
        """More tokens of an answer."""
        if not tokens or self.kind != "answer":
            return
        texts = [
            each.text if each.text.isprintable() else printable(each.text, keep_lines=True) for each in tokens
        ]
        starts = accumulate(map(len, texts), initial=len(self.text))
        self._starts.extend(start for start, _ in zip(starts, texts, strict=False))
        self.tokens.extend(tokens)
        self.text += "".join(texts)

    def becomes(self, block: Block) -> bool:
        """Go on as ``block``, if that only has more tokens, or another title; whether that is so."""
        known = len(self.tokens)
        if (block.key, block.kind, block.text) != (self.key, self.kind, self._source):
            return False
        if len(block.tokens) < known or self.tokens != list(block.tokens[:known]):
            return False
        self.title, self.waiting = block.title, block.waiting
        self.add(block.tokens[known:])
        return True

    def token_at(self, offset: int) -> int | None:
        """The token that a character is of; of several that made it together, the last."""
        return max(0, bisect_right(self._starts, offset) - 1) if self.tokens else None

    def span(self, token: int) -> tuple[int, int]:
        """From where to where in the text a token goes; nothing, where it is a part of a character."""
        following = token + 1
        end = self._starts[following] if following < len(self._starts) else len(self.text)
        return self._starts[token], end

    def bands(self, start: int, end: int) -> tuple[tuple[int, int, int | None], ...]:
        """The tokens between two places: where each is, and its band (see ``probability``)."""
        first = self.token_at(start)
        found = []
        for token in range(first, len(self.tokens)) if first is not None else ():
            begin, after = self.span(token)
            if begin >= end:
                break
            if after > begin:
                found.append((begin, after, band_of(self.tokens[token].probability)))
        return tuple(found)

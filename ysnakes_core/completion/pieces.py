"""From tokens to text that can be shown: pieces, and stop strings that straddle them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Alternative:
    """A token that could have stood here. ``text``: by itself; ``probability``: the model's own."""

    id: int
    text: str
    probability: float


@dataclass(frozen=True)
class Piece:
    """One token of a completion.

    Attributes:
        text: what became readable with it; never half a character, sometimes empty. It is the model's
            own: control characters in it must be made visible before they reach a terminal.
        id: the token.
        probability: the model's own, before temperature, filters and penalty.
        alternatives: the likeliest tokens here, likeliest first, if any were asked for; the one that was
            chosen may be among them.
    """

    text: str
    id: int
    probability: float
    alternatives: tuple[Alternative, ...] = ()


class StopFilter:
    """Holds pieces back for as long as their text may turn out to be part of a stop string.

    The text let through ends just before the stop string that is complete first.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held: deque[Piece] = deque()
        self._text = ""  # of the pieces held
        self.stopped = False

    def push(self, piece: Piece) -> list[Piece]:
        """Take one piece; give those that are certain now."""
        self._held.append(piece)
        self._text += piece.text
        if not piece.text:  # half a character: shown with the piece that completes it
            return []
        if self._meets_stop():
            return self._cut()
        return self._release(len(self._text) - self._possible())

    def finish(self, rest: str = "") -> list[Piece]:
        """No more pieces will come; ``rest`` belongs to the last one held. Gives all that is still held."""
        if not self._held:
            return []
        self._held[-1] = replace(self._held[-1], text=self._held[-1].text + rest)
        self._text += rest
        return self._cut() if self._meets_stop() else self._release(len(self._text))

    def _meets_stop(self) -> bool:
        self.stopped = any(stop in self._text for stop in self._stops)
        return self.stopped

    def _possible(self) -> int:
        """Length of the longest end of the held text that begins a stop string."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for length in range(min(longest, len(self._text)), 0, -1):
            if any(stop.startswith(self._text[-length:]) for stop in self._stops):
                return length
        return 0

    def _release(self, certain: int) -> list[Piece]:
        """Pieces that end within the first ``certain`` characters of the held text."""
        released = []
        while self._held and len(self._held[0].text) <= certain:
            piece = self._held.popleft()
            certain -= len(piece.text)
            self._text = self._text[len(piece.text) :]
            released.append(piece)
        return released

    def _cut(self) -> list[Piece]:
        """What comes before the first stop string; the rest is dropped."""
        certain = min(at for at in (self._text.find(stop) for stop in self._stops) if at >= 0)
        released = self._release(certain)
        left = certain - sum(len(piece.text) for piece in released)
        if left:
            released.append(replace(self._held[0], text=self._held[0].text[:left]))
        self._held.clear()
        self._text = ""
        return released

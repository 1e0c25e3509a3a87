"""What one thing one can do is, and where it holds; all of them are in ``actions``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """A part of the app in which some actions hold."""

    name: str
    title: str
    parent: str | None = None


@dataclass(frozen=True)
class Action:
    """One thing one can do.

    ``keys`` are the usual ones, as a person writes them (``n``, ``N``, ``+``, ``f1``, ``ctrl+p``, ``space``).
    ``rank`` is the place in the footer: 1 is the last to go when there is no room, 0 is never shown there.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    context: str = "app"
    rank: int = 0
    short: str = ""  # for the footer, where the title is long

    @property
    def label(self) -> str:
        return self.short or self.title

"""The log of a run as lines for people: what happened, what was asked for, and what was answered."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text

from ysnakes_core.files import printable
from ysnakes_core.runs.events import (
    CommandEvent,
    EarlyStoppingEvent,
    Event,
    RollbackEvent,
    RunEndedEvent,
    SampleEvent,
    WarningEvent,
)
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.headless import Scoreboard, news

MOST_LINES = 300
CLOCK_CELLS = 9  # before each line
_MINUTES = Budget("minutes", 1.0)  # the scoreboard's budget plays no part in what it is used for here


@dataclass(frozen=True)
class Line:
    time: float  # Unix seconds
    text: str
    style: str = ""


class Happenings:
    """Keeps lines of a follower's journal; samples have a panel of their own."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=MOST_LINES)
        self._count = 0
        self._waiting: tuple[Line, ...] = ()
        self._board = Scoreboard(_MINUTES)

    def update(self, follower: RunFollower) -> bool:
        """Take in what is new; whether anything is."""
        if follower.journal_count < self._count:
            self._lines.clear()
            self._count, self._board = 0, Scoreboard(_MINUTES)
        new = follower.journal_count - self._count
        self._count = follower.journal_count
        fresh = follower.journal[-new:] if new else []
        for event in fresh:
            self._board.take(event)
            self._lines.extend(_lines(event, self._board))
        waiting = tuple(
            Line(
                _asked_at(command.id),
                f"… {asked(command.name, command.arguments)}: requested",
                "italic",
            )
            for command in follower.commands
            if command.answer is None
        )
        changed = bool(fresh) or waiting != self._waiting
        self._waiting = waiting
        return changed

    @property
    def lines(self) -> list[Line]:
        return [*self._lines, *self._waiting]

    def text(self) -> Text:
        """All lines; nothing in them is markup."""
        found = Text()
        for number, line in enumerate(self.lines):
            found.append("\n" * (number > 0))
            found.append(f"{_clock(line.time)} ", "dim")
            found.append(line.text, line.style)
        return found


def _clock(seconds: float) -> str:
    try:
        return time.strftime("%H:%M:%S", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):  # no time of this world
        return "??:??:??"


def _lines(event: Event, board: Scoreboard) -> list[Line]:
    if isinstance(event, SampleEvent):
        return []
    style = ""
    if isinstance(event, CommandEvent):
        found = [answered(event)]
        style = "" if event.accepted else "bold"
    elif isinstance(event, RunEndedEvent):
        found = [f"{printable(event.status, 20)}: {printable(event.reason, 300)}"]
        style = "bold"
    else:
        found = news(event, board)
        stopping = isinstance(event, EarlyStoppingEvent) and event.stopping
        style = "bold" if stopping or isinstance(event, WarningEvent | RollbackEvent) else ""
    return [Line(event.time, text, style) for text in found]


def answered(event: CommandEvent) -> str:
    """``✓ pause: paused``, ``✗ snooze: refused: …``."""
    request = asked(event.name, event.arguments)
    answer = printable(event.message, 300)
    mark, verdict = ("✓", answer or "done") if event.accepted else ("✗", f"refused: {answer}")
    return f"{mark} {request}" if verdict == request else f"{mark} {request}: {verdict}"


def asked(name: str, arguments: Mapping[str, object]) -> str:
    """``set learning_rate_scale = 0.5``, ``sample “Once upon”``, ``pause``."""
    words = printable(name.replace("_", " "), 40)
    if name == "sample":
        return f"{words} “{printable(str(arguments.get('prompt', '')), 60)}”"
    if name == "set":
        return f"{words} " + ", ".join(
            f"{printable(k, 40)} = {printable(str(v), 40)}" for k, v in arguments.items()
        )
    return f"{words} {printable(str(arguments['n']), 20)}" if "n" in arguments else words


def _asked_at(identifier: str) -> float:
    """A command's id begins with the time of its request in nanoseconds."""
    digits = identifier.partition("-")[0]
    return int(digits) / 1e9 if digits.isdigit() and len(digits) == 20 else 0.0

"""The line that is always there: which run, how it stands, how far it is, and how old that news is."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.widget import Widget

from ysnakes_core.files import printable
from ysnakes_tui.formats import duration, size

# A word and a symbol for every state, so that neither colour nor symbol has to say it alone.
SYMBOLS = {
    "starting": ("◌", "~"),
    "running": ("●", ">"),
    "writing": ("●", ">"),
    "loading": ("◌", "~"),
    "waiting": ("◌", "~"),
    "ready": ("○", "o"),
    "pausing": ("◐", "="),
    "paused": ("‖", "="),
    "stopping": ("◑", "#"),
    "finished": ("✓", "+"),
    "stopped": ("■", "#"),
    "interrupted": ("■", "#"),
    "failed": ("✗", "x"),
    "crashed": ("▲", "!"),
    "broken": ("▲", "!"),
    "gone": ("▲", "!"),
}
_KINDS = {
    **dict.fromkeys(("starting", "running", "writing", "ready"), "good"),
    **dict.fromkeys(("waiting", "loading", "pausing", "paused", "stopping"), "waiting"),
    **dict.fromkeys(("failed", "crashed", "broken", "gone"), "bad"),
}
STALE_SECONDS = 15.0  # news older than this is pointed out while a worker should be sending some
LATE_SECONDS = 5.0  # from which the age of the news matters more than the news
_MOVING = frozenset(("starting", "running", "pausing", "stopping"))
_SHORT_NAME, _LONG_NAME = 14, 40


@dataclass(frozen=True)
class Status:
    """What is to be shown; None or "" where there is nothing to say."""

    run: str = ""
    state: str = ""  # as ``RunState.effective_status``
    step: int | None = None
    total_steps: int | None = None
    unit: str = "step"  # what is counted: steps of a run, ``records`` of a job
    eta: float | None = None  # seconds left
    tokens_per_second: float | None = None
    memory: int | None = None  # bytes that the worker uses
    age: float | None = None  # seconds since the worker's last sign of life
    note: str = ""  # shown where there is room: a stage, a message
    command: str = ""  # what was asked of the worker, or what it answered just now
    nothing: str = "no run is shown"  # where there is no state

    @property
    def is_stale(self) -> bool:
        return self.state in _MOVING and self.age is not None and self.age > STALE_SECONDS


@dataclass(frozen=True)
class _Part:
    text: str
    importance: int  # what has the largest number goes first
    style: str = ""
    short: str = ""  # tried before anything is left out


class StatusStrip(Widget):
    """One line. What matters least is left out where there is no room for all."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's own way)
        "status-strip--good",
        "status-strip--waiting",
        "status-strip--bad",
        "status-strip--name",
        "status-strip--dim",
    }

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._status = Status()
        self._ascii = False

    def show(self, status: Status, *, ascii: bool) -> None:
        if (status, ascii) != (self._status, self._ascii):
            self._status, self._ascii = status, ascii
            self.refresh()

    def render(self) -> Text:
        line = Text(no_wrap=True, end="")
        for part in fit(parts(self._status, ascii=self._ascii), self.size.width):
            style = self.get_component_rich_style(f"status-strip--{part.style}") if part.style else ""
            line.append(part.text, style)
        return line


def plain_line(status: Status, width: int, *, ascii: bool = False) -> str:
    """The line without its colours."""
    return "".join(part.text for part in fit(parts(status, ascii=ascii), width))


def parts(status: Status, *, ascii: bool) -> list[_Part]:
    """Everything there is to say, in the order in which it stands."""
    if not status.state:
        return [_Part(f" {printable(status.nothing, 100)}", 0, "dim"), *_note(status)]
    symbol = SYMBOLS.get(status.state, ("?", "?"))[ascii]
    kind = _KINDS.get(status.state, "name")
    found = [_Part(f" {symbol} {printable(status.state, 12)}", 0, kind)]
    if status.run:
        found.append(_Part(_name(status.run, _LONG_NAME), 1, "name"))
    if status.step is not None:
        found.append(_steps(status, ascii=ascii))
    if status.command:
        found.append(_Part(printable(status.command, 60), 2, "name"))
    if status.is_stale and status.age is not None:
        found.append(_Part(f"no news for {_rough(status.age)}", 3, "bad"))
    elif status.eta is not None:
        found.append(_Part(f"{duration(status.eta)} left", 4))
    if status.tokens_per_second is not None and not status.is_stale:
        pace = f"{status.tokens_per_second:,.0f}"
        found.append(_Part(f"{pace} tokens/s", 5, short=f"{pace} tok/s"))
    if status.memory is not None:
        found.append(_Part(size(status.memory), 6))
    if status.age is not None and not status.is_stale:
        age = _rough(status.age)
        matters = 3 if status.state in _MOVING and status.age > LATE_SECONDS else 7
        found.append(_Part(f"data {age} old", matters, "dim", short=f"{age} old"))
    return [*found, *_note(status)]


def _note(status: Status) -> list[_Part]:
    return [_Part(printable(status.note, 60), 8, "dim")] if status.note else []


def _steps(status: Status, *, ascii: bool) -> _Part:
    counts_steps = status.unit == "step"
    if not status.total_steps:
        return _Part(f"step {status.step:,}" if counts_steps else f"{status.step:,} {status.unit}", 2)
    share = min(1.0, (status.step or 0) / status.total_steps)
    many = f"{status.step:,} of {status.total_steps:,}"
    told = f"step {many}" if counts_steps else f"{many} {status.unit}"
    text = f"{told} {'-' if ascii else '·'} {100 * share:.0f} %"
    return _Part(text, 2, short=f"{status.step:,}/{status.total_steps:,}")


def _rough(seconds: float) -> str:
    """An age at a glance: ``3 s``, ``2 min``, ``5 h``, ``3 d``."""
    for limit, unit, name in ((100.0, 1, "s"), (6000.0, 60, "min"), (172_800.0, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds)) // unit} {name}"
    return f"{int(seconds // 86400)} d"


def _name(name: str, width: int) -> str:
    text = printable(name, 200)
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def fit(found: list[_Part], width: int) -> list[_Part]:
    """The parts for which ``width`` columns have room, with what stands between them.

    What is too long is first said shortly, then the name is cut, then what matters least is left out.
    """
    left = list(found)
    if _width(left) > width:
        left = [_Part(part.short or part.text, part.importance, part.style) for part in left]
    while _width(left) > width and len(left) > 1:
        name = next((part for part in left if part.importance == 1), None)
        if name is not None and cell_len(name.text) > _SHORT_NAME:
            room = max(_SHORT_NAME, cell_len(name.text) - (_width(left) - width))
            left[left.index(name)] = _Part(_name(name.text, room), 1, name.style)
        else:
            left.remove(max(left, key=lambda part: part.importance))
    joined = [left[0]]
    for part in left[1:]:
        joined += [_Part(_GAP, part.importance), part]
    return joined


_GAP = "  "


def _width(found: list[_Part]) -> int:
    return sum(cell_len(part.text) for part in found) + len(_GAP) * (len(found) - 1)

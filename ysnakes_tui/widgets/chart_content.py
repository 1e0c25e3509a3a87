"""What a chart shows, apart from where and how large: series, marks, titles, what part of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ysnakes_tui.widgets.chart_raster import Glyphs

Floats = NDArray[np.float64]
MarkKind = Literal["best", "checkpoint", "rollback"]
Fit = Literal["robust", "visible", "all"]
FITS: tuple[Fit, ...] = get_args(Fit)

SERIES_STYLES = (
    *("raw", "smoothed", "validation"),
    *("series-1", "series-2", "series-3", "series-4", "series-5", "series-6"),
)
# A style's number on the canvas is its place here; its look is the component class of the same name.
STYLES = (
    *("base", "title", "text", "letter", "axis", "tick", "grid"),
    *SERIES_STYLES,
    *("best", "checkpoint", "rollback", "broken", "beyond", "crosshair", "empty"),
)
STYLE = {name: number for number, name in enumerate(STYLES)}
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MARK_KINDS: tuple[MarkKind, ...] = get_args(MarkKind)


@dataclass(frozen=True)
class Mark:
    """Something that happened at a place on the horizontal axis.

    ``best`` is a star at ``(x, y)``, or on the axis if there is no ``y``; ``checkpoint`` is on the axis;
    ``rollback`` is a line from top to bottom at the step that training went back to.
    """

    kind: MarkKind
    x: float
    y: float | None = None


@dataclass(frozen=True, eq=False)
class Series:
    """One line. ``x`` is finite and does not fall; ``letter`` tells it apart where colours don't."""

    name: str
    x: Floats
    y: Floats
    label: str
    letter: str
    style: str
    points: bool = False

    @property
    def dim(self) -> bool:
        """It lies behind the others, as values before smoothing do."""
        return self.style == "raw"


@dataclass(frozen=True, eq=False)
class Content:
    """All that a chart shows. ``view``: the part of the horizontal axis that is to be seen, None for all."""

    series: tuple[Series, ...] = ()
    marks: tuple[Mark, ...] = ()
    y_title: str = ""
    x_title: str = "step"
    log: bool = False
    fit: Fit = "robust"
    view: tuple[float, float] | None = None
    glyphs: Glyphs = "braille"
    empty_text: str = "no steps yet"
    whole_x: bool = True

    @property
    def span(self) -> tuple[float, float] | None:
        """First and last ``x`` of all series, None if there are no points."""
        return span_of(self.series)


def span_of(series: Iterable[Series]) -> tuple[float, float] | None:
    ends = [(float(one.x[0]), float(one.x[-1])) for one in series if len(one.x)]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None


@dataclass(frozen=True)
class Symbols:
    """The characters of a chart, all of width 1."""

    line: str
    raw: str
    points: str
    best: str
    checkpoint: str
    rollback: str
    rollback_line: str
    broken: str
    above: str
    below: str
    vertical: str
    tick_left: str
    corner: str
    horizontal: str
    tick_down: str
    grid: str
    crosshair: str
    separator: str


UNICODE = Symbols(
    line="━",
    raw="░",
    points="●○■□▲△",
    best="★",
    checkpoint="◆",
    rollback="◂",
    rollback_line="┊",
    broken="×",
    above="↑",
    below="↓",
    vertical="│",
    tick_left="┤",
    corner="└",
    horizontal="─",
    tick_down="┬",
    grid="┈",
    crosshair="│",
    separator="·",
)
ASCII = Symbols(
    line="-",
    raw=".",
    points="",
    best="*",
    checkpoint="o",
    rollback="<",
    rollback_line=":",
    broken="x",
    above="^",
    below="_",
    vertical="|",
    tick_left="+",
    corner="+",
    horizontal="-",
    tick_down="+",
    grid="",
    crosshair="|",
    separator="-",
)


def symbols(glyphs: Glyphs) -> Symbols:
    return ASCII if glyphs == "ascii" else UNICODE


def choose_letter(label: str, taken: Iterable[str]) -> str:
    """A letter for a series that no other has: the first of its label, else the next free one."""
    used = {*taken, "o", "x"}  # these are marks where there is only ASCII
    own = next((character.lower() for character in label if character in _LETTERS), "")
    return next((letter for letter in own + _LETTERS if letter not in used), "?")

"""The axes of a chart: which values fit, where each one lies, which ones are written beside the axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ysnakes_tui.formats import count

Floats = NDArray[np.float64]

# Beyond these, differences of two values would overflow or lose their digits.
_HUGE = 1e300
_TINY = 1e-280
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_SNAPS = 20  # a range is made of so many parts or somewhat more, so that it seldom moves while data comes in
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Scale:
    """Values from ``low`` to ``high`` along an axis, evenly or by their logarithms (then both positive)."""

    low: float
    high: float
    log: bool = False

    def fractions(self, values: Floats) -> Floats:
        """Where values lie: 0 at ``low``, 1 at ``high``; NaN stays NaN.

        On a log scale what is not positive lies at minus infinity.
        """
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        with np.errstate(over="ignore"):  # infinitely far outside is outside too
            return (mapped(values, self.log) - low) / (high - low)

    def fraction(self, value: float) -> float:
        return float(self.fractions(np.array([value]))[0])

    def value(self, fraction: float) -> float:
        """What lies at ``fraction`` of the axis."""
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return float(10 ** (low + fraction * (high - low)))
        return self.low + fraction * (self.high - self.low)


def mapped(values: Floats, log: bool) -> Floats:
    """Values as their place on the axis counts them, kept where differences are finite."""
    kept = np.clip(values, -_HUGE, _HUGE)
    if not log:
        return kept
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(kept <= 0, -np.inf, np.log10(np.maximum(kept, 1 / _HUGE)))


def fitted(low: float, high: float, *, log: bool = False, snap: bool = True) -> Scale:
    """A scale that holds both ``low`` and ``high``, which are finite (and positive for a log scale).

    With ``snap`` it ends at round values. A single value gets room on both sides.
    """
    low, high = (min(max(value, -_HUGE), _HUGE) for value in (min(low, high), max(low, high)))
    if log:
        low, high = max(low, 1 / _HUGE), max(high, 1 / _HUGE)
        start, end = math.log10(low), math.log10(high)
        if end - start < 1e-9:
            start, end = start - 0.1, end + 0.1
    else:
        start, end = low, high
        biggest = max(abs(low), abs(high))
        if biggest < _TINY:
            start, end = min(low, 0.0), 1.0
        elif end - start < 1e-9 * biggest:
            start, end = start - 0.05 * biggest, end + 0.05 * biggest
    if snap:
        step = nice_step((end - start) / _SNAPS)
        start, end = math.floor(start / step) * step, math.ceil(end / step) * step
    if not log:
        return Scale(max(min(start, low), -_HUGE), min(max(end, high), _HUGE))
    return Scale(min(10**start, low), max(10**end, high), log=True)


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is not less than ``least`` (positive)."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in _NICE if factor * power >= least * (1 - 1e-9)), 10 * power)


@dataclass(frozen=True)
class Tick:
    """A value that is written beside an axis."""

    value: float
    label: str


def ticks(scale: Scale, most: int, *, whole: bool = False) -> list[Tick]:
    """At most about ``most`` round values inside ``scale``, rising; ``whole`` leaves out fractions."""
    most = max(1, most)
    if scale.log:
        values = _log_values(scale, most)
        if len(values) >= 2:
            return [Tick(value, shortest(value, value * 1e-3)) for value in values]
    values = _even_values(scale, most, whole)
    step = values[1] - values[0] if len(values) > 1 else scale.high - scale.low
    labels = _labels(values, step)
    return [Tick(value, label) for value, label in zip(values, labels, strict=True)]


def _labels(values: list[float], step: float) -> list[str]:
    """Labels that match: with as many decimals each, and all in full if ``1.000004M`` were no shorter."""
    labels = [shortest(value, step) for value in values]
    if all(_is_plain(label) for label in labels):
        decimals = max((len(label.partition(".")[2]) for label in labels), default=0)
        return [f"{value:,.{decimals}f}" for value in values]
    longest = max(map(len, labels), default=0)
    if longest > 6 and step >= 1 and all(value == round(value) for value in values):
        full = [f"{value:,.0f}" for value in values]
        return full if max(map(len, full)) <= longest else labels
    return labels


def _even_values(scale: Scale, most: int, whole: bool) -> list[float]:
    step = nice_step((scale.high - scale.low) / most)
    if whole and step < 10:
        step = next(size for size in (1.0, 2.0, 5.0, 10.0) if size >= step - 1e-9)
    first = math.ceil(scale.low / step - 1e-6)
    last = math.floor(scale.high / step + 1e-6)
    digits = 2 - math.floor(math.log10(step))
    values = (round(index * step, digits) for index in range(first, last + 1))
    return [min(max(value, scale.low), scale.high) for value in values]


def _log_values(scale: Scale, most: int) -> list[float]:
    """Powers of ten, with 2 and 5 times them where there is room; only every so many where there is none."""
    first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
    within = (scale.low * (1 - 1e-9), scale.high * (1 + 1e-9))
    for factors in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        exponents = range(max(first, -307), min(last, 307) + 1)
        values = [float(f"{factor}e{power}") for power in exponents for factor in factors]
        values = [value for value in values if within[0] <= value <= within[1]]
        if len(values) <= most:
            return values
    return values[:: -(-len(values) // most)]


def shortest(value: float, step: float) -> str:
    """The shortest way to write ``value`` that tells it from values ``step`` away: ``1.2k``, ``3e-4``."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return str(value)
    error = abs(step) * 0.01
    written = list(_ways(value, error))
    return min(written, key=len) if written else f"{value:.4g}"


def _ways(value: float, error: float) -> Iterator[str]:
    for factor, suffix in _SUFFIXES:
        if factor <= abs(value) * (1 + 1e-9) < 1000 * factor or (suffix == "T" and 1e15 <= abs(value) < 1e18):
            yield from _digits(value / factor, error / factor, lambda scaled, n: f"{scaled:,.{n}f}", suffix)
    if 1e-9 < abs(value) < 1e9:
        yield from _digits(value, error, lambda number, n: f"{number:,.{n}f}")
    yield from _digits(value, error, _scientific)


def _digits(
    value: float, error: float, write: Callable[[float, int], str], suffix: str = ""
) -> Iterator[str]:
    for digits in range(13):
        text = write(value, digits)
        if abs(float(text.replace(",", "")) - value) <= error:
            yield text + suffix
            return


def _scientific(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _is_plain(label: str) -> bool:
    return label[-1:].isdigit() and "e" not in label


def number(value: float) -> str:
    """A value as it is read off a chart: ``2.346``, ``12.5k``, ``3.00e-4``, ``nan``."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-2:
        return _scientific(value, 2)
    if size >= 10_000:
        return count(value)
    if size >= 100:
        return f"{value:,.1f}"
    return f"{value:.3f}" if size >= 1 or value == 0 else f"{value:.4f}"


def step_number(value: float) -> str:
    """A place on the horizontal axis: ``12,345``, or with decimals where it is no whole number."""
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e12 else number(value)


def robust_high(column_highs: Sequence[Floats], low: float, high: float) -> float:
    """An upper end that a few extreme columns do not decide.

    At most a twentieth of a series' columns may lie above it, and only if what lies below then gets much more
    room: the first steps of training are several times higher than all that follows.
    ``column_highs``: for each series its highest value a column, finite.
    """
    cut = low
    for highs in column_highs:
        left_out = len(highs) // 20
        if len(highs):
            cut = max(cut, float(np.partition(highs, len(highs) - 1 - left_out)[len(highs) - 1 - left_out]))
    return cut if low < cut and (high - low) > 1.4 * (cut - low) else high

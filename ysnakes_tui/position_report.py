"""Scores by position as lines of text: a table, a plot and what they say. For a terminal and for the app."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ysnakes_core.training.position_curve import LITTLE, Band, ByPosition, Curve
from ysnakes_tui.formats import table

ALONE, ON_END, TRAINED, SEVERAL, BORDER = "●", "○", "·", "◉", "│"
PLOT_ROWS = 9
_AXIS = 7  # columns of the figures beside the plot


def tables(found: ByPosition) -> list[tuple[str, list[str]]]:
    """All tables, each with its title."""
    titled = [
        ("each document alone", alone_lines(found)),
        ("the documents end to end, as one long text", end_to_end_lines(found)),
        ("the documents, each token with no more context than", context_lines(found)),
    ]
    return [(title, lines) for title, lines in titled if lines]


def alone_lines(found: ByPosition) -> list[str]:
    """A table of the documents, each alone; what more context than in training does, if any had more."""
    return _table(found.alone, found.seq_len, compared=found.alone.beyond is not None)


def end_to_end_lines(found: ByPosition) -> list[str]:
    """A table of the documents laid end to end; nothing if they were not."""
    return [] if found.on_end is None else _table(found.on_end, found.seq_len, compared=True)


def _table(curve: Curve, seq_len: int, *, compared: bool) -> list[str]:
    """A line for each band, and one where the trained length ends."""
    heading = ["position", "tokens", "documents", "nats per token", "bits per byte"]
    rows = [[*heading, "above training"] if compared else heading]
    for band in curve.bands:
        row = [
            f"{band.first:,}–{band.last:,}",
            f"{band.tokens:,}",
            f"{band.documents:,}",
            f"{band.loss:.3f}",
            _give_or_take(band.bits_per_byte, band.error),
        ]
        rows.append([*row, _signed(band.difference, band.difference_error)] if compared else row)
    lines = table(_padded(rows), right=(1, 2, 3, 4, 5))
    at = 1 + sum(band.first < seq_len for band in curve.bands)
    if at < len(lines):
        lines.insert(at, f"── trained on up to {seq_len:,} tokens ".ljust(max(map(len, lines)), "─"))
    return lines


def context_lines(found: ByPosition) -> list[str]:
    """A line for each length of context."""
    if not found.contexts:
        return []
    rows = [["context", "tokens", "bits per byte", "above all of it"]]
    for context in found.contexts:
        level = context.bits_per_byte
        rows.append(
            [
                f"{context.length:,}",
                f"{context.tokens:,}",
                "–" if level is None else f"{level:.3f}",
                _signed(context.difference, context.error),
            ]
        )
    return table(rows, right=(0, 1, 2, 3))


@dataclass(frozen=True)
class _Point:
    column: int
    value: float
    sign: str


def plot_lines(found: ByPosition, width: int = 79, rows: int = PLOT_ROWS) -> list[str]:
    """Bits per byte over position, a column a band; a line stands where the trained length ends."""
    firsts = sorted({band.first for curve in _curves(found) for band in curve.bands})
    step = max(4, min(7, (width - _AXIS - 2) // max(1, len(firsts))))
    points = [
        _Point(firsts.index(band.first), value, sign)
        for curve, signs in zip(_curves(found), ((ALONE, ""), (ON_END, TRAINED)), strict=False)
        for band in curve.bands
        for value, sign in zip((band.bits_per_byte, band.trained), signs, strict=True)
        if value is not None and sign
    ]
    if not points:
        return []
    low, high = min(p.value for p in points), max(p.value for p in points)
    if high - low < 0.01:
        low, high = low - 0.005, high + 0.005
    columns = step * len(firsts)
    cells = [[" "] * columns for _ in range(rows)]
    within = sum(first < found.seq_len for first in firsts)
    if 0 < within < len(firsts):
        for row in cells:
            row[within * step - 1] = BORDER
    for point in sorted(points, key=lambda p: p.sign != TRAINED):  # what is only compared with lies below
        row = cells[rows - 1 - round((point.value - low) / (high - low) * (rows - 1))]
        at = point.column * step + step // 2 - 1
        row[at] = SEVERAL if row[at] in (ALONE, ON_END) else point.sign
    lines = []
    for number, row in enumerate(cells):
        value = high - (high - low) * number / (rows - 1)
        shown = f"{value:.3f}" if number % 2 == 0 else ""
        lines.append(f"{shown:>{_AXIS - 2}} ┤{''.join(row)}".rstrip())
    labels = "".join(_short(first).center(step - 1)[: step - 1] + " " for first in firsts)
    lines.append(f"{'':{_AXIS - 1}}└{'─' * columns}")
    lines.append(f"{'':{_AXIS}}{labels}".rstrip())
    return lines


def legend(found: ByPosition) -> str:
    """What the signs of the plot mean."""
    signs = f"{ALONE} each document alone"
    if found.on_end is not None:
        signs += f", {ON_END} end to end, {TRAINED} as in training"
    return f"bits per byte by position: {signs}"


def findings(found: ByPosition) -> list[str]:
    """What the figures say, in whole sentences, each with how sure it is."""
    return [_about_context(found), *_about_long_documents(found), *_about_the_long_text(found)]


def _about_context(found: ByPosition) -> str:
    mean, longest = found.tokens / found.documents, found.alone.length
    texts = f"documents have {mean:,.0f} tokens on average, {longest:,} at most"
    if not found.contexts or found.contexts[-1].error is None:
        return f"How much context helps cannot be told: there is too little text ({texts})."
    enough = found.enough
    if enough is not None:
        return (
            f"It levels off at {enough.length:,} tokens of context: more wins less than 1 % "
            f"({_give_or_take(enough.difference, enough.error, 4)} bits per byte; {texts})."
        )
    last = found.contexts[-1]
    return (
        f"It does not surely level off by {last.length:,} tokens of context: more wins "
        f"{_give_or_take(last.difference, last.error, 4)} bits per byte ({texts})."
    )


def _about_long_documents(found: ByPosition) -> Iterable[str]:
    beyond = found.alone.beyond
    if beyond is None:
        return
    compared = _compared(beyond, "no more context than that")
    yield (
        f"In documents longer than the trained {found.seq_len:,} tokens, the text from there on, to "
        f"{beyond.last + 1:,}, {compared}."
    )
    yield from _about_drift(found.alone, found.seq_len)


def _about_the_long_text(found: ByPosition) -> Iterable[str]:
    if found.on_end is None:
        yield "There is one document only, so nothing was laid end to end."
        return
    if (beyond := found.on_end.beyond) is None:
        yield "All documents end to end are no longer than the trained length."
        return
    ratio = found.on_end.length / found.seq_len
    times = f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:,.0f}"
    yield (
        f"End to end without a fresh state ({found.on_end.length:,} tokens, {times} times the trained "
        f"{found.seq_len:,}; {found.on_end.starts} starts), it {_compared(beyond, 'each document alone')}."
    )
    yield from _about_drift(found.on_end, found.seq_len)


def _about_drift(curve: Curve, seq_len: int) -> Iterable[str]:
    drift, beyond = curve.drift, curve.beyond
    if drift is None or beyond is None:
        return
    change = _signed(drift.bits_per_byte, drift.error)
    figures = f"{change} bits per byte beyond {drift.far:,} against {seq_len:,}–{drift.far - 1:,}"
    if _is_little(drift.bits_per_byte, drift.error, beyond.trained):
        yield f"It stays so, to within 1 %, the farther it goes: {figures}."
    elif abs(drift.bits_per_byte) <= drift.error:
        most = drift.bits_per_byte + drift.error
        yield f"Farther on it gets worse by {most:.3f} bits per byte at most, if at all: {figures}."
    else:
        yield f"It gets {'worse' if drift.bits_per_byte > 0 else 'better'} the farther it goes: {figures}."


def _compared(band: Band, with_what: str) -> str:
    """How a band does against the same tokens read as in training."""
    difference, error, trained = band.difference, band.difference_error, band.trained
    figures = f"{_signed(difference, error)} bits per byte"
    if difference is None or error is None or not trained:
        return f"has {figures} against {with_what}; there is too little text to be sure"
    if _is_little(difference, error, trained):
        return f"is as good as with {with_what}, to within 1 % ({figures})"
    if abs(difference) <= error:
        return f"may be as good as with {with_what}: a difference cannot be told ({figures})"
    kind = "worse" if difference > 0 else "better"
    return f"is {100 * abs(difference) / trained:.1f} % {kind} than with {with_what} ({figures})"


def _is_little(value: float, error: float, level: float | None) -> bool:
    """Whether it is surely less than 1 % of ``level``."""
    return level is not None and abs(value) + error < LITTLE * level


def _curves(found: ByPosition) -> Sequence[Curve]:
    return (found.alone,) if found.on_end is None else (found.alone, found.on_end)


def _give_or_take(value: float | None, error: float | None, digits: int = 3) -> str:
    """``0.536 ±0.025``; the value alone where there is no bound."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}".replace("-", "−") + ("" if error is None else f" ±{error:.{digits}f}")


def _signed(value: float | None, error: float | None) -> str:
    """``+0.112 ±0.008``."""
    if value is None:
        return "–"
    text = f"{value:+.3f}".replace("-", "−")
    if text[1:] == "0.000":
        text = text[1:]
    return text + ("" if error is None else f" ±{error:.3f}")


def _padded(rows: list[list[str]]) -> list[list[str]]:
    """Values without a bound with room for one, so that their points stand under each other."""
    bounds = [len(cell) - cell.index(" ±") for row in rows[1:] for cell in row if "±" in cell]
    room = " " * max(bounds, default=0)
    return [
        rows[0],
        *([*row[:4], *(c if "±" in c else c + room for c in row[4:])] for row in rows[1:]),
    ]


def _short(position: int) -> str:
    """``512``, ``1k``, ``64k``."""
    return f"{position}" if position < 1024 else f"{position / 1024:.0f}k"

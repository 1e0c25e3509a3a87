"""Numbers, times and tables for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def size(n_bytes: float) -> str:
    """``1.3 GB``: powers of 1,000, as disks and the run's figures count."""
    value = float(n_bytes)
    for unit in _UNITS:
        if abs(value) < 999.5 or unit == _UNITS[-1]:
            digits = 0 if unit == "bytes" or abs(value) >= 99.95 else 1
            return f"{value:.{digits}f} {unit}"
        value /= 1000
    raise AssertionError


def count(number: float) -> str:
    """``3,412``, ``41.2k``, ``3.64M``."""
    if abs(number) < 10_000:
        return f"{number:,.0f}"
    for factor, suffix in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        if abs(number) < 999.5 * factor or suffix == "G":
            value = number / factor
            return f"{value:.{2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0}f}{suffix}"
    raise AssertionError


def amount(number: float, unit: str) -> str:
    """``5,000 steps``, ``1.20M tokens``, ``2.5 epochs``."""
    if unit == "tokens":
        return f"{count(number)} {unit}"
    return f"{number:,.0f} {unit}" if number == round(number) else f"{number:g} {unit}"


def duration(seconds: float) -> str:
    """``0:42``, ``12:05``, ``3:07:00``, ``2 d 4 h``."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86400)
    if days:
        return f"{days} d {rest // 3600} h"
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def age(seconds: float) -> str:
    """``just now``, ``5 min ago``, ``3 h ago``, ``12 d ago``."""
    if seconds < 60:
        return "just now"
    for limit, unit, name in ((3600, 60, "min"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name} ago"
    return f"{int(seconds // 86400)} d ago"


def bits(value: float | None) -> str:
    """Bits per byte, or a dash where there are none yet."""
    return "–" if value is None else f"{value:.4f}"


def width_of(text: str) -> int:
    """Columns of a terminal that printable text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Lines with aligned columns; those in ``right`` are flush right. The first row is the heading."""
    if not rows:
        return []
    widths = [max(width_of(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            fill = " " * (widths[i] - width_of(cell))
            cells.append(fill + cell if i in right else cell + fill)
        lines.append("  ".join(cells).rstrip())
    return lines


def facts(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Lines of a name and its value, values in one column."""
    widest = max((width_of(name) for name, _ in pairs), default=0)
    return [f"{name}{' ' * (widest - width_of(name))}  {value}".rstrip() for name, value in pairs]

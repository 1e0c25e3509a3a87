"""Figures of the library as tables and bars of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from ysnakes_core.synthesis.library import Tally
from ysnakes_core.synthesis.library_records import DECISIONS
from ysnakes_tui.data.statistics_reading import Duplicates, Figures, Vocabulary
from ysnakes_tui.formats import count, table
from ysnakes_tui.widgets.chart_canvas import cells_of, fit

_MOST_BARS = 16
_MOST_KINDS = 40


def summary(figures: Figures, vocabulary: Vocabulary | None) -> Text:
    """How much there is, in a few lines."""
    decided = {name: sum(t.records for t in figures.tallies if t.decision == name) for name in DECISIONS}
    mean = figures.words / figures.records if figures.records else 0
    rows = [
        ("records", f"{figures.records:,}"),
        ("words", f"{count(figures.words)}, {mean:,.0f} in an answer"),
        *((name, f"{number:,}{_share(number, figures.records)}") for name, number in decided.items()),
        ("flagged", f"{figures.flagged:,}{_share(figures.flagged, figures.records)}"),
        ("repeated", f"{figures.repeats:,} say just what another one says"),
    ]
    if vocabulary is not None:
        rows.append(("vocabulary", f"{int(vocabulary.y[-1]):,} different words"))
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, (name, value) in enumerate(rows):
        text.append(f"{chr(10) if number else ''}{name:<11}", "dim")
        text.append(value)
    return text


def _share(part: int, whole: int) -> str:
    return f" ({100 * part / whole:.0f} %)" if part and whole else ""


def by_kind(tallies: Sequence[Tally], width: int) -> Text:
    """A line for each teacher and kind; the decisions only where there is room."""
    wide = width >= 70
    rows = [("teacher", "kind", "records", "words", *(DECISIONS if wide else ()))]
    groups: dict[tuple[str, str], list[Tally]] = {}
    for tally in tallies:
        groups.setdefault((tally.teacher, tally.kind), []).append(tally)
    for (teacher, kind), group in list(groups.items())[:_MOST_KINDS]:
        decided = [sum(t.records for t in group if t.decision == name) for name in DECISIONS]
        rows.append(
            (
                fit(teacher, 14),
                fit(kind, 14),
                f"{sum(t.records for t in group):,}",
                count(sum(t.words for t in group)),
                *((f"{number:,}" if number else "–" for number in decided) if wide else ()),
            )
        )
    lines = table(rows, right=range(2, len(rows[0])))
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(lines[0], "dim")
    text.append("".join(f"\n{line}" for line in lines[1:]))
    if len(groups) > _MOST_KINDS:
        text.append(f"\n… and {len(groups) - _MOST_KINDS} more", "dim")
    return text


def lengths(
    found: Mapping[int, int], step: int, width: int, colour: str = "", *, ascii: bool = False
) -> Text:
    """Bars of how many answers have so many words; very long ones are put together."""
    if not found:
        return Text("–")
    places = range(0, max(found) + step, step)
    counts = [(f"{words:,}–{words + step - 1:,}", found.get(words, 0)) for words in places]
    while len(counts) > 1 and counts[-1][1] == 0:
        counts.pop()
    if len(counts) > _MOST_BARS:
        rest = sum(number for _, number in counts[_MOST_BARS - 1 :])
        counts = [*counts[: _MOST_BARS - 1], (f"{(_MOST_BARS - 1) * step:,} or more", rest)]
    return bars(counts, width, colour, ascii=ascii)


def bars(counts: Sequence[tuple[str, int]], width: int, colour: str = "", *, ascii: bool = False) -> Text:
    """A bar for each number, in ``width`` cells, the longest for the largest."""
    labels = [fit(label, 20) for label, _ in counts]
    names = max((cells_of(label) for label in labels), default=0)
    numbers = max((len(f"{number:,}") for _, number in counts), default=0)
    room = max(4, width - names - numbers - 3)
    most = max((number for _, number in counts), default=0)
    text = Text(no_wrap=True, overflow="ellipsis")
    for place, (label, number) in enumerate(zip(labels, (each[1] for each in counts), strict=True)):
        text.append("\n" if place else "")
        text.append(label + " " * (names - cells_of(label)), "dim")
        text.append(f" {number:>{numbers},} ")
        text.append(("=" if ascii else "━") * (max(1, round(room * number / most)) if number else 0), colour)
    return text


def duplicates(found: Duplicates) -> Text:
    """What was found that says nearly the same."""
    text = Text(no_wrap=True, overflow="ellipsis")
    if not found.groups:
        text.append(f"none among {found.compared:,} records")
        return text
    share = 100 * found.extra / found.compared
    text.append(
        f"{found.extra:,} of {found.compared:,} records ({share:.1f} %) say nearly what another says\n"
    )
    for identity, others, beginning in found.examples:
        text.append(f"\nrecord {identity:,} and {others:,} more: ", "dim")
        text.append(fit(" ".join(beginning.split()), 60))
    text.append("\n\nysnakes data dedup", "bold")
    text.append(" finds and rejects them in files")
    return text

"""A unified diff of a text whose changed regions are known: quick, and never misled by lines that recur."""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CONTEXT = 2  # lines before and after a change


@dataclass(frozen=True)
class Region:
    """Characters ``begin`` to ``end`` of a file's text, and what stands in their place."""

    begin: int
    end: int
    text: str


def unified_diff(name: str, text: str, regions: Sequence[Region]) -> Iterator[str]:
    """Lines, without their ends, of a diff that ``patch`` understands."""
    if not regions:
        return
    yield f"--- {name}"
    yield f"+++ {name}"
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    shift = 0  # lines that the text has more after the changes so far
    for first, last, replaced in _in_lines(text, regions, starts):
        begin, end = max(0, first - CONTEXT), min(len(lines), last + 1 + CONTEXT)
        before = lines[begin:end]
        after = lines[begin:first] + replaced + lines[last + 1 : end]
        for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(
            CONTEXT
        ):
            yield from _hunk(group, before, after, begin, begin + shift)
        shift += len(after) - len(before)


def _in_lines(
    text: str, regions: Sequence[Region], starts: Sequence[int]
) -> Iterator[tuple[int, int, list[str]]]:
    """Changed runs of whole lines: the first, the last, and the lines in their place.

    Regions so near each other that their contexts would meet are one run.
    """
    at = 0
    while at < len(regions):
        first = bisect_right(starts, regions[at].begin) - 1
        pieces = [text[starts[first] : regions[at].begin]]
        while True:
            region = regions[at]
            pieces.append(region.text)
            last = bisect_right(starts, region.end) - 1
            at += 1
            if at == len(regions) or bisect_right(starts, regions[at].begin) - 1 > last + 2 * CONTEXT + 1:
                break
            pieces.append(text[region.end : regions[at].begin])
        pieces.append(text[region.end : starts[last + 1] - 1])
        yield first, last, "".join(pieces).split("\n")


def _hunk(
    group: Sequence[tuple[str, int, int, int, int]],
    before: Sequence[str],
    after: Sequence[str],
    old_line: int,
    new_line: int,
) -> Iterator[str]:
    first, last = group[0], group[-1]
    old = _range(first[1] + old_line, last[2] + old_line)
    new = _range(first[3] + new_line, last[4] + new_line)
    yield f"@@ -{old} +{new} @@"
    for what, old_begin, old_end, new_begin, new_end in group:
        if what == "equal":
            yield from (" " + line for line in before[old_begin:old_end])
            continue
        yield from ("-" + line for line in before[old_begin:old_end])
        yield from ("+" + line for line in after[new_begin:new_end])


def _range(begin: int, end: int) -> str:
    count = end - begin
    return f"{begin + 1 if count else begin},{count}"

"""An answer with what the rules found in it marked in place, and a line for each of their findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rich.text import Text

from ysnakes_core.files import printable
from ysnakes_core.synthesis.library_records import Check
from ysnakes_tui.data.library_colours import colour

PIECE = 4000  # characters that are laid out at a time
MOST_PIECES = 50
MOST_TOLD = 5  # findings that are listed
_EXCERPT = 40
_LONG = 60  # characters
# Marks are never of colour alone: colours may be off, and eyes differ.
Looks = Mapping[str, str]
LOOKS: Looks = {"flag": "bold underline", "strip": "bold underline", "reject": "bold reverse"}
_DOES = {"flag": "flagged", "strip": "to be taken out", "reject": "to be rejected"}


@dataclass(frozen=True)
class Finding:
    """What a rule found: ``start`` and ``end`` are offsets into the answer, alike where it means no place.

    ``whole``: it means all of a longer answer, which is said, not marked.
    """

    rule: str
    why: str
    action: str
    start: int
    end: int
    whole: bool = False

    @property
    def is_marked(self) -> bool:
        return self.start < self.end and not self.whole

    def look(self, looks: Looks) -> str:
        return looks.get(self.action, looks["flag"])


def findings(checks: Sequence[Check], answer: str) -> list[Finding]:
    """The findings in a record's checks, in the order of the text; a place that is none is left out."""
    found = []
    for check in checks:
        start, end = _offset(check, "start"), _offset(check, "end")
        if not 0 <= start < end <= len(answer):
            start = end = 0
        whole = end - start > _LONG and end - start >= len(answer.strip())
        found.append(
            Finding(_text(check, "rule"), _text(check, "why"), _text(check, "action"), start, end, whole)
        )
    return sorted(found, key=lambda each: (each.start, each.end))


def _offset(check: Mapping[str, Any], name: str) -> int:
    value = check.get(name)
    return value if isinstance(value, int) else 0


def _text(check: Mapping[str, Any], name: str) -> str:
    value = check.get(name)
    return value if isinstance(value, str) else ""


def looks_of(variables: Mapping[str, str]) -> Looks:
    """The marks in a theme's colours, which ``variables`` are (``App.theme_variables``)."""
    colours = {"flag": "text-warning", "strip": "text-warning", "reject": "text-error"}
    return {action: f"{look} {colour(variables, colours[action])}".strip() for action, look in LOOKS.items()}


def pieces(answer: str, found: Sequence[Finding], looks: Looks = LOOKS) -> list[Text]:
    """The answer, literally and with its findings marked, in pieces that are quick to lay out."""
    made: list[Text] = []
    begin = 0
    while begin < len(answer) and len(made) < MOST_PIECES:
        end = _end_of_piece(answer, begin)
        made.append(_marked(answer, begin, end, found, looks))
        begin = end + (answer[end : end + 1] == "\n")  # each piece begins a line anyway
    if begin < len(answer):
        made.append(Text(f"… and {len(answer) - begin:,} more characters", "italic dim"))
    return made or [Text()]


def _end_of_piece(answer: str, begin: int) -> int:
    if len(answer) - begin <= PIECE:
        return len(answer)
    for sign in ("\n\n", "\n", " "):
        at = answer.rfind(sign, begin + PIECE // 2, begin + PIECE)
        if at > 0:
            return at
    return begin + PIECE


def _marked(answer: str, begin: int, end: int, found: Sequence[Finding], looks: Looks) -> Text:
    inside = [each for each in found if each.is_marked and each.start < end and begin < each.end]
    places = (place for each in inside for place in (each.start, each.end))
    borders = {begin, end, *(min(max(place, begin), end) for place in places)}
    text = Text()
    for left, right in pairwise(sorted(borders)):
        marks = {each.look(looks) for each in inside if each.start <= left and right <= each.end}
        text.append(printable(answer[left:right], keep_lines=True), " ".join(sorted(marks)) or None)
    return text


def told(
    found: Sequence[Finding],
    answer: str,
    *,
    looks: Looks = LOOKS,
    chosen: int = -1,
    most: int = MOST_TOLD,
    ascii: bool = False,
) -> Text:
    """A line for each finding: which rule, what it would do, where, and why.

    ``chosen``: the one that was gone to, which is among the ``most`` that are listed.
    """
    text = Text(no_wrap=True, overflow="ellipsis")
    first = max(0, min(chosen - most // 2, len(found) - most))
    for number, each in list(enumerate(found))[first : first + most]:
        title, _, why = each.why.partition(": ")
        if not why:  # it is of a library that was made elsewhere
            title, why = each.rule, each.why
        if number > first:
            text.append("\n")
        text.append((">" if ascii else "▸") if number == chosen else " ")
        text.append("!" if each.action != "reject" else "!!", "bold")
        text.append(" ")
        text.append(printable(title, 30), each.look(looks))
        text.append(f" ({_DOES.get(each.action, 'flagged')})")
        if each.whole:
            text.append(" the whole answer")
        elif each.is_marked:
            excerpt = printable(" ".join(answer[each.start : each.end][:200].split()), _EXCERPT)
            text.append(f" “{excerpt}”")
        if why:
            text.append(f" {printable(why, 160)}", "dim")
    if len(found) > most:
        text.append(f"\n  {len(found):,} places in all", "dim")
    return text

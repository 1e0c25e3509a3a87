"""Acting on flags: taking out what is to be stripped, and giving up what is to be rejected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ysnakes_core.synthesis.curation.checking import check
from ysnakes_core.synthesis.curation.flags import Flag
from ysnakes_core.synthesis.curation.rules import Rules

MOST_ROUNDS = 5

_RULED_OFF = re.compile(r"(?:[ \t]*(?:-{3,}|\*{3,}|_{3,}|={3,})[ \t]*(?:\r?\n|\Z))+")
_MARKS_ALONE = re.compile(r"[\s*_()\[\]>#-]*")


@dataclass(frozen=True)
class Curated:
    """What became of an answer: the text to keep (None: rejected), and every flag that led there.

    ``flags`` are those of the answer as it was given; ``later`` were found only after something was stripped,
    and their offsets are into the text of that moment.
    """

    answer: str | None
    flags: tuple[Flag, ...]
    later: tuple[Flag, ...] = ()


def curated(
    request: str | None,
    answer: str,
    *,
    rules: Rules | None = None,
    length: tuple[int, int] | None = None,
) -> Curated:
    """Check, clean, and check what is left, until nothing more is to be done."""
    first = flags = check(request, answer, rules=rules, length=length)
    later: list[Flag] = []
    text: str | None = answer
    for _ in range(MOST_ROUNDS):
        if text is None or all(flag.action == "flag" for flag in flags):
            break
        text = cleaned(text, flags)
        if text is not None:
            flags = check(request, text, rules=rules, length=length)
            later.extend(flag for flag in flags if flag.action != "flag")
    return Curated(text, tuple(first), tuple(later))


def cleaned(answer: str, flags: Sequence[Flag]) -> str | None:
    """The answer without what the flags strip; None where one rejects it or where nothing is left.

    An answer without flags to strip comes back as it is. Where a line or more goes, so do the blank lines
    around it but one; the rest is kept to the letter.
    """
    if any(flag.action == "reject" for flag in flags):
        return None
    spans = sorted(
        (flag.start, flag.end, flag.replacement)
        for flag in flags
        if flag.action == "strip" and flag.start < flag.end
    )
    if not spans:
        return answer
    kept: list[str] = []
    at = 0
    for start, end, replacement in _joined(spans):
        before = answer[at:start]
        if not replacement:
            before, end = _closed_up(answer, at, start, end)
        kept.extend((before, replacement))
        at = end
    kept.append(answer[at:])
    text = "".join(kept)
    if not answer[: spans[0][0]].strip():
        text = _begun_anew(text)
    if not answer[max(end for _, end, _ in spans) :].strip():
        text = _ended_anew(text)
    return text if any(character.isalnum() for character in text) else None


def _joined(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans in order, those that overlap as one; a replacement only survives alone."""
    joined: list[tuple[int, int, str]] = []
    for start, end, replacement in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), "")
        else:
            joined.append((start, end, replacement))
    return joined


def _closed_up(answer: str, at: int, start: int, end: int) -> tuple[str, int]:
    """What stands before a gap, and where the text goes on after it, without a trace of the gap."""
    line_begin = answer.rfind("\n", 0, start) + 1
    line_end = answer.find("\n", end)
    line_end = len(answer) if line_end < 0 else line_end
    before = answer[max(line_begin, at) : start]
    if _MARKS_ALONE.fullmatch(before) and _MARKS_ALONE.fullmatch(answer, end, line_end):
        # The whole line: it goes with its line break and the blank lines after it.
        head = answer[at : max(line_begin, at)]
        after = line_end
        while after < len(answer) and answer[after].isspace():
            after += 1
        after = answer.rfind("\n", line_end, after) + 1 or after
        if after >= len(answer):
            head = head.rstrip()
        return head, after
    head = answer[at:start]
    after = end
    if (not head or head[-1].isspace()) and after < len(answer) and answer[after] in " \t":
        after += len(answer[after:line_end]) - len(answer[after:line_end].lstrip(" \t"))
    elif head[-1:] in (" ", "\t") and (after == line_end or answer[after] in ".,;:!?)\r"):
        head = head.rstrip(" \t")
    return head, after


def _begun_anew(text: str) -> str:
    """Without blank lines, and lines of dashes that set off what is not there any more, at the beginning."""
    text = text.lstrip()
    ruled = _RULED_OFF.match(text)
    return text[ruled.end() :].lstrip() if ruled else text


def _ended_anew(text: str) -> str:
    """The same for the end."""
    lines = text.splitlines(keepends=True)
    while lines and (not lines[-1].strip() or _RULED_OFF.fullmatch(lines[-1])):
        lines.pop()
    return "".join(lines).rstrip()

"""What the rules find in files: counts and examples for every rule, and the edits that would mend it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ysnakes_core.files import printable
from ysnakes_core.synthesis.curation.checking import check
from ysnakes_core.synthesis.curation.cleaning import curated
from ysnakes_core.synthesis.curation.file_edits import Change, FileEdit, edited
from ysnakes_core.synthesis.curation.flags import Flag
from ysnakes_core.synthesis.curation.rules import Rule, Rules
from ysnakes_core.text.reading import Reading
from ysnakes_core.text.records import START_MARK, Document

REPORT_EVERY = 256  # documents between two reports of progress
AROUND = 60  # characters shown before a flagged place


@dataclass(frozen=True)
class Example:
    """A flagged place: its file, the line there, and the text around it, raw."""

    source: str
    line: int
    text: str
    why: str


@dataclass
class RuleCount:
    """How often one rule found something."""

    rule: Rule
    records: int = 0
    flags: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass
class Report:
    """What was found in some documents."""

    by_rule: dict[str, RuleCount]
    documents: int = 0
    flagged: int = 0
    text_bytes: int = 0
    found: dict[int, list[Flag]] = field(default_factory=dict)  # by the document's place


def report(
    reading: Reading,
    rules: Rules,
    *,
    examples: int = 3,
    length: tuple[int, int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Check all documents that were read; up to ``examples`` examples a rule."""
    result = Report({rule.id: RuleCount(rule) for rule in rules})
    lines = _FileLines(reading)
    for number, document in enumerate(reading.documents):
        if progress is not None and number % REPORT_EVERY == 0:
            progress(number)
        flags = check(document.request, document.answer, rules=rules, length=length)
        result.documents += 1
        result.text_bytes += document.text_bytes
        if not flags:
            continue
        result.flagged += 1
        result.found[number] = flags
        for flag in flags:
            count = result.by_rule[flag.rule]
            count.flags += 1
            if len(count.examples) < examples:
                count.examples.append(lines.example(document, flag))
        for name in {flag.rule for flag in flags}:
            result.by_rule[name].records += 1
    return result


class _FileLines:
    """Finds the lines that flags are on, in the files themselves."""

    def __init__(self, reading: Reading) -> None:
        self.paths = {printable(str(path)): path for path in reading.files}
        self.last: tuple[str, list[str]] = ("", [])

    def example(self, document: Document, flag: Flag) -> Example:
        answer = document.answer
        if flag.start == flag.end:
            return Example(document.source, document.line, document.request or answer, flag.why)
        begin = max(answer.rfind("\n", 0, flag.start) + 1, flag.start - AROUND)
        line = self._answer_line(document) + answer.count("\n", 0, flag.start)
        end = answer.find("\n", flag.start)
        return Example(document.source, line, answer[begin : end if end >= 0 else None], flag.why)

    def _answer_line(self, document: Document) -> int:
        """The line on which the answer begins: that of ``<start>``, or the next where that ends its line."""
        if document.request is None:
            return document.line
        if self.last[0] != document.source:
            text = b""
            with contextlib.suppress(OSError, KeyError):
                text = self.paths[document.source].read_bytes()
            self.last = (document.source, text.decode("utf-8", "replace").split("\n"))
        number = document.line + document.request.count("\n")
        for line in self.last[1][number - 1 : number + 1]:
            if START_MARK in line:
                return number + line.rstrip("\r").endswith(START_MARK)
            number += 1
        return document.line + document.request.count("\n")


def by_file(reading: Reading) -> Iterator[tuple[Path, list[int]]]:
    """Each file that was read with the places of its documents among all."""
    places: dict[str, list[int]] = {}
    for number, document in enumerate(reading.documents):
        places.setdefault(document.source, []).append(number)
    for path in reading.files:
        numbers = places.pop(printable(str(path)), None)
        if numbers:
            yield path, numbers


def mending(
    reading: Reading, found: Report, rules: Rules, length: tuple[int, int] | None = None
) -> dict[int, Change]:
    """What stripping and rejecting make of the documents in which something was found, by their places."""
    changes = {}
    for number, flags in found.found.items():
        if all(flag.action == "flag" for flag in flags):
            continue
        document = reading.documents[number]
        result = curated(document.request, document.answer, rules=rules, length=length)
        if result.answer != document.answer:
            acting = [flag for flag in (*result.flags, *result.later) if flag.action != "flag"]
            changes[number] = Change(document, result.answer, tuple(dict.fromkeys(f.rule for f in acting)))
    return changes


def edits(reading: Reading, changes: dict[int, Change]) -> list[FileEdit]:
    """The changes as edits of their files."""
    made = []
    for path, numbers in by_file(reading):
        here = {place: changes[number] for place, number in enumerate(numbers) if number in changes}
        edit = edited(path, [reading.documents[number] for number in numbers], here) if here else None
        if edit is not None:
            made.append(edit)
    return made

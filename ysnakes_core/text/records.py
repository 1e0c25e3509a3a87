"""Records: ``request<start>answer<end>``, any number a file; a file without markers is one document of prose.

A line break right beside a marker is layout and belongs to no text, and so do blank lines between
records. Everything else, CRLF included, is kept as it stands. One bad record never loses the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

START_MARK = "<start>"
END_MARK = "<end>"

_MARKERS = re.compile(f"{START_MARK}|{END_MARK}")
_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")  # whole blank lines; the first line's own indentation stays
_LINE_BREAK_AT_START = re.compile(r"\A\r?\n")
_LINE_BREAK_AT_END = re.compile(r"\r?\n\Z")


@dataclass(frozen=True)
class Document:
    """One text to learn: a request with its answer, or plain prose (``request`` is None)."""

    request: str | None
    answer: str
    source: str = ""
    line: int = 1

    @cached_property
    def text_bytes(self) -> int:
        """UTF-8 bytes of request and answer together, markers not counted."""
        return len(_utf8(self.request or "")) + len(_utf8(self.answer))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of request and answer; where the document was found plays no part."""
        request = None if self.request is None else _utf8(self.request)
        # The request's length tells ("ab", "c") from ("a", "bc"); prose has no request at all.
        head = b"prose" if request is None else b"%d:" % len(request) + request
        return hashlib.sha256(head + b":" + _utf8(self.answer)).hexdigest()


@dataclass(frozen=True)
class Problem:
    """Something in the input that could not be used; the rest of it was."""

    source: str
    where: str  # "line 12", "byte 4711" or ""
    what: str
    hint: str

    def __str__(self) -> str:
        place = f"{self.source}, {self.where}" if self.where else self.source
        return f"{place}: {self.what}; {self.hint}"


def parse_documents(text: str, source: str) -> tuple[list[Document], list[Problem]]:
    """The documents in a file's text, and what was wrong with the rest of it."""
    text = text.removeprefix("\ufeff")
    if START_MARK not in text and END_MARK not in text:
        if not text.strip():
            return [], [Problem(source, "", "the file is empty", "put text in it or leave it out")]
        return [Document(None, text, source)], []
    documents, problems, rest = parse_records(text, source)
    problems.extend(unfinished(rest, source))
    return documents, problems


@dataclass(frozen=True)
class Rest:
    """What follows the last finished record: its text and the line it begins on."""

    text: str
    line: int
    reported: bool = False  # what is wrong with it has been said


def parse_records(text: str, source: str, line: int = 1) -> tuple[list[Document], list[Problem], Rest]:
    """The finished records of a text whose first line is number ``line``."""
    reader = _Records(text, source, line)
    documents = list(reader.documents())
    return documents, reader.problems, reader.rest()


def unfinished(rest: Rest, source: str) -> Iterator[Problem]:
    """What is wrong with text after the last ``<end>``, if anything."""
    if rest.reported or not rest.text.strip():
        return
    before, start, _ = rest.text.partition(START_MARK)
    if start:
        line = rest.line + before.count("\n")
        yield Problem(source, f"line {line}", "<start> without <end>", "end the record with <end>")
    else:
        line = rest.line + before[: len(before) - len(before.lstrip())].count("\n")
        yield Problem(
            source,
            f"line {line}",
            "text after the last <end>",
            "make it a record (request<start>answer<end>) or move it to a file of its own",
        )


def format_record(document: Document) -> str:
    """A document as text that ``parse_documents`` reads back to the same request and answer.

    Leading blank lines of a request are the one thing the format cannot hold. Raises ValueError
    where the text itself contains a marker.
    """
    if _MARKERS.search(document.request or "") or _MARKERS.search(document.answer):
        raise ValueError("a record's text cannot contain <start> or <end>")
    if document.request is None:
        return document.answer
    request, answer = document.request, document.answer
    if _LINE_BREAK_AT_END.search(request):
        request += "\n"
    if _LINE_BREAK_AT_START.match(answer):
        answer = "\n" + answer
    if _LINE_BREAK_AT_END.search(answer):
        answer += "\n"
    return f"{request}{START_MARK}{answer}{END_MARK}\n"


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


class _Records:
    """One pass over the markers of a text."""

    def __init__(self, text: str, source: str, line: int) -> None:
        self.text = text
        self.source = source
        self.problems: list[Problem] = []
        self._begin = 0  # where the record at hand begins
        self._start: re.Match[str] | None = None  # its <start>
        self._spoilt = False  # it is already reported; skip to its <end>
        self._counted = (0, line)

    def documents(self) -> Iterator[Document]:
        for marker in _MARKERS.finditer(self.text):
            if marker.group() == START_MARK:
                self._meet_start(marker)
                continue
            if not self._spoilt:
                yield from self._meet_end(marker)
            self._begin, self._start, self._spoilt = marker.end(), None, False

    def rest(self) -> Rest:
        return Rest(self.text[self._begin :], self._line(self._begin), self._spoilt)

    def _meet_start(self, marker: re.Match[str]) -> None:
        if self._spoilt:
            return
        if self._start is None:
            self._start = marker
            return
        line_begin = self.text.rfind("\n", self._start.end(), marker.start()) + 1
        if line_begin:
            # A forgotten <end>: the next record is kept, its request being the line it starts on.
            self._report(self._start.start(), "<start> without <end>", "end the record with <end>")
            self._begin, self._start = line_begin, marker
        else:
            self._report(marker.start(), "two <start> in one record", "leave one of them out")
            self._spoilt = True

    def _meet_end(self, marker: re.Match[str]) -> Iterator[Document]:
        if self._start is None:
            self._report(marker.start(), "<end> without <start>", "write request<start>answer<end>")
            return
        blank = _BLANK_LINES.match(self.text, self._begin, self._start.start())
        begin = blank.end() if blank else self._begin
        request = _LINE_BREAK_AT_END.sub("", self.text[begin : self._start.start()])
        answer = self.text[self._start.end() : marker.start()]
        answer = _LINE_BREAK_AT_END.sub("", _LINE_BREAK_AT_START.sub("", answer))
        if not answer.strip():
            self._report(self._start.start(), "the answer is empty", "write it between <start> and <end>")
            return
        yield Document(request, answer, self.source, self._line(begin))

    def _report(self, position: int, what: str, hint: str) -> None:
        self.problems.append(Problem(self.source, f"line {self._line(position)}", what, hint))

    def _line(self, position: int) -> int:
        """Line number at a position; counts on from the last one asked for."""
        at, line = self._counted
        if position < at:
            return line - self.text.count("\n", position, at)
        line += self.text.count("\n", at, position)
        self._counted = (position, line)
        return line

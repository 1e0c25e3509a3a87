"""Changing records inside their files, and nothing else in them, not one byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ysnakes_core.errors import DataError
from ysnakes_core.files import explain, printable
from ysnakes_core.synthesis.curation.text_diff import Region, unified_diff
from ysnakes_core.text.records import END_MARK, START_MARK, Document

_BREAKS = ("", "\n", "\r\n")


@dataclass(frozen=True)
class Change:
    """One document's new answer; None takes the whole record out. ``why`` says what for."""

    document: Document
    answer: str | None
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileEdit:
    """A file with its content as it is and as it would be, and the regions in which they differ, in order."""

    path: Path
    before: bytes
    after: bytes
    regions: tuple[Region, ...]
    changes: tuple[Change, ...]
    left: tuple[Change, ...] = ()  # prose that would lose everything: the file's owner decides

    @property
    def taken_out(self) -> int:
        """Records that go as a whole."""
        return sum(change.answer is None for change in self.changes)

    def diff(self) -> Iterator[str]:
        """A unified diff in lines without their ends; raw text of the file, not fit for a terminal."""
        return unified_diff(str(self.path), self.before.decode("utf-8"), self.regions)


def edited(path: Path, documents: Sequence[Document], changes: Mapping[int, Change]) -> FileEdit | None:
    """What the changes make of a file; None where they change nothing.

    ``documents`` are all documents of the file in their order, as reading gave them, and ``changes`` are by
    the place in that order. DataError where the file is not what it was when it was read.
    """
    try:
        before = path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error
    try:
        text = before.decode("utf-8")
    except UnicodeDecodeError:
        raise _changed(path) from None
    regions: list[Region] = []
    left: list[Change] = []
    cursor = 0
    for number, document in enumerate(documents):
        if document.request is None:
            begin, end, record = _prose(path, text, document)
        else:
            begin, end, record = _record(path, text, document, cursor)
        after_last, cursor = cursor, record[1]
        change = changes.get(number)
        if change is None:
            continue
        if change.answer is not None:
            answer = change.answer
            if document.request is None and text.endswith("\n"):  # layout, like the breaks beside marks
                answer = answer.rstrip("\r\n") + ("\r\n" if text.endswith("\r\n") else "\n")
            regions.append(Region(begin, end, answer))
        elif document.request is None:
            left.append(change)
        else:
            after_last = max(after_last, regions[-1].end if regions else 0)
            regions.append(Region(*_with_blank_lines(text, after_last, *record), ""))
    if not regions and not left:
        return None
    kept: list[str] = []
    at = 0
    for region in regions:
        kept.extend((text[at : region.begin], region.text))
        at = region.end
    kept.append(text[at:])
    made = tuple(change for change in changes.values() if change not in left)
    return FileEdit(path, before, "".join(kept).encode("utf-8"), tuple(regions), made, tuple(left))


def _with_blank_lines(text: str, least: int, begin: int, end: int) -> tuple[int, int]:
    """A record with the line breaks after it; if it is the last, with those before it, from ``least`` on."""
    after = end
    while after < len(text) and text[after] in "\r\n":
        after += 1
    if after < len(text):
        return begin, after
    while begin > least and text[begin - 1] in "\r\n":
        begin -= 1
    return begin, end


def _prose(path: Path, text: str, document: Document) -> tuple[int, int, tuple[int, int]]:
    begin = len(text) - len(text.removeprefix("\ufeff"))
    if text[begin:] != document.answer:
        raise _changed(path)
    return begin, len(text), (begin, len(text))


def _record(path: Path, text: str, document: Document, cursor: int) -> tuple[int, int, tuple[int, int]]:
    """Where a record's answer begins and ends, and the record with its marks, from ``cursor`` on."""
    start = text.find(START_MARK, cursor)
    while start >= 0:
        for opening in _BREAKS:
            begin = start + len(START_MARK) + len(opening)
            end = begin + len(document.answer)
            if not text.startswith(opening + document.answer, start + len(START_MARK)):
                continue
            closing = next((mark for mark in _BREAKS if text.startswith(mark + END_MARK, end)), None)
            first = _request_begin(text, document.request or "", start)
            if closing is not None and first is not None:
                return begin, end, (first, end + len(closing) + len(END_MARK))
        start = text.find(START_MARK, start + 1)
    raise _changed(path)


def _request_begin(text: str, request: str, start: int) -> int | None:
    for mark in _BREAKS:
        begin = start - len(mark) - len(request)
        if begin >= 0 and text.startswith(request + mark, begin):
            return begin
    return None


def _changed(path: Path) -> DataError:
    return DataError(
        f"{printable(str(path))} is not what it was when it was read",
        "wait until nobody writes to it, and retry",
    )

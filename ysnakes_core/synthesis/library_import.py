"""From files of records to the library; a file's name says who wrote what: ``llama-blog-0.md``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ysnakes_core.files import printable
from ysnakes_core.synthesis.library_export import file_stems
from ysnakes_core.synthesis.library_records import Judge, NewRecord, Verdict, content_of
from ysnakes_core.text.reading import read_documents
from ysnakes_core.text.records import END_MARK, START_MARK, Document, Problem

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Library

UNKNOWN_TEACHER = "imported"
MAX_LABEL = 60  # characters of a teacher's or kind's name
_NUMBER_AT_END = re.compile(r"-\d+\Z")
_LINE_BREAKS = ("", "\n", "\r\n")
_MAX_LAYOUT_BYTES = 256 * 2**20


@dataclass(frozen=True)
class ImportedFile:
    path: Path
    teacher: str
    kind: str
    added: int
    known: int  # records that the library has already


@dataclass(frozen=True)
class Imported:
    """What an import did, file by file, and what in the files could not be used."""

    files: tuple[ImportedFile, ...]
    problems: tuple[Problem, ...]

    @property
    def added(self) -> int:
        return sum(file.added for file in self.files)

    @property
    def known(self) -> int:
        return sum(file.known for file in self.files)


def import_files(
    library: Library,
    paths: Sequence[Path],
    known_kinds: Sequence[str] = (),
    judge: Judge | None = None,
) -> Imported:
    """Take in all records of the named files and of the text files under the named folders.

    A record that the library has already, in the same words, is not taken twice. ``known_kinds`` help to tell
    a kind with a dash in its name from its teacher; ``judge`` is asked about every record. Each file is taken
    in whole or not at all. Raises ``DataError`` where a path does not exist or holds no usable text, and
    ``LibraryError``.
    """
    reading = read_documents(paths)
    problems = list(reading.problems)
    by_source: dict[str, list[Document]] = {}
    for document in reading.documents:
        by_source.setdefault(document.source, []).append(document)
    files = []
    for path in reading.files:
        source = printable(str(path))
        documents = by_source.pop(source, [])
        records = [document for document in documents if document.request is not None]
        if len(records) < len(documents):
            problems.append(
                Problem(
                    source, "", "it is prose, not records", f"train on it as it is: ysnakes train {source}"
                )
            )
        if records:
            files.append(_import_file(library, path, records, known_kinds, judge))
    return Imported(tuple(files), tuple(problems))


def _import_file(
    library: Library,
    path: Path,
    documents: Sequence[Document],
    known_kinds: Sequence[str],
    judge: Judge | None,
) -> ImportedFile:
    by_stem = {stem: names for names, stem in file_stems(library).items()}
    kinds = {*known_kinds, *(kind for _, kind in by_stem.values())}
    stem = _NUMBER_AT_END.sub("", path.stem)
    teacher, kind = by_stem.get(stem) or names_in(stem, kinds)
    added = 0
    with library.writing():
        for document, layout in zip(documents, layouts(_text(path), documents), strict=True):
            request = document.request or ""
            if library.has_content(request, document.answer):
                continue
            answer = document.answer
            verdict = (
                judge(teacher, kind, request, answer) if judge is not None else Verdict(answer, "pending", ())
            )
            library.add(
                [
                    NewRecord(
                        kind=kind,
                        teacher=teacher,
                        request=request,
                        answer=verdict.answer,
                        original=answer,
                        decision=verdict.decision,
                        checks=verdict.checks,
                        key=content_of(request, document.answer).hex(),
                        layout=layout,
                        source=printable(path.name, 200),
                    )
                ]
            )
            added += 1
    return ImportedFile(path, teacher, kind, added, len(documents) - added)


def names_in(stem: str, kinds: set[str]) -> tuple[str, str]:
    """Teacher and kind from a file's name without its number.

    A known kind at its end is taken, the longest first; else the first dash divides them; a name without one
    is a kind by an unknown teacher.
    """
    stem = printable(stem).strip(" .-_") or "text"
    teacher, kind = UNKNOWN_TEACHER, stem
    ending = next((k for k in sorted(kinds, key=len, reverse=True) if stem.endswith(f"-{k}")), None)
    if stem in kinds:
        return teacher, kind
    if ending is not None and len(stem) > len(ending) + 1:
        teacher, kind = stem[: -len(ending) - 1], ending
    elif "-" in stem:
        teacher, _, kind = stem.partition("-")
    return teacher[:MAX_LABEL] or UNKNOWN_TEACHER, kind[:MAX_LABEL] or "text"


def _text(path: Path) -> str:
    """The file's text, or none if it is too large or has gone: then its records get the usual layout."""
    try:
        if path.stat().st_size > _MAX_LAYOUT_BYTES:
            return ""
        return path.read_bytes().decode("utf-8-sig", "replace")
    except OSError:
        return ""


def layouts(text: str, documents: Sequence[Document]) -> Iterator[tuple[str, str, str] | None]:
    """For every document of a file its line breaks before ``<start>``, after it, and before ``<end>``.

    None where there are none, or where the document cannot be found again in the text.
    """
    end = 0
    for document in documents:
        found, at = None, end
        while found is None and (stop := text.find(END_MARK, at)) >= 0:
            found = _layout(text[at:stop], document)
            at = stop + len(END_MARK)
            if found is not None:
                end = at
        yield found if found is not None and any(found) else None


def _layout(record: str, document: Document) -> tuple[str, str, str] | None:
    before, start, answer = record.rpartition(START_MARK)
    at = answer.find(document.answer)
    if not start or at < 0:
        return None
    after, end = answer[:at], answer[at + len(document.answer) :]
    if after not in _LINE_BREAKS or end not in _LINE_BREAKS:
        return None
    request = document.request or ""
    for line_break in _LINE_BREAKS:
        if before.endswith(request + line_break):
            return line_break, after, end
    return None

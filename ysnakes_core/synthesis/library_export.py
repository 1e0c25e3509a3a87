"""From the library to the files that training reads: ``<teacher>-<kind>-<n>.md``.

A record's place is its number among those of its teacher and kind, which never changes: file n holds the
records from n × ``per_file`` on. New records fill the last file and begin new ones; one that is rejected
leaves a file without moving the others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from ysnakes_core.errors import UsageError
from ysnakes_core.files import (
    MAX_NAME_BYTES,
    explain,
    printable,
    read_limited,
    safe_name,
    write_atomically,
)
from ysnakes_core.synthesis.library_connection import LibraryError
from ysnakes_core.synthesis.library_records import Decision, Record, RecordFilter
from ysnakes_core.text.records import END_MARK, START_MARK

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Library

LIST_NAME = ".ysnakes-export.json"  # what was written here, to know our own files from others
_MAX_LIST_BYTES = 64 * 2**20
_PAGE = 500
_UNFIT = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class Exported:
    """What an export did. ``unchanged`` files said what they should, ``removed`` ones hold nothing now."""

    folder: Path
    written: tuple[Path, ...]
    unchanged: tuple[Path, ...]
    removed: tuple[Path, ...]
    records: int


def export(
    library: Library,
    folder: Path,
    *,
    kinds: Sequence[str] = (),
    decisions: Sequence[Decision],
    per_file: int,
    overwrite: bool = False,
) -> Exported:
    """Write the records of the kinds (none: all) and decisions into ``folder``, each file whole or not.

    Files of the same name that an export did not write, or that were changed since, are overwritten only with
    ``overwrite``; else ``UsageError``, before anything is written. Files that earlier exports wrote and that
    hold no record any more are removed; the records are in the library. Raises ``YsnakesError``.
    """
    if per_file < 1:
        raise UsageError("a file needs at least one record", "give --per-file 1 or more")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, folder, "make") from error
    with library.reading():
        stems = file_stems(library, kinds)
        ours = _read_list(folder)
        if not overwrite:
            # The first pass only looks: nothing is written if any file is someone else's.
            _refuse_foreign(
                [
                    folder / name
                    for name, _, content in _files(library, stems, decisions, per_file)
                    if _is_foreign(folder / name, ours, content)
                ]
            )
        written, unchanged, records = [], [], 0
        for name, count, content in _files(library, stems, decisions, per_file):
            path = folder / name
            records += count
            if _content(path) == content:
                unchanged.append(path)
            else:
                write_atomically(path, content)
                written.append(path)
            ours[name] = hashlib.sha256(content).hexdigest()
    removed = _remove_emptied(folder, ours, stems, {path.name for path in (*written, *unchanged)})
    write_atomically(folder / LIST_NAME, json.dumps(ours, indent=0, sort_keys=True) + "\n")
    return Exported(folder, tuple(written), tuple(unchanged), tuple(removed), records)


def _files(
    library: Library, stems: dict[tuple[str, str], str], decisions: Sequence[Decision], per_file: int
) -> Iterator[tuple[str, int, bytes]]:
    """Name, number of records and content of every file, one at a time."""
    for (teacher, kind), stem in stems.items():
        asked = RecordFilter(kinds=(kind,), teachers=(teacher,), decisions=tuple(decisions))
        for number, records in groupby(_all(library, asked), lambda record: record.sequence // per_file):
            texts = [record_text(record) for record in records]
            yield f"{stem}-{number}.md", len(texts), "".join(texts).encode()


def _all(library: Library, asked: RecordFilter) -> Iterator[Record]:
    after = None
    while page := library.records(asked, _PAGE, after):
        yield from page
        after = page[-1].id


def record_text(record: Record) -> str:
    """A record as it stands in a file, with the line breaks beside its markers that it came with.

    Raises ``LibraryError`` where its text holds a marker, which nothing here would have put there.
    """
    request, answer = record.request, record.answer
    if any(mark in text for mark in (START_MARK, END_MARK) for text in (request, answer)):
        raise LibraryError(
            f"record {record.id} holds {START_MARK} or {END_MARK} in its text", "reject or edit it"
        )
    before, after, end = record.layout or ("", "", "")
    # Where the text itself ends or begins with a line break, one more is needed to keep it.
    before = before or ("\n" if request.endswith("\n") else "")
    after = after or ("\n" if answer.startswith(("\n", "\r\n")) else "")
    end = end or ("\n" if answer.endswith("\n") else "")
    return f"{request}{before}{START_MARK}{after}{answer}{end}{END_MARK}\n"


def file_stems(library: Library, kinds: Sequence[str] = ()) -> dict[tuple[str, str], str]:
    """The first part of the file names of every teacher and kind, no two alike on any file system.

    Where two would be, all but the one with the first record get a mark of their own.
    """
    taken: set[str] = set()
    stems = {}
    for teacher, kind in library.teachers_and_kinds():
        stem = f"{_fit(teacher)}-{_fit(kind)}"
        if stem.casefold() in taken or len(stem.encode()) > MAX_NAME_BYTES - 16:
            mark = hashlib.sha256(f"{teacher}\0{kind}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
            stem = f"{stem.encode()[: MAX_NAME_BYTES - 32].decode(errors='ignore')}_{mark}"
        taken.add(stem.casefold())
        if not kinds or kind in kinds:
            stems[teacher, kind] = safe_name(stem)
    return stems


def _fit(name: str) -> str:
    """A teacher's or kind's name with only what a file name can have everywhere."""
    return _UNFIT.sub("_", name).strip(".- ") or "_"


def _read_list(folder: Path) -> dict[str, str]:
    """Hashes by name of the files that earlier exports wrote here."""
    try:
        found = json.loads(read_limited(folder / LIST_NAME, _MAX_LIST_BYTES))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise explain(error, folder / LIST_NAME, "read") from error
    except (ValueError, RecursionError):
        return {}  # then nothing here is known to be ours
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if _is_plain(name) and isinstance(value, str)}


def _is_plain(name: str) -> bool:
    try:
        return safe_name(name) == name and name.endswith(".md")
    except UsageError:
        return False


def _content(path: Path) -> bytes | None:
    """What a plain file says; None if there is none (a link counts as none: it is replaced, not followed)."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error


def _is_foreign(path: Path, ours: dict[str, str], content: bytes) -> bool:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return True
    there = _content(path)
    return there is not None and there != content and hashlib.sha256(there).hexdigest() != ours.get(path.name)


def _refuse_foreign(files: list[Path]) -> None:
    if files:
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        raise UsageError(
            f"{printable(str(files[0]))}{more} would be overwritten, and was not written by an export",
            "import it first, export to another folder, or give --overwrite",
        )


def _remove_emptied(
    folder: Path, ours: dict[str, str], stems: dict[tuple[str, str], str], current: set[str]
) -> list[Path]:
    removed = []
    mine = set(stems.values())
    for name in sorted(set(ours) - current):
        if re.sub(r"-\d+\.md\Z", "", name) not in mine:
            continue
        path = folder / name
        there = _content(path)
        if there is not None and hashlib.sha256(there).hexdigest() == ours[name]:
            try:
                path.unlink()
            except OSError as error:
                raise explain(error, path, "remove") from error
            removed.append(path)
        del ours[name]
    return removed

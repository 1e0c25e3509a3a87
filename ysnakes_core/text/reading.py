"""Reading documents from files and folders; a file that cannot be used is a problem told, not an end."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ysnakes_core.errors import DataError
from ysnakes_core.files import printable
from ysnakes_core.text.records import END_MARK, Document, Problem, parse_documents, parse_records, unfinished

SUFFIXES = frozenset({".md", ".txt"})
PIECE_BYTES = 32 * 2**20  # a larger file of records is read in pieces of whole records

_BOM = b"\xef\xbb\xbf"
_NAME_TEXT = "name files or folders that hold .md or .txt text"


@dataclass(frozen=True)
class Reading:
    """What was read: every usable document, every problem, and the files that were looked into."""

    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def read_documents(paths: Sequence[Path]) -> Reading:
    """Read the named files, and all .md and .txt files under the named folders, in the order of their names.

    Inside a folder, hidden files and symbolic links are left out. DataError where a named path does not
    exist or nothing usable is found; anything less is a ``Problem`` in the result.
    """
    if not paths:
        raise DataError("no text was named", _NAME_TEXT)
    reading = Reading()
    seen: set[Path] = set()
    for path in paths:
        for file in _files(Path(path), reading.problems):
            real = file.resolve()
            if real in seen:
                continue
            seen.add(real)
            reading.files.append(file)
            documents, problems = read_file(file)
            reading.documents.extend(documents)
            reading.problems.extend(problems)
    if not reading.documents:
        raise _nothing_usable(paths, reading)
    return reading


def read_file(path: Path) -> tuple[list[Document], list[Problem]]:
    """The documents of one UTF-8 file (a byte-order mark is accepted), and its problems."""
    name = printable(str(path))
    try:
        # Not to wait for a writer where the name is a pipe's; a pipe is refused just below.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return [], [Problem(name, "", "it is not a regular file", "leave it out")]
            if status.st_size <= PIECE_BYTES:
                return _parse(file.read(), name)
            with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
                return _parse(data, name)
    except UnicodeDecodeError as error:
        where = f"byte {error.start:,}".replace(",", "")
        return [], [Problem(name, where, "it is not UTF-8 text", "save it as UTF-8 or leave it out")]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return [], [Problem(name, "", f"it cannot be read ({reason})", "check its permissions")]


def _parse(data: bytes | mmap.mmap, name: str) -> tuple[list[Document], list[Problem]]:
    """Documents of a file's bytes; UnicodeDecodeError (offset in the file) where they are not UTF-8."""
    zero = data.find(b"\0")
    if zero >= 0:
        return [], [Problem(name, f"byte {zero}", "it is a binary file (a NUL byte)", "leave it out")]
    end_mark = END_MARK.encode()
    if len(data) <= PIECE_BYTES or data.find(end_mark) < 0:
        return parse_documents(_decode(data, 0, len(data)), name)
    documents: list[Document] = []
    problems: list[Problem] = []
    begin = len(_BOM) if data[: len(_BOM)] == _BOM else 0
    line = 1
    while True:
        # Up to the last <end> of the piece; a single record larger than that makes the piece larger.
        end = data.rfind(end_mark, begin, begin + PIECE_BYTES)
        if end < 0:
            end = data.find(end_mark, begin)
        end = end + len(end_mark) if end >= 0 else len(data)
        more, found, rest = parse_records(_decode(data, begin, end), name, line)
        documents += more
        problems += found
        if end >= len(data):
            problems += unfinished(rest, name)
            return documents, problems
        begin, line = end, rest.line


def _decode(data: bytes | mmap.mmap, begin: int, end: int) -> str:
    try:
        return data[begin:end].decode("utf-8")
    except UnicodeDecodeError as error:
        error.start += begin
        raise


def _files(path: Path, problems: list[Problem]) -> Iterator[Path]:
    """The files that a named path stands for, sorted. DataError where there is nothing of that name."""
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"there is no file or folder {printable(str(path))}", "check the path") from None
    except (OSError, ValueError) as error:
        reason = printable(getattr(error, "strerror", None) or str(error)).lower()
        raise DataError(f"{printable(str(path))} cannot be read ({reason})", "check the path") from None
    if is_folder:
        yield from _files_under(path, problems)
    else:
        yield path


def _files_under(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    """Text files below a folder in the order of their names; not by recursion, which deep folders exhaust."""
    open_folders = [_entries(folder, problems)]
    while open_folders:
        entry = next(open_folders[-1], None)
        if entry is None:
            open_folders.pop()
            continue
        is_text = Path(entry.name).suffix.lower() in SUFFIXES
        if entry.is_symlink():
            # A link inside the folder would be read twice, one that leads out was not asked for.
            if is_text:
                problems.append(
                    Problem(printable(entry.path), "", "symbolic links are not followed", "name its target")
                )
        elif entry.is_dir(follow_symlinks=False):
            open_folders.append(_entries(Path(entry.path), problems))
        elif is_text:
            yield Path(entry.path)


def _entries(folder: Path, problems: list[Problem]) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        name = printable(str(folder))
        problems.append(Problem(name, "", f"the folder cannot be read ({reason})", "check its permissions"))
        return iter(())
    return iter(sorted(entries, key=lambda entry: entry.name))


def _nothing_usable(paths: Sequence[Path], reading: Reading) -> DataError:
    if reading.problems:
        first = reading.problems[0]
        more = len(reading.problems) - 1
        what = (
            f"there is no usable text: {first.source}, {first.where}: "
            if first.where
            else (f"there is no usable text: {first.source}: ")
        )
        what += first.what + (f" (and {more} more such problems)" if more else "")
        return DataError(what, first.hint)
    names = ", ".join(printable(str(path)) for path in paths)
    return DataError(f"there is no .md or .txt file in {names}", _NAME_TEXT)

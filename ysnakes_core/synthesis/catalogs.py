"""The catalogs: lists of words, names, places, topics and more that requests are made from.

A catalog is one TOML file, ``topics.toml``, or several, ``topics-….toml``. A file has groups: what a group
says of itself (its region, its gender, …) becomes a field of each of its entries, and the entries stand in
``list`` (with commas between them) or in ``lines`` (one a line, with ``|`` between the columns that the
file's ``columns`` name). They are package data, read on first use.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

NAMES = (
    "words",
    "topics",
    "events",
    "names",
    "places",
    "explain",
    "howtos",
    "textbooks",
    "emotions",
)
_FOLDER = "catalogs"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its text, and its fields, such as a name's region."""

    text: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Catalog:
    """One of the lists that come with the program."""

    name: str
    what: str
    entries: tuple[Entry, ...]


def matching(entries: tuple[Entry, ...], wanted: Mapping[str, Sequence[str]]) -> tuple[Entry, ...]:
    """The entries each of whose named fields has one of the values wanted."""
    return tuple(
        entry
        for entry in entries
        if all(entry.fields.get(field) in values for field, values in wanted.items())
    )


@cache
def catalog(name: str) -> Catalog:
    """The catalog of that name, one of ``NAMES``. Raises KeyError for another."""
    if name not in NAMES:
        raise KeyError(name)
    sources = sorted(
        (source for source in (files(__package__) / _FOLDER).iterdir() if _belongs(source.name, name)),
        key=lambda source: source.name,
    )
    contents = [tomllib.loads(source.read_text(encoding="utf-8")) for source in sources]
    return Catalog(name, contents[0]["what"], tuple(entry for one in contents for entry in _entries(one)))


def _belongs(file: str, name: str) -> bool:
    return file == f"{name}.toml" or (file.startswith(f"{name}-") and file.endswith(".toml"))


def _entries(content: Mapping[str, Any]) -> Iterator[Entry]:
    columns: list[str] = content.get("columns", ["text"])
    for group in content["group"]:
        own = MappingProxyType({key: value for key, value in group.items() if key not in ("list", "lines")})
        for text in group.get("list", "").split(","):
            if text.strip():
                yield Entry(" ".join(text.split()), own)
        for line in group.get("lines", "").splitlines():
            if line.strip():
                yield entry_of_line(line, columns, own)


def entry_of_line(line: str, columns: Sequence[str], own: Mapping[str, str] = MappingProxyType({})) -> Entry:
    """The entry on a line with ``|`` between its columns, the first of which is its text.

    Raises ValueError if there are not as many as there should be, or one is empty.
    """
    parts = [part.strip() for part in line.split("|")] if len(columns) > 1 else [line.strip()]
    if len(parts) != len(columns) or not all(parts):
        raise ValueError(f"needs {len(columns)} parts with | between them: {' | '.join(columns)}")
    if len(columns) == 1:
        return Entry(parts[0], own)
    return Entry(parts[0], MappingProxyType({**own, **dict(zip(columns[1:], parts[1:], strict=True))}))

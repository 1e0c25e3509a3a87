"""The plain parts of a kind's file: texts, numbers and tables of the right type and size.

Whatever is wrong becomes one UsageError that names the file, the key and what to do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ysnakes_core.errors import UsageError
from ysnakes_core.files import printable
from ysnakes_core.text.records import END_MARK, START_MARK

MAX_TEXT = 4_000  # characters of one wording or value


class Fields:
    """A table of a kind's file, read key by key."""

    def __init__(self, file: str, table: Mapping[str, Any], path: str = "") -> None:
        self.file = file
        self.table = table
        self.path = path

    def wrong(self, key: str, problem: str, hint: str) -> UsageError:
        """The error to raise about a key: ``kinds/mine.toml: length.min is not a number``."""
        name = f"{self.path}.{key}" if self.path and key else self.path or key
        return UsageError(f"{self.file}: {printable(name, 80)} {problem}", hint)

    def only(self, known: Iterable[str]) -> None:
        """Refuse every other key: a typing mistake must not be taken for nothing."""
        names = list(known)
        for key in self.table:
            if key not in names:
                raise self.wrong(key, "is not something a kind has", f"use {', '.join(names)}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text, stripped; without a default it must be there and not be empty."""
        value = self.table.get(key, default)
        if value is None:
            raise self.wrong(key, "is missing", f'add {key} = "…"')
        return self.checked_text(key, value, may_be_empty=default is not None)

    def checked_text(self, key: str, value: object, *, may_be_empty: bool = False) -> str:
        if not isinstance(value, str):
            raise self.wrong(key, "is not a text", "put it in quotation marks")
        problem = text_problem(value, may_be_empty=may_be_empty)
        if problem:
            raise self.wrong(key, *problem)
        return value.strip()

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of one text or more."""
        values = self.table.get(key)
        if not isinstance(values, list) or not values:
            raise self.wrong(key, "is not a list of texts", f'write {key} = ["…", "…"]')
        return tuple(self.checked_text(f"{key}[{number}]", value) for number, value in enumerate(values))

    def whole(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number in a range."""
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(key, "is not a whole number", f"give a number from {least:,} to {most:,}")
        if not least <= value <= most:
            raise self.wrong(key, "is out of range", f"give a number from {least:,} to {most:,}")
        return value

    def number(self, key: str, least: float, most: float) -> float | int:
        value = self.table[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(key, "is not a number", f"give a number from {least:g} to {most:g}")
        if not least <= value <= most:
            raise self.wrong(key, "is out of range", f"give a number from {least:g} to {most:g}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "is not true or false", "write true or false, without quotation marks")
        return value

    def inner(self, key: str) -> Fields:
        """A table in this one; an empty one if it is not there."""
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "is not a table", f"write it as [{key}]")
        return Fields(self.file, value, f"{self.path}.{key}" if self.path else key)


def text_problem(text: str, *, may_be_empty: bool = False) -> tuple[str, str] | None:
    """Why a text cannot be part of a request, and what to do; None if it can."""
    if not text.strip() and not may_be_empty:
        return "is empty", "write something in it or leave it out"
    if len(text) > MAX_TEXT:
        return "is too long", f"keep it under {MAX_TEXT:,} characters"
    if START_MARK in text or END_MARK in text:
        return (
            f"has {START_MARK} or {END_MARK} in it",
            "leave it out: it marks where an answer starts and ends",
        )
    if printable(text, keep_lines=True) != text:
        return "has control or invisible characters", "type the text anew without them"
    return None

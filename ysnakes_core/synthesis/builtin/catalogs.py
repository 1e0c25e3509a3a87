"""The word lists and templates of the built-in teacher: package data, read on first use."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def catalog(name: str) -> dict[str, Any]:
    """The content of `catalogs/<name>.toml`."""
    return tomllib.loads((files(__package__) / "catalogs" / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def lines(text: str) -> tuple[str, ...]:
    """The lines of a text that have something in them."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


@cache
def table(name: str, section: str, key: str = "values") -> tuple[tuple[str, ...], ...]:
    """The rows of a table, one a line, with fields between `|`."""
    text: str = catalog(name)[section][key]
    return tuple(tuple(field.strip() for field in line.split("|")) for line in lines(text))


@cache
def words(name: str, section: str, key: str) -> tuple[str, ...]:
    """A list with commas between its items."""
    text: str = catalog(name)[section][key]
    return tuple(item.strip() for item in text.split(","))


@cache
def phrase(section: str, key: str) -> str:
    """One template of all the wordings `phrases` has for something; a line `-` stands for saying nothing."""
    wordings = ("" if line == "-" else line for line in lines(catalog("phrases")[section][key]))
    return "|".join(wordings)


@cache
def entries(*names: str) -> tuple[dict[str, Any], ...]:
    """All entries of some catalogs, in their order."""
    return tuple(entry for name in names for entry in catalog(name).values())

"""The inputs of a kind's file: a shipped catalog, a list in the file itself, or one in a file beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ysnakes_core.errors import UsageError
from ysnakes_core.files import printable, safe_name
from ysnakes_core.synthesis.catalogs import NAMES, Entry, catalog, entry_of_line, matching
from ysnakes_core.synthesis.own_text import read_text
from ysnakes_core.synthesis.recipe import Input
from ysnakes_core.synthesis.recipe_fields import Fields, text_problem

MAX_LIST_BYTES = 4 * 1024 * 1024
_MAX_ENTRIES = 100_000  # of one input
_MAX_INPUTS = 16
_MAX_COLUMNS = 8
_KEYS = ("catalog", "values", "file", "columns", "where", "choose")
_SLOT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class Room:
    """How many entries the user's own kinds may still have, all together: a bound on memory."""

    def __init__(self, entries: int = 500_000) -> None:
        self.entries = entries

    def take(self, fields: Fields, key: str, count: int) -> None:
        if count > _MAX_ENTRIES:
            raise fields.wrong(key, f"has more than {_MAX_ENTRIES:,} entries", "make the list shorter")
        if count > self.entries:
            raise fields.wrong(key, "is one list too many for all your kinds", "make the lists shorter")
        self.entries -= count


def read_inputs(fields: Fields, folder: Path | None, room: Room) -> tuple[Input, ...]:
    """All inputs, in the file's order; the first is the kind's subject."""
    if len(fields.table) > _MAX_INPUTS:
        raise fields.wrong("", "has too many inputs", f"keep {_MAX_INPUTS} at most")
    inputs: list[Input] = []
    for name in fields.table:
        if not _SLOT_NAME.fullmatch(name):
            raise fields.wrong(name, "is no name for an input", "use small letters, digits and underscores")
        one = fields.inner(name)
        one.only(_KEYS)
        inputs.append(_read_input(one, name, folder, room, inputs))
    return tuple(inputs)


def _read_input(fields: Fields, name: str, folder: Path | None, room: Room, before: Sequence[Input]) -> Input:
    given = [key for key in ("catalog", "values", "file") if key in fields.table]
    if len(given) != 1:
        raise fields.wrong("", "needs one of catalog, values and file", 'for example catalog = "topics"')
    choose = fields.text("choose") if "choose" in fields.table else None
    if choose is not None and given != ["values"]:
        raise fields.wrong("choose", "is only for values that are tables", "leave it out")
    if "columns" in fields.table and given != ["file"]:
        raise fields.wrong("columns", "is only for a file", "leave it out")
    origin = ""
    if given == ["catalog"]:
        entries, origin = _from_catalog(fields)
    elif given == ["file"]:
        entries, origin = _from_file(fields, folder, room)
    else:
        entries = _from_values(fields, choose, before, room)
    entries = _wanted(fields, entries)
    return Input(name, entries, choose, origin)


def _from_catalog(fields: Fields) -> tuple[tuple[Entry, ...], str]:
    name = fields.text("catalog")
    if name not in NAMES:
        raise fields.wrong("catalog", f"names no catalog: {printable(name, 60)}", f"use {', '.join(NAMES)}")
    return catalog(name).entries, f"catalog {name}"


def _from_values(
    fields: Fields, choose: str | None, before: Sequence[Input], room: Room
) -> tuple[Entry, ...]:
    if choose is None:
        texts = fields.texts("values")
        room.take(fields, "values", len(texts))
        _no_repeats(fields, "values", texts)
        return tuple(Entry(text, _NO_FIELDS) for text in texts)
    wanted = _choices(fields, choose, before)
    rows = fields.table["values"]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise fields.wrong("values", "is not a list of tables", f'write [{{ {wanted[0]} = "…" }}]')
    room.take(fields, "values", len(rows))
    entries = []
    for number, row in enumerate(rows):
        one = Fields(fields.file, row, f"{fields.path}.values[{number}]")
        one.only(wanted)
        entries.append(Entry("", MappingProxyType({choice: one.text(choice) for choice in wanted})))
    for choice in wanted:
        _no_repeats(fields, "values", [entry.fields[choice] for entry in entries])
    return tuple(entries)


def _choices(fields: Fields, choose: str, before: Sequence[Input]) -> tuple[str, ...]:
    """All values of the field that ``choose`` names, which must be one of an input above this one."""
    name, _, field = choose.partition(".")
    for each in before:
        if each.name == name and each.choose is None and field in each.entries[0].fields:
            return tuple(dict.fromkeys(entry.fields[field] for entry in each.entries))
    raise fields.wrong("choose", "is no field of an input above it", 'for example choose = "name.gender"')


def _from_file(fields: Fields, folder: Path | None, room: Room) -> tuple[tuple[Entry, ...], str]:
    name = fields.text("file")
    text = _beside(fields, name, folder)
    columns = fields.texts("columns") if "columns" in fields.table else ("text",)
    if (
        len(columns) > _MAX_COLUMNS
        or len(set(columns)) < len(columns)
        or not all(map(_SLOT_NAME.fullmatch, columns))
    ):
        raise fields.wrong(
            "columns", "are not names for columns", f"give up to {_MAX_COLUMNS} different small words"
        )
    room.take(fields, "file", text.count("\n") + 1)
    entries = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            entry = entry_of_line(line, columns, _NO_FIELDS)
        except ValueError as error:
            raise fields.wrong("file", f"({name}, line {number}) {error}", "mend that line") from error
        problem = text_problem(line)
        if problem:
            raise fields.wrong("file", f"({name}, line {number}) {problem[0]}", problem[1])
        entries.append(entry)
    if not entries:
        raise fields.wrong("file", f"({name}) has no entries", "write one on each line")
    _no_repeats(fields, "file", [entry.text for entry in entries])
    return tuple(entries), name


def _beside(fields: Fields, name: str, folder: Path | None) -> str:
    """The text of a list that stays in the kind's own folder, links followed."""
    shown = printable(name, 60)
    outside = fields.wrong(
        "file",
        f"is not a file beside the kind's own: {shown}",
        "copy the list into that folder and write its plain name",
    )
    try:
        safe_name(name)
    except UsageError as error:
        raise outside from error
    if folder is None:
        raise outside
    try:
        place = (folder / name).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # not there, or links in a circle
        raise outside from error
    if place.parent != folder.resolve():
        raise outside
    return read_text(place, f"{fields.file}: {fields.path}.file, {shown},", MAX_LIST_BYTES)


def _wanted(fields: Fields, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The entries that ``where`` lets through: ``where = { part = ["verb", "noun"] }``."""
    where = fields.inner("where")
    wanted: dict[str, tuple[str, ...]] = {}
    for field in where.table:
        if field not in entries[0].fields:
            known = ", ".join(entries[0].fields) or "nothing: these entries have no fields"
            raise where.wrong(field, "is no field of the entries", f"use {known}")
        one = where.table[field]
        wanted[field] = where.texts(field) if isinstance(one, list) else (where.text(field),)
    found = matching(entries, wanted)
    if not found:
        raise fields.wrong("where", "lets no entry through", "ask for less")
    return found


def _no_repeats(fields: Fields, key: str, texts: Sequence[str]) -> None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            raise fields.wrong(
                key, f"has the same entry twice: {printable(text, 60)}", "leave one of them out"
            )
        seen.add(text)

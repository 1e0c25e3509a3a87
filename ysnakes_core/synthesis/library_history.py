"""Changes to records: each keeps what was before, and can be taken back, the latest first, without limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.library_connection import Connection, LibraryError
from ysnakes_core.synthesis.library_records import Record, checks_from, content_of, rules_in, to_json

# What a change can touch, by table.
_NARROW = ("decision", "words", "model", "digest", "seed", "tokens", "seconds", "content", "original_content")
_HASHES = ("content", "original_content")
_WIDE = ("answer", "original", "options", "checks")


@dataclass(frozen=True)
class Change:
    """One change of one record: what was done, when (Unix seconds), and the answer and decision before it.

    Changes with the same ``batch`` were made together and are taken back together.
    """

    id: int
    batch: int
    record: int
    time: float
    action: str
    answer: str | None  # None: the answer was left as it was
    decision: str
    undone: bool


def next_batch(connection: Connection) -> int:
    return connection.number("SELECT max(batch) FROM changes") + 1


def apply_change(
    connection: Connection, record: Record, values: dict[str, Any], action: str, now: float, batch: int
) -> None:
    """Set the named columns of a record and note what they were. Call inside ``writing()``.

    A new ``answer`` brings its word count, hashes and place in the full-text index with it.
    """
    values = dict(values)
    if "answer" in values:
        values["words"] = len(values["answer"].split())
        values["content"] = content_of(record.request, values["answer"])
    if "original" in values:
        written = (
            values["original"] if values["original"] is not None else values.get("answer", record.answer)
        )
        values["original_content"] = content_of(record.request, written)
    before = _current(connection, record.id, list(values))
    connection.write(
        "INSERT INTO changes (batch, record, time, action, before) VALUES (?, ?, ?, ?, ?)",
        (batch, record.id, now, action, to_json(before)),
    )
    set_columns(connection, record.id, values, now)


def set_columns(connection: Connection, record: int, values: dict[str, Any], now: float) -> None:
    """Set columns of a record, keeping the full-text index and the table of flags in step."""
    if "answer" in values:
        _unindex(connection, record)
    for table, columns in (("records", _NARROW), ("texts", _WIDE)):
        named = [column for column in columns if column in values]
        if named:
            assignments = ", ".join(f"{column} = ?" for column in named)
            connection.write(
                f"UPDATE {table} SET {assignments} WHERE id = ?", [*(values[c] for c in named), record]
            )
    connection.write("UPDATE records SET changed = ? WHERE id = ?", (now, record))
    if "answer" in values:
        index_text(connection, record)
    if "checks" in values:
        set_flags(connection, record, rules_in(checks_from(values["checks"])))


def undo(connection: Connection, now: float, record: int | None = None) -> list[Change]:
    """Take back the latest batch that stands (of ``record`` alone, its latest change). Empty: none is."""
    if record is None:
        latest = "(SELECT max(batch) FROM changes WHERE undone IS NULL)"
        rows = _changes(connection, f"batch = {latest} AND undone IS NULL ORDER BY id DESC")
    else:
        rows = _changes(connection, "record = ? AND undone IS NULL ORDER BY id DESC LIMIT 1", (record,))
    for row in rows:
        set_columns(connection, row[2], _before(row), now)
        connection.write("UPDATE changes SET undone = ? WHERE id = ?", (now, row[0]))
    return [_change(row) for row in rows]


def history(connection: Connection, record: int) -> list[Change]:
    """All changes of a record, the first first, those that were taken back too."""
    return [_change(row) for row in _changes(connection, "record = ? ORDER BY id", (record,))]


def index_text(connection: Connection, record: int) -> None:
    connection.write(
        "INSERT INTO found (rowid, request, answer) SELECT id, request, answer FROM texts WHERE id = ?",
        (record,),
    )


def set_flags(connection: Connection, record: int, rules: Sequence[str]) -> None:
    connection.write("DELETE FROM flags WHERE record = ?", (record,))
    for rule in rules:
        connection.write("INSERT INTO flags (rule, record) VALUES (?, ?)", (rule, record))


def _unindex(connection: Connection, record: int) -> None:
    connection.write(
        "INSERT INTO found (found, rowid, request, answer)"
        " SELECT 'delete', id, request, answer FROM texts WHERE id = ?",
        (record,),
    )


def _current(connection: Connection, record: int, columns: list[str]) -> dict[str, Any]:
    unknown = set(columns) - {*_NARROW, *_WIDE}
    assert not unknown, unknown
    row = connection.one(
        f"SELECT {', '.join(columns)}, decision FROM records JOIN texts USING (id) WHERE records.id = ?",
        (record,),
    )
    if row is None:
        raise UsageError(f"there is no record {record} in the library", "see them with: ysnakes data search")
    *values, decision = row
    now = dict(zip(columns, values, strict=True)) | {"decision": decision}
    for name, value in now.items():
        if isinstance(value, bytes):
            now[name] = value.hex() if name in _HASHES else value.decode("utf-8", "replace")
    return now


def _changes(connection: Connection, condition: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    return connection.read(
        f"SELECT id, batch, record, time, action, before, undone FROM changes WHERE {condition}", values
    )


def _before(row: tuple[Any, ...]) -> dict[str, Any]:
    try:
        found = json.loads(row[5])
        values = {name: found[name] for name in (*_NARROW, *_WIDE) if name in found}
        for name in _HASHES:
            if name in values:
                values[name] = bytes.fromhex(values[name])
    except (ValueError, TypeError, KeyError) as error:
        raise LibraryError(f"change {row[0]} in the library is damaged", "restore it from a copy") from error
    return values


def _change(row: tuple[Any, ...]) -> Change:
    before = _before(row)
    number, batch, record, time, action, _, undone = row
    return Change(
        number, batch, record, time, action, before.get("answer"), before["decision"], undone is not None
    )

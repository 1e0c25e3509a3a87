"""The tables of the library, and whether a file that calls itself one has exactly those and nothing else.

A library may come from someone else. Nothing in it can run code: no extensions are loaded, functions that
reach out of the file are not trusted, and a file with tables, triggers or views that are not ours is refused
before anything is written to it.
"""

from __future__ import annotations

import sqlite3

SCHEMA_VERSION = 1
APPLICATION_ID = 0x59534E4B  # "YSNK" in the header of the file

# `records` is narrow, so that filtering and counting read little; the words are in `texts`.
_STATEMENTS = (
    """CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        created REAL NOT NULL,
        updated REAL NOT NULL,
        settings TEXT NOT NULL,
        state TEXT NOT NULL,
        message TEXT NOT NULL
    )""",
    """CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        teacher TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        decision TEXT NOT NULL,
        words INTEGER NOT NULL,
        created REAL NOT NULL,
        changed REAL NOT NULL,
        model TEXT NOT NULL,
        digest TEXT NOT NULL,
        seed INTEGER,
        tokens INTEGER,
        seconds REAL,
        job INTEGER,
        request_index INTEGER,
        key TEXT NOT NULL,
        content BLOB NOT NULL,
        original_content BLOB NOT NULL,
        UNIQUE (teacher, kind, sequence),
        UNIQUE (job, key),
        UNIQUE (job, kind, request_index)
    )""",
    "CREATE INDEX records_decision ON records (decision, kind, teacher)",
    "CREATE INDEX records_kind ON records (kind, decision)",
    "CREATE INDEX records_first ON records (id) WHERE sequence = 0",
    "CREATE INDEX records_content ON records (content)",
    "CREATE INDEX records_original ON records (original_content)",
    """CREATE TABLE texts (
        id INTEGER PRIMARY KEY,
        request TEXT NOT NULL,
        answer TEXT NOT NULL,
        original TEXT,
        prompt TEXT,
        inputs TEXT NOT NULL,
        options TEXT NOT NULL,
        checks TEXT NOT NULL,
        layout TEXT,
        source TEXT NOT NULL
    )""",
    """CREATE TABLE flags (
        rule TEXT NOT NULL,
        record INTEGER NOT NULL,
        PRIMARY KEY (rule, record)
    ) WITHOUT ROWID""",
    "CREATE INDEX flags_record ON flags (record)",
    """CREATE TABLE changes (
        id INTEGER PRIMARY KEY,
        batch INTEGER NOT NULL,
        record INTEGER NOT NULL,
        time REAL NOT NULL,
        action TEXT NOT NULL,
        before TEXT NOT NULL,
        undone REAL
    )""",
    "CREATE INDEX changes_record ON changes (record)",
    "CREATE INDEX changes_standing ON changes (batch) WHERE undone IS NULL",
    """CREATE TABLE unwritten (
        job INTEGER NOT NULL,
        kind TEXT NOT NULL,
        request_index INTEGER NOT NULL,
        key TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        time REAL NOT NULL,
        PRIMARY KEY (job, kind, request_index)
    ) WITHOUT ROWID""",
    """CREATE VIRTUAL TABLE found USING fts5 (
        request, answer, content='texts', content_rowid='id',
        tokenize="unicode61 remove_diacritics 2", prefix='3'
    )""",
)
# Tables that SQLite makes for the full-text index (their SQL differs between its versions) and for ANALYZE.
_SHADOWS = frozenset(f"found_{part}" for part in ("data", "idx", "content", "docsize", "config"))
_STATISTICS = frozenset({"sqlite_stat1", "sqlite_stat4"})


def create_tables(connection: sqlite3.Connection) -> None:
    """Make every table, inside the transaction that is open. Raises ``sqlite3.Error``."""
    for statement in _STATEMENTS:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def strange_parts(connection: sqlite3.Connection) -> list[str]:
    """Names of tables, indexes, views and triggers that are not as we make them, or that are missing."""
    with_reference = sqlite3.connect(":memory:")
    try:
        create_tables(with_reference)
        expected = _parts(with_reference)
    finally:
        with_reference.close()
    found = _parts(connection)
    strange = [
        name
        for (kind, name), sql in found.items()
        if not (kind == "table" and name in _STATISTICS) and expected.get((kind, name), "") != sql
    ]
    return sorted({*strange, *(name for kind, name in expected if (kind, name) not in found)})


def _parts(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """SQL by type and name; for the full-text index's own tables only that they are plain tables."""
    return {
        (str(kind), str(name)): "shadow" if kind == "table" and name in _SHADOWS else str(sql)
        for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master")
    }

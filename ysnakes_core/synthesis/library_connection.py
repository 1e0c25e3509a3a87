"""One connection to a library: opened safely, shared by threads, every failure told in a sentence."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import explain, printable
from ysnakes_core.synthesis.library_schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    create_tables,
    is_empty,
    strange_parts,
)

BUSY_SECONDS = 20.0  # how long one process waits for another to finish writing
_CACHE_KIB = 16_384


class LibraryError(YsnakesError):
    """The library cannot be read or written."""


class LibraryFull(LibraryError):
    """There is no space left for the library to grow."""


class Connection:
    """A library's file, open for reading and writing. Threads may share it: one at a time gets in.

    The file is made if it does not exist. Raises ``LibraryError`` where it is no library, one of a newer
    version, damaged, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        _refuse_what_is_no_file(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error, path.parent, "make") from error
        with explained(path):
            self._sqlite = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with explained(path):
                _prepare(self._sqlite, path)
        except BaseException:
            self._sqlite.close()
            raise

    def close(self) -> None:
        with self._lock, explained(self.path):
            self._sqlite.close()

    def read(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock, explained(self.path):
            return self._sqlite.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, if any."""
        with self._lock, explained(self.path):
            row: tuple[Any, ...] | None = self._sqlite.execute(sql, values).fetchone()
            return row

    def number(self, sql: str, values: Sequence[object] = ()) -> int:
        """The whole number that a query gives; 0 where it gives nothing."""
        row = self.one(sql, values)
        return row[0] if row is not None and isinstance(row[0], int) else 0

    def write(self, sql: str, values: Sequence[object] = ()) -> tuple[int, int]:
        """Change something, inside ``writing()``: how many rows were changed, and the last new row's id."""
        assert self._depth, "a change must be made inside writing()"
        with explained(self.path):
            cursor = self._sqlite.execute(sql, values)
            return cursor.rowcount, cursor.lastrowid or 0

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """What is changed in the block is on the disk when it ends, all of it; or none, if it raises.

        Blocks may be nested: the outermost decides.
        """
        with self._lock:
            if self._depth == 0:
                with explained(self.path):
                    self._sqlite.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    with explained(self.path):
                        self._sqlite.execute("COMMIT")
            except BaseException:
                if self._depth == 1 and self._sqlite.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._sqlite.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """All queries of the block see the library as it is at the first, whatever others write."""
        with self._lock:
            if self._sqlite.in_transaction:
                yield
                return
            with explained(self.path):
                self._sqlite.execute("BEGIN")
            try:
                yield
            finally:
                with contextlib.suppress(sqlite3.Error):
                    self._sqlite.execute("COMMIT")

    def interrupt(self) -> None:
        """Break off the query that another thread is waiting for; that thread gets a ``LibraryError``."""
        self._sqlite.interrupt()


def _refuse_what_is_no_file(path: Path) -> None:
    """A pipe or a device would be waited on for ever."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116  (a link to a library is fine)
        except PermissionError as error:
            raise explain(error, path, "read") from error
        if not stat.S_ISREG(mode):
            raise LibraryError(f"{printable(str(path))} is not a file", "name another folder with --data-dir")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Harden, look at what the file is, make the tables where there are none."""
    defensive = getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE", None)  # Python 3.12
    if defensive is not None and hasattr(connection, "setconfig"):
        connection.setconfig(defensive, True)
    for setting in ("trusted_schema = OFF", "cell_size_check = ON", "recursive_triggers = OFF"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute("BEGIN")  # another process may be making the tables: all of them are seen, or none
    try:
        _check_header(connection, path)
    finally:
        connection.execute("ROLLBACK")
    if is_empty(connection):
        _refuse_without_full_text(connection)
        _write_ahead(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            if is_empty(connection):  # no other process was quicker
                create_tables(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    strange = strange_parts(connection)
    if strange:
        names = ", ".join(printable(name, 40) for name in strange[:5])
        raise LibraryError(
            f"{printable(str(path))} is not a library as this program makes it ({names})",
            "it is damaged or comes from elsewhere: import text files instead, or name another --data-dir",
        )
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Readers and a writer go side by side. SQLite itself does not wait for others to let it change this."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _check_header(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application == APPLICATION_ID and version > SCHEMA_VERSION:
        raise LibraryError(
            f"{printable(str(path))} was made by a newer ysnakes (its version is {version}, "
            f"this program knows {SCHEMA_VERSION})",
            "update ysnakes: pip install --upgrade ysnakes",
        )
    if application != APPLICATION_ID and not (application == 0 and is_empty(connection)):
        raise LibraryError(
            f"{printable(str(path))} is a database of another program", "name another folder with --data-dir"
        )


def _refuse_without_full_text(connection: sqlite3.Connection) -> None:
    options = {str(row[0]) for row in connection.execute("PRAGMA compile_options")}
    if options and "ENABLE_FTS5" not in options:
        raise LibraryError(
            "this Python's SQLite was built without full-text search (FTS5)",
            "use a Python from python.org, uv, conda or your distribution",
        )


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's errors as ones a person can act on."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explanation(error, path) from error


def _explanation(error: sqlite3.Error, path: Path) -> LibraryError:
    place = printable(str(path))
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _disk_is_full(path)):
        return LibraryFull(
            f"the disk that holds {place} is full",
            f"free some space on the disk that holds {printable(str(path.parent))}",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryError(
            f"another process has been writing to {place} for {BUSY_SECONDS:.0f} seconds",
            "wait for it to finish, or end it, and try again",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return LibraryError(
            f"{place} cannot be written ({error})",
            "check its permissions and its folder's, or name another folder with --data-dir",
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return LibraryError(
            f"{place} is damaged or no library ({error})",
            "restore it from a copy, or move it away and import your exported files again",
        )
    if code == sqlite3.SQLITE_INTERRUPT:
        return LibraryError("the search was broken off")
    return LibraryError(f"the library {place} failed: {error}", "check the disk it is on")


def _disk_is_full(path: Path) -> bool:
    try:
        free = os.statvfs(path.parent)
    except (OSError, AttributeError):
        return False
    return free.f_bavail * free.f_frsize < 2**20

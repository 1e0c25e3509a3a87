"""The library: every record that was written or imported, what was decided about it, and all that was before.

One SQLite file (write-ahead log) per data folder, open in any number of processes at once. What a method
changed is on the disk when it returns.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis import library_history
from ysnakes_core.synthesis.job_store import JobStore
from ysnakes_core.synthesis.library_connection import Connection, LibraryError, LibraryFull
from ysnakes_core.synthesis.library_history import Change
from ysnakes_core.synthesis.library_records import (
    DECISIONS,
    EVERYTHING,
    KEPT,
    RECORD_COLUMNS,
    Check,
    Decision,
    Judge,
    NewRecord,
    Options,
    Record,
    RecordFilter,
    checked_answer,
    content_of,
    record_from,
    rules_in,
    storable,
    to_json,
)
from ysnakes_core.synthesis.library_search import where

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library_export import Exported
    from ysnakes_core.synthesis.library_import import Imported
    from ysnakes_core.synthesis.library_rows import Ids, Row

FILE_NAME = "library.sqlite"
RECORDS_PER_FILE = 1000
_PAGE = 50
_GROUPS = {"kind": "records.kind", "teacher": "records.teacher", "decision": "records.decision"}

__all__ = ["EVERYTHING", "Library", "LibraryError", "LibraryFull", "RecordFilter", "Tally", "open_library"]


@dataclass(frozen=True)
class Tally:
    """How many records of a teacher and kind were decided so, and how many words their answers have."""

    teacher: str
    kind: str
    decision: Decision
    records: int
    words: int


def open_library(folder: Path, now: Callable[[], float] = time.time) -> Library:
    """The library of a data folder, made if there is none yet. Raises ``YsnakesError``."""
    return Library(folder / FILE_NAME, now)


class Library:
    """The library in one file. Threads may share it; a long search in one makes the others wait, so a front
    end that must not wait opens its own. ``now`` gives Unix seconds.

    Every method raises ``LibraryError`` where the file cannot be read or written.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._connection = Connection(path)
        self._now = now
        self._batch: int | None = None
        self.jobs = JobStore(self._connection, now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def interrupt(self) -> None:
        """Break off what another thread is asking; it gets a ``LibraryError``."""
        self._connection.interrupt()

    # New records.

    def add(self, records: Iterable[NewRecord]) -> list[int | None]:
        """Keep records, all or none: their ids, None for one whose job has its request already.

        Raises ``UsageError`` for an answer that is empty or holds a marker, and ``LibraryFull``.
        """
        with self._connection.writing():
            return [self._add(record) for record in records]

    def has_content(self, request: str, answer: str) -> bool:
        """Whether a record says exactly this now, or did when it was written."""
        content = content_of(request, answer)
        return bool(
            self._connection.one("SELECT 1 FROM records WHERE content = ?", (content,))
            or self._connection.one("SELECT 1 FROM records WHERE original_content = ?", (content,))
        )

    def _add(self, new: NewRecord) -> int | None:
        request, answer = storable(new.request), checked_answer(new.answer)
        known = "SELECT 1 FROM records WHERE job = ? AND (key = ? OR (kind = ? AND request_index = ?))"
        if new.job is not None and self._connection.one(
            known, (new.job, new.key, new.kind, new.request_index)
        ):
            return None
        now = self._now()
        original = None if new.original in (None, answer) else storable(new.original or "")
        sequence = "SELECT coalesce(max(sequence), -1) + 1 FROM records WHERE teacher = ? AND kind = ?"
        row: dict[str, Any] = {
            "kind": new.kind,
            "teacher": new.teacher,
            "sequence": self._connection.number(sequence, (new.teacher, new.kind)),
            "decision": new.decision,
            "words": len(answer.split()),
            "created": now,
            "changed": now,
            "model": new.model,
            "digest": new.digest,
            "seed": new.seed,
            "tokens": new.tokens,
            "seconds": new.seconds,
            "job": new.job,
            "request_index": new.request_index,
            "key": new.key,
            "content": content_of(request, answer),
            "original_content": content_of(request, answer if original is None else original),
        }
        _, identity = self._connection.write(_insert("records", row), list(row.values()))
        texts: dict[str, Any] = {
            "id": identity,
            "request": request,
            "answer": answer,
            "original": original,
            "prompt": None if new.prompt in (None, new.request) else storable(new.prompt or ""),
            "inputs": to_json(new.inputs),
            "options": to_json(new.options),
            "checks": to_json(new.checks),
            "layout": None if new.layout is None else to_json(new.layout),
            "source": storable(new.source),
        }
        self._connection.write(_insert("texts", texts), list(texts.values()))
        library_history.index_text(self._connection, identity)
        library_history.set_flags(self._connection, identity, rules_in(new.checks))
        return identity

    # Asking.

    def record(self, identity: int) -> Record:
        """Raises ``UsageError`` if there is none of that id."""
        found = self._select("FROM records", "WHERE records.id = ?", (identity,))
        if not found:
            raise UsageError(
                f"there is no record {identity} in the library", "find one with: ysnakes data search TEXT"
            )
        return found[0]

    def records(
        self,
        asked: RecordFilter = EVERYTHING,
        limit: int = _PAGE,
        after: int | None = None,
        *,
        newest_first: bool = False,
    ) -> list[Record]:
        """A page of records in the order they came: the first ``limit`` after the one with id ``after``."""
        chosen = where(asked, after=after, newest_first=newest_first)
        order = f"ORDER BY {chosen.order_by} {'DESC' if newest_first else 'ASC'} LIMIT ?"
        ids = self._connection.read(f"SELECT records.id {chosen.sql} {order}", (*chosen.values, limit))
        marks = ",".join("?" * len(ids))
        order = f"WHERE records.id IN ({marks}) ORDER BY records.id {'DESC' if newest_first else 'ASC'}"
        return self._select("FROM records", order, [row[0] for row in ids])

    def ids(
        self, asked: RecordFilter = EVERYTHING, limit: int | None = None, *, newest_first: bool = False
    ) -> list[int]:
        """Ids of all records that the filter takes, in the order they came."""
        chosen = where(asked)
        order = f"ORDER BY {chosen.order_by} {'DESC' if newest_first else 'ASC'} LIMIT ?"
        values = (*chosen.values, -1 if limit is None else limit)
        return [row[0] for row in self._connection.read(f"SELECT records.id {chosen.sql} {order}", values)]

    def id_array(self, asked: RecordFilter = EVERYTHING, *, newest_first: bool = False) -> Ids:
        """The same for very many; see ``library_rows.id_array``."""
        from ysnakes_core.synthesis.library_rows import id_array

        return id_array(self._connection, asked, newest_first=newest_first)

    def rows(self, identities: Sequence[int]) -> list[Row]:
        """A line for each of these records; see ``library_rows.rows``."""
        from ysnakes_core.synthesis.library_rows import rows

        return rows(self._connection, identities)

    def texts(self, limit: int, after: int = 0) -> list[tuple[int, str, str]]:
        """Ids, requests and answers of the first ``limit`` records after the one with id ``after``."""
        sql = "SELECT id, request, answer FROM texts WHERE id > ? ORDER BY id LIMIT ?"
        return [(row[0], str(row[1]), str(row[2])) for row in self._connection.read(sql, (after, limit))]

    def repeats(self) -> int:
        """How many records say exactly, request and answer, what another one says."""
        return self._connection.number("SELECT count(*) - count(DISTINCT content) FROM records")

    def version(self) -> int:
        """A number that is another one after somebody else (not this library itself) changed the file."""
        return self._connection.number("PRAGMA data_version")

    def count(self, asked: RecordFilter = EVERYTHING, at_most: int | None = None) -> int:
        """How many records the filter takes; ``at_most`` stops counting there, to be quick."""
        chosen = where(asked)
        values = (*chosen.values, -1 if at_most is None else at_most)
        return self._connection.number(f"SELECT count(*) FROM (SELECT 1 {chosen.sql} LIMIT ?)", values)

    def count_by(
        self, what: Literal["kind", "teacher", "decision", "rule"], asked: RecordFilter = EVERYTHING
    ) -> dict[str, int]:
        """How many records of the filter there are for each kind, teacher, decision or rule, by name."""
        chosen = where(asked)
        if what == "rule":
            sql = (
                "SELECT flags.rule, count(*) FROM flags"
                f" WHERE flags.record IN (SELECT records.id {chosen.sql}) GROUP BY 1 ORDER BY 1"
            )
        else:
            sql = f"SELECT {_GROUPS[what]}, count(*) {chosen.sql} GROUP BY 1 ORDER BY 1"
        return dict(self._connection.read(sql, chosen.values))

    def tally(self, asked: RecordFilter = EVERYTHING) -> list[Tally]:
        """Records and words by teacher, kind and decision."""
        chosen = where(asked)
        columns = "records.teacher, records.kind, records.decision"
        rows = self._connection.read(
            f"SELECT {columns}, count(*), sum(records.words) {chosen.sql} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            chosen.values,
        )
        return [Tally(*row) for row in rows]

    def teachers_and_kinds(self) -> list[tuple[str, str]]:
        """Every teacher and kind there are records of, the one that came first first."""
        rows = self._connection.read("SELECT teacher, kind FROM records WHERE sequence = 0 ORDER BY id")
        return [(str(teacher), str(kind)) for teacher, kind in rows]

    def lengths(self, asked: RecordFilter = EVERYTHING, step: int = 50) -> dict[int, int]:
        """How many answers have so many words: by words, rounded down to a multiple of ``step``."""
        chosen = where(asked)
        sql = f"SELECT records.words / ? * ?, count(*) {chosen.sql} GROUP BY 1 ORDER BY 1"
        return dict(self._connection.read(sql, (step, step, *chosen.values)))

    def _select(self, source: str, rest: str, values: Sequence[object]) -> list[Record]:
        columns = ", ".join(RECORD_COLUMNS)
        rows = self._connection.read(
            f"SELECT {columns} {source} JOIN texts ON texts.id = records.id {rest}", values
        )
        return [record_from(row) for row in rows]

    # Changing, and taking back.

    def decide(self, identities: int | Sequence[int], decision: Decision) -> None:
        """Accept, reject or put back; several are decided, and undone, together."""
        if decision not in DECISIONS:
            raise UsageError(f"there is no decision “{decision}”", f"choose one of: {', '.join(DECISIONS)}")
        several = [identities] if isinstance(identities, int) else identities
        with self.batch():
            for identity in several:
                self._change(identity, {"decision": decision}, decision)

    def edit(
        self, identity: int, answer: str, *, checks: Sequence[Check] = (), action: str = "edited"
    ) -> None:
        """Replace the answer by a person's (or, by ``action``, a rule's); the teacher's stays as original.

        ``checks`` is what the rules find in the new answer. Only a person's edit is a decision. Raises
        ``UsageError`` for an answer that is empty or holds a marker.
        """
        answer = checked_answer(answer)
        with self.batch():
            record = self.record(identity)
            values: dict[str, Any] = {
                "answer": answer,
                "original": record.original,
                "checks": to_json(checks),
            }
            if action == "edited":
                values["decision"] = "edited"
            self._change(identity, values, action)

    def regenerate(
        self,
        identity: int,
        answer: str,
        *,
        model: str = "",
        digest: str = "",
        options: Options | None = None,
        seed: int | None = None,
        tokens: int | None = None,
        seconds: float | None = None,
        checks: Sequence[Check] = (),
    ) -> None:
        """Replace the answer by a teacher's new one, to be decided about; the history keeps the old."""
        values: dict[str, Any] = {
            "answer": checked_answer(answer),
            "original": None,
            "decision": "pending",
            "model": model,
            "digest": digest,
            "options": to_json(options or {}),
            "seed": seed,
            "tokens": tokens,
            "seconds": seconds,
            "checks": to_json(checks),
        }
        with self.batch():
            self._change(identity, values, "regenerated")

    def set_checks(self, checks: Iterable[tuple[int, Sequence[Check]]]) -> None:
        """Note what the rules found in each of these records. It can be found again, so it has no history."""
        with self._connection.writing():
            for identity, found in checks:
                self._connection.write("UPDATE texts SET checks = ? WHERE id = ?", (to_json(found), identity))
                library_history.set_flags(self._connection, identity, rules_in(found))

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """Changes made in the block are kept, all or none, and one ``undo`` takes all of them back."""
        with self._connection.writing():
            outermost = self._batch is None
            if outermost:
                self._batch = library_history.next_batch(self._connection)
            try:
                yield
            finally:
                if outermost:
                    self._batch = None

    def undo(self, record: int | None = None) -> list[Change]:
        """Take back the last change or batch; of ``record`` alone, its last change. Empty: none is left."""
        with self._connection.writing():
            return library_history.undo(self._connection, self._now(), record)

    def history(self, record: int) -> list[Change]:
        """Every change of a record, the oldest first; those that were taken back are marked."""
        return library_history.history(self._connection, record)

    def _change(self, identity: int, values: dict[str, Any], action: str) -> None:
        assert self._batch is not None
        library_history.apply_change(
            self._connection, self.record(identity), values, action, self._now(), self._batch
        )

    # Files.

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Everything asked in the block is answered as of its beginning, whatever others write meanwhile."""
        with self._connection.reading():
            yield

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Everything added in the block is kept when it ends, or none of it."""
        with self._connection.writing():
            yield

    def export(
        self,
        folder: Path,
        *,
        kinds: Sequence[str] = (),
        decisions: Sequence[Decision] = KEPT,
        per_file: int = RECORDS_PER_FILE,
        overwrite: bool = False,
    ) -> Exported:
        """Write the text that training reads; see ``library_export.export``."""
        from ysnakes_core.synthesis.library_export import export

        return export(self, folder, kinds=kinds, decisions=decisions, per_file=per_file, overwrite=overwrite)

    def import_files(
        self, paths: Sequence[Path], known_kinds: Sequence[str] = (), judge: Judge | None = None
    ) -> Imported:
        """Take in files of records; see ``library_import.import_files``."""
        from ysnakes_core.synthesis.library_import import import_files

        return import_files(self, paths, known_kinds, judge)


def _insert(table: str, row: dict[str, Any]) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"

"""Jobs as the library keeps them: what each is to write, what of it is there, and what was put aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.job_state import JobSettings, JobStatus, StoredJob, status_from
from ysnakes_core.synthesis.library_connection import Connection

_COLUMNS = "id, name, created, updated, settings, state, message"
FAILED, DUPLICATE = "failed", "duplicate"


@dataclass(frozen=True)
class Unwritten:
    """A request that is no record: it ``failed``, or says the same as another of its job (``duplicate``)."""

    kind: str
    request_index: int
    key: str
    state: Literal["failed", "duplicate"]
    reason: str
    attempts: int


class JobStore:
    """The library's jobs. ``now`` gives Unix seconds. Methods raise ``LibraryError``."""

    def __init__(self, connection: Connection, now: Callable[[], float]) -> None:
        self._connection = connection
        self._now = now

    def create(self, settings: JobSettings, name: str | None = None) -> StoredJob:
        """A new job, called ``job-7`` or as given. Raises ``UsageError`` if there is one of that name."""
        now = self._now()
        with self._connection.writing():
            number = self.next_number()
            name = name or f"job-{number}"
            if self._connection.one("SELECT 1 FROM jobs WHERE name = ?", (name,)):
                raise UsageError(f"there is a job “{name}” already", "choose another name, or --resume it")
            self._connection.write(
                f"INSERT INTO jobs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, 'new', '')",
                (number, name, now, now, settings.to_json()),
            )
        return self.get(name)

    def next_number(self) -> int:
        """The number that the next job will have."""
        return self._connection.number("SELECT max(id) FROM jobs") + 1

    def remove_if_empty(self, job: int) -> bool:
        """Forget a job of which there is no record; whether it was."""
        with self._connection.writing():
            if self._connection.one("SELECT 1 FROM records WHERE job = ?", (job,)):
                return False
            self._connection.write("DELETE FROM unwritten WHERE job = ?", (job,))
            self._connection.write("DELETE FROM jobs WHERE id = ?", (job,))
        return True

    def all(self) -> list[StoredJob]:
        """Every job, the newest first. One whose settings are damaged is left out."""
        from ysnakes_core.synthesis.job_state import JobError

        found = []
        for row in self._connection.read(f"SELECT {_COLUMNS} FROM jobs ORDER BY id DESC"):
            try:
                found.append(self._job(row))
            except JobError:
                continue
        return found

    def get(self, name: str) -> StoredJob:
        """Raises ``UsageError`` if there is no such job, ``JobError`` if it is damaged."""
        row = self._connection.one(f"SELECT {_COLUMNS} FROM jobs WHERE name = ?", (name,))
        if row is None:
            there = [
                row[0] for row in self._connection.read("SELECT name FROM jobs ORDER BY id DESC LIMIT 8")
            ]
            hint = f"there are: {', '.join(there)}" if there else "start one with: ysnakes data generate KIND"
            raise UsageError(f"there is no job “{name}”", hint)
        return self._job(row)

    def latest_unfinished(self) -> StoredJob | None:
        """The newest job of which something is missing."""
        return next((job for job in self.all() if job.status != "finished" or job.failed), None)

    def set_status(self, job: int, status: JobStatus, message: str = "") -> None:
        with self._connection.writing():
            self._connection.write(
                "UPDATE jobs SET state = ?, message = ?, updated = ? WHERE id = ?",
                (status, message, self._now(), job),
            )

    def set_settings(self, job: int, settings: JobSettings) -> None:
        with self._connection.writing():
            self._connection.write(
                "UPDATE jobs SET settings = ?, updated = ? WHERE id = ?",
                (settings.to_json(), self._now(), job),
            )

    # What is there and what is not.

    def done_by_kind(self, job: int) -> dict[str, int]:
        return dict(
            self._connection.read("SELECT kind, count(*) FROM records WHERE job = ? GROUP BY kind", (job,))
        )

    def indexes_done(self, job: int, kind: str, begin: int, end: int) -> set[int]:
        """Numbers of the requests from ``begin`` to before ``end`` that are records or not to be asked."""
        values = (job, kind, begin, end)
        span = "WHERE job = ? AND kind = ? AND request_index >= ? AND request_index < ?"
        rows = self._connection.read(f"SELECT request_index FROM records {span}", values)
        rows += self._connection.read(f"SELECT request_index FROM unwritten {span}", values)
        return {row[0] for row in rows}

    def known_keys(self, job: int, keys: Sequence[str]) -> set[str]:
        """Those of the keys that a record of the job has."""
        marks = ",".join("?" * len(keys))
        rows = self._connection.read(
            f"SELECT key FROM records WHERE job = ? AND key IN ({marks})", (job, *keys)
        )
        return {row[0] for row in rows}

    def put_aside(self, job: int, requests: Iterable[Unwritten]) -> None:
        now = self._now()
        with self._connection.writing():
            for one in requests:
                self._connection.write(
                    "INSERT OR REPLACE INTO unwritten VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (job, one.kind, one.request_index, one.key, one.state, one.reason, one.attempts, now),
                )

    def unwritten(self, job: int, state: Literal["failed", "duplicate"], limit: int = 100) -> list[Unwritten]:
        """The requests that are no records, the latest first."""
        rows = self._connection.read(
            "SELECT kind, request_index, key, state, reason, attempts FROM unwritten"
            " WHERE job = ? AND state = ? ORDER BY time DESC LIMIT ?",
            (job, state, limit),
        )
        return [Unwritten(*row) for row in rows]

    def duplicates_by_kind(self, job: int) -> dict[str, int]:
        sql = "SELECT kind, count(*) FROM unwritten WHERE job = ? AND state = ? GROUP BY kind"
        return dict(self._connection.read(sql, (job, DUPLICATE)))

    def forget_failures(self, job: int) -> None:
        """What failed is missing again, and will be asked again."""
        with self._connection.writing():
            self._connection.write("DELETE FROM unwritten WHERE job = ? AND state = ?", (job, FAILED))

    def _job(self, row: tuple[Any, ...]) -> StoredJob:
        identity, name, created, updated, settings, state, message = row
        failed = "SELECT count(*) FROM unwritten WHERE job = ? AND state = ?"
        return StoredJob(
            id=identity,
            name=str(name),
            created=created,
            updated=updated,
            settings=JobSettings.from_json(str(settings)),
            status=status_from(state),
            message=str(message),
            done=self.done_by_kind(identity),
            failed=self._connection.number(failed, (identity, FAILED)),
        )

"""A library that is damaged, a stranger's, a newer version's, full, or opened by many at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from ysnakes_core.synthesis.job_state import Goal, JobError, JobSettings
from ysnakes_core.synthesis.library import FILE_NAME, Library, LibraryError, LibraryFull, open_library
from ysnakes_core.synthesis.library_records import NewRecord

ROOT = Path(__file__).resolve().parents[2]


def a_record(answer: str) -> NewRecord:
    return NewRecord("stories", "t", "Request.", answer, answer)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A library with one record."""
    with open_library(tmp_path) as library:
        library.add([a_record("One.")])
    return tmp_path / FILE_NAME


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    change(path, "PRAGMA user_version = 2")
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="newer ysnakes") as caught:
        Library(path)
    assert "update ysnakes" in caught.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM texts; END",
        "CREATE VIEW v AS SELECT * FROM records",
        "CREATE TABLE more (id INTEGER)",
        "DROP TABLE flags",
        "CREATE INDEX i ON records (abs(id))",
        "ALTER TABLE jobs ADD COLUMN more DEFAULT (1)",
    ],
)
def test_tables_that_are_not_ours_are_refused(path: Path, statement: str) -> None:
    change(path, statement)
    with pytest.raises(LibraryError, match="not a library as this program makes it"):
        Library(path)


def test_what_sqlite_itself_adds_is_no_reason_to_refuse(path: Path) -> None:
    change(path, "ANALYZE")
    with Library(path) as library:
        assert library.count() == 1


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    change(path, "CREATE TABLE notes (text TEXT)")
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="another program"):
        Library(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_text("just some text that is longer than a header of a database would be " * 3)
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="damaged or no library"):
        Library(path)
    assert path.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_on(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    os.mkfifo(path)
    with pytest.raises(LibraryError, match="is not a file"):
        Library(path)


def test_damaged_pages_are_told(path: Path) -> None:
    with Library(path) as library:
        library.add([a_record(f"{number} " + "word " * 400) for number in range(50)])
    content = bytearray(path.read_bytes())
    for page in range(8, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(LibraryError, match="damaged"), Library(path) as library:
        library.records(limit=100)


@pytest.mark.parametrize(
    ("column", "value"),
    [("decision", "'maybe'"), ("kind", "x'ff'"), ("model", "x'00'")],
)
def test_values_that_cannot_be_are_told(path: Path, column: str, value: str) -> None:
    change(path, f"UPDATE records SET {column} = {value}")
    with Library(path) as library, pytest.raises(LibraryError, match="record 1 of the library is damaged"):
        library.record(1)


@pytest.mark.parametrize("value", ["'not json'", "'{}'", "'[[['", "x'00ff'", "'[1, null, {\"rule\": 3}]'"])
def test_notes_that_make_no_sense_count_as_none(path: Path, value: str) -> None:
    change(path, f"UPDATE texts SET checks = {value}, options = {value}, inputs = {value}, layout = {value}")
    with Library(path) as library:
        record = library.record(1)
        library.edit(1, "Another.")
        library.undo()
    assert record.answer == "One."
    assert record.layout is None


def test_a_damaged_change_is_told_and_undoes_nothing(path: Path) -> None:
    with Library(path) as library:
        library.edit(1, "Two.")
    change(path, 'UPDATE changes SET before = \'{"content": 5, "answer": "x"}\'')
    with Library(path) as library:
        with pytest.raises(LibraryError, match="change 1 in the library is damaged"):
            library.undo()
        assert library.record(1).answer == "Two."


@pytest.mark.parametrize(
    "settings", ["", "[]", '{"goals": []}', '{"goals": [{"kind": "a", "count": -1}]}', "[" * 100_000]
)
def test_a_jobs_damaged_settings_are_told(path: Path, settings: str) -> None:
    with Library(path) as library:
        name = library.jobs.create(JobSettings((Goal("stories", 1),), "builtin")).name
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE jobs SET settings = ?", (settings,))
        connection.commit()
    with Library(path) as library:
        with pytest.raises(JobError):
            library.jobs.get(name)
        assert library.jobs.all() == []


def test_settings_survive_being_stored(path: Path) -> None:
    settings = JobSettings(
        (Goal("blog", 3, "r"), Goal("wiki", 10**6)),
        "ollama",
        "gemma3:270m",
        ("a:1", "b"),
        4,
        2**62,
        {"temperature": 0.5, "top_k": 3},
    )
    with Library(path) as library:
        assert library.jobs.create(settings).settings == settings


def test_a_full_disk_is_told_and_nothing_kept_is_lost(path: Path) -> None:
    with Library(path) as library:
        pages = library._connection.number("PRAGMA page_count")
        library._connection.number(f"PRAGMA max_page_count = {pages + 4}")

        def fill() -> None:
            for number in range(1000):
                library.add([a_record(f"{number} " + "word " * 500)])

        with pytest.raises(LibraryFull) as caught:
            fill()
        assert "free some space" in caught.value.hint
        kept = library.count()
        library._connection.number(f"PRAGMA max_page_count = {pages + 10_000}")
        library.add([a_record("After.")])
        assert library.count() == kept + 1
        assert library.records(newest_first=True, limit=1)[0].answer == "After."


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    from ysnakes_core.errors import YsnakesError

    with pytest.raises(YsnakesError):
        open_library(tmp_path / "file" / "data")


_WRITER = """
import sys
from pathlib import Path
from threading import Barrier
from ysnakes_core.synthesis.library import open_library
from ysnakes_core.synthesis.library_records import NewRecord
with open_library(Path(sys.argv[1])) as library:
    for number in range(40):
        name = f"{sys.argv[2]} {number}"
        library.add([NewRecord("stories", "t", "Request.", name, name)])
        library.edit(library.ids(newest_first=True, limit=1)[0], name + " edited", action="cleaned")
"""


def test_processes_make_and_write_one_library_together(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path / "new"), str(number)],
            env=environment,
            stderr=subprocess.PIPE,
        )
        for number in range(3)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors.decode()
    with open_library(tmp_path / "new") as library:
        records = library.records(limit=1000)
        assert sorted(record.sequence for record in records) == list(range(120))
        assert len(library.history(1)) >= 1
        assert sum(len(library.undo()) for _ in range(120)) == 120
        assert all(record.answer == record.key for record in library.records(limit=1000))


def test_threads_that_make_a_library_at_once_all_get_it(tmp_path: Path) -> None:
    def opened(folder: Path) -> int:
        together.wait()
        for _ in range(4):  # the last to close a library takes its log away while others open it
            with open_library(folder) as library:
                count = library.count()
        return count

    with ThreadPoolExecutor(3) as threads:
        for number in range(60):
            together = Barrier(3)
            assert list(threads.map(opened, [tmp_path / str(number)] * 3)) == [0, 0, 0]

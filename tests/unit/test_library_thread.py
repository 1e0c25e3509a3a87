"""The thread that asks the library for the app: the newest question wins, what is to be done is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from ysnakes_core.errors import YsnakesError
from ysnakes_core.synthesis.library import FILE_NAME, Library, open_library
from ysnakes_core.synthesis.library_records import NewRecord
from ysnakes_tui.data.library_thread import LibraryThread

SECONDS = 10.0


class Loop:
    """Stands where the app does: what is posted is called here, in this thread."""

    def __init__(self, folder: Path) -> None:
        self.posted: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self.found: list[object] = []
        self.errors: list[Exception] = []
        self.thread = LibraryThread(folder, self.posted.put, self.errors.append)

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline
            try:
                self.posted.get(timeout=0.05)()
            except Empty:
                continue


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    open_library(tmp_path).close()
    return Loop(tmp_path)


def add(library: Library, answer: str) -> None:
    library.add([NewRecord(kind="blog", teacher="t", request="r", answer=answer, key=answer)])


def test_of_several_questions_only_the_newest_is_answered(loop: Loop) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(library: Library) -> str:
        begun.set()
        assert go_on.wait(SECONDS)
        return "old"

    loop.thread.ask("find", slow, loop.found.append, "")
    assert begun.wait(SECONDS)
    asked: list[str] = []

    def look(text: str, library: Library) -> str:
        asked.append(text)
        return text

    for text in ("a", "ab", "abc"):
        loop.thread.ask("find", partial(look, text), loop.found.append, "")
    loop.thread.ask("other", lambda library: "other", loop.found.append, "")
    go_on.set()
    loop.until(lambda: len(loop.found) == 2)
    assert loop.found == ["abc", "other"]
    assert asked == ["abc"]  # those between were not even begun


def test_a_long_search_is_broken_off_by_a_newer_one(loop: Loop) -> None:
    begun = threading.Event()

    def endless(library: Library) -> str:
        begun.set()
        forever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        while True:  # should the first be broken off before it has begun
            library._connection.read(forever)

    loop.thread.ask("find", endless, loop.found.append, "")
    assert begun.wait(SECONDS)
    deadline = time.monotonic() + SECONDS
    while "new" not in loop.found and time.monotonic() < deadline:
        loop.thread.ask("find", lambda library: "new", loop.found.append, "")
        try:
            loop.posted.get(timeout=0.2)()
        except Empty:
            continue
    assert loop.found == ["new"]
    assert loop.errors == []  # that it was broken off is nobody's concern


def test_what_is_to_be_done_is_done_in_order_even_after_the_end(loop: Loop, tmp_path: Path) -> None:
    for number in range(20):
        loop.thread.do(partial(add, answer=f"answer {number}"), loop.found.append)
    loop.thread.ask("find", lambda library: "never mind", loop.found.append, "")
    loop.thread.close()
    loop.until(lambda: len(loop.found) == 20)
    with open_library(tmp_path) as library:
        assert [record.answer for record in library.records()] == [f"answer {n}" for n in range(20)]
    assert "never mind" not in loop.found


def test_a_forgotten_question_has_no_answer(loop: Loop) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(library: Library) -> str:
        begun.set()
        assert go_on.wait(SECONDS)
        return "late"

    loop.thread.ask("record", slow, loop.found.append, "")
    assert begun.wait(SECONDS)
    loop.thread.forget("record")
    go_on.set()
    loop.thread.ask("other", lambda library: "next", loop.found.append, "")
    loop.until(lambda: loop.found)
    assert loop.found == ["next"]


def test_without_a_library_there_is_the_usual_answer_until_there_is_one(tmp_path: Path) -> None:
    loop = Loop(tmp_path / "data")
    loop.thread.ask("count", lambda library: library.count(), loop.found.append, -1)
    loop.until(lambda: loop.found)
    assert not (tmp_path / "data" / FILE_NAME).exists()
    with open_library(tmp_path / "data") as library:
        add(library, "one")
    loop.thread.ask("count", lambda library: library.count(), loop.found.append, -1)
    loop.until(lambda: len(loop.found) == 2)
    assert loop.found == [-1, 1]


def test_what_goes_wrong_is_told_and_the_next_question_is_answered(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no library" * 500)
    loop = Loop(tmp_path)
    loop.thread.ask("count", lambda library: library.count(), loop.found.append, 0)
    loop.until(lambda: loop.errors)
    assert isinstance(loop.errors[0], YsnakesError)
    (tmp_path / FILE_NAME).unlink()
    open_library(tmp_path).close()
    loop.thread.ask("count", lambda library: library.count(), loop.found.append, -1)
    loop.until(lambda: loop.found)
    assert loop.found == [0]


def test_no_thread_is_left_when_there_is_nothing_to_do(loop: Loop) -> None:
    before = threading.active_count()
    loop.thread.ask("count", lambda library: library.count(), loop.found.append, -1)
    loop.until(lambda: loop.found)
    loop.thread.close()
    deadline = time.monotonic() + SECONDS
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)  # a thread tells nobody when it ends
    assert threading.active_count() == before

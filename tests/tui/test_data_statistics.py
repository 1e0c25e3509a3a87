"""Statistics in the Data pane: what they say of a library, while it is counted and after."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from data_app import DataApp, drive
from written_library import a_record, flagged, write

from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_tui.actions import actions_of
from ysnakes_tui.data import statistics_view
from ysnakes_tui.data.statistics_reading import (
    Duplicates,
    Told,
    Vocabulary,
    figures,
    near_duplicates,
    vocabulary,
)
from ysnakes_tui.data.statistics_tables import bars, lengths
from ysnakes_tui.data.statistics_view import StatisticsView

LONG = " ".join(f"word{number}" for number in range(120))


def nobody(done: int, total: int) -> None:
    return None


async def counted(d: DataApp) -> StatisticsView:
    await d.press("v")
    await d.until(lambda: d.pane.query(StatisticsView))
    view = d.pane.query_one(StatisticsView)
    await d.until(lambda: "different words" in d.text("#summary"))
    return view


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_all_figures_are_shown(home: Path, size: tuple[int, int]) -> None:
    write(
        home,
        [
            a_record(1, answer="One snake and one more snake."),
            a_record(2, answer=LONG, kind="blog", decision="accepted"),
            a_record(3, answer=LONG, request="Tell me of snake 2.", kind="wiki"),
            flagged(4, decision="rejected"),
        ],
    )

    async def test(d: DataApp) -> None:
        await counted(d)
        summary = d.text("#summary")
        for told in ("records    4", "accepted   1 (25 %)", "rejected   1 (25 %)", "flagged    1 (25 %)"):
            assert told in summary
        assert "repeated   1 say" in summary
        assert "llama3.1  blog" in d.text("#kinds")
        assert "100–124 2 ━" in d.text("#lengths")
        assert "note 1 ━" in d.text("#rules")
        assert "d looks for them" in d.text("#duplicates")
        await d.sees("In all", "records", "By teacher and kind")
        await d.press("end")
        await d.sees("Near-duplicates")

    drive(test, home, size=size)


def test_near_duplicates_are_looked_for_when_asked(home: Path) -> None:
    write(
        home,
        [a_record(1, answer=LONG), a_record(2, answer=LONG + " end"), a_record(3), a_record(4, answer="x")],
    )

    async def test(d: DataApp) -> None:
        await counted(d)
        await d.press("d")
        await d.until(lambda: "1 of 4 records (25.0 %)" in d.text("#duplicates"))
        assert "record 1 and 1 more: word0 word1" in d.text("#duplicates")

    drive(test, home)


def test_it_is_counted_again_when_asked(home: Path) -> None:
    write(home, [a_record(1)])

    async def test(d: DataApp) -> None:
        await counted(d)
        write(home, [a_record(2, answer="brand new words here")])
        await d.press("r")
        await d.until(lambda: "records    2" in d.text("#summary"))
        await d.until(lambda: "vocabulary 14 different words" in d.text("#summary"))

    drive(test, home)


def test_an_empty_library_has_no_figures(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.press("v")
        await d.sees("there is no record yet")

    drive(test, home)


def test_ascii_has_only_ascii(home: Path) -> None:
    write(home, [a_record(1), flagged(2)])

    async def test(d: DataApp) -> None:
        await counted(d)
        for key in ("home", "end"):
            await d.press(key)
            assert d.screen.isascii()

    drive(test, home, ascii=True)


# Counting.


def test_the_vocabulary_grows_with_new_words_only(home: Path) -> None:
    write(home, [a_record(1, answer="A snake sleeps."), a_record(2, answer="a SNAKE wakes; don’t run!")])
    told: list[tuple[int, int]] = []
    with open_library(home / "data") as library:
        found = vocabulary(library, threading.Event(), lambda done, total: told.append((done, total)))
    assert found is not None
    assert found.x.tolist() == [0, 3, 8]
    assert found.y.tolist() == [0, 3, 6]
    assert told[-1] == (2, 2)


def test_counting_stops_when_it_is_told_to(home: Path) -> None:
    write(home, [a_record(number) for number in range(1200)])
    stop = threading.Event()

    def told(done: int, total: int) -> None:
        stop.set()

    with open_library(home / "data") as library:
        assert vocabulary(library, stop, told) is None
        stop.clear()
        assert near_duplicates(library, stop, told) is None


def test_esc_stops_what_was_asked_for_and_leaves_all_else_to_go_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, [a_record(number) for number in range(3)])
    begun, may_end = threading.Semaphore(0), threading.Event()

    def held(library: Library, stop: threading.Event, told: Told) -> Duplicates | None:
        begun.release()
        while not stop.wait(0.01):
            if may_end.is_set():
                return near_duplicates(library, stop, told)
        return None

    def held_words(library: Library, stop: threading.Event, told: Told) -> Vocabulary | None:
        held(library, stop, told)
        return vocabulary(library, stop, told)

    monkeypatch.setattr(statistics_view, "near_duplicates", held)
    monkeypatch.setattr(statistics_view, "vocabulary", held_words)

    async def test(d: DataApp) -> None:
        await d.press("v")
        await d.until(lambda: begun.acquire(blocking=False))
        await d.sees("counting words")
        await d.press("escape")
        assert d.pane.context == "library"
        may_end.set()
        await counted(d)
        may_end.clear()
        await d.press("d")
        await d.until(lambda: begun.acquire(blocking=False))
        await d.press("escape")
        await d.until(lambda: "near-duplicates …" not in d.screen)
        assert d.pane.context == "statistics"
        assert "d looks for them" in d.text("#duplicates")
        await d.press("escape")
        assert d.pane.context == "library"

    drive(test, home)


def test_figures_are_those_of_the_library(home: Path) -> None:
    write(home, [a_record(1, answer=LONG), a_record(2, kind="blog"), flagged(3)])
    with open_library(home / "data") as library:
        found = figures(library)
        nothing = near_duplicates(library, threading.Event(), nobody)
    assert (found.records, found.flagged, found.repeats) == (3, 1, 0)
    assert found.words == 120 + 11 + 8
    assert sum((found.lengths or {}).values()) == 3
    assert nothing is not None
    assert nothing.groups == 0


def test_bars_fit_and_the_longest_is_of_the_largest() -> None:
    lines = bars([("a", 1000), ("longer name", 1), ("none", 0)], 40).plain.splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert [line.count("━") for line in lines] == [21, 1, 0]


def test_very_long_answers_are_put_together() -> None:
    lines = lengths({0: 5, 50: 1, 5000: 2, 99_950: 1}, 50, 60).plain.splitlines()
    assert len(lines) == 16
    assert "750 or more" in lines[-1]
    assert " 3 " in lines[-1]


def test_every_key_of_the_context_has_its_method() -> None:
    for action in actions_of("statistics"):
        assert hasattr(StatisticsView, f"action_{action.id}"), action.id

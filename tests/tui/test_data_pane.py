"""The Data pane as a whole: its views, the keys between them, the line in the strip, the way to training."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_app import DataApp, drive
from fake_ollama import FakeOllama
from textual.widgets import Input

from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.directory import create_run
from ysnakes_core.synthesis.library import open_library
from ysnakes_core.synthesis.library_records import NewRecord
from ysnakes_core.text.records import START_MARK
from ysnakes_tui.actions import ACTIONS, enclosing
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.data.library_view import LibraryView
from ysnakes_tui.data.messages import NewJob
from ysnakes_tui.panes.data import DataPane
from ysnakes_tui.panes.train import TrainPane
from ysnakes_tui.train.new_run_form import NewRunForm

pytestmark = pytest.mark.usefixtures("home")


def fill(home: Path, records: int = 5) -> None:
    (home / "data").mkdir(parents=True)
    with open_library(home / "data") as library:
        library.add(
            NewRecord(
                "story", "someone", f"Tell me of snake {i}.", f"Snake {i} sleeps in the sun.", key=str(i)
            )
            for i in range(records)
        )


# The views.


def test_every_view_has_its_key_and_esc_goes_home(home: Path) -> None:
    fill(home)

    async def test(d: DataApp) -> None:
        assert d.pane.context == "library"
        for key, context in (("n", "job_form"), ("j", "job"), ("c", "curation"), ("v", "statistics")):
            await d.press(key)
            assert d.pane.context == context
            assert d.pane.view.display
            assert [each.display for each in d.pane.children].count(True) == 1
            await d.press("escape")
            assert d.pane.context == "library"
            await d.press(key, "l")
            assert d.pane.context == "library"

    drive(test, home)


def test_the_focus_is_in_the_view_that_is_shown(home: Path) -> None:
    fill(home)

    async def test(d: DataApp) -> None:
        for key in ("n", "j", "c", "v", "l"):
            await d.press(key)
            await d.until(
                lambda: d.app.focused is not None and d.pane.view in d.app.focused.ancestors_with_self
            )

    drive(test, home)


def test_without_jobs_there_is_a_way_to_the_first(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.press("j")
        await d.sees("There are no jobs yet.", "New job (n)")
        await d.until(lambda: d.app.focused is not None and d.app.focused.id == "first-job")
        await d.press("enter")
        await d.until(lambda: d.pane.context == "job_form")

    drive(test, home)


def test_every_action_of_a_view_can_be_asked_about_in_it(home: Path) -> None:
    fill(home)

    async def test(d: DataApp) -> None:
        for key, context in (("n", "job_form"), ("j", "job"), ("c", "curation"), ("v", "statistics")):
            await d.press(key)
            for action in ACTIONS.values():
                if action.context in ("app", "data"):
                    continue
                possible = d.app.can_perform(action.id)
                assert possible is False or action.context in enclosing(context)
                if action.context == context:
                    assert hasattr(d.pane.view, f"action_{action.id}"), "the view does what it says it does"
            assert d.app.can_perform("send_to_training")

    drive(test, home)


def test_what_views_ask_for_is_done(home: Path) -> None:
    fill(home)

    async def test(d: DataApp) -> None:
        d.pane.view.post_message(NewJob("builtin"))
        await d.until(lambda: d.pane.context == "job_form" and d.form.teacher == "builtin")
        await d.pane.action_curate()
        await d.until(lambda: d.pane.context == "curation")
        d.pane.view.post_message(NewJob("ollama"))
        await d.until(lambda: d.form.teacher == "ollama")

    drive(test, home)


def test_what_the_library_shows_is_curated(home: Path) -> None:
    fill(home)

    async def test(d: DataApp) -> None:
        await d.press("/", "4")
        await d.until(lambda: d.pane.query_one(LibraryView).asked.text == "4")
        await d.pane.action_curate()
        await d.sees("1 left", "Snake 4")

    drive(test, home)


def test_a_form_that_was_left_is_as_it_was(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.open_form("builtin", story="7", seed="3")
        await d.press("escape", "n")
        values = d.form.values
        assert (values.counts["story"], values.seed, values.teacher) == ("7", "3", "builtin")

    drive(test, home)


# The strip and what is told.


def test_the_strip_says_how_the_job_stands(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama(seconds=60.0) as server:
            await d.start(hosts=server.address, blog="3", wiki="4")
            await d.sees("● running  job-1  0 of 7 records · 0 %")
            await d.press("l")
            await d.sees("● running  job-1  0 of 7 records · 0 %")
            await d.press("j", "x")
            await d.ends()
            await d.press("l")
            await d.sees("no run is shown")

    drive(test, home)


def test_it_is_told_that_a_job_has_ended_wherever_one_is(home: Path) -> None:
    async def test(d: DataApp) -> None:
        with FakeOllama(seconds=0.3) as server:
            await d.start(hosts=server.address, blog="2")
            await d.press("3")
            await d.notified("job-1 is finished", "2 records are in the library")

    drive(test, home)


def test_new_records_come_into_the_library_that_is_shown(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.start("builtin", story="5")
        await d.press("l")
        await d.ends()
        request = d.records()[-1].request
        await d.sees(request[:20])

    drive(test, home)


# Into training.


@pytest.mark.parametrize("last_run", ["", "quiet-cobra"])
def test_text_goes_into_training_with_one_key(home: Path, last_run: str) -> None:
    fill(home)
    if last_run:
        create_run(home / "runs", RunConfig(), last_run)

    async def test(d: DataApp) -> None:
        for _ in range(2):  # the Train pane is new the first time, and there the second
            await d.press("T")
            await d.until(lambda: d.app.query(NewRunForm) and d.app.query_one(TrainPane).context == "form")
            await d.until(lambda: d.app.query_one("NewRunForm #data", Input).value)
            field = d.app.query_one("NewRunForm #data", Input)
            assert field.value == str(home / "data" / "text")
            await d.until(lambda: d.app.query_one(NewRunForm).plan is not None)
            assert d.app.query_one(NewRunForm).errors == {}
            await d.until(lambda: d.app.focused is not None and d.app.focused.id == "start")
            await d.press("escape", "1")
        (file,) = (home / "data" / "text").glob("*.md")
        assert file.read_text().count(START_MARK) == 5
        await d.notified("The text is written", "5 records in")

    drive(test, home, memory=AppMemory(pane="data", last_run=last_run))


def test_where_there_is_no_text_it_is_told_what_to_do(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.press("T")
        await d.notified("there is no text to train on yet", "start a job, or import files")
        assert d.app.pane is d.pane
        assert not d.folder.exists()

    drive(test, home)


def test_files_of_someone_else_are_not_overwritten(home: Path) -> None:
    fill(home)
    theirs = home / "data" / "text" / "someone-story-0.md"
    theirs.parent.mkdir()
    theirs.write_text("mine")

    async def test(d: DataApp) -> None:
        await d.press("T")
        await d.notified("would be overwritten")
        assert theirs.read_text() == "mine"
        assert isinstance(d.app.pane, DataPane)

    drive(test, home)

"""When the form for a new run starts one, when it does not, and how it is given up."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from form_app import FITS, TOO_LARGE, FormApp, drive

from ysnakes_core.runs.directory import RunDirectory, find_runs
from ysnakes_core.runs.plans import NO_PLAN, RunPlan
from ysnakes_tui.train.new_run_form import DEBOUNCE_SECONDS, NewRunForm

pytestmark = pytest.mark.usefixtures("home")


def test_enter_starts_what_is_usual_as_soon_as_it_is_known_to_fit(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        assert d.screen.count("calculating…") == 6
        await d.press("enter")
        assert d.starter.started == []
        assert "as soon as the memory" in d.screen
        config = await d.answered(FITS)
        await d.until(lambda: d.host.got)
        assert [run.name for run in d.starter.started] == d.host.got
        made = RunDirectory(runs / d.host.got[0]).read_config()
        assert made == config
        assert (made.preset, made.training.minutes, made.data.paths) == ("ys-2m", 5.0, ())
        await d.press("enter")  # a second one does nothing
        await d.pilot.pause()
        assert len(find_runs(runs)) == 1

    drive(runs, test)


def test_what_does_not_fit_is_said_and_not_started(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        await d.press("enter")
        await d.answered(TOO_LARGE)
        assert "✗ does not fit" in d.screen
        assert any("8.0 GB for it" in note and "the size ys-4m" in note for note in d.told)
        assert d.starter.started == []
        assert find_runs(runs) == []
        await d.fill("length", "64")
        await d.answered(FITS)
        await d.press("enter")
        await d.until(lambda: d.host.got)

    drive(runs, test)


def test_without_an_answer_it_can_be_started_all_the_same(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        await d.answered(NO_PLAN)
        assert "could not be" in d.screen
        await d.press("enter")
        await d.until(lambda: d.host.got)

    drive(runs, test)


def test_nothing_starts_unasked_whose_memory_nobody_knows(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        await d.press("enter")
        assert "as soon as the memory" in d.screen
        await d.answered(NO_PLAN)
        assert "could not be worked out; start it once more" in d.screen
        assert (d.starter.started, find_runs(runs)) == ([], [])
        await d.press("enter")
        await d.until(lambda: d.host.got)

    drive(runs, test)


@pytest.mark.parametrize("last_words", [None, NO_PLAN, FITS], ids=["none", "no plan", "it fits"])
@pytest.mark.parametrize("early", [True, False], ids=["at once", "as it was asked about"])
def test_what_is_given_up_does_not_start_whatever_the_planner_still_says(
    runs: Path, last_words: RunPlan | None, early: bool
) -> None:
    async def test(d: FormApp) -> None:
        await d.until(lambda: d.planner.asked)
        d.planner.last_words = last_words
        if early:
            await d.fill("seed", "3")
        await d.press("enter", "escape")
        await d.until(lambda: d.host.got == ["cancelled"])
        await d.pilot.pause(DEBOUNCE_SECONDS)  # what was changed last would be looked at now
        await d.app.workers.wait_for_complete()
        number, _ = d.planner.asked[-1]
        await asyncio.to_thread(d.planner.answer, number, FITS)
        await d.pilot.pause()
        await d.app.workers.wait_for_complete()
        assert (d.starter.started, find_runs(runs), d.host.got) == ([], [], ["cancelled"])

    drive(runs, test)


def test_where_no_worker_starts_no_run_is_left_behind(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        d.starter.fails = True
        await d.answered(FITS)
        await d.press("enter")
        await d.until(lambda: d.told)
        assert "no process could be started" in d.told[0]
        assert find_runs(runs) == []
        d.starter.fails = False
        await d.press("enter")
        await d.until(lambda: d.host.got)

    drive(runs, test)


def test_a_name_taken_meanwhile_is_said(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        await d.fill("name", "mine")
        await d.answered(FITS)
        (runs / "mine").mkdir(parents=True)
        await d.press("enter")
        await d.until(lambda: "name" in d.form.errors)
        assert d.starter.started == []
        await d.fill("name", "-2")
        await d.answered(FITS)
        await d.press("enter")
        await d.until(lambda: d.host.got == ["mine-2"])

    drive(runs, test)


def test_escape_and_the_button_give_it_up_and_the_planner_ends(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        await d.press("escape")
        await d.pilot.pause()
        assert d.planner.closed
        await d.pilot.click("#cancel")
        await d.pilot.pause()
        assert d.host.got == ["cancelled", "cancelled"]
        assert d.starter.started == []

    drive(runs, test)


@pytest.mark.slow
def test_a_run_is_really_trained(runs: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.md"
    text.write_text("\n\n".join(f"The {n}th snake is green and eats {n} apples." for n in range(400)))

    async def test(d: FormApp) -> None:
        await d.fill("data", str(text))
        await d.go_to("preset")
        await d.press("left")
        await d.fill("amount", "2")
        await d.go_to("unit")
        await d.press("left", "left", "left")
        await d.fill("length", "16")
        await d.fill("batch", "2")
        await d.press("enter")
        await d.until(lambda: d.host.got, seconds=100)
        run = RunDirectory(runs / d.host.got[0])
        try:
            await d.until(lambda: run.read_state().status in ("finished", "failed"), seconds=100)
            assert (run.read_state().status, run.read_state().step) == ("finished", 2)
        finally:
            state = run.read_state()
            if state.pid and state.process.is_alive():
                os.kill(state.pid, signal.SIGTERM)

    drive(runs, test, make=NewRunForm)

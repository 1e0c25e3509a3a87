"""The Train pane over a run whose directory is written as by a worker: what it shows, and of which run."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from seen import screen_text
from written_run import Driven, Worker, drive

from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.control import pending
from ysnakes_core.runs.directory import create_run
from ysnakes_core.runs.events import SampleEvent, WarningEvent
from ysnakes_core.runs.following import RunFollower
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import usual_keymap
from ysnakes_tui.train.runs_table import RunsTable
from ysnakes_tui.widgets.key_footer import KeyFooter
from ysnakes_tui.widgets.line_chart import LineChart
from ysnakes_tui.widgets.meter import Meter
from ysnakes_tui.widgets.status_strip import StatusStrip

HOSTILE = "[red]x[/] \x1b[2J\x00\u202eevil " + "日本語" * 40 + "y" * 10_000


# What is shown.


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_run_is_shown_as_it_stands(worker: Worker, home: Path, size: tuple[int, int]) -> None:
    async def test(d: Driven) -> None:
        await d.shows("#title", "running", "quiet-cobra")
        await d.shows("#facts", "40 of 400", "1.9000", "1:30", "2,749", "1.02")
        await d.shows("#memory", "512 MB", "8.0 GB free")
        await d.shows("#loss-chart", "smoothed", "★" if size[0] > 80 else "loss")
        status = d.dashboard.status()
        assert (status.run, status.state, status.step, status.total_steps) == (
            "quiet-cobra",
            "running",
            40,
            400,
        )

    drive(test, size=size, home=home)


def test_the_load_of_the_machine_is_shown_while_a_worker_is_there(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.shows("#facts", "cpu       –", "machine   –", "peak      –")  # an older worker does not say
        worker.stand(cpu_percent=190.0, cpu_count=2, system_percent=97.4)
        worker.tell_memory(rss=600_000_000, available=8_000_000_000, peak=700_000_000)
        await d.shows("#facts", "cpu       1.9 of 2 cores", "machine   97 % busy", "peak      700 MB")
        await d.shows("#memory", "600 MB, 8.0 GB free")
        assert not d.dashboard.query_one("#gpu").display
        worker.end("stopped", "asked to")
        await d.shows("#facts", "tokens/s  was 2,749", "peak      700 MB")
        await d.shows("#memory", "was 600 MB")  # and no bar of what it no longer takes
        assert d.dashboard.query_one("#memory", Meter).fraction is None
        names = [line.split()[0] for line in d.text("#facts").splitlines()]
        assert not {"cpu", "machine", "left"} & set(names)

    drive(test, size=(120, 40), home=home)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_gpu_is_shown_with_what_everyone_takes_of_it(
    worker: Worker, home: Path, size: tuple[int, int]
) -> None:
    async def test(d: Driven) -> None:
        gpu = {"allocated": 4.9, "reserved": 5.2, "peak": 5.0, "used": 7.5, "total": 8.0}
        worker.stand(gpu_percent=88.0)
        worker.tell_memory(rss=10**9, available=10**10, **{f"cuda_{k}": int(v * 1e9) for k, v in gpu.items()})
        await d.shows("#gpu", "gpu", "!! 7.5 GB, 500 MB free")
        await d.shows("#memory", "1.0 GB, 10.0 GB free")
        await d.shows("#facts", "gpu       88 % busy", "reserved  5.2 GB", "in use    4.9 GB, peak 5.0 GB")
        assert d.dashboard.query_one("#gpu").display
        await d.until(lambda: all(w in screen_text(d.app) for w in ("88 % busy", "5.2 GB", "peak 5.0 GB")))
        side = d.dashboard.query_one("#side")
        side.focus()
        await d.press("end")
        await d.until(lambda: side.scroll_y == side.max_scroll_y > 0)  # all of it can be read
        worker.end("stopped", "asked to")
        await d.shows("#gpu", "was 7.5 GB")
        await d.shows("#facts", "gpu peak  5.0 GB")
        assert "reserved" not in d.text("#facts")

    drive(test, size=size, home=home)


@pytest.mark.parametrize(
    ("status", "kind"), [("running", "good"), ("paused", "waiting"), ("crashed", "bad"), ("stopped", "")]
)
def test_a_status_has_one_colour_everywhere(worker: Worker, home: Path, status: str, kind: str) -> None:
    if status == "crashed":
        worker.stand(pid=2**22 + 1)
    else:
        worker.stand(status=status)

    async def test(d: Driven) -> None:
        await d.shows("#title", f"{status}: quiet-cobra")
        title = d.dashboard.query_one("#title")
        strip = d.app.query_one(StatusStrip)
        await d.until(lambda: f" {status} " in strip.render().plain)
        assert {each for each in ("good", "waiting", "bad") if title.has_class(f"-{each}")} == {kind} - {""}
        if kind:
            assert title.rich_style.color == strip.get_component_rich_style(f"status-strip--{kind}").color

    drive(test, home=home)


def test_a_budget_is_said_as_a_person_would(worker: Worker, home: Path) -> None:
    config = worker.run.read_config()

    async def test(d: Driven) -> None:
        for budget, said in (
            ({"steps": 5000}, "1 % of 5,000 steps"),
            ({"steps": 0, "tokens": 1_200_000}, "2 % of 1.20M tokens"),
            ({"steps": 0, "epochs": 2.5}, "of 2.5 epochs"),
        ):
            worker.run.write_config(replace(config, training=replace(config.training, **budget)))
            await d.shows("#progress", said)

    drive(test, home=home)


def test_the_time_trained_is_counted_over_all_sessions(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.shows("#facts", "elapsed   –")
        worker.stand(seconds=61.0, sessions=1)
        await d.shows("#facts", "elapsed   1:01\n")
        worker.stand(seconds=723.0, sessions=2)
        await d.shows("#facts", "elapsed   12:03 in 2 sessions")

    drive(test, home=home)


def test_a_budget_in_minutes_is_spent_by_the_time_trained(worker: Worker, home: Path) -> None:
    config = worker.run.read_config()
    worker.run.write_config(replace(config, training=replace(config.training, steps=0, minutes=10.0)))

    async def test(d: Driven) -> None:
        await d.shows("#progress", "of 10 minutes")
        worker.stand(seconds=150.0)
        await d.shows("#progress", "25 % of 10 minutes")

    drive(test, home=home)


def test_news_come_without_a_key(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        worker.train(10)
        await d.shows("#facts", "50 of 400")
        worker.validate(1.7, 0, 1.7, 50)
        await d.shows("#facts", "1.7000")
        chart = d.dashboard.query_one("#bits-chart", LineChart)
        await d.until(lambda: chart.span == (40.0, 50.0))

    drive(test, home=home)


def test_behind_another_pane_only_the_strip_moves_on_and_the_rest_catches_up(
    worker: Worker, home: Path
) -> None:
    async def test(d: Driven) -> None:
        await d.shows("#facts", "40 of 400")
        await d.press("1")
        before = d.text("#facts")
        worker.train(5)
        await d.until(lambda: d.dashboard.status().step == 45)
        assert d.text("#facts") == before
        await d.press("2")
        await d.shows("#facts", "45 of 400")

    drive(test, home=home)


def test_a_run_that_was_rolled_back_loses_the_steps_it_took_back(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        chart = d.dashboard.query_one("#loss-chart", LineChart)
        await d.until(lambda: chart.span == (1.0, 40.0))
        worker.step = 20
        worker.train(1)
        await d.until(lambda: chart.span == (1.0, 21.0))

    drive(test, home=home)


def test_everything_from_outside_is_literal(worker: Worker, home: Path) -> None:
    now = time.time()
    worker.write(
        SampleEvent(now, 40, 0, HOSTILE, HOSTILE),
        WarningEvent(now, 40, 0, HOSTILE, HOSTILE),
        WarningEvent(1e300, 40, 0, "from another time"),
    )

    async def test(d: Driven) -> None:
        await d.shows("#samples", "[red]x[/] ␛[2J␀‹U+202E›evil")
        await d.shows("#log", "[red]x[/] ␛[2J␀‹U+202E›evil", "??:??:?? warning: from another time")
        for place in ("#samples", "#log"):
            assert not set("\x1b\x00\u202e") & set(d.text(place))

    drive(test, home=home)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_run_that_another_program_deletes_is_said_to_be_gone_and_nothing_is_done_with_it(
    worker: Worker, home: Path, size: tuple[int, int]
) -> None:
    async def test(d: Driven) -> None:
        worker.run.path.rename(home / "elsewhere")
        await d.until(lambda: "gave it another name" in " ".join(screen_text(d.app).split()))
        await d.shows("#ending", "It is gone", "r all runs", "n new run")
        await d.shows("#title", "gone: quiet-cobra")
        assert (d.dashboard.status().state, d.dashboard.status().eta) == ("gone", None)
        assert "Best" not in d.text("#ending")
        for action in ("pause", "attach", "stop", "copy_resume", "delete", "open_folder", "compare"):
            assert d.app.can_perform(action) is None
        footer = d.app.screen_stack[0].query_one(KeyFooter)
        await d.until(lambda: "pause" not in [hint.action for hint in footer.shown if hint.enabled])
        (home / "elsewhere").rename(worker.run.path)  # it is brought back
        await d.until(lambda: not d.dashboard.query_one("#ending").display)
        assert d.app.can_perform("pause")
        worker.run.path.rename(home / "elsewhere")
        await d.shows("#ending", "It is gone")
        await d.press("r")
        await d.until(lambda: d.pane.context == "runs")

    drive(test, size=size, home=home)


def test_why_a_run_cannot_be_read_is_said_to_its_last_word(worker: Worker, home: Path) -> None:
    worker.run.state_file.write_text("{")

    async def test(d: Driven) -> None:
        words = d.dashboard.run_watch and d.dashboard.run_watch.follower.problem
        assert words
        await d.until(lambda: " ".join(words.split()) in " ".join(d.text("#facts").split()))
        assert all(len(line) <= 33 for line in d.text("#facts").splitlines())

    drive(test, home=home)


def test_the_strip_tells_of_the_same_moment_as_the_dashboard(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        for step in (43, 46):
            worker.train(3)
            await d.shows("#facts", f"{step} of 400")
            assert f"{step}" in str(d.app.screen_stack[0].query_one(StatusStrip).render())

    drive(test, home=home)


# Which run is shown.


def test_runs_are_chosen_from_the_list(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        assert d.pane.context == "runs"
        table = d.pane.query_one(RunsTable)
        await d.until(lambda: table.current is not None)
        await d.press("enter")
        await d.until(lambda: d.pane.context == "train" and d.dashboard.status().step == 40)
        assert d.app.memory.last_run == "quiet-cobra"
        await d.press("r")
        assert d.pane.context == "runs"
        assert table.display

    drive(test, last_run="", home=home)


def test_a_last_run_that_is_gone_leads_to_the_list(home: Path) -> None:
    async def test(d: Driven) -> None:
        assert d.pane.context == "runs"

    async def run() -> None:
        app = YsnakesApp(home / "runs", keymap=usual_keymap(), memory=AppMemory(last_run="../../etc"))
        async with app.run_test() as pilot:
            await pilot.pause()
            await test(Driven(app, pilot))

    asyncio.run(run())


def test_in_ascii_there_is_nothing_else(worker: Worker, home: Path) -> None:
    async def run() -> None:
        app = YsnakesApp(
            home / "runs", keymap=usual_keymap(), memory=AppMemory(last_run="quiet-cobra"), ascii=True
        )
        async with app.run_test(size=(120, 40)) as pilot:
            d = Driven(app, pilot)
            await d.until(lambda: d.dashboard.query_one("#loss-chart", LineChart).glyphs == "ascii")
            await d.shows("#loss-chart", "smoothed")
            lines = [segment.text for strip in app.screen._compositor.render_strips() for segment in strip]
            shown = "".join(lines)
            assert "quiet-cobra" in shown

    asyncio.run(run())


def test_another_run_takes_the_place_of_the_first_with_nothing_left_of_it(worker: Worker, home: Path) -> None:
    other = Worker(create_run(home / "runs", RunConfig(), "other"))
    worker.write(SampleEvent(time.time(), 40, 0, "of the first", "run"))
    other.train(3)

    async def test(d: Driven) -> None:
        await d.shows("#samples", "of the first")
        d.pane.watch_run("other")
        await d.shows("#facts", "3 of 400")
        chart = d.dashboard.query_one("#loss-chart", LineChart)
        await d.until(lambda: chart.span == (1.0, 3.0))
        await d.until(lambda: "of the first" not in d.text("#samples"))
        assert "bits per byte" not in d.text("#log")
        await d.press("c")
        await d.until(lambda: pending(other.run))
        assert not pending(worker.run)

    drive(test, home=home)
    other.log.close()


def test_a_run_that_can_no_longer_be_followed_is_said_to_be(
    worker: Worker, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(d: Driven) -> None:
        def fail(follower: RunFollower, budget_seconds: float = 0.0) -> bool:
            raise ZeroDivisionError("of [b]something[/]")

        monkeypatch.setattr(RunFollower, "poll", fail)
        await d.until(
            lambda: any("of [b]something[/]" in str(t.render()) for t in d.app.screen.query("Toast"))
        )

    drive(test, home=home)

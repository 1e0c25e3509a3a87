"""The charts, the log and the list of checkpoints in the Train pane: their keys, and what they mark."""

from __future__ import annotations

import time
from pathlib import Path

from seen import screen_text
from textual.widgets import OptionList
from written_run import Driven, Worker, drive

from ysnakes_core.runs.events import EarlyStoppingEvent, RunStartedEvent, WarningEvent
from ysnakes_tui.train.ask_screen import ConfirmScreen
from ysnakes_tui.train.text_panel import TextPanel
from ysnakes_tui.widgets.line_chart import LineChart


def test_what_happened_hangs_below_its_first_word(worker: Worker, home: Path) -> None:
    words = "one two three four five six seven eight nine ten " * 4
    worker.write(WarningEvent(time.time(), 40, 0, f"{words}end"))

    async def test(d: Driven) -> None:
        await d.press("w")
        await d.until(lambda: "ten end" in screen_text(d.app))
        lines = screen_text(d.app).splitlines()
        first = next(place for place, line in enumerate(lines) if "warning: one two" in line)
        assert lines[first].index("warning") == 10
        following = lines[first + 1 : first + 3]
        assert [len(line) - len(line.lstrip()) for line in following] == [10, 10]
        await d.pilot.resize_terminal(120, 40)
        await d.until(lambda: "ten end" in screen_text(d.app))
        log = d.dashboard.query_one("#log", TextPanel)
        left = log.region.x + 1
        shown = [line[left:] for line in screen_text(d.app).splitlines()[log.region.y :]]
        first = next(place for place, line in enumerate(shown) if "warning: one two" in line)
        assert shown[first + 1].startswith(" " * 9 + "o") or shown[first + 1][9] != " "
        assert shown[first + 1][:9].isspace()

    drive(test, home=home)


def test_the_legend_names_only_marks_that_are_drawn(worker: Worker, home: Path) -> None:
    worker.save(best=True)
    worker.train(60)
    worker.validate(1.8, 0, 1.8, 100)

    async def test(d: Driven) -> None:
        await d.shows("#loss-chart", "★ best", "◆ checkpoint")
        await d.shows("#bits-chart", "★ best")
        assert "checkpoint" not in d.text("#bits-chart")  # there is no room for an axis to put them on
        loss = d.dashboard.query_one("#loss-chart", LineChart)
        loss.show(60.0, 100.0)
        await d.until(lambda: "◆" not in d.text("#loss-chart"))
        assert "checkpoint" not in d.text("#loss-chart")
        assert "★ best" in d.text("#loss-chart")

    drive(test, size=(120, 40), home=home)


def test_the_charts_zoom_and_pan_together(worker: Worker, home: Path) -> None:
    worker.train(40)
    worker.validate(1.8, 0, 1.8, 80)

    async def test(d: Driven) -> None:
        loss, score = (d.dashboard.query_one(f"#{name}-chart", LineChart) for name in ("loss", "bits"))
        await d.until(lambda: loss.span == (1.0, 80.0))
        await d.press("+")
        assert loss.view is not None
        assert loss.view[1] == 80.0
        await d.press("<")
        assert loss.view[1] < 80.0
        await d.press(">")
        assert loss.view[1] == 80.0
        worker.train(20)
        await d.until(lambda: loss.view is not None and loss.view[1] == 100.0)  # the latest stay in view
        await d.press("-")
        await d.press("0")
        assert [loss.view, score.view] == [None, None]
        await d.press("l")
        assert loss.log_scale
        assert score.log_scale

    drive(test, home=home)


def test_the_crosshair_moves_and_escape_takes_it_away_before_it_leaves(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        loss = d.dashboard.query_one("#loss-chart", LineChart)
        await d.until(lambda: loss.span)
        await d.press("i")
        assert loss.crosshair == 40.0
        await d.press("left")
        assert loss.crosshair is not None
        assert loss.crosshair < 40.0
        await d.press("right")
        assert loss.crosshair == 40.0
        await d.press("escape")
        assert loss.crosshair is None
        assert d.pane.context == "train"
        await d.press("escape")
        assert d.pane.context == "runs"

    drive(test, home=home)


def test_the_log_and_the_checkpoints_have_keys(worker: Worker, home: Path) -> None:
    worker.save()

    async def test(d: Driven) -> None:
        await d.press("k")
        checkpoints = d.dashboard.query_one("#checkpoints", OptionList)
        await d.until(lambda: checkpoints.has_focus and checkpoints.option_count == 1)
        assert not d.dashboard.query_one("#samples").display
        await d.press("w")
        assert d.dashboard.query_one("#log").has_focus
        assert not checkpoints.display

    drive(test, home=home)


def test_the_best_of_steps_left_behind_has_its_score_and_going_back_says_that_it_stays(
    worker: Worker, home: Path
) -> None:
    worker.save(best=True)
    (worker.run.checkpoints_folder / "step-00000040").rename(
        worker.run.checkpoints_folder / "step-00000040-kept"
    )
    (worker.run.checkpoints_folder / "best").write_text("step-00000040-kept")
    (worker.run.checkpoints_folder / "step-00000030").mkdir()
    worker.write(
        RunStartedEvent(time.time(), 30, 0, "quiet-cobra", 30),
        EarlyStoppingEvent(time.time(), 30, 0, 0, 3, 0.0, 1.9, 40, reference=2.5),
    )
    worker.end("stopped", "asked to stop")

    async def test(d: Driven) -> None:
        await d.until(lambda: d.dashboard.status().state == "stopped")
        await d.press("k")
        checkpoints = d.dashboard.query_one("#checkpoints", OptionList)
        await d.until(lambda: checkpoints.has_focus and checkpoints.option_count == 2)
        assert [line for _, line in d.dashboard.checkpoint_rows] == [
            "step-00000040-kept  1.9000 bits/byte  ★ best",
            "step-00000030",
        ]
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
        assert "kept all the same" not in " ".join(screen_text(d.app).split())
        await d.press("escape", "down", "enter")
        await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
        await d.until(lambda: "The best model is kept" in " ".join(screen_text(d.app).split()))

    drive(test, home=home)


def test_scrolling_back_is_not_stolen(worker: Worker, home: Path) -> None:
    for number in range(40):
        worker.write(WarningEvent(time.time(), 40, 0, f"warning number {number}"))

    async def test(d: Driven) -> None:
        await d.press("w")
        log = d.dashboard.query_one("#log", TextPanel)
        await d.shows("#log", "warning number 39")
        await d.until(lambda: log.max_scroll_y > 0 and log.scroll_y == log.max_scroll_y)
        await d.press("home")
        await d.until(lambda: log.scroll_y == 0)
        worker.write(WarningEvent(time.time(), 40, 0, "one more"))
        await d.shows("#log", "one more")
        await d.pilot.pause()
        assert log.scroll_y == 0

    drive(test, home=home)

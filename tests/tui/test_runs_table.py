"""The list of runs, driven by keys: what it shows, found, sorted, marked and compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs_app import NOW, RunsApp, a_run, drive
from textual.widgets import DataTable, Input, Static

from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.events import ValidationEvent, to_json
from ysnakes_core.runs.state import RunState
from ysnakes_tui.app_memory import AppMemory, read_memory
from ysnakes_tui.train.comparison import Comparison
from ysnakes_tui.train.run_grid import RunGrid

HOSTILE = "[b]bad[b]\x1b[2J\u202e"
pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("ascii", [False, True])
def test_without_a_run_it_says_what_a_first_one_would_be(
    runs: Path, size: tuple[int, int], ascii: bool
) -> None:
    async def test(d: RunsApp) -> None:
        await d.until(lambda: "MB of stories" in d.screen)
        assert "ys-2m, five minutes on a laptop's CPU" in d.screen
        assert "5 minutes, or less if it learns no more" in d.screen
        assert str(runs)[:30] in d.screen
        assert "(enter)" in d.screen
        assert "text of your own" in d.screen  # the last line has room, too
        assert d.screen.isascii() == ascii
        assert "sorted by" not in d.screen
        for action in ("delete", "undo", "mark", "filter", "compare", "attach"):
            assert not d.app.can_perform(action)
        await d.press("j", "enter")
        await d.until(lambda: len(d.host.got) == 2)
        assert d.host.got == ["a new run", "a first run"]

    drive(runs, test, keys={"new_run": "j"}, size=size, ascii=ascii)


def test_a_filter_that_is_hidden_takes_no_letter(runs: Path) -> None:
    a_run(runs, "alpha")

    async def test(d: RunsApp) -> None:
        base = d.app.screen
        base.set_focus(None)
        await d.press("?", "?")  # a screen that is seen again might give it to the first that takes it
        await d.until(lambda: d.app.screen is base)
        await d.pilot.pause()
        assert base.focused is None or base.focused is d.table.query_one(RunGrid)
        await d.press("n")
        await d.until(lambda: d.host.got == ["a new run"])

    drive(runs, test)


def test_the_first_run_is_as_the_settings_say(runs: Path, tmp_path: Path) -> None:
    runs.parent.mkdir(parents=True)
    settings = runs.parent / "config.toml"
    settings.write_text(f"[data]\npaths = ['{tmp_path / 'mine'}']\n[training]\nsteps = 70\n")

    async def test(d: RunsApp) -> None:
        await d.until(lambda: "70 steps" in d.screen)
        assert "your own, as your settings say: " in d.screen

    drive(runs, test, size=(120, 40))
    settings.write_text("[data\n")

    async def broken(d: RunsApp) -> None:
        await d.until(lambda: "is not valid TOML" in d.screen)

    drive(runs, broken, size=(120, 40))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("ascii", [False, True])
def test_each_run_has_a_line_with_all_there_is_to_know(
    runs: Path, size: tuple[int, int], ascii: bool
) -> None:
    a_run(runs, "quiet-cobra", preset="ys-4m", step=12345, best=1.2345, age=130)
    a_run(runs, "busy-boa", "running", best=None)
    a_run(runs, "lost-adder", "running").write_state(RunState(status="running", heartbeat=NOW - 9999))
    a_run(runs, "broken").config_file.write_text("nonsense")

    async def test(d: RunsApp) -> None:
        lines = d.screen.splitlines()
        line = next(line for line in lines if "quiet-cobra" in line)
        assert line.split() == [
            *(
                "+" if ascii else "✓",
                "finished",
                "quiet-cobra",
                "ys-4m",
                "12,345",
                "1.2345",
                "2",
                "min",
                "ago",
            )
        ]
        busy = next(line for line in lines if "busy-boa" in line).split()
        assert busy[:2] == [">" if ascii else "●", "running"]
        assert next(line for line in lines if "lost-adder" in line).split()[1] == "crashed"
        assert next(line for line in lines if " broken " in line).split()[1] == "broken"
        table = d.table.query_one(DataTable)
        assert table.virtual_size.width <= table.size.width  # nothing to scroll to sideways

    drive(runs, test, size=size, ascii=ascii)


def test_why_a_run_is_broken_stands_below_the_list(runs: Path) -> None:
    a_run(runs, "broken").config_file.write_text("nonsense")

    async def test(d: RunsApp) -> None:
        assert "not valid TOML" in d.screen

    drive(runs, test, size=(120, 40))


def test_a_hostile_name_is_shown_literally_and_is_no_part_of_a_command(runs: Path) -> None:
    a_run(runs, HOSTILE)

    async def test(d: RunsApp) -> None:
        assert "[b]bad[b]␛[2J" in d.screen
        assert "\x1b" not in d.screen
        await d.press("y")
        assert d.app.clipboard == ""  # pasted, it could do harm
        assert "has control or invisible characters" in d.told[-1]
        await d.press("d")
        await d.pilot.pause()
        assert "[b]bad[b]␛[2J" in d.screen
        await d.press("n")
        await d.press("enter")
        assert d.host.got == [HOSTILE]

    drive(runs, test)


def test_the_list_follows_the_disk_and_the_cursor_stays_with_its_run(runs: Path) -> None:
    a_run(runs, "one", age=10)
    a_run(runs, "two", age=20)

    async def test(d: RunsApp) -> None:
        await d.press("down")
        assert d.table.current is not None
        assert d.table.current.name == "two"
        a_run(runs, "three")
        RunDirectory(runs / "one").write_state(RunState(status="stopped", heartbeat=NOW - 10, step=777))
        d.table.read()
        await d.until(lambda: d.names == ["three", "one", "two"])
        assert d.table.current.name == "two"
        assert "777" in d.screen
        assert "■ stopped" in d.screen

    drive(runs, test)


def test_letters_find_runs_by_name_state_and_size_until_esc(runs: Path) -> None:
    a_run(runs, "quiet-cobra", age=1)
    a_run(runs, "quick-boa", "failed", age=2)
    a_run(runs, "mamba", "failed", preset="ys-4m", age=3)

    async def test(d: RunsApp) -> None:
        await d.press("/", *"qui")
        assert d.names == ["quiet-cobra", "quick-boa"]
        await d.press("space", *"failed")
        assert d.names == ["quick-boa"]
        await d.press("enter", "enter")
        assert d.host.got == ["quick-boa"]
        await d.press("/", "x")
        assert d.names == []
        assert "No run has “qui failedx”" in d.screen
        await d.press("escape")
        assert len(d.names) == 3
        assert not d.table.query_one(Input).has_focus
        await d.press("/", *"4m")
        assert d.names == ["mamba"]
        await d.press("escape", "escape")
        assert d.host.got == ["quick-boa", "back"]

    drive(runs, test)


def test_it_is_sorted_by_any_column_in_either_direction(runs: Path) -> None:
    a_run(runs, "b", step=3, best=1.9, age=1)
    a_run(runs, "c", step=1, best=None, age=2)
    a_run(runs, "a", step=2, best=1.2, age=3)
    orders = {}

    async def test(d: RunsApp) -> None:
        assert d.names == ["b", "c", "a"]
        for _ in range(6):
            await d.press("s")
            orders[d.table._order.sort] = "".join(d.names)
        await d.press("s", "s", "S")
        assert d.names == ["c", "b", "a"]
        assert "run▾" in d.screen

    drive(runs, test)
    expected = {"name": "abc", "step": "bac", "best": "abc", "when": "bca"}
    assert {key: orders[key] for key in expected} == expected


def test_marked_runs_are_compared_on_one_chart(runs: Path) -> None:
    a_run(runs, "one", age=1, scores=(3.0, 2.0, 1.5, 1.6))
    a_run(runs, "two", age=2, scores=(2.5, 2.25))
    a_run(runs, "three", age=3)

    async def test(d: RunsApp) -> None:
        assert d.app.can_perform("compare") is None  # one is not several
        await d.press("space", "space", "space")
        assert d.table.marked == ["one", "two", "three"]
        await d.press("m")
        comparison = d.app.query_one(Comparison)
        await d.until(lambda: len(comparison.curves) == 3)
        await d.pilot.pause()
        drawn = {s.label: (s.x.tolist(), s.y.tolist(), s.letter) for s in comparison.chart.content.series}
        assert drawn["one"] == ([10, 20, 30, 40], [3.0, 2.0, 1.5, 1.6], "A")
        assert drawn["two"] == ([10, 20], [2.5, 2.25], "B")
        summary = [line.split() for line in d.screen.splitlines() if "best, at step" in line]
        assert [(line[0], line[1], line[2]) for line in summary] == [
            ("A", "one", "1.5000"),
            ("B", "two", "2.2500"),
        ]
        assert "no validation yet" in d.screen
        assert [d.app.can_perform(action) for action in ("mark", "filter", "delete")] == [False] * 3
        with RunDirectory(runs / "two").events_file.open("a") as log:
            log.write(to_json(ValidationEvent(NOW, 30, 64, 1.0, 2.7, 1.0)) + "\n")
        comparison.read()
        await d.until(lambda: comparison.curves[1].steps.tolist() == [10, 20, 30])
        await d.press("escape")
        assert d.table.comparison is None
        assert d.table.query_one(DataTable).has_focus
        await d.press("escape")
        assert d.table.marked == []

    drive(runs, test)


def test_the_order_is_there_again_the_next_time(runs: Path) -> None:
    for number, name in enumerate("bca"):
        a_run(runs, name, age=number)

    async def test(d: RunsApp) -> None:
        await d.press("s", "s", "S")
        assert d.names == ["c", "b", "a"]
        assert d.app.memory.layout == {"other": "1", "runs.order": "name, reversed"}
        await d.app.workers.wait_for_complete()

    drive(runs, test, memory=AppMemory(layout={"other": "1"}))
    assert read_memory().layout == {"other": "1", "runs.order": "name, reversed"}

    async def again(d: RunsApp) -> None:
        assert d.names == ["c", "b", "a"]
        assert "run▾" in d.screen

    drive(runs, again, memory=read_memory())


def test_the_line_below_counts(runs: Path) -> None:
    for number in range(3):
        a_run(runs, f"run-{number}", age=number)

    async def test(d: RunsApp) -> None:
        line = d.table.query_one("#runs-line", Static)
        assert str(line.render()) == "3 runs · sorted by when"
        await d.press("space", "/", "1")
        assert str(line.render()) == "1 of 3 runs · 1 marked · sorted by when"

    drive(runs, test)

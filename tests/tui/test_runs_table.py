"""The list of runs, driven by keys: found, sorted, marked, compared, renamed, deleted, brought back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from seen import notes_of, screen_text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

from ysnakes_core.configuration import RunConfig, apply_settings, preset_config
from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.events import ValidationEvent, to_json
from ysnakes_core.runs.housekeeping import Trash, Trashed
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory, read_memory
from ysnakes_tui.keymap import keymap_from, textual_name, usual_keymap
from ysnakes_tui.train.app_trash import trash_of
from ysnakes_tui.train.comparison import Comparison
from ysnakes_tui.train.file_manager import open_folder
from ysnakes_tui.train.run_dialogs import DeleteScreen, RenameScreen
from ysnakes_tui.train.run_grid import RunGrid
from ysnakes_tui.train.run_list import SORTS, Order, RunList, size_of
from ysnakes_tui.train.runs_table import RunsTable
from ysnakes_tui.widgets.status_strip import Status

NOW = 1_800_000_000.0
HOSTILE = "[b]bad[b]\x1b[2J\u202e"
pytestmark = pytest.mark.usefixtures("home")


class Host(Vertical, can_focus=False):
    """A pane around the list, doing the actions of the registry with it."""

    context = "runs"

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.got: list[str] = []
        self._clock = clock

    def compose(self) -> ComposeResult:
        yield RunsTable(clock=self._clock)

    @property
    def table(self) -> RunsTable:
        return self.query_one(RunsTable)

    def status(self) -> Status:
        return Status()

    def focus_first(self) -> None:
        self.table.focus_first()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.table.check_action(action, parameters) if action in ACTIONS else True

    def on_runs_table_chosen(self, event: RunsTable.Chosen) -> None:
        self.got.append(event.run_name)

    def on_runs_table_new_run(self, event: RunsTable.NewRun) -> None:
        self.got.append("a first run" if event.first else "a new run")

    async def action_back(self) -> None:
        if not await self.table.action_back():
            self.got.append("back")


def _doing(name: str) -> Callable[[Host], Any]:
    return lambda host: getattr(host.table, f"action_{name}")()


for _name in ACTIONS:
    if hasattr(RunsTable, f"action_{_name}") and _name != "back":
        setattr(Host, f"action_{_name}", _doing(_name))


@pytest.fixture
def runs(home: Path) -> Path:
    return home / "runs"


def make(
    runs: Path,
    name: str,
    status: str = "finished",
    *,
    preset: str = "ys-2m",
    step: int = 100,
    best: float | None = 1.5,
    age: float = 0.0,
    scores: tuple[float, ...] = (),
) -> RunDirectory:
    run = create_run(runs, preset_config(preset))
    run = RunDirectory(run.path.rename(runs / name))
    state = RunState(status=status, heartbeat=NOW - age, step=step, best=best)
    run.write_state(state.of_process(this_process()) if status == "running" else state)
    events = [ValidationEvent(NOW, 10 * n, 64, 1.0, 2.7, score) for n, score in enumerate(scores, start=1)]
    run.events_file.write_text("".join(to_json(event) + "\n" for event in events))
    return run


class Driver:
    def __init__(self, app: YsnakesApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
        self.host = app.query_one(Host)
        self.table = self.host.table

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*map(textual_name, keys))

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(1000):
            if holds():
                return
            await self.pilot.pause(0.005)
        raise AssertionError("it never came to be")

    @property
    def names(self) -> list[str]:
        return [row.name for row in self.table.runs]

    @property
    def text(self) -> str:
        """All that is on the screen."""
        return screen_text(self.app)

    @property
    def told(self) -> list[str]:
        return notes_of(self.app)


Test = Callable[[Driver], Coroutine[Any, Any, None]]


def drive(
    runs: Path,
    test: Test,
    *,
    size: tuple[int, int] = (80, 24),
    keys: dict[str, object] | None = None,
    ascii: bool = False,
    memory: AppMemory | None = None,
    clock: Callable[[], float] = lambda: NOW,
) -> None:
    async def run() -> None:
        app = YsnakesApp(
            runs,
            keymap=keymap_from(keys) if keys else usual_keymap(),
            memory=memory or AppMemory(),
            makers={"train": lambda: Host(clock)},
            ascii=ascii,
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            driver = Driver(app, pilot)
            await driver.until(lambda: driver.table._is_read)
            await pilot.pause()
            await test(driver)
        trash_of(app, runs).empty()

    asyncio.run(run())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("ascii", [False, True])
def test_without_a_run_it_says_what_a_first_one_would_be(
    runs: Path, size: tuple[int, int], ascii: bool
) -> None:
    async def test(d: Driver) -> None:
        await d.until(lambda: "MB of stories" in d.text)
        assert "ys-2m, five minutes on a laptop's CPU" in d.text
        assert "5 minutes, or less if it learns no more" in d.text
        assert str(runs)[:30] in d.text
        assert "(enter)" in d.text
        assert "text of your own" in d.text  # the last line has room, too
        assert d.text.isascii() == ascii
        assert "sorted by" not in d.text
        for action in ("delete", "undo", "mark", "filter", "compare", "attach"):
            assert not d.app.can_perform(action)
        await d.press("j", "enter")
        await d.until(lambda: len(d.host.got) == 2)
        assert d.host.got == ["a new run", "a first run"]

    drive(runs, test, keys={"new_run": "j"}, size=size, ascii=ascii)


def test_a_filter_that_is_hidden_takes_no_letter(runs: Path) -> None:
    make(runs, "alpha")

    async def test(d: Driver) -> None:
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

    async def test(d: Driver) -> None:
        await d.until(lambda: "70 steps" in d.text)
        assert "your own, as your settings say: " in d.text

    drive(runs, test, size=(120, 40))
    settings.write_text("[data\n")

    async def broken(d: Driver) -> None:
        await d.until(lambda: "is not valid TOML" in d.text)

    drive(runs, broken, size=(120, 40))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("ascii", [False, True])
def test_each_run_has_a_line_with_all_there_is_to_know(
    runs: Path, size: tuple[int, int], ascii: bool
) -> None:
    make(runs, "quiet-cobra", preset="ys-4m", step=12345, best=1.2345, age=130)
    make(runs, "busy-boa", "running", best=None)
    make(runs, "lost-adder", "running").write_state(RunState(status="running", heartbeat=NOW - 9999))
    make(runs, "broken").config_file.write_text("nonsense")

    async def test(d: Driver) -> None:
        lines = d.text.splitlines()
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
    make(runs, "broken").config_file.write_text("nonsense")

    async def test(d: Driver) -> None:
        assert "not valid TOML" in d.text

    drive(runs, test, size=(120, 40))


def test_a_hostile_name_is_shown_literally_and_is_no_part_of_a_command(runs: Path) -> None:
    make(runs, HOSTILE)

    async def test(d: Driver) -> None:
        assert "[b]bad[b]␛[2J" in d.text
        assert "\x1b" not in d.text
        await d.press("y")
        assert d.app.clipboard == ""  # pasted, it could do harm
        assert "has control or invisible characters" in d.told[-1]
        await d.press("d")
        await d.pilot.pause()
        assert "[b]bad[b]␛[2J" in d.text
        await d.press("n")
        await d.press("enter")
        assert d.host.got == [HOSTILE]

    drive(runs, test)


def test_the_list_follows_the_disk_and_the_cursor_stays_with_its_run(runs: Path) -> None:
    make(runs, "one", age=10)
    make(runs, "two", age=20)

    async def test(d: Driver) -> None:
        await d.press("down")
        assert d.table.current is not None
        assert d.table.current.name == "two"
        make(runs, "three")
        RunDirectory(runs / "one").write_state(RunState(status="stopped", heartbeat=NOW - 10, step=777))
        d.table.read()
        await d.until(lambda: d.names == ["three", "one", "two"])
        assert d.table.current.name == "two"
        assert "777" in d.text
        assert "■ stopped" in d.text

    drive(runs, test)


def test_letters_find_runs_by_name_state_and_size_until_esc(runs: Path) -> None:
    make(runs, "quiet-cobra", age=1)
    make(runs, "quick-boa", "failed", age=2)
    make(runs, "mamba", "failed", preset="ys-4m", age=3)

    async def test(d: Driver) -> None:
        await d.press("/", *"qui")
        assert d.names == ["quiet-cobra", "quick-boa"]
        await d.press("space", *"failed")
        assert d.names == ["quick-boa"]
        await d.press("enter", "enter")
        assert d.host.got == ["quick-boa"]
        await d.press("/", "x")
        assert d.names == []
        assert "No run has “qui failedx”" in d.text
        await d.press("escape")
        assert len(d.names) == 3
        assert not d.table.query_one(Input).has_focus
        await d.press("/", *"4m")
        assert d.names == ["mamba"]
        await d.press("escape", "escape")
        assert d.host.got == ["quick-boa", "back"]

    drive(runs, test)


def test_it_is_sorted_by_any_column_in_either_direction(runs: Path) -> None:
    make(runs, "b", step=3, best=1.9, age=1)
    make(runs, "c", step=1, best=None, age=2)
    make(runs, "a", step=2, best=1.2, age=3)
    orders = {}

    async def test(d: Driver) -> None:
        assert d.names == ["b", "c", "a"]
        for _ in range(6):
            await d.press("s")
            orders[d.table._order.sort] = "".join(d.names)
        await d.press("s", "s", "S")
        assert d.names == ["c", "b", "a"]
        assert "run▾" in d.text

    drive(runs, test)
    expected = {"name": "abc", "step": "bac", "best": "abc", "when": "bca"}
    assert {key: orders[key] for key in expected} == expected


def test_marked_runs_are_compared_on_one_chart(runs: Path) -> None:
    make(runs, "one", age=1, scores=(3.0, 2.0, 1.5, 1.6))
    make(runs, "two", age=2, scores=(2.5, 2.25))
    make(runs, "three", age=3)

    async def test(d: Driver) -> None:
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
        summary = [line.split() for line in d.text.splitlines() if "best, at step" in line]
        assert [(line[0], line[1], line[2]) for line in summary] == [
            ("A", "one", "1.5000"),
            ("B", "two", "2.2500"),
        ]
        assert "no validation yet" in d.text
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


def test_a_run_gets_another_name_and_keeps_mark_and_cursor(runs: Path) -> None:
    make(runs, "one", age=1)
    make(runs, "two", age=2)

    async def test(d: Driver) -> None:
        await d.press("space", "up", "e")
        assert isinstance(d.app.screen, RenameScreen)
        await d.press(*(["backspace"] * 3), *"two")
        await d.pilot.pause()
        assert "There is already a run of that name." in d.text
        await d.press("enter")
        assert isinstance(d.app.screen, RenameScreen)  # it is not left with a name that cannot be
        await d.press(*"/x")
        await d.pilot.pause()
        assert "has one of" in d.text
        await d.press("backspace", "backspace", "x", "enter")
        await d.until(lambda: d.names == ["twox", "two"])
        assert (runs / "twox" / "config.toml").is_file()
        assert not (runs / "one").exists()
        assert d.table.marked == ["twox"]
        assert d.table.current is not None
        assert d.table.current.name == "twox"

    drive(runs, test)


def test_a_deleted_run_comes_back_with_u_and_is_gone_once_the_app_is_closed(runs: Path) -> None:
    make(runs, "one", age=1)
    make(runs, "two", age=2)

    async def test(d: Driver) -> None:
        await d.press("d")
        assert isinstance(d.app.screen, DeleteScreen)
        await d.press("enter")  # the button in front keeps it
        await d.pilot.pause()
        assert (runs / "one").exists()
        await d.press("d", "y")
        await d.until(lambda: d.names == ["two"])
        assert not (runs / "one").exists()
        assert any("u brings it back" in note for note in d.told)
        await d.press("u")
        await d.until(lambda: d.names == ["one", "two"])
        assert RunDirectory(runs / "one").read_state().step == 100
        await d.press("space", "space", "d", "y")
        await d.until(lambda: d.names == [])
        await d.pilot.pause()
        assert "No run is left" in d.text
        assert "u  brings back what was deleted last" in d.text
        assert "n  starts a new run" in d.text
        await d.press("u")
        await d.until(lambda: d.names == ["two"])
        await d.until(lambda: d.table.query_one(DataTable).has_focus)
        await d.press("enter")
        assert d.host.got == ["two"]
        await d.press("d", "y")
        await d.until(lambda: d.names == [])

    drive(runs, test)
    assert list(runs.iterdir()) == []


def test_undoing_waits_for_what_is_just_being_deleted(runs: Path) -> None:
    make(runs, "one", age=1)
    make(runs, "two", age=2)

    async def test(d: Driver) -> None:
        moved = threading.Event()
        delete = trash_of(d.app, runs).delete

        def slowly(name: str) -> Trashed:
            moved.wait(20)
            return delete(name)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trash_of(d.app, runs), "delete", slowly)
            await d.press("d", "y", "u")
            moved.set()
            await d.until(lambda: any("is back" in note for note in d.told))
        await d.until(lambda: d.names == ["one", "two"])

    drive(runs, test)


def test_what_an_app_that_was_killed_deleted_comes_back_with_u(runs: Path) -> None:
    make(runs, "one")
    killed = Trash(runs)
    killed.delete("one")
    assert killed._lock is not None
    killed._lock.release()  # as when its program is gone

    async def test(d: Driver) -> None:
        await d.until(lambda: d.app.can_perform("undo") is True)
        await d.until(lambda: "brings back what was deleted last" in d.text)
        await d.press("u")
        await d.until(lambda: d.names == ["one"])

    drive(runs, test, clock=time.time)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("key", ["d", "e"])
def test_a_question_is_asked_in_the_middle_also_the_first_time(
    runs: Path, size: tuple[int, int], key: str
) -> None:
    make(runs, "one")

    async def test(d: Driver) -> None:
        for _ in range(2):
            await d.press(key)
            await d.pilot.pause()
            box = d.app.screen.query_one(".box").region
            assert abs(box.x - (size[0] - box.right)) <= 1
            assert abs(box.y - (size[1] - box.bottom)) <= 1
            await d.press("escape")
            await d.pilot.pause()

    drive(runs, test, size=size)


def test_the_order_is_there_again_the_next_time(runs: Path) -> None:
    for number, name in enumerate("bca"):
        make(runs, name, age=number)

    async def test(d: Driver) -> None:
        await d.press("s", "s", "S")
        assert d.names == ["c", "b", "a"]
        assert d.app.memory.layout == {"other": "1", "runs.order": "name, reversed"}
        await d.app.workers.wait_for_complete()

    drive(runs, test, memory=AppMemory(layout={"other": "1"}))
    assert read_memory().layout == {"other": "1", "runs.order": "name, reversed"}

    async def again(d: Driver) -> None:
        assert d.names == ["c", "b", "a"]
        assert "run▾" in d.text

    drive(runs, again, memory=read_memory())


@pytest.mark.parametrize("text", ["", "nonsense", "name, backwards", ", reversed"])
def test_an_order_that_is_none_is_the_usual_one(text: str) -> None:
    assert Order.from_text(text) == Order("when")


@pytest.mark.parametrize("order", [Order(sort, reverse) for sort in SORTS for reverse in (False, True)])
def test_an_order_is_the_same_after_being_kept(order: Order) -> None:
    assert Order.from_text(order.to_text()) == order


def test_what_a_worker_has_is_neither_deleted_nor_renamed(runs: Path) -> None:
    make(runs, "busy", "running")

    async def test(d: Driver) -> None:
        before = d.app.screen
        for count, key in enumerate(("d", "e"), start=1):  # nobody is asked for what cannot be done
            await d.press(key)
            await d.until(lambda: sum("living worker" in note for note in d.told) == count)  # noqa: B023
            assert d.app.screen is before
        assert d.names == ["busy"]
        assert (runs / "busy" / "config.toml").is_file()

    drive(runs, test)


def test_the_trash_is_emptied_when_the_program_ends(runs: Path) -> None:
    make(runs, "one")
    code = """
        import sys
        from pathlib import Path
        from textual.app import App
        from ysnakes_tui.train.app_trash import trash_of
        app, runs = App(), Path(sys.argv[1])
        trash_of(app, runs).delete("one")
        assert trash_of(app, runs).content
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(runs)], check=True, timeout=60)
    assert list(runs.iterdir()) == []


def test_a_folder_is_opened_by_what_the_system_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("another system's opener")
    with pytest.raises(YsnakesError, match="no file manager") as told:
        open_folder(tmp_path, {})
    assert str(tmp_path) in told.value.hint
    program, proof = tmp_path / "xdg-open", tmp_path / "proof"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{proof}"\n')
    program.chmod(0o755)
    open_folder(tmp_path / "a run", {"DISPLAY": ":0"})
    assert proof.read_text() == str(tmp_path / "a run")
    program.write_text("#!/bin/sh\nexit 4\n")
    with pytest.raises(YsnakesError, match="could not open"):
        open_folder(tmp_path, {"DISPLAY": ":0"})


def test_a_run_that_did_not_change_is_not_read_again_but_its_death_is_seen(runs: Path) -> None:
    run = make(runs, "one", "running")
    reader = RunList(runs)
    assert reader.read(NOW)[0].status == "running"
    dead = RunState(status="running", heartbeat=NOW, pid=1, boot_id="another", step=100)
    run.write_state(dead)
    assert reader.read(NOW)[0].status == "running"  # its heartbeat is fresh
    run.config_file.chmod(0)  # it would be a broken run if it were read now
    assert reader.read(NOW + 1000)[0].status == "crashed"
    run.config_file.chmod(0o600)


def test_the_size_is_the_preset_only_where_the_shape_is() -> None:
    config = preset_config("ys-4m")
    assert size_of(config) == "ys-4m"
    assert size_of(apply_settings(config, ["d_model=128"])) == "128×4"
    assert size_of(apply_settings(RunConfig(), ["n_layers=3"])) == "256×3"


def test_the_line_below_counts(runs: Path) -> None:
    for number in range(3):
        make(runs, f"run-{number}", age=number)

    async def test(d: Driver) -> None:
        line = d.table.query_one("#runs-line", Static)
        assert str(line.render()) == "3 runs · sorted by when"
        await d.press("space", "/", "1")
        assert str(line.render()) == "1 of 3 runs · 1 marked · sorted by when"

    drive(runs, test)

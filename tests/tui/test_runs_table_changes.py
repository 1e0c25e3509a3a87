"""The list of runs, driven by keys: renaming and deleting, and what was deleted brought back."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from runs_app import RunsApp, a_run, drive
from textual.widgets import DataTable

from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.housekeeping import Trash, Trashed
from ysnakes_tui.train.app_trash import trash_of
from ysnakes_tui.train.run_dialogs import DeleteScreen, RenameScreen

pytestmark = pytest.mark.usefixtures("home")


def test_a_run_gets_another_name_and_keeps_mark_and_cursor(runs: Path) -> None:
    a_run(runs, "one", age=1)
    a_run(runs, "two", age=2)

    async def test(d: RunsApp) -> None:
        await d.press("space", "up", "e")
        assert isinstance(d.app.screen, RenameScreen)
        await d.press(*(["backspace"] * 3), *"two")
        await d.pilot.pause()
        assert "There is already a run of that name." in d.screen
        await d.press("enter")
        assert isinstance(d.app.screen, RenameScreen)  # it is not left with a name that cannot be
        await d.press(*"/x")
        await d.pilot.pause()
        assert "has one of" in d.screen
        await d.press("backspace", "backspace", "x", "enter")
        await d.until(lambda: d.names == ["twox", "two"])
        assert (runs / "twox" / "config.toml").is_file()
        assert not (runs / "one").exists()
        assert d.table.marked == ["twox"]
        assert d.table.current is not None
        assert d.table.current.name == "twox"

    drive(runs, test)


def test_a_deleted_run_comes_back_with_u_and_is_gone_once_the_app_is_closed(runs: Path) -> None:
    a_run(runs, "one", age=1)
    a_run(runs, "two", age=2)

    async def test(d: RunsApp) -> None:
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
        assert "No run is left" in d.screen
        assert "u  brings back what was deleted last" in d.screen
        assert "n  starts a new run" in d.screen
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
    a_run(runs, "one", age=1)
    a_run(runs, "two", age=2)

    async def test(d: RunsApp) -> None:
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
    a_run(runs, "one")
    killed = Trash(runs)
    killed.delete("one")
    assert killed._lock is not None
    killed._lock.release()  # as when its program is gone

    async def test(d: RunsApp) -> None:
        await d.until(lambda: d.app.can_perform("undo") is True)
        await d.until(lambda: "brings back what was deleted last" in d.screen)
        await d.press("u")
        await d.until(lambda: d.names == ["one"])

    drive(runs, test, clock=time.time)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("key", ["d", "e"])
def test_a_question_is_asked_in_the_middle_also_the_first_time(
    runs: Path, size: tuple[int, int], key: str
) -> None:
    a_run(runs, "one")

    async def test(d: RunsApp) -> None:
        for _ in range(2):
            await d.press(key)
            await d.pilot.pause()
            box = d.app.screen.query_one(".box").region
            assert abs(box.x - (size[0] - box.right)) <= 1
            assert abs(box.y - (size[1] - box.bottom)) <= 1
            await d.press("escape")
            await d.pilot.pause()

    drive(runs, test, size=size)


def test_what_a_worker_has_is_neither_deleted_nor_renamed(runs: Path) -> None:
    a_run(runs, "busy", "running")

    async def test(d: RunsApp) -> None:
        before = d.app.screen
        for count, key in enumerate(("d", "e"), start=1):  # nobody is asked for what cannot be done
            await d.press(key)
            await d.until(lambda: sum("living worker" in note for note in d.told) == count)  # noqa: B023
            assert d.app.screen is before
        assert d.names == ["busy"]
        assert (runs / "busy" / "config.toml").is_file()

    drive(runs, test)


def test_the_trash_is_emptied_when_the_program_ends(runs: Path) -> None:
    a_run(runs, "one")
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

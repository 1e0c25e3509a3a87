"""Renaming and deleting runs: nothing that is trained is touched, and what was deleted comes back whole."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ysnakes_core.configuration import RunConfig, apply_settings
from ysnakes_core.errors import RunError, UsageError
from ysnakes_core.runs.directory import RunDirectory, create_run, find_runs
from ysnakes_core.runs.housekeeping import KEPT_SECONDS, TRASH, Trash, rename_run, sweep_trash
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState

NOW = 1_800_000_000.0


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def make(runs: Path, name: str, steps: int = 5) -> RunDirectory:
    return create_run(runs, apply_settings(RunConfig(), [f"steps={steps}"]), name)


def names(runs: Path) -> list[str]:
    return [run.name for run in find_runs(runs)]


def set_running(run: RunDirectory) -> None:
    run.write_state(RunState(status="running", heartbeat=NOW).of_process(this_process()))


def test_a_renamed_run_is_the_same_run(runs: Path) -> None:
    run = make(runs, "old", steps=7)
    (run.checkpoints_folder / "step-00000001").mkdir()
    renamed = rename_run(runs, "old", "new", NOW)
    assert names(runs) == ["new"]
    assert renamed.path == runs / "new"
    assert renamed.read_config().training.steps == 7
    assert (renamed.checkpoints_folder / "step-00000001").is_dir()


def test_a_run_that_is_given_its_own_name_stays(runs: Path) -> None:
    make(runs, "old")
    assert rename_run(runs, "old", "old", NOW).path == runs / "old"
    assert names(runs) == ["old"]


def test_a_taken_name_is_refused_and_both_stay(runs: Path) -> None:
    make(runs, "one", steps=1)
    make(runs, "two", steps=2)
    (runs / "empty").mkdir()
    (runs / "link").symlink_to("nowhere")
    for taken in ("two", "empty", "link"):
        with pytest.raises(UsageError, match="already a run"):
            rename_run(runs, "one", taken, NOW)
    assert RunDirectory(runs / "one").read_config().training.steps == 1
    assert RunDirectory(runs / "two").read_config().training.steps == 2


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "-rf", "con", "a\x1b[2J"])
def test_a_run_gets_no_name_that_leads_elsewhere(runs: Path, name: str) -> None:
    make(runs, "run")
    with pytest.raises(UsageError):
        rename_run(runs, "run", name, NOW)
    assert names(runs) == ["run"]


@pytest.mark.parametrize("name", ["missing", "..", "../runs/run", "run/checkpoints", ""])
def test_only_what_is_a_run_of_this_folder_is_touched(runs: Path, name: str) -> None:
    make(runs, "run")
    with pytest.raises(UsageError, match="there is no run"):
        rename_run(runs, name, "new", NOW)
    with pytest.raises(UsageError, match="there is no run"):
        Trash(runs).delete(name)
    assert names(runs) == ["run"]


def test_a_run_with_a_name_we_would_not_give_can_be_given_a_better_one(runs: Path) -> None:
    make(runs, "run").path.rename(runs / "a\x1b[2J")
    rename_run(runs, "a\x1b[2J", "better", NOW)
    assert names(runs) == ["better"]


def test_a_run_with_a_living_worker_is_left_alone(runs: Path) -> None:
    set_running(make(runs, "busy"))
    with pytest.raises(RunError, match="living worker"):
        rename_run(runs, "busy", "new", NOW)
    trash = Trash(runs, clock=lambda: NOW)
    with pytest.raises(RunError, match="living worker"):
        trash.delete("busy")
    assert names(runs) == ["busy"]
    assert trash.content == ()


def test_a_run_whose_lock_is_held_is_left_alone(runs: Path) -> None:
    run = make(runs, "busy")
    with run.training_lock():
        with pytest.raises(RunError, match="another process"):
            rename_run(runs, "busy", "new", NOW)
        with pytest.raises(RunError, match="another process"):
            Trash(runs).delete("busy")
    assert names(runs) == ["busy"]


def test_a_deleted_run_is_no_longer_listed_and_comes_back_whole(runs: Path) -> None:
    make(runs, "one", steps=1)
    make(runs, "two", steps=2)
    trash = Trash(runs)
    trash.delete("one")
    trash.delete("two")
    assert names(runs) == []
    assert [trashed.name for trashed in trash.content] == ["one", "two"]
    assert trash.undo().name == "two"
    assert trash.undo().read_config().training.steps == 1
    assert names(runs) == ["one", "two"]
    with pytest.raises(UsageError, match="nothing was deleted"):
        trash.undo()


def test_two_deleted_runs_of_the_same_name_both_come_back(runs: Path) -> None:
    trash = Trash(runs)
    for steps in (1, 2):
        make(runs, "run", steps)
        trash.delete("run")
    make(runs, "run", 3)
    assert trash.undo().name == "run-2"
    assert trash.undo().name == "run-3"
    assert [run.read_config().training.steps for run in find_runs(runs)] == [3, 2, 1]


def test_emptied_trash_is_gone_and_nothing_else(runs: Path) -> None:
    make(runs, "one")
    make(runs, "two")
    trash = Trash(runs)
    trash.delete("one")
    trash.empty()
    assert [entry.name for entry in runs.iterdir()] == ["two"]
    assert trash.content == ()
    trash.delete("two")  # it can be used again
    assert names(runs) == []
    trash.empty()
    assert list(runs.iterdir()) == []


def test_what_is_no_run_or_a_link_is_not_deleted(runs: Path, tmp_path: Path) -> None:
    elsewhere = make(tmp_path / "elsewhere", "real")
    runs.mkdir()
    (runs / "link").symlink_to(elsewhere.path)
    (runs / "notes" / "checkpoints").mkdir(parents=True)
    for name in ("link", "notes"):
        with pytest.raises(UsageError, match="left alone"):
            Trash(runs).delete(name)
    assert sorted(entry.name for entry in runs.iterdir()) == ["link", "notes"]
    assert elsewhere.config_file.exists()


def delete_and_die(runs: Path, *names: str) -> None:
    """Delete runs in a program that is killed."""
    code = """
        import os, sys
        from pathlib import Path
        from ysnakes_core.runs.housekeeping import Trash
        trash = Trash(Path(sys.argv[1]))
        for name in sys.argv[2:]:
            trash.delete(name)
        os._exit(9)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(runs), *names]
    assert subprocess.run(command, check=False, timeout=60).returncode == 9


def test_what_a_killed_program_deleted_is_swept_after_a_day_but_not_what_a_living_one_did(runs: Path) -> None:
    make(runs, "theirs")
    make(runs, "ours")
    delete_and_die(runs, "theirs")
    trash = Trash(runs)
    trash.delete("ours")
    now = time.time()
    sweep_trash(runs, now)
    assert len(list((runs / TRASH).glob("*/"))) == 2
    sweep_trash(runs, now + KEPT_SECONDS + 60)
    assert len([entry for entry in (runs / TRASH).iterdir() if entry.is_dir()]) == 1
    assert trash.undo().name == "ours"
    trash.empty()
    sweep_trash(runs, now + KEPT_SECONDS + 60)
    assert [entry.name for entry in runs.iterdir()] == ["ours"]


def test_what_a_killed_program_deleted_can_be_brought_back_by_the_next(runs: Path) -> None:
    for steps, name in enumerate(("one", "two", "ours", "living"), start=1):
        make(runs, name, steps)
    delete_and_die(runs, "one", "two")
    living, trash = Trash(runs), Trash(runs)
    living.delete("living")
    trash.find_left()
    trash.delete("ours")
    assert [trashed.name for trashed in trash.content] == ["one", "two", "ours"]
    assert [trash.undo().name for _ in range(2)] == ["ours", "two"]
    trash.empty()  # what nobody was told would be gone stays
    trash.find_left()
    assert trash.undo().read_config().training.steps == 1
    with pytest.raises(UsageError, match="nothing was deleted"):
        trash.undo()
    assert living.undo().name == "living"


def test_sweeping_follows_no_link(runs: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    (runs / TRASH).mkdir(parents=True)
    (runs / TRASH / "link").symlink_to(precious)
    sweep_trash(runs, time.time() + 2 * KEPT_SECONDS)
    assert (precious / "file").read_text() == "mine"

"""Runs on disk: made whole, listed even when broken, a dead worker noticed, nothing else ever deleted."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.configuration import RunConfig, apply_settings
from ysnakes_core.errors import RunError, UsageError, YsnakesError
from ysnakes_core.runs.directory import RunDirectory, create_run, delete_run, find_runs, list_runs, open_run
from ysnakes_core.runs.names import friendly_name
from ysnakes_core.runs.processes import ProcessIdentity, boot_id, start_of, this_process
from ysnakes_core.runs.state import BUSY, STALE_SECONDS, STATUSES, RunState

NOW = 1_800_000_000.0


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_a_new_run_has_its_configuration_and_nothing_half_done(runs: Path) -> None:
    config = apply_settings(RunConfig(), ["d_model=128", "steps=7"])
    run = create_run(runs, config, "quiet-cobra")
    assert run.path == runs / "quiet-cobra"
    assert run.read_config() == config
    assert sorted(p.name for p in run.path.iterdir()) == ["checkpoints", "config.toml", "control"]
    assert [p.name for p in runs.iterdir()] == ["quiet-cobra"]
    assert run.read_state().effective_status(NOW) == "stopped"
    assert open_run(runs, "quiet-cobra") == run


def test_a_changed_configuration_is_what_a_resume_reads(runs: Path) -> None:
    run = create_run(runs, RunConfig(), "run")
    text = run.config_file.read_text().replace("d_model = ", "d_model = 64 # was ")
    run.config_file.write_text(text)
    assert run.read_config().model.d_model == 64
    run.write_config(RunConfig())
    assert run.read_config() == RunConfig()


def test_a_taken_name_is_refused_and_what_is_there_stays(runs: Path) -> None:
    create_run(runs, apply_settings(RunConfig(), ["steps=5"]), "run")
    with pytest.raises(UsageError, match="already a run “run”"):
        create_run(runs, RunConfig(), "run")
    (runs / "file").write_text("mine")
    (runs / "link").symlink_to("nowhere")
    for name in ("file", "link"):
        with pytest.raises(UsageError, match="already"):
            create_run(runs, RunConfig(), name)
    assert open_run(runs, "run").read_config().training.steps == 5
    assert sorted(p.name for p in runs.iterdir()) == ["file", "link", "run"]


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "-rf", "con", "a\x1b[2J"])
def test_names_that_lead_elsewhere_are_refused_everywhere(runs: Path, name: str) -> None:
    with pytest.raises(UsageError):
        create_run(runs, RunConfig(), name)
    with pytest.raises(UsageError):
        open_run(runs, name)
    with pytest.raises(UsageError):
        delete_run(runs, name, NOW)
    assert not runs.exists()


def test_friendly_names_follow_the_random_numbers_and_never_collide(runs: Path) -> None:
    names = [create_run(runs, RunConfig(), rng=random.Random(5)).name for _ in range(30)]
    assert len(set(names)) == 30
    assert names[0] == friendly_name(random.Random(5), lambda name: False)
    assert names[25].endswith("-2") or names[25][-1].isdigit(), "the same draws run short and are numbered"


def test_two_processes_never_get_the_same_run(runs: Path) -> None:
    script = """
        import random, sys
        from pathlib import Path
        from ysnakes_core.configuration import RunConfig
        from ysnakes_core.runs.directory import create_run
        sys.stdin.readline()
        for _ in range(25):
            print(create_run(Path(sys.argv[1]), RunConfig(), rng=random.Random(1)).name)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(runs)]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    names = [name for process in both for name in process.communicate()[0].split()]
    assert len(names) == 50
    assert len(set(names)) == 50
    assert sorted(p.name for p in runs.iterdir()) == sorted(names)


def test_an_unknown_run_says_which_there_are(runs: Path) -> None:
    create_run(runs, RunConfig(), "quiet-cobra")
    with pytest.raises(UsageError, match=r"there is no run “loud-cobra”.*there are: quiet-cobra"):
        open_run(runs, "loud-cobra")


@pytest.mark.parametrize("name", ["events.jsonl", "checkpoints", "worker.log", "lock", "state.json"])
def test_a_run_with_a_link_in_it_is_not_opened(runs: Path, tmp_path: Path, name: str) -> None:
    run = create_run(runs, RunConfig(), "stranger")
    if (run.path / name).is_dir():
        (run.path / name).rmdir()
    (run.path / name).symlink_to(tmp_path)
    with pytest.raises(RunError, match=f"has a link in it: {name}"):
        open_run(runs, "stranger")


# The state and who is alive.


@given(
    st.builds(
        RunState,
        status=st.sampled_from(STATUSES),
        pid=st.integers(0, 2**22),
        boot_id=st.text(max_size=10),
        process_started=st.floats(0, 1e12),
        heartbeat=st.floats(0, 1e12),
        step=st.integers(0, 2**60),
        tokens=st.integers(0, 2**60),
        total_steps=st.none() | st.integers(0, 2**60),
        best=st.none() | st.floats(0, 99),
        best_step=st.none() | st.integers(0, 2**60),
        eta=st.none() | st.floats(0, 1e9),
        message=st.text(max_size=20),
    )
)
def test_a_state_comes_back_exactly(state: RunState) -> None:
    assert RunState.from_json(state.to_json()) == state
    assert RunState.from_json(state.to_json()[:-3] + ',"later": [1]}') == state


def test_numbers_that_are_not_finite_are_not_written() -> None:
    state = dataclasses.replace(RunState(), best=math.inf, eta=math.nan)
    assert RunState.from_json(state.to_json()) == RunState()


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"status": "crashed"},
            {"status": "dancing"},
            {"status": 3},
            {"pid": "1"},
            {"step": 1.5},
            {"step": None},
        ),
        *({"heartbeat": "now"}, {"best": True}, {"message": 4}, {"best": float("nan")}, {"pid": True}),
        *({"heartbeat": 1e300}, {"step": 10**4000}, {"best_step": -(2**63)}),
    ],
)
def test_a_damaged_state_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=r"state\.json is damaged"):
        RunState.from_json(json.dumps(json.loads(RunState().to_json()) | change))


@pytest.mark.parametrize("change", [{"best": -1e300}, {"best": 1e300}, {"best": -0.1}, {"eta": 1e300}])
def test_what_cannot_be_so_is_not_known(change: dict[str, Any]) -> None:
    state = RunState(status="stopped", best=1.5, eta=3.0, step=7)
    found = RunState.from_json(json.dumps(json.loads(state.to_json()) | change))
    assert found == dataclasses.replace(state, **dict.fromkeys(change))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "\x00"])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(RunError, match=r"state\.json is damaged"):
        RunState.from_json(text)


@pytest.mark.parametrize("status", STATUSES)
def test_a_living_worker_s_status_stands_and_a_dead_one_s_is_concluded(status: str) -> None:
    alive = RunState(status=status, heartbeat=NOW).of_process(this_process())
    assert alive.effective_status(NOW) == status
    # A suspended machine: no heartbeat for long, but the process is there.
    assert alive.effective_status(NOW + 1e6) == status
    me = this_process()
    recycled = alive.of_process(dataclasses.replace(me, started=me.started - 100))
    assert recycled.effective_status(NOW) == ("crashed" if status in BUSY else status)
    assert not recycled.has_worker(NOW)


def test_on_another_machine_or_boot_the_heartbeat_tells() -> None:
    elsewhere = RunState(status="running", heartbeat=NOW).of_process(
        dataclasses.replace(this_process(), boot_id="another")
    )
    assert elsewhere.effective_status(NOW + STALE_SECONDS - 1) == "running"
    assert elsewhere.effective_status(NOW + STALE_SECONDS + 1) == "crashed"
    assert elsewhere.effective_status(NOW - 10 * STALE_SECONDS) == "crashed", "a heartbeat far in the future"
    assert RunState(status="running", heartbeat=0.0).effective_status(NOW) == "crashed"


def test_a_real_worker_is_noticed_when_it_is_killed(runs: Path) -> None:
    run = create_run(runs, RunConfig(), "run")
    script = """
        import sys
        from pathlib import Path
        from ysnakes_core.runs.directory import RunDirectory
        from ysnakes_core.runs.processes import this_process
        from ysnakes_core.runs.state import RunState
        run = RunDirectory(Path(sys.argv[1]))
        with run.training_lock():
            run.write_state(RunState(status="running", heartbeat=1.0, step=3).of_process(this_process()))
            print("ready", flush=True)
            sys.stdin.read()
    """
    worker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(run.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    assert run.read_state().effective_status(NOW) == "running"
    with pytest.raises(RunError, match="being worked on by another process"), run.training_lock():
        pass
    with pytest.raises(RunError, match="living worker"):
        delete_run(runs, "run", NOW)
    worker.kill()
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)  # dead, but a zombie until its parent asks
    assert run.read_state().effective_status(NOW) == "crashed"
    worker.communicate()
    assert run.read_state().effective_status(NOW) == "crashed"
    with run.training_lock():
        pass
    delete_run(runs, "run", NOW)
    assert not list(runs.iterdir())


def test_processes_are_told_apart() -> None:
    me = this_process()
    assert me.is_alive() is True
    assert me.boot_id == boot_id() != ""
    assert start_of(0) is None
    assert start_of(-1) is None
    assert start_of(2**30) is None
    assert ProcessIdentity(me.pid, "", me.started).is_alive() is None


# Lists and deletion.


def test_a_list_has_every_run_and_tells_what_is_broken(runs: Path, tmp_path: Path) -> None:
    assert list_runs(runs, NOW) == []
    good, newer = create_run(runs, RunConfig(), "good"), create_run(runs, RunConfig(), "newer")
    good.write_state(RunState(status="finished", heartbeat=NOW - 50, step=9))
    newer.write_state(
        RunState(status="running", heartbeat=NOW - 10).of_process(ProcessIdentity(2**30, boot_id(), 1.0))
    )
    broken: dict[str, Path] = {}
    for name in ("bad-config", "no-config", "bad-state", "huge-state", "binary-config", "pipe", "folder"):
        run = create_run(runs, RunConfig(), name)
        broken[name] = run.path
        os.utime(run.path, (1, 1))
    (broken["bad-config"] / "config.toml").write_text("[modle]\n")
    (broken["no-config"] / "config.toml").unlink()
    (broken["bad-state"] / "state.json").write_text('{"status": "\x1b[31m"}')
    (broken["huge-state"] / "state.json").write_bytes(b" " * 10**6)
    (broken["binary-config"] / "config.toml").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(broken["pipe"] / "state.json")
    (broken["folder"] / "config.toml").unlink()
    (broken["folder"] / "config.toml").mkdir()
    (runs / "not-a-run").mkdir()
    (runs / "file").write_text("")
    (runs / ".new-12").mkdir()
    (runs / ".new-12" / "config.toml").write_text("")
    (runs / "dangling").symlink_to(tmp_path / "nowhere")
    found = list_runs(runs, NOW)
    assert [(s.run.name, s.status) for s in found[:2]] == [("newer", "crashed"), ("good", "finished")]
    assert {s.run.name for s in found[2:]} == broken.keys()
    for summary in found[2:]:
        assert summary.status == "broken"
        assert summary.problem
        assert "\x1b" not in summary.problem
    assert next(s for s in found if s.run.name == "bad-config").problem == (
        "in the run “bad-config”'s config.toml: there is no section 'modle' of settings"
    )


def test_only_a_run_is_deleted(runs: Path, tmp_path: Path) -> None:
    create_run(runs, RunConfig(), "run")
    (runs / "photos").mkdir()
    (runs / "photos" / "cat.png").write_text("cat")
    outside = create_run(tmp_path / "elsewhere", RunConfig(), "outside")
    (runs / "link").symlink_to(outside.path)
    (runs / "odd").mkdir()
    (runs / "odd" / "config.toml").symlink_to(outside.config_file)
    for name in ("photos", "link", "odd", "missing"):
        with pytest.raises(UsageError, match="is not a run"):
            delete_run(runs, name, NOW)
    assert (runs / "photos" / "cat.png").exists()
    assert outside.config_file.exists()
    assert (runs / "odd").exists()
    delete_run(runs, "run", NOW)
    assert not (runs / "run").exists()


def test_deleting_never_follows_links(runs: Path, tmp_path: Path) -> None:
    run = create_run(runs, RunConfig(), "stranger")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letter").write_text("keep")
    (run.path / "checkpoints" / "step-00000001").symlink_to(precious)
    (run.path / "more").symlink_to(precious)
    delete_run(runs, "stranger", NOW)
    assert (precious / "letter").read_text() == "keep"
    assert not list(runs.iterdir())


def test_a_run_with_a_damaged_state_can_be_deleted(runs: Path) -> None:
    run = create_run(runs, RunConfig(), "run")
    run.state_file.write_text("{")
    delete_run(runs, "run", NOW)
    assert find_runs(runs) == []


def test_what_killed_deletions_and_creations_left_is_swept_up(runs: Path) -> None:
    create_run(runs, RunConfig(), "run")
    for name, age in ((".deleted-old-1", 0.0), (".new-1-dead", 0.0), (".new-2-young", NOW)):
        (runs / name).mkdir()
        (runs / name / "config.toml").write_text("")
        os.utime(runs / name, (age, age))
    delete_run(runs, "run", NOW)
    assert [p.name for p in runs.iterdir()] == [".new-2-young"]


def test_a_worker_sweeps_up_what_killed_writers_left(runs: Path) -> None:
    run = create_run(runs, RunConfig(), "run")
    left = run.path / ".state.json.99-0123abcd.tmp"
    left.write_text("")
    os.utime(left, (1, 1))
    with run.training_lock():
        assert not left.exists()


def test_a_place_that_cannot_be_written_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(YsnakesError, match="could not make a run in"):
        create_run(tmp_path / "file", RunConfig())
    missing = RunDirectory(tmp_path / "missing")
    with pytest.raises(YsnakesError, match="could not write"):
        missing.write_state(RunState())
    with pytest.raises(YsnakesError, match="could not read"):
        missing.read_config()

"""A run's directory from a stranger: whatever stands where its files should be, reading it ends, and soon."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import open_plain
from ysnakes_core.runs.directory import RunDirectory, create_run, list_runs
from ysnakes_core.runs.event_log import EventLog, read
from ysnakes_core.runs.events import RunEndedEvent, RunStartedEvent
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.launching import worker_log_tail
from ysnakes_core.runs.state import RunState
from ysnakes_tui.train.run_list import RunList
from ysnakes_tui.train.run_watch import Facts, RunWatch

if sys.platform == "win32":
    pytest.skip("pipes and links of POSIX", allow_module_level=True)

pytestmark = pytest.mark.timeout(120)
ROOT = Path(__file__).resolve().parents[2]
NOW = 1_800_000_000.0
SECONDS = 30.0
FILES = ("events.jsonl", "state.json", "config.toml", "worker.log", "control", "checkpoints", "lock")
HUGE = 10 * 2**30


def a_pipe(place: Path) -> None:
    os.mkfifo(place)


def a_folder(place: Path) -> None:
    place.mkdir()
    (place / "step-1").mkdir()


def a_loop(place: Path) -> None:
    place.symlink_to(place.name)


def a_link_to_a_device(place: Path) -> None:
    place.symlink_to("/dev/zero")


def bytes_that_are_no_text(place: Path) -> None:
    place.write_bytes(b"\xff\xfe\x00\x80{[" * 50_000 + b"\n" + b"[" * 100_000)


def a_huge_file(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(HUGE if place.name != "events.jsonl" else HUGE // 20)  # that one is read to its end


WHATEVER = (a_pipe, a_folder, a_loop, a_link_to_a_device, bytes_that_are_no_text, a_huge_file)
everything = pytest.mark.parametrize("make", WHATEVER, ids=lambda make: make.__name__)
everywhere = pytest.mark.parametrize("name", FILES)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """One that stopped."""
    run = create_run(tmp_path / "runs", RunConfig(), "theirs")
    with EventLog(run.events_file) as log:
        log.append(RunStartedEvent(NOW, 0, 0, "theirs"))
        log.append(RunEndedEvent(NOW, 0, 0, "stopped", "asked to"))
    run.write_state(RunState(status="stopped", message="asked to", heartbeat=NOW))
    run.worker_log.write_text("=== worker 1\nstopped\n")
    run.lock_file.touch()
    return run


def put(run: RunDirectory, name: str, make: Callable[[Path], None]) -> None:
    place = run.path / name
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink()
    make(place)


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


@everything
@everywhere
def test_it_is_read_to_its_end_or_refused(run: RunDirectory, name: str, make: Callable[[Path], None]) -> None:
    put(run, name, make)
    before = open_files()
    for _ in range(3):
        follower = RunFollower(run)
        follower.poll(math.inf)
        assert follower.caught_up
        worker_log_tail(run)
        list_runs(run.path.parent, NOW)
        (row,) = RunList(run.path.parent).read(NOW)
        assert row.name == "theirs"
        with contextlib.suppress(YsnakesError):
            read(run.events_file)
    assert open_files() == before, "a file that was refused is closed, too"


@everything
def test_a_log_that_is_none_is_said_to_be(run: RunDirectory, make: Callable[[Path], None]) -> None:
    put(run, "events.jsonl", make)
    follower = RunFollower(run)
    follower.poll(math.inf)
    if make in (bytes_that_are_no_text, a_huge_file):
        assert follower.problem == ""
        assert follower.damaged_lines
    else:
        assert "events.jsonl" in follower.problem


@everything
def test_a_watch_goes_on_and_ends_when_it_is_closed(run: RunDirectory, make: Callable[[Path], None]) -> None:
    run.write_state(RunState(status="failed", message="so", heartbeat=NOW))  # so that worker.log is read
    for name in ("events.jsonl", "config.toml", "worker.log", "control"):
        put(run, name, make)
    facts: list[Facts] = []

    def told(watch: RunWatch) -> None:
        facts.append(watch.facts)
        watch.seen()

    errors: list[YsnakesError] = []
    watch = RunWatch(run, told, errors.append)
    watch.start()
    deadline = time.monotonic() + SECONDS
    while len(facts) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    watch.ask("stop")
    watch.close()
    watch.wait(SECONDS)
    assert not watch.is_working
    assert all("control" in error.what for error in errors)


@pytest.mark.slow
@everything
@pytest.mark.parametrize("names", [("config.toml",), ("state.json",), tuple(FILES[:1] + FILES[3:])])
def test_the_command_line_ends(
    run: RunDirectory, names: tuple[str, ...], make: Callable[[Path], None]
) -> None:
    for name in names:
        put(run, name, make)
    if make is a_folder:
        a_pipe(run.checkpoints_folder / "best")
    home = run.path.parent.parent
    for words in (["list"], ["show", "theirs"], ["attach", "theirs"], ["stop", "theirs"]):
        ended = subprocess.run(
            [sys.executable, "-m", "ysnakes_tui", "runs", *words],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "YSNAKES_HOME": str(home), "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert ended.returncode in (0, 1, 2, 3), ended.stderr
        assert "something went wrong that should not" not in ended.stderr
        assert "Traceback" not in ended.stderr


def test_only_a_plain_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"content")
    with open_plain(tmp_path / "plain") as file:
        assert file.read() == b"content"
    before = open_files()
    for make in (a_pipe, a_folder, a_link_to_a_device):
        make(tmp_path / make.__name__)
        with pytest.raises(YsnakesError, match="where a plain file is expected"):
            open_plain(tmp_path / make.__name__)
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "none")
    assert open_files() == before

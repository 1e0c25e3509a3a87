"""A detached worker: nothing takes it down with it, and how it began or ended can be read."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ysnakes_core.configuration import ModelConfig, RunConfig, apply_settings
from ysnakes_core.errors import RunError, UsageError
from ysnakes_core.runs.control import send
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.event_log import losses_by_step, read
from ysnakes_core.runs.events import RunStartedEvent
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.launching import start_worker, wait_until_started, worker_log_tail
from ysnakes_core.runs.processes import start_of
from ysnakes_core.training.checkpoint import available

SECONDS = 90.0  # until a test gives up waiting
ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def until(condition: Callable[[], object]) -> None:
    """Wait for another process to bring something about."""
    deadline, pause = time.monotonic() + SECONDS, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.02)


class Worked:
    """A run and the workers that a test started for it."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.pids: list[int] = []

    def start(self, *, resume: bool = False) -> int:
        pid = start_worker(self.run, resume=resume)
        self.pids.append(pid)
        return pid

    def until_step(self, at_least: int) -> RunFollower:
        follower = RunFollower(self.run)

        def reached() -> bool:
            follower.poll()
            assert follower.state.status != "failed", (follower.state, worker_log_tail(self.run))
            loss = follower.series["loss"]
            return len(loss) > 0 and loss.x[-1] >= at_least

        until(reached)
        return follower

    def until_gone(self, pid: int) -> None:
        until(lambda: start_of(pid) is None)


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    )
    file = tmp_path / "text.md"
    lines = (f"What is {i}?<start>It is {i}, and {i * i} is its square.<end>" for i in range(99))
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture
def worked(text: Path, tmp_path: Path) -> Iterator[Worked]:
    config = apply_settings(
        RunConfig(model=ModelConfig(d_model=16, n_layers=1, d_state=4, head_dim=8)),
        [
            *(f"data.paths={text}", "steps=100000", "seq_len=16", "batch_size=2", "vocab_size=300"),
            *("sample_tokens=4", "enabled=false", "validate_every=100000"),
        ],
    )
    worked = Worked(create_run(tmp_path / "runs", config, "lasting"))
    yield worked
    for pid in worked.pids:
        if start_of(pid) is not None:
            os.kill(pid, signal.SIGKILL)
            worked.until_gone(pid)


STARTER = """
import sys
from pathlib import Path
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.launching import start_worker
print("pid", start_worker(RunDirectory(Path(sys.argv[1]))), flush=True)
input()
"""


def test_a_worker_outlives_its_starter_its_terminal_and_a_hang_up(worked: Worked) -> None:
    pty = pytest.importorskip("pty")
    starter, terminal = pty.fork()
    if starter == 0:  # pragma: no cover
        os.execv(sys.executable, [sys.executable, "-c", STARTER, str(worked.run.path)])
    shown = b""
    while b"\n" not in shown:
        shown += os.read(terminal, 4096)
    pid = int(shown.split()[1])
    worked.pids.append(pid)
    before = worked.until_step(1).series["loss"].x[-1]

    os.kill(starter, signal.SIGKILL)
    os.waitpid(starter, 0)
    os.close(terminal)  # the kernel hangs up on the session
    os.kill(pid, signal.SIGHUP)
    worked.until_step(before + 20)

    assert os.getsid(pid) == pid
    assert os.getsid(pid) != os.getsid(0)
    if sys.platform == "linux":
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        assert fields[4] == "0"  # no controlling terminal
        opened = {}
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it opens and closes files meanwhile
                opened[entry.name] = str(entry.readlink())
        assert not [place for place in opened.values() if place.startswith(("/dev/pts", "/dev/tty"))]
        log = str(worked.run.worker_log)
        assert (opened["0"], opened["1"], opened["2"]) == (os.devnull, log, log)

    send(worked.run, "stop")
    worked.until_gone(pid)
    follower = RunFollower(worked.run)
    follower.poll()
    assert follower.ended is not None
    assert (follower.state.status, follower.ended.status) == ("stopped", "stopped")
    (said,) = worker_log_tail(worked.run)
    assert said == f"stopped at step {follower.state.step}: asked to stop"


def test_its_start_is_known_before_it_trains_and_it_is_started_once(worked: Worked) -> None:
    pid = worked.start()
    state = wait_until_started(worked.run, pid)
    assert (state.pid, state.status, state.process.is_alive()) == (pid, "starting", True)
    with pytest.raises(RunError, match="trained already"):
        start_worker(worked.run)
    worked.until_step(1)
    assert worked.run.read_state().pid == pid


def test_a_polite_kill_saves_and_a_resume_goes_on_from_there(worked: Worked) -> None:
    pid = worked.start()
    worked.until_step(3)
    os.kill(pid, signal.SIGTERM)
    worked.until_gone(pid)
    state = worked.run.read_state()
    assert (state.status, state.message) == ("stopped", "interrupted")
    assert available(worked.run.checkpoints_folder)[-1] == f"step-{state.step:08d}"

    again = worked.start(resume=True)
    assert wait_until_started(worked.run, again).step == state.step
    follower = worked.until_step(state.step + 3)
    assert follower.started is not None
    assert follower.started.resumed_from == state.step
    os.kill(again, signal.SIGKILL)
    worked.until_gone(again)
    events, _ = read(worked.run.events_file)
    follower.poll()
    assert follower.series["loss"].x.tolist() == list(losses_by_step(events))
    assert [e.resumed_from for e in events if isinstance(e, RunStartedEvent)] == [None, state.step]
    late = RunFollower(worked.run)
    late.poll()
    assert late.state.status == "crashed"


def test_a_worker_that_cannot_have_the_run_says_so(worked: Worked) -> None:
    with worked.run.training_lock():
        pid = worked.start()
        with pytest.raises(RunError, match="another process"):
            wait_until_started(worked.run, pid)
    assert worked.run.read_state().message == "not begun"


def test_text_that_cannot_be_used_is_a_failure_with_its_reason(worked: Worked, text: Path) -> None:
    text.write_bytes(b"\xff\xfe\x00not text")
    pid = worked.start()
    wait_until_started(worked.run, pid)
    worked.until_gone(pid)
    state = worked.run.read_state()
    assert state.status == "failed"
    assert "text.md" in state.message
    assert any(line.startswith("error: ") for line in worker_log_tail(worked.run))


def test_a_command_is_for_the_worker_that_was_there_when_it_was_sent(worked: Worked) -> None:
    meant_for_another = send(worked.run, "checkpoint")
    pid = worked.start()
    wait_until_started(worked.run, pid)  # it still has everything to load
    meant_for_it = send(worked.run, "stop")
    worked.until_gone(pid)
    follower = RunFollower(worked.run)
    follower.poll(float("inf"))
    answers = {command.id: command.answer for command in follower.commands}
    before, stop = answers[meant_for_another], answers[meant_for_it]
    assert before is not None
    assert not before.accepted
    assert stop is not None
    assert stop.accepted
    assert follower.state.status == "stopped"


def test_settings_that_cannot_be_used_are_refused_at_once(worked: Worked) -> None:
    worked.run.config_file.write_text("[model]\nd_model = -1\n")
    with pytest.raises(UsageError, match=r"config\.toml"):
        worked.start()
    assert not worked.run.worker_log.exists()


def test_files_beside_it_do_not_stand_in_for_libraries(
    worked: Worked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torch", "numpy", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    worked.start()
    worked.until_step(1)


def test_a_worker_that_breaks_leaves_its_traceback(worked: Worked, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"  # as where it is not installed
        "from ysnakes_core.runs.worker_process import main; sys.exit(main(sys.argv[1:]))"
    )
    with worked.run.worker_log.open("wb") as log:
        ended = subprocess.run(
            [sys.executable, "-c", code, str(worked.run.path)], stdout=log, stderr=log, check=False
        )
    assert ended.returncode == 1
    assert "torch" in worker_log_tail(worked.run)[-1]
    assert worked.run.read_state().status == "failed"
    assert "torch" in worked.run.read_state().message


def test_only_what_the_last_worker_printed_is_its_tail_and_none_of_it_steers_a_terminal(
    worked: Worked,
) -> None:
    assert worker_log_tail(worked.run) == []
    parts = "=== worker 1, then\nold\n=== worker 2, now\n\nnew \x1b[31m\n" + "\n".join(map(str, range(20)))
    worked.run.worker_log.write_text(parts)
    assert worker_log_tail(worked.run, 2) == ["18", "19"]
    assert worker_log_tail(worked.run, 99)[0] == "new ␛[31m"

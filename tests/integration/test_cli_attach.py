"""``ysnakes runs attach`` and ``ysnakes train --detach`` with real workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.event_log import read
from ysnakes_core.runs.events import StepEvent, from_json
from ysnakes_core.runs.processes import start_of

pty = pytest.importorskip("pty")  # not on Windows
ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    *("--no-ui", "--seq-len", "16", "--batch-size", "2", "--set", "d_model=16", "--set", "head_dim=8"),
    *("--set", "n_layers=1", "--set", "d_state=4", "--set", "vocab_size=300", "--set", "sample_tokens=4"),
    *("--set", "validate_every=100000", "--set", "early_stopping.enabled=false"),
]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@dataclass
class Place:
    """A home with text to train on, and the workers that were started in it."""

    home: Path
    text: Path
    pids: list[int] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        own = {"YSNAKES_HOME": str(self.home), "PYTHONPATH": path, "TERM": "xterm", "OMP_NUM_THREADS": "1"}
        return {**os.environ, **own}

    def ysnakes(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ysnakes_tui", *args],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=240,
            check=False,
        )

    def watching(self, *args: str) -> subprocess.Popen[str]:
        """``ysnakes runs attach … --json`` as it runs."""
        return subprocess.Popen(
            [sys.executable, "-m", "ysnakes_tui", "runs", "attach", *args, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, name: str) -> RunDirectory:
        return RunDirectory(self.home / "runs" / name)

    def train_detached(self, name: str, *args: str) -> int:
        ended = self.ysnakes("train", str(self.text), *SMALL, "--run", name, "--detach", "--json", *args)
        assert ended.returncode == 0, ended.stderr
        told = json.loads(ended.stdout)
        assert told["path"] == str(self.run(name).path)
        self.pids.append(told["pid"])
        return int(told["pid"])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    text = tmp_path / "text.md"
    lines = (f"What is {i}?<start>It is {i}, and {i * i} is its square.<end>" for i in range(99))
    text.write_text("\n".join(lines), encoding="utf-8")
    place = Place(tmp_path / "home", text)
    yield place
    for pid in place.pids:
        if start_of(pid) is not None:
            os.kill(pid, signal.SIGKILL)


def until_step(watched: subprocess.Popen[str], at_least: int) -> int:
    assert watched.stdout is not None
    for line in watched.stdout:
        event = from_json(line)
        if isinstance(event, StepEvent) and event.step >= at_least:
            return event.step
    raise AssertionError(watched.communicate())


def test_one_leaves_a_training_and_comes_back_and_sees_its_end(place: Place) -> None:
    pid = place.train_detached("long", "--steps", "100000")
    with place.watching("long") as watched:
        reached = until_step(watched, 3)
        watched.send_signal(signal.SIGINT)
        _, err = watched.communicate(timeout=60)
        assert watched.returncode == 130
    assert "the training goes on; come back with: ysnakes runs attach long" in err
    assert start_of(pid) is not None
    with place.watching("long") as watched, place.watching("long") as other:  # two may look
        assert until_step(watched, reached + 50) >= reached + 50
        assert until_step(other, 1) == 1  # from the beginning
        assert place.ysnakes("runs", "stop", "long").returncode == 0
        _, err = watched.communicate(timeout=60)
        other.communicate(timeout=60)
        assert (watched.returncode, other.returncode) == (3, 3)
    assert "go on with: ysnakes train --no-ui --resume long" in err
    assert place.run("long").read_state().status == "stopped"


def test_a_worker_killed_under_it_ends_it_and_is_gone_on_with(place: Place) -> None:
    pid = place.train_detached("long", "--steps", "100000", "--set", "checkpoint_every=1")
    with place.watching("long") as watched:
        until_step(watched, 3)
        os.kill(pid, signal.SIGKILL)
        _, err = watched.communicate(timeout=60)
        assert watched.returncode == 1
    assert "vanished" in err
    assert "--resume long" in err
    again = place.ysnakes("train", "--resume", "long", "--no-ui", "--detach")
    assert again.returncode == 0, again.stderr
    told = dict(line.split(None, 1) for line in again.stdout.splitlines())
    place.pids.append(int(told["worker"].split()[1]))
    assert told["watch"] == "ysnakes runs attach long"
    busy = place.ysnakes("train", "--resume", "long", "--no-ui", "--detach")
    assert busy.returncode == 1
    with place.watching("long") as watched:
        until_step(watched, 3)
        assert place.ysnakes("runs", "stop", "long").returncode == 0
        watched.communicate(timeout=60)
        assert watched.returncode == 3


def test_attaching_loads_neither_torch_nor_the_app_and_gives_the_log(place: Place) -> None:
    place.train_detached("short", "--steps", "5")
    code = (
        "import sys, atexit\n"
        "from ysnakes_tui.cli import main\n"
        "atexit.register(lambda: print('torch' in sys.modules, 'textual' in sys.modules))\n"
        "sys.argv = ['ysnakes', 'runs', 'attach', 'short', '--json']\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=place.environment,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    *lines, loaded = ended.stdout.splitlines()
    assert loaded == "False False"
    assert [from_json(line) for line in lines] == read(place.run("short").events_file)[0]
    assert [json.loads(line)["type"] for line in lines].count("step") == 5


def test_on_a_terminal_the_panel_is_drawn_and_ctrl_c_leaves_it_in_order(place: Place) -> None:
    worker = place.train_detached("long", "--steps", "100000")
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        words = [sys.executable, "-m", "ysnakes_tui", "runs", "attach", "long"]
        os.execve(sys.executable, words, place.environment)
    shown = b""
    while b"tokens/s" not in shown or b"% of 100,000 steps" not in shown:
        shown += os.read(terminal, 65536)
    os.write(terminal, b"\x03")
    try:
        while chunk := os.read(terminal, 65536):
            shown += chunk
    except OSError:  # Linux's way to say that the other side is closed
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")  # the cursor is back
    assert b"the training goes on" in shown
    assert start_of(worker) is not None

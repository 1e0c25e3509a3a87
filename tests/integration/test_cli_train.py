"""Real trainings from the command line: streams, exit codes, signals, and going on after them."""

from __future__ import annotations

import json
import os
import random
import select
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.sampling import SamplingOptions
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.event_log import losses_by_step, read
from ysnakes_core.runs.events import (
    CommandEvent,
    Event,
    RunEndedEvent,
    RunStartedEvent,
    StepEvent,
    UnknownEvent,
    ValidationEvent,
    from_json,
)
from ysnakes_core.runs.opening import open_model
from ysnakes_core.training.checkpoint import available
from ysnakes_tui.cli import app
from ysnakes_tui.completion_teller import Teller, Wanted

pty = pytest.importorskip("pty")  # not on Windows
ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    *("--no-ui", "--seq-len", "32", "--batch-size", "4", "--set", "d_model=32", "--set", "head_dim=16"),
    *("--set", "n_layers=2", "--set", "d_state=16", "--set", "vocab_size=400", "--set", "sample_tokens=8"),
]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@dataclass(frozen=True)
class Place:
    """A home with text to train on."""

    home: Path
    text: Path

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        own = {"YSNAKES_HOME": str(self.home), "PYTHONPATH": path, "TERM": "xterm", "NO_COLOR": ""}
        own["OMP_NUM_THREADS"] = (
            "1"  # the models are tiny, and threads wait for one another on a busy machine
        )
        return {**os.environ, **own}

    def ysnakes(self, *args: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "ysnakes_tui", *args]
        return subprocess.run(
            command, capture_output=True, env=self.environment, input=given, timeout=240, check=False
        )

    def run(self, name: str) -> RunDirectory:
        return RunDirectory(self.home / "runs" / name)

    def objects(self, *args: str) -> list[dict[str, Any]]:
        ended = self.ysnakes(*args, "--json")
        assert ended.returncode == 0, ended.stderr.decode()
        return [json.loads(line) for line in ended.stdout.splitlines()]


def make_place(folder: Path) -> Place:
    rng = random.Random(1)
    names, things = ("Mia", "Tom", "Ana", "Bo", "Lee"), ("apple", "ball", "cat", "dog", "egg", "fish")
    lines = []
    for day in range(300):
        name, thing = rng.choice(names), rng.choice(things)
        lines.append(f"What did {name} see on day {day}?<start>{name} saw the {thing} on day {day}.<end>")
    text = folder / "text"
    text.mkdir()
    (text / "days.md").write_text("\n".join(lines))
    return Place(folder / "home", text)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("cli"))


@dataclass(frozen=True)
class Trained:
    """A short training that went to its end with ``--json``."""

    place: Place
    ended: subprocess.CompletedProcess[bytes]
    run: RunDirectory


@pytest.fixture(scope="module")
def trained(place: Place) -> Trained:
    ended = place.ysnakes(
        *("train", str(place.text), *SMALL, "--steps", "12", "--run", "short", "--json"),
        *("--set", "validate_every=6", "--set", "early_stopping.enabled=false"),
    )
    assert ended.returncode == 0, ended.stderr.decode()
    return Trained(place, ended, place.run("short"))


class Watched:
    """A training whose events are read as they come."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def until(self, kind: type[Event], at_least: int = 0) -> Event:
        """The next event of a kind, from a step on."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = from_json(line)
            if isinstance(event, kind) and event.step >= at_least:
                return event
        raise AssertionError(f"it ended before that: {self.rest()}")

    def rest(self) -> tuple[int, str]:
        """Read to the end; exit code and stderr."""
        _, err = self.process.communicate(timeout=240)
        return self.process.returncode, err.decode()


@contextmanager
def training(place: Place, *args: str) -> Iterator[Watched]:
    """``ysnakes train … --json`` as it runs, with signals as a terminal's foreground job has them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ysnakes_tui", "train", *args, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=place.environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield Watched(process)
    finally:
        process.kill()
        process.communicate()


# What is said where.


def test_json_lines_are_the_events_of_the_log(trained: Trained) -> None:
    events = [from_json(line) for line in trained.ended.stdout.splitlines()]
    assert not any(event is None or isinstance(event, UnknownEvent) for event in events)
    assert events == read(trained.run.events_file)[0]
    kinds = [event.type for event in events if event is not None]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_ended"
    assert kinds.count("step") == 12
    assert {"validation", "sample", "checkpoint", "early_stopping"} <= set(kinds)
    for line in trained.ended.stdout.splitlines():
        assert {"type", "time", "step", "tokens"} <= json.loads(line).keys()


def test_progress_goes_to_stderr_and_the_result_to_stdout(place: Place) -> None:
    ended = place.ysnakes("train", str(place.text), *SMALL, "--steps", "3", "--run", "plain")
    out, err = ended.stdout.decode(), ended.stderr.decode()
    assert ended.returncode == 0
    facts = dict(line.split(None, 1) for line in out.splitlines())
    assert list(facts) == ["run", "ended", "best", "trained", "next"]
    assert facts["run"] == str(place.run("plain").path)
    assert facts["ended"].startswith("finished: ")
    assert facts["next"] == 'ysnakes complete plain "…"'
    assert "step 1 · 33 %" in err
    assert "validation" in err
    assert "\x1b" not in out + err  # a pipe is no terminal
    quiet = place.ysnakes("train", "--resume", "plain", "--steps", "4", "--quiet")
    assert (quiet.returncode, quiet.stderr) == (0, b"")
    assert b"4 steps" in quiet.stdout
    spent = place.ysnakes("train", "--resume", "plain")
    assert spent.returncode == 0
    assert spent.stderr.splitlines()[0].startswith(b"there is no terminal for the app")
    assert b"there is no terminal" not in ended.stderr  # --no-ui says the same
    assert b"ysnakes train --no-ui --resume plain --steps 8" in spent.stderr


def test_training_never_loads_the_app_s_library(place: Place) -> None:
    code = (
        "import sys, atexit\n"
        "from ysnakes_tui.cli import main\n"
        "atexit.register(lambda: print('torch' in sys.modules, 'textual' in sys.modules))\n"
        f"sys.argv = ['ysnakes', 'train', {str(place.text)!r}, *{SMALL!r}, '--steps', '1', '--quiet']\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=place.environment, timeout=240, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stdout.decode().splitlines()[-1] == "True False"


def test_bad_text_leaves_no_run_behind(place: Place, tmp_path: Path) -> None:
    (tmp_path / "broken.md").write_bytes(b"\xff\xfe\x00not text")
    before = {run["name"] for run in place.objects("runs", "list")}
    ended = place.ysnakes("train", str(tmp_path), *SMALL, "--steps", "3")
    assert ended.returncode == 2
    assert b"broken.md" in ended.stderr
    assert b"  hint: " in ended.stderr
    assert {run["name"] for run in place.objects("runs", "list")} == before


# Signals.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    place = make_place(tmp_path)
    with training(place, str(place.text), *SMALL, "--steps", "100000", "--run", "long") as watched:
        watched.until(StepEvent, at_least=3)
        watched.process.send_signal(number)
        code, err = watched.rest()
    assert code == 130
    assert "saving…" in err
    state = place.run("long").read_state()
    assert state.status == "stopped"
    assert f"saved at step {state.step:,}" in err
    if number is not signal.SIGINT:  # going on is the same after each
        return
    words = shlex.split(err.partition("go on with: ")[2])
    assert words[:1] == ["ysnakes"]
    ended = place.ysnakes(*words[1:], "--steps", str(state.step + 2))
    assert ended.returncode == 0, ended.stderr.decode()
    events, _ = read(place.run("long").events_file)
    starts = [event for event in events if isinstance(event, RunStartedEvent)]
    assert [event.resumed_from for event in starts] == [None, state.step]
    assert list(losses_by_step(events)) == list(range(1, state.step + 3))
    assert place.run("long").read_config().training.steps == state.step + 2


def test_a_second_signal_ends_at_once_and_loses_no_checkpoint(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    often = ["--set", "checkpoint_every=1"]
    with training(place, str(place.text), *SMALL, *often, "--steps", "100000", "--run", "long") as watched:
        watched.until(StepEvent, at_least=3)
        watched.process.send_signal(signal.SIGINT)
        watched.process.send_signal(signal.SIGINT)
        code, err = watched.rest()
    assert code == 130
    assert "Traceback" not in err
    assert "go on with: ysnakes train --no-ui --resume long" in err
    ended = place.ysnakes("train", "--resume", "long", "--steps", "6", "--quiet")
    assert ended.returncode == 0, ended.stderr.decode()
    starts = [event for event in read(place.run("long").events_file)[0] if isinstance(event, RunStartedEvent)]
    assert (starts[-1].resumed_from or 0) >= 2


def test_a_signal_before_training_leaves_nothing_behind(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    rng = random.Random(2)
    words = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(5000)]
    (place.text / "long.txt").write_text(" ".join(rng.choices(words, k=300_000)))  # a while to prepare
    process = subprocess.Popen(
        [sys.executable, "-m", "ysnakes_tui", "train", str(place.text), *SMALL, "--steps", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=place.environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"reading text")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert out == b""
    assert b"nothing was kept" in err
    assert list((place.home / "runs").iterdir()) == []


def test_ignored_signals_stay_ignored(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "ysnakes_tui", "train", str(place.text), *SMALL, "--steps", "8", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=place.environment,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # as nohup does
    )
    watched = Watched(process)
    watched.until(StepEvent, at_least=2)
    process.send_signal(signal.SIGHUP)
    assert watched.rest()[0] == 0


def test_a_reader_that_leaves_ends_the_training_after_saving(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    with training(place, str(place.text), *SMALL, "--steps", "100000", "--run", "long") as watched:
        watched.until(StepEvent, at_least=3)
        assert watched.process.stdout is not None
        assert watched.process.stderr is not None
        watched.process.stdout.close()
        err = watched.process.stderr.read().decode()
        assert watched.process.wait(240) == 130
    assert "saved at step" in err
    assert "Traceback" not in err
    assert place.run("long").read_state().status == "stopped"


# Steering.


def test_a_run_is_steered_from_another_terminal(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    with training(place, str(place.text), *SMALL, "--steps", "100000", "--run", "long") as watched:
        watched.until(StepEvent, at_least=2)
        paused = place.ysnakes("runs", "pause", "long")
        assert paused.returncode == 0, paused.stderr.decode()
        assert paused.stdout == b"long: paused\n"
        assert [run["status"] for run in place.objects("runs", "list")] == ["paused"]
        deleted = place.ysnakes("runs", "delete", "long", "--yes")
        assert deleted.returncode == 1
        again = place.ysnakes("train", "--resume", "long")
        assert again.returncode == 1
        assert b"ysnakes runs stop long" in again.stderr
        assert place.ysnakes("runs", "resume", "long").returncode == 0
        assert b"bits per byte" in place.ysnakes("runs", "validate", "long").stdout
        assert b"long: the whole patience of" in place.ysnakes("runs", "snooze", "long").stdout
        assert place.ysnakes("runs", "stop", "long").returncode == 0
        code, err = watched.rest()
    assert code == 3
    assert "go on with: ysnakes train --no-ui --resume long" in err
    events, _ = read(place.run("long").events_file)
    answers = [event.name for event in events if isinstance(event, CommandEvent) and event.accepted]
    assert answers == ["pause", "resume", "validate", "snooze", "stop"]
    assert isinstance(events[-1], RunEndedEvent)
    assert events[-1].status == "stopped"


# What was trained. These run in this process: a process of their own each would load torch again.


class Here:
    """``ysnakes`` in this process, in the home of ``trained``."""

    def __init__(self, trained: Trained) -> None:
        self.place, self.run = trained.place, trained.run

    def __call__(self, *args: str, given: bytes = b"") -> tuple[int, str, str]:
        result = CliRunner().invoke(app, list(args), input=given)
        return result.exit_code, result.stdout, result.stderr

    def objects(self, *args: str) -> list[dict[str, Any]]:
        code, out, err = self(*args, "--json")
        assert code == 0, err
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def here(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("YSNAKES_HOME", str(trained.place.home))
    return Here(trained)


def test_a_run_is_shown(here: Here) -> None:
    (shown,) = here.objects("runs", "show", "short")
    assert (shown["status"], shown["step"], shown["name"]) == ("finished", 12, "short")
    assert [row["step"] for row in shown["validations"]] == [6, 12]
    assert [entry["name"] for entry in shown["checkpoints"] if "latest" in entry["marks"]] == [
        "step-00000012"
    ]
    assert any("best" in entry["marks"] for entry in shown["checkpoints"])
    _, text, _ = here("runs", "show", "short")
    assert "validations" in text
    assert "checkpoints" in text
    assert "step-00000012" in text


def test_evaluation_agrees_with_the_last_validation(here: Here) -> None:
    events, _ = read(here.run.events_file)
    last = [event for event in events if isinstance(event, ValidationEvent)][-1]
    (score,) = here.objects("eval", "short", "--checkpoint", "latest")
    assert score["bits_per_byte"] == pytest.approx(last.bits_per_byte, rel=1e-5)
    assert score["loss"] == pytest.approx(last.loss, rel=1e-5)
    (given,) = here.objects("eval", "short", str(here.place.text / "days.md"))
    assert given["documents"] == 300
    code, out, err = here("eval", "short")
    assert code == 0
    assert out.splitlines()[0].startswith("bits per byte")
    assert "scoring" in err


def test_evaluation_of_text_that_is_not_there(here: Here, tmp_path: Path) -> None:
    code, out, err = here("eval", "short", str(tmp_path / "gone.md"))
    assert (code, out) == (2, "")
    assert "gone.md" in err


def test_a_completion_is_data_alone_on_stdout(here: Here) -> None:
    args = ("complete", "short", "What did Mia see?", "--seed", "5", "--max-tokens", "8")
    code, out, err = here(*args)
    assert code == 0
    assert "short: step-" in err
    assert "seed 5" in err
    assert here(*args, "--quiet") == (0, out, "")
    objects = here.objects(*args)
    assert [entry["type"] for entry in objects] == ["piece"] * (len(objects) - 1) + ["completion"]
    text = "".join(entry["text"] for entry in objects[:-1])
    assert text == objects[-1]["text"]
    assert out in (text, text + "\n")
    assert (objects[-1]["seed"], objects[-1]["tokens"]) == (5, len(objects) - 1)


def test_every_sampling_option_reaches_the_sampler(here: Here) -> None:
    prompt = ("complete", "short", "What did Mia see?", "--max-tokens", "12", "--seed", "1")
    greedy = here(*prompt, "--temperature", "0")[1]
    assert here(*prompt, "--top-k", "1", "--repetition-penalty", "1.1")[1] == greedy
    assert here(*prompt, "--min-p", "1")[1] == greedy
    assert here(*prompt, "--top-p", "0.0001")[1] == greedy
    usual = here(*prompt)[1]
    assert usual != greedy
    assert here(*prompt, "--seed", "2")[1] != usual
    assert here(*prompt, "--temperature", "0", "--repetition-penalty", "5")[1] != greedy
    cut = here(*prompt, "--stop", usual[3:5])[1]
    assert usual.startswith(cut.removesuffix("\n"))
    assert len(cut) < len(usual)
    assert "a request" in here(*prompt, "--as", "request")[2]


def test_prompts_come_from_stdin_whole_or_line_by_line(here: Here) -> None:
    options = ("--seed", "5", "--max-tokens", "4", "--as", "request")
    _, direct, _ = here("complete", "short", "What did Mia see?", *options)
    code, out, err = here("complete", "short", "-", *options, given=b"What did Mia see?\n")
    assert (code, out) == (0, direct)
    assert "a request" in err
    lines = b"What did Mia see?\n\nexit\nnever\n"
    assert here("complete", "short", *options, given=lines)[:2] == (0, direct)
    code, out, err = here("complete", "short", "-", given=b"caf\xe9")
    assert (code, out) == (2, "")
    assert "byte 3" in err


@pytest.mark.skipif(os.name == "nt", reason="closed as a POSIX shell does")
def test_streams_that_are_closed_or_full_or_no_text(here: Here) -> None:
    def closing(how: str, before: str = "exec") -> tuple[int, str]:
        line = f'{before} "$0" -m ysnakes_tui complete short --max-tokens 4 {how}'
        done = subprocess.run(
            ["sh", "-c", line, sys.executable],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return done.returncode, done.stderr

    assert closing("<&-")[0] == 0
    assert closing("What <&- >&-")[0] == 0
    code, err = closing("", "printf '\\377\\376\\nWhat\\n' |")
    assert code == 2
    assert "error: line 1: the text is not UTF-8" in err
    assert "tokens/s" in err  # of the next one
    if os.path.exists("/dev/full"):  # noqa: PTH110
        code, err = closing("What > /dev/full")
        assert code == 1
        assert err.splitlines()[-2] == "error: output or input failed: no space left on device"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["complete", "short", "x", "--temperature", "-1"], "temperature"),
        (["complete", "short", "x", "--checkpoint", "step-99999999"], "step-99999999"),
        (["complete", "short", "x", "--checkpoint", "../../x"], "../../x"),
        (["complete", "short", "x", "--device", "tpu"], "tpu"),
        (["eval", "short", "--checkpoint", "step-99999999"], "step-99999999"),
        (["train", "--resume", "short", "--checkpoint", "step-99999999"], "step-99999999"),
    ],
)
def test_wrong_options_about_a_run(here: Here, args: list[str], told: str) -> None:
    before = here.run.config_file.read_bytes(), here.run.state_file.read_bytes()
    code, out, err = here(*args)
    assert (code, out) == (2, "")
    assert told in err
    assert "  hint: " in err
    assert (here.run.config_file.read_bytes(), here.run.state_file.read_bytes()) == before


def test_a_broken_checkpoint_falls_back_and_says_so(here: Here, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(here.run.path, copy)
    newest = copy / "checkpoints" / "step-00000012" / "model.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    code, out, err = here("complete", str(copy), "What", "--max-tokens", "2", "--checkpoint", "latest")
    assert code == 0
    assert out
    assert "warning: " in err
    assert "step-00000012" in err
    assert "copy: step-00000006" in err


# On a terminal.


class Terminal:
    """``ysnakes`` with a terminal of its own, as wide as people's are."""

    def __init__(self, place: Place, *args: str) -> None:
        self.shown = b""
        self._seen = 0
        self._pid, self._fd = pty.fork()
        if self._pid == 0:  # pragma: no cover
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execve(sys.executable, [sys.executable, "-m", "ysnakes_tui", *args], place.environment)

    def until(self, text: bytes) -> None:
        """Read until ``text`` was written, after what was waited for before."""
        while (at := self.shown.find(text, self._seen)) < 0:
            chunk = self._read()
            assert chunk, self.shown.decode(errors="replace")
            self.shown += chunk
        self._seen = at + len(text)

    def type(self, text: bytes) -> None:
        os.write(self._fd, text)

    def press_until(self, key: bytes, text: bytes) -> None:
        """Press ``key`` until ``text`` is written: Python misses a ctrl+c while readline reads a letter."""
        while self.shown.find(text, self._seen) < 0:
            self.type(key)
            if select.select([self._fd], [], [], 1.0)[0]:
                self.shown += self._read()
        self.until(text)

    def end(self) -> int:
        """Read to the end; the exit code."""
        while chunk := self._read():
            self.shown += chunk
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def leave(self) -> int:
        """Close the terminal's window; the exit code."""
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            return b""


def test_a_training_on_a_terminal_draws_a_panel(trained: Trained) -> None:
    terminal = Terminal(
        trained.place, "train", str(trained.place.text), *SMALL, "--steps", "100000", "--run", "drawn"
    )
    terminal.until(b"% of 100,000 steps")
    terminal.until(b"tokens/s")
    terminal.type(b"\x03")
    assert terminal.end() == 130
    assert b"saving" in terminal.shown
    assert terminal.shown.rindex(b"\x1b[?25h") > terminal.shown.rindex(b"\x1b[?25l")  # the cursor is back
    assert b"go on with: ysnakes train --no-ui --resume drawn" in terminal.shown


def test_a_training_outlives_its_terminal_long_enough_to_save(trained: Trained) -> None:
    terminal = Terminal(
        trained.place, "train", str(trained.place.text), *SMALL, "--steps", "100000", "--run", "left"
    )
    terminal.until(b"tokens/s")
    assert terminal.leave() == 130
    state = trained.place.run("left").read_state()
    assert state.status == "stopped"
    assert f"step-{state.step:08d}" in available(trained.place.run("left").checkpoints_folder)


def test_the_prompt_loop(trained: Trained) -> None:
    terminal = Terminal(trained.place, "complete", "short", "--max-tokens", "6", "--seed", "1")
    terminal.until(b"> ")
    terminal.type(b"What did Mia see?\n")
    terminal.until(b"seed 1]")
    terminal.until(b"> ")
    terminal.type(b"half a thought")
    terminal.until(b"thought")
    terminal.press_until(b"\x03", b"ctrl+d leaves")  # takes the line back
    terminal.until(b"> ")
    terminal.type(b"\x1b[A\n")  # the line before, from the history
    terminal.until(b"seed 1]")
    terminal.until(b"> ")
    terminal.type(b"\x04")
    assert terminal.end() == 0
    assert b"Traceback" not in terminal.shown
    assert "What did Mia see?" in (trained.place.home / "prompts").read_text()


def test_ctrl_c_ends_a_completion_and_keeps_what_was_made(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = open_model(here.run)
    presses = iter([False] * 8 + [True])

    def clock() -> float:  # the engine looks at it before and after each token
        if next(presses, False):
            raise KeyboardInterrupt
        return 0.0

    completer = Completer(opened.model, opened.tokenizer, clock=clock)
    options = SamplingOptions(max_tokens=1000, seed=1)
    teller = Teller(completer, Wanted(options, "request"))
    assert teller.complete("What did Mia see?") == 130
    told = capsys.readouterr()
    assert told.out.strip()
    assert "ended by ctrl+c" in told.err

"""The command line without a training: parsing, errors, exit codes, what is loaded, and odd terminals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ysnakes_core.configuration import PRESETS, RunConfig, from_toml, preset_config
from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_tui import cli_runs, examination, output
from ysnakes_tui.cli import app
from ysnakes_tui.formats import age, count, duration, size, table

ROOT = Path(__file__).resolve().parents[2]
ARROW = "ESC \x1b[31m and a right-to-left override \u202e"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test."""
    place = tmp_path / "home"
    monkeypatch.setenv("YSNAKES_HOME", str(place))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")  # nobody listens on the discard port
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return place


def run_here(*args: str, given: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(args), input=given)
    return result.exit_code, result.stdout, result.stderr


def run_process(args: Sequence[str], **environment: str) -> subprocess.CompletedProcess[bytes]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *args],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def made_run(home: Path, name: str, state: RunState | None = None) -> RunDirectory:
    run = create_run(home / "runs", RunConfig(), name)
    if state is not None:
        run.write_state(state)
    return run


# What is loaded.


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["train", "--help"],
        ["complete", "--help"],
        ["runs", "--help"],
        ["runs", "list", "--help"],
        ["eval", "--help"],
        ["plan", "--help"],
        ["doctor", "--help"],
        ["config", "--help"],
        ["--version"],
        ["runs", "list"],
        ["config", "show"],
        ["train", "--steps", "many"],
        [],
    ],
)
def test_nothing_heavy_is_loaded_for(args: list[str]) -> None:
    code = (
        "import sys\n"
        "from ysnakes_tui.cli import main\n"
        f"sys.argv = ['ysnakes', *{args!r}]\n"
        "try: main()\n"
        "finally: print([n for n in ('torch', 'numpy', 'tokenizers', 'textual', 'rich') if n in sys.modules])"
    )
    ended = run_process(["-c", code])
    assert ended.stdout.decode().splitlines()[-1] == "[]", ended.stderr.decode()


def test_every_command_explains_itself() -> None:
    code, out, _ = run_here("--help")
    assert code == 0
    commands = ["train", "complete", "runs", "eval", "plan", "doctor", "config"]
    for command in commands:
        assert f"\n  {command} " in out
        code, told, _ = run_here(command, "--help")
        assert code == 0
        assert "Usage: " in told


# Wrong usage.


@pytest.mark.parametrize(
    ("args", "what", "hint"),
    [
        (["trian"], "no such command", "ysnakes --help"),
        (["train", "--stepz", "3"], "no such option: --stepz", "ysnakes train --help"),
        (["train", "--steps"], "requires an argument", "--help"),
        (["train", "--steps", "many"], "training.steps cannot be 'many'", "whole number"),
        (["train", "--steps", "0"], "--steps 0 leaves nothing to train", "more than 0"),
        (["train", "--steps", "5", "--minutes", "1"], "more than one budget", "at most one"),
        (["train", "--batch-size", "-3"], "training.batch_size cannot be", "whole number"),
        (["train", "--preset", "ys-9t"], "no preset named 'ys-9t'", "ys-4m"),
        (["train", "--set", "d_modle=64"], "no setting 'd_modle'", "model.d_model"),
        (["train", "--set", "d_model"], "not a setting", "key=value"),
        (["train", "/no/such/text"], "no file or folder /no/such/text", "check"),
        (["train", "--checkpoint", "best"], "--checkpoint says where to resume", "--resume"),
        (["train", "--resume", "gone"], "no run “gone”", "ysnakes train"),
        (["train", "--resume", "latest"], "no run yet", "ysnakes train"),
        (["train", "--resume", "x", "--preset", "ys-1m"], "--preset cannot be given", "without --resume"),
        (["complete", "gone", "hello"], "no run “gone”", "ysnakes train"),
        (["complete", "./gone", "hello"], "no run at ./gone", "config.toml"),
        (["complete", "gone", "hello", "--as", "song"], "read as song", "auto, request, text"),
        (["eval", "gone"], "no run “gone”", "ysnakes train"),
        (["runs", "show", "../../etc"], "no run at ../../etc", "config.toml"),
        (["runs", "pause", "gone"], "no run “gone”", "ysnakes train"),
        (["runs", "delete", "gone", "--yes"], "no run “gone”", "no runs"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_hint(args: list[str], what: str, hint: str) -> None:
    code, out, err = run_here(*args)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("error: ")
    assert what in first
    assert second.startswith("  hint: ")
    assert hint in second


def test_a_wrong_name_reaches_the_terminal_as_visible_signs() -> None:
    for args in (["complete", ARROW, "x"], ["runs", "delete", ARROW, "--yes"], ["train", f"/{ARROW}"]):
        code, _, err = run_here(*args)
        assert code == 2
        assert "\x1b" not in err
        assert "\u202e" not in err
        assert "␛" in err


def test_bare_ysnakes_without_a_terminal_says_what_to_run_instead() -> None:
    code, out, err = run_here()
    assert (code, out) == (2, "")
    assert "train" in err
    assert "needs a terminal" in err


def test_a_group_without_a_command_shows_its_commands() -> None:
    code, _, err = run_here("runs")
    assert code == 2
    assert "delete" in err
    assert "error:" not in err


def test_failed_parsing_leaves_nothing_behind(home: Path) -> None:
    run_here("train", "/no/such/text")
    run_here("train", "--steps", "many")
    assert not (home / "runs").exists()


# Unexpected failures.


@pytest.mark.parametrize("args", [["--debug", "runs", "list"], ["runs", "list", "--debug"]])
def test_a_traceback_only_with_debug(monkeypatch: pytest.MonkeyPatch, home: Path, args: list[str]) -> None:
    made_run(home, "one")

    def broken(folder: Path) -> int:
        raise ZeroDivisionError("seven")

    monkeypatch.setattr(cli_runs, "disk_use", broken)
    code, _, err = run_here("runs", "list")
    assert code == 1
    assert err.splitlines()[0] == ("error: something went wrong that should not: ZeroDivisionError: seven")
    assert "--debug" in err.splitlines()[1]
    assert "Traceback" not in err
    code, _, err = run_here(*args)
    assert code == 1
    assert "Traceback" in err
    assert "in broken" in err


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (MemoryError(), 1, "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 1, "not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (YsnakesError("it is broken", "mend it"), 1, "error: it is broken\n  hint: mend it\n"),
        (PermissionError(13, "Permission denied", "place"), 1, "error: permission denied: place\n"),
    ],
)
def test_every_failure_has_its_code(
    monkeypatch: pytest.MonkeyPatch, home: Path, error: BaseException, code: int, told: str
) -> None:
    made_run(home, "one")

    def broken(folder: Path) -> int:
        raise error

    monkeypatch.setattr(cli_runs, "disk_use", broken)
    ended, _, err = run_here("runs", "list")
    assert ended == code
    assert told in err


# Streams and terminals.


def test_an_encoding_without_our_signs_gets_stand_ins(home: Path) -> None:
    made_run(home, "größe-…")
    ended = run_process(["-m", "ysnakes_tui", "runs", "list"], PYTHONIOENCODING="ascii")
    assert ended.returncode == 0
    assert b"gr\\xf6\\xdfe-..." in ended.stdout
    ended = run_process(["-m", "ysnakes_tui", "runs", "list", "--runs-dir", "/…"], PYTHONIOENCODING="latin-1")
    assert ended.returncode == 0
    assert b"/..." in ended.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "-m", "ysnakes_tui", "config", "show"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before anything is written
    err = process.stderr.read()
    assert process.wait(60) == 0
    assert err == b""


def test_a_full_disk_behind_stdout_is_told() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "ysnakes_tui", "config", "show"],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert b"no space left" in ended.stderr


def test_json_has_no_numbers_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    output.put_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": -float("inf")}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": {"d": None}}


def test_colours_and_redrawing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.can_color(terminal)  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.can_color(terminal)  # type: ignore[arg-type]
    assert output.can_redraw(terminal)  # type: ignore[arg-type]
    monkeypatch.setenv("TERM", "dumb")
    assert not output.can_redraw(terminal)  # type: ignore[arg-type]
    assert output.speaks_unicode(terminal)  # type: ignore[arg-type]
    terminal.encoding = "cp437"
    assert not output.speaks_unicode(terminal)  # type: ignore[arg-type]


def test_numbers_for_people() -> None:
    assert [size(n) for n in (0, 999, 1000, 1_549_000, 99_960_000, 21_000_000_000)] == [
        *("0 bytes", "999 bytes", "1.0 kB", "1.5 MB", "100 MB", "21.0 GB")
    ]
    assert [count(n) for n in (0, 9999, 41_200, 3_640_192, 999_600)] == [
        "0",
        "9,999",
        "41.2k",
        "3.64M",
        "1.00M",
    ]
    assert [duration(s) for s in (0, 59.6, 725, 11_220, 190_000)] == [
        "0:00",
        "1:00",
        "12:05",
        "3:07:00",
        "2 d 4 h",
    ]
    assert [age(s) for s in (5, 61, 7200, 200_000)] == ["just now", "1 min ago", "2 h ago", "2 d ago"]
    assert table([("a", "n"), ("蛇", "10")], right=(1,)) == ["a    n", "蛇  10"]


# Runs.


def test_a_list_of_runs_tells_of_broken_ones_too(home: Path) -> None:
    made_run(home, "good", RunState(status="finished", step=1200, heartbeat=5.0, best=1.51, best_step=900))
    made_run(home, "hurt").state_file.write_text("{")
    code, out, err = run_here("runs", "list")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["hurt", "broken"], ["good", "finished"]]
    assert "1,200" in out
    assert "1.5100" in out
    assert "hurt: " in err
    code, out, err = run_here("runs", "list", "--json")
    objects = {entry["name"]: entry for entry in map(json.loads, out.splitlines())}
    assert (code, err) == (0, "")
    assert objects["good"]["best"] == 1.51
    assert objects["good"]["bytes"] > 1000
    assert objects["hurt"]["problem"]


def test_an_empty_list_is_empty_on_stdout() -> None:
    code, out, err = run_here("runs", "list")
    assert (code, out) == (0, "")
    assert "ysnakes train" in err


def test_a_run_is_found_by_name_by_path_and_as_the_latest(home: Path, tmp_path: Path) -> None:
    made_run(home, "old", RunState(status="finished", heartbeat=100.0))
    made_run(home, "new", RunState(status="finished", heartbeat=200.0))
    elsewhere = create_run(tmp_path / "other", RunConfig(), "old")
    elsewhere.write_state(RunState(status="stopped", step=7))

    def found(*args: str) -> str:
        code, out, _ = run_here("runs", "show", *args, "--json")
        assert code == 0
        return str(json.loads(out)["path"])

    assert found("old") == str(home / "runs" / "old")
    assert found("latest") == str(home / "runs" / "new")
    assert found(str(elsewhere.path)) == str(elsewhere.path)
    assert found("old", "--runs-dir", str(tmp_path / "other")) == str(elsewhere.path)


def test_a_run_is_deleted_only_when_it_is_meant(home: Path) -> None:
    run = made_run(home, "one", RunState(status="finished"))
    code, _, err = run_here("runs", "delete", "one")  # nobody there to ask
    assert code == 2
    assert "--yes" in err
    assert run.path.exists()
    code, _, err = run_here("runs", "delete", "latest", "--yes")  # never guessed
    assert code == 2
    run.write_state(RunState(status="running").of_process(this_process()))
    code, _, err = run_here("runs", "delete", "one", "--yes")
    assert code == 1
    assert "ysnakes runs stop one" in err
    run.write_state(RunState(status="finished"))
    assert run_here("runs", "delete", "one", "--yes")[0] == 0
    assert not run.path.exists()


@pytest.mark.parametrize(("answer", "kept"), [("n", True), ("", True), ("yes", False), ("Y", False)])
def test_deletion_asks_on_a_terminal(
    home: Path, monkeypatch: pytest.MonkeyPatch, answer: str, kept: bool
) -> None:
    run = made_run(home, "one", RunState(status="finished"))
    monkeypatch.setattr(cli_runs, "is_terminal", lambda stream: True)
    assert run_here("runs", "delete", "one", given=f"{answer}\n")[0] == 0
    assert run.path.exists() is kept


def test_a_run_that_nobody_trains_cannot_be_steered(home: Path) -> None:
    run = made_run(home, "one", RunState(status="running", pid=2**22 + 1, boot_id="x"))
    for verb in ("pause", "resume", "stop", "validate", "snooze"):
        code, _, err = run_here("runs", verb, "one")
        assert code == 1
        assert "crashed" in err
        assert "ysnakes train --no-ui --resume one" in err
    assert list(run.control_folder.iterdir()) == []


def test_a_living_run_is_not_resumed_twice(home: Path) -> None:
    run = made_run(home, "one", RunState(status="running").of_process(this_process()))
    before = run.config_file.read_bytes()
    code, _, err = run_here("train", "--no-ui", "--resume", "one", "--steps", "9")
    assert code == 1
    assert "ysnakes runs stop one" in err
    assert run.config_file.read_bytes() == before


@pytest.mark.parametrize(
    "setting", ["d_model=64", "vocab_size=500", "seed=3", "data.paths=/x", "optimizer=adamw", "stages=auto"]
)
def test_a_resume_cannot_change_what_a_checkpoint_belongs_to(home: Path, setting: str) -> None:
    run = made_run(home, "one", RunState(status="stopped"))
    before = run.config_file.read_bytes()
    code, _, err = run_here("train", "--resume", "one", "--set", setting)
    assert code == 2
    assert "cannot change" in err
    assert setting.split("=")[0] in err
    assert run.config_file.read_bytes() == before


# Settings.


def test_settings_of_the_user_lie_between_preset_and_command_line(home: Path) -> None:
    from ysnakes_tui.new_run import Request, new_config

    code, out, _ = run_here("config", "path")
    assert (code, Path(out.strip())) == (0, home / "config.toml")
    home.mkdir()
    (home / "config.toml").write_text(
        'preset = "ys-1m"\n[training]\nminutes = 7\nseq_len = 64\n[model]\ndropout = 0.1\n'
    )
    code, out, _ = run_here("config", "show")
    shown = from_toml(out)
    assert code == 0
    assert (shown.training.minutes, shown.training.seq_len, shown.model.dropout) == (7.0, 64, 0.1)
    assert shown.model.d_model == preset_config("ys-1m").model.d_model
    config = new_config("ys-24m", [], Request({"steps": "2k"}, {"seq_len": "128"}, ("dropout=0.2",)))
    assert (config.training.steps, config.training.minutes) == (2000, 0)
    assert (config.training.seq_len, config.model.dropout) == (128, 0.2)
    assert config.model.d_model == preset_config("ys-24m").model.d_model


def test_without_a_budget_it_is_five_minutes(tmp_path: Path) -> None:
    from ysnakes_tui.new_run import Request, new_config

    assert new_config(None, [], Request({}, {}, ())).training.minutes == 5
    (tmp_path / "text.md").write_text("text")
    config = new_config(None, [tmp_path / "text.md"], Request({"epochs": "1.5"}, {}, ()))
    assert (config.training.minutes, config.training.epochs) == (0, 1.5)
    assert config.data.paths == (str(tmp_path / "text.md"),)


def test_a_wrong_settings_file_is_named(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[model]\nd_modle = 3\n")
    for args in (["config", "show"], ["train"]):
        code, _, err = run_here(*args)
        assert code == 2
        assert str(home / "config.toml") in err
        assert "d_modle" in err


def test_settings_are_edited_and_checked(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "edit.py"
    editor.write_text(
        "import sys, pathlib\n"
        "file = pathlib.Path(sys.argv[-1])\n"
        "text = file.read_text()\n"
        "assert '# d_model = 256' in text\n"
        "file.write_text(text.replace('# d_model = 256', 'd_model = ' + sys.argv[1]))\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor} 512")
    code, _, err = run_here("config", "edit")
    assert code == 0, err
    assert from_toml(run_here("config", "show")[1]).model.d_model == 512
    (home / "config.toml").unlink()
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor} wide")
    assert run_here("config", "edit")[0] == 2
    monkeypatch.setenv("EDITOR", "no-such-editor")
    code, _, err = run_here("config", "edit")
    assert code == 2
    assert "no-such-editor" in err


# Plan.


def test_the_plan_has_every_size_and_says_what_fits() -> None:
    code, out, _ = run_here(
        "plan", "--set", "memory_limit=1000M", "--device", "cpu", "--tokens", "1M", "--json"
    )
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["preset"] for row in rows] == list(PRESETS)
    assert [row["fits"] for row in rows] == [row["bytes"] <= 1_000_000_000 for row in rows]
    assert rows[0]["fits"]
    assert not rows[-1]["fits"]
    assert all(0 < row["micro_batch_size"] <= row["batch_size"] for row in rows)
    assert all(row["bytes"] <= sum(row["parts"].values()) for row in rows)
    for row in rows:
        if row["fits"]:
            assert row["seconds"] == pytest.approx(1e6 / row["tokens_per_second"])
        else:
            assert (row["seconds"], row["tokens_per_second"]) == (None, None)
    code, out, err = run_here("plan", "--set", "memory_limit=1000M", "--device", "cpu")
    lines = out.splitlines()
    assert code == 0
    assert "10.0M tokens" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == list(PRESETS)
    assert [" yes " in line for line in lines[1:]] == [row["fits"] for row in rows]
    assert "1.0 GB" in err


def test_the_plan_of_one_size_keeps_the_tokens_of_a_step() -> None:
    code, out, _ = run_here("plan", "--preset", "ys-1m", "--batch-size", "8", "--device", "cpu", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {row["seq_len"] * row["batch_size"] for row in rows} == {2048}
    code, out, _ = run_here("plan", "--preset", "ys-1m", "--seq-len", "32", "--set", "d_model=64")
    assert code == 0
    assert "activations" in out


@pytest.mark.parametrize(
    "args", [["--preset", "huge"], ["--batch-size", "some"], ["--device", "tpu"], ["--tokens", "0"]]
)
def test_a_plan_for_what_there_is_not(args: list[str]) -> None:
    code, out, err = run_here("plan", *args)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")


# Doctor.


def test_doctor_finds_what_is_needed_here(home: Path) -> None:
    code, out, _ = run_here("doctor", "--json")
    found = {entry["name"]: entry for entry in map(json.loads, out.splitlines())}
    assert code == 0
    names = {"python", "torch", "device", "completion", "memory", "disk", "corpus", "ollama", "terminal"}
    assert set(found) == names
    assert found["torch"]["works"]
    assert not found["ollama"]["works"]  # but that is not needed
    assert "127.0.0.1:9" in found["ollama"]["what"]
    assert not home.exists()  # looking leaves nothing behind


def test_doctor_fails_where_runs_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, out, _ = run_here("doctor", "--runs-dir", str(tmp_path / "file" / "runs"))
    assert code == 1
    assert "✗ disk" in out
    assert "--runs-dir" in out


def test_doctor_tells_which_models_ollama_has() -> None:
    assert examination.ollama(lambda: ["llama3.1:latest"]).what.endswith("llama3.1:latest")
    none = examination.ollama(lambda: [])
    assert (none.works, none.mend) == (False, "ollama pull llama3.1")

    def refused() -> list[str]:
        raise ConnectionError("Failed to connect")

    assert "Failed to connect" in examination.ollama(refused).what

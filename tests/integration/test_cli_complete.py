"""``ysnakes complete`` on a run with a small model: variants, JSON, precision, and what goes wrong."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from run_with_model import add_checkpoint, run_with_model
from typer.testing import CliRunner

from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.opening import open_model
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_core.text.tokenizer_file import END_ID
from ysnakes_core.training.checkpoint import STATE_FILE, checkpoint_name, point, save_checkpoint
from ysnakes_tui.cli import app
from ysnakes_tui.completion_teller import Teller, Wanted

USUAL = ("What is 7?", "--max-tokens", "12", "--seed", "5")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return run_with_model(tmp_path_factory.mktemp("home"))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run that the test may change."""
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path))
    return run_with_model(tmp_path, steps=(40, 80))


@pytest.fixture
def run(kept: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv("YSNAKES_HOME", str(kept.path.parent.parent))
    return kept


def complete(*args: str, given: str | bytes | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["complete", "quiet-cobra", *args], input=given)
    return result.exit_code, result.stdout, result.stderr


def objects(*args: str) -> list[dict[str, Any]]:
    code, out, err = complete(*args, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


# Variants.


@pytest.mark.usefixtures("run")
def test_variants_are_what_their_seeds_give_alone() -> None:
    code, out, err = complete(*USUAL, "--variants", "3")
    assert code == 0
    alone = [complete(*USUAL[:-1], str(seed))[1] for seed in (5, 6, 7)]
    assert out == "\n".join(alone)
    assert len(set(alone)) == 3
    assert [f"[{n} of 3]" in err for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert re.findall(r"seed (\d)\]", err) == ["5", "6", "7"]
    assert complete(*USUAL, "--variants", "3", "--quiet") == (0, out, "")


@pytest.mark.usefixtures("run")
def test_variants_without_a_seed_have_seeds_that_bring_them_back() -> None:
    ends = [entry for entry in objects(*USUAL[:-2], "--variants", "2") if entry["type"] == "completion"]
    assert ends[0]["seed"] != ends[1]["seed"]
    again = objects(*USUAL[:-1], str(ends[1]["seed"]))
    assert again[-1]["text"] == ends[1]["text"]


def test_the_first_variant_is_written_as_it_comes(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Watched from within: before a token is computed, all of the first row that is certain was written."""
    opened = open_model(run)
    written: list[str] = []

    def clock() -> float:
        written.append(capsys.readouterr().out)
        return 0.0

    teller = Teller(
        Completer(opened.model, opened.tokenizer, clock=clock),
        Wanted(SamplingOptions(max_tokens=12, seed=5), variants=3),
    )
    assert teller.complete("What is 7?") == 0
    rest = capsys.readouterr().out
    first, *others = complete(*USUAL, "--variants", "3")[1].split("\n\n")
    streamed = "".join(written)
    assert streamed == first[: len(streamed)]
    assert len(streamed) > len(first) // 2
    assert sum(bool(part) for part in written) > 3
    assert rest.endswith("\n\n".join(others))


def test_ctrl_c_keeps_what_all_variants_have(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    opened = open_model(run)
    presses = iter([False] * 20 + [True])

    def clock() -> float:  # the engine looks at it around each token
        if next(presses, False):
            raise KeyboardInterrupt
        return 0.0

    teller = Teller(
        Completer(opened.model, opened.tokenizer, clock=clock),
        Wanted(SamplingOptions(max_tokens=1000, seed=1), variants=2),
    )
    assert teller.complete("What is 7?") == 130
    told = capsys.readouterr()
    assert told.err.count("ended by ctrl+c") == 2
    texts = told.out.split("\n\n")
    assert all(text.strip() for text in texts)


# JSON.


@pytest.mark.usefixtures("run")
def test_json_has_tokens_with_their_times_probabilities_and_alternatives() -> None:
    entries = objects(*USUAL, "--variants", "2", "--alternatives", "4")
    pieces = [entry for entry in entries if entry["type"] == "piece"]
    ends = entries[len(pieces) :]
    assert [entry["variant"] for entry in ends] == [1, 2]
    times = [piece["seconds"] for piece in pieces]
    assert times == sorted(times)
    assert times[0] > 0
    for end in ends:
        own = [piece for piece in pieces if piece["variant"] == end["variant"]]
        assert "".join(piece["text"] for piece in own) == end["text"]
        assert end["tokens"] == len(own)
        assert (end["checkpoint"], end["step"], end["precision"]) == ("step-00000040", 40, "float32")
    for piece in pieces:
        others = piece["alternatives"]
        assert len(others) == 4
        chances = [other["probability"] for other in others]
        assert chances == sorted(chances, reverse=True)
        assert piece["probability"] <= chances[0]
        assert all(
            other["probability"] == pytest.approx(piece["probability"])
            for other in others
            if other["id"] == piece["id"]
        )
    assert "alternatives" not in objects(*USUAL)[0]


@pytest.mark.usefixtures("run")
def test_weights_can_be_held_in_fewer_bytes() -> None:
    parameters = set()
    for precision in ("float32", "bfloat16", "int8"):
        code, out, err = complete(*USUAL, "--precision", precision)
        assert code == 0
        assert out.strip()
        assert (f"in {precision}" in err) == (precision != "float32")
        parameters.add(re.findall(r"([\d.]+M) parameters", err)[0])
    assert len(parameters) == 1  # it is the same model


# Which checkpoint answers.


def test_a_run_that_still_trains_answers_with_its_latest_and_says_so(own: RunDirectory) -> None:
    add_checkpoint(own, 120, best=False)
    assert "quiet-cobra: step-00000080," in complete(*USUAL)[2]
    own.write_state(RunState(status="running").of_process(this_process()))
    assert "quiet-cobra: step-00000120 (its latest, for it is still training)," in complete(*USUAL)[2]
    assert "quiet-cobra: step-00000080," in complete(*USUAL, "--checkpoint", "best")[2]
    assert "quiet-cobra: step-00000040," in complete(*USUAL, "--checkpoint", "step-00000040")[2]


def test_checkpoints_of_another_version_are_told_in_a_sentence(own: RunDirectory) -> None:
    def of_another_version(name: str) -> None:
        file = own.checkpoints_folder / name / STATE_FILE
        file.write_text(json.dumps({**json.loads(file.read_text()), "format": 7}))

    of_another_version("step-00000080")
    code, _, err = complete(*USUAL)
    assert code == 0
    assert "warning: the checkpoint step-00000080 has format 7; this version reads 1" in err
    assert "quiet-cobra: step-00000040," in err
    of_another_version("step-00000040")
    code, out, err = complete(*USUAL)
    assert (code, out) == (1, "")
    assert "format 7" in err
    assert err.splitlines()[-1] == "  hint: use the version of ysnakes that made it"


def test_a_run_without_checkpoints_says_what_to_do(own: RunDirectory) -> None:
    for name in ("step-00000040", "step-00000080"):
        for file in (own.checkpoints_folder / name).iterdir():
            file.unlink()
        (own.checkpoints_folder / name).rmdir()
    code, out, err = complete(*USUAL)
    assert (code, out) == (1, "")
    assert "has no checkpoint yet" in err
    assert "--resume quiet-cobra" in err


# Prompts.


def test_a_long_prompt_is_said_to_take_a_while(run: RunDirectory) -> None:
    _, _, err = complete("-", "--max-tokens", "1", given="What is 7? " * 20_000)
    assert "taking in a prompt of " in err
    assert "taking in" not in complete("-", "--max-tokens", "1", given="What is 7?")[2]


def test_characters_the_model_does_not_know_are_counted_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path))
    run_with_model(tmp_path, tokenizer="word")
    code, out, err = complete("What 蛇 is 🐍🐍?", *USUAL[1:])
    assert code == 0
    warning = "warning: 3 characters of the prompt are unknown to the model and left out: “🐍” 2 times, “蛇”"
    assert warning in err
    assert complete("What  is ?", *USUAL[1:])[1] == out
    assert objects("What 蛇 is 🐍🐍?", *USUAL[1:])[-1]["unknown_characters"] == 3
    assert "1 character of the prompt is unknown" in complete("蛇", *USUAL[1:])[2]
    assert "␛" in complete("\x1b What?", *USUAL[1:])[2]
    code, out, err = complete("🐍", *USUAL[1:])
    assert code == 0
    assert "the prompt is empty: the model begins a text of its own" in err


@pytest.mark.usefixtures("run")
def test_an_empty_prompt_is_said_to_be_one() -> None:
    for given in (("",), ("-",)):
        code, out, err = complete(*given, *USUAL[1:], given="\n")
        assert code == 0
        assert out.strip()
        assert err.count("the prompt is empty: the model begins a text of its own") == 1
    assert "empty" not in complete("", *USUAL[1:], "--quiet")[2]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("args", "what", "hint"),
    [
        (["--variants", "0"], "--variants cannot be 0", "from 1 to 64"),
        (["--variants", "1000"], "--variants cannot be 1000", "from 1 to 64"),
        (["--alternatives", "-1", "--json"], "--alternatives cannot be -1", "from 0 to 100"),
        (["--alternatives", "3"], "--json only", "--json"),
        (["--precision", "float16"], "held in float16", "float32, bfloat16, int8"),
        (["--checkpoint", "step-00000041"], "no checkpoint “step-00000041”", "step-00000040"),
        (["--max-tokens", "0"], "max_tokens cannot be 0", "1 or more"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_hint(args: list[str], what: str, hint: str) -> None:
    code, out, err = complete("x", *args)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert what in lines[-2]
    assert lines[-1].startswith("  hint: ")
    assert hint in lines[-1]


# On a terminal.


def make_endless(run: RunDirectory) -> None:
    """Give the run a best checkpoint that never writes <end>."""
    model = open_model(run).model
    with torch.no_grad():
        assert isinstance(model.norm.bias, torch.nn.Parameter)
        model.norm.bias.fill_(1.0)
        model.embedding.weight[END_ID] = -1.0
    name = checkpoint_name(200)
    save_checkpoint(run.checkpoints_folder, name, model=model.state_dict(), optimizer={}, state={})
    point(run.checkpoints_folder, "best", name)


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_the_prompt_loop_edits_lines_and_remembers_them(own: RunDirectory) -> None:
    from terminal import Terminal

    home = own.path.parent.parent
    args = ("-m", "ysnakes_tui", "complete", "quiet-cobra", "--max-tokens", "4", "--seed", "1")
    terminal = Terminal(home, *args, OMP_NUM_THREADS="1")
    try:
        terminal.until("completion >")
        terminal.type(b"What was 7?\x1b[D\x1b[D\x1b[D\x7f\x7f\x7fis\x1b[C\r")  # “was” becomes “is”
        terminal.until("seed 1] >")
        terminal.type(b"\r")
        terminal.until('write something, or "exit" >')
        terminal.forget()
        terminal.type(b"\x1b[A\x01\x05!\r")  # the one before, with a sign at its end
        terminal.until("seed 1] >")
        terminal.type(b"exit\r")
        assert terminal.end() == 0
        assert "Traceback" not in terminal.text
    finally:
        terminal.kill()
    assert (home / "prompts").read_text().split() == ["What", "is", "7?", "What", "is", "7?!", "exit"]
    terminal = Terminal(home, *args, OMP_NUM_THREADS="1")  # and the next time
    try:
        terminal.until("completion >")
        terminal.type(b"\x1b[A\x1b[A\x1b[A?\r")
        terminal.until("seed 1] >")
        terminal.type(b"\x04")
        assert terminal.end() == 0
    finally:
        terminal.kill()
    assert (home / "prompts").read_text().splitlines()[-1] == "What is 7??"


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_ctrl_c_in_the_loop_ends_the_completion_and_not_the_loop(own: RunDirectory) -> None:
    from terminal import Terminal

    home = own.path.parent.parent
    make_endless(own)
    args = ("-m", "ysnakes_tui", "complete", "quiet-cobra", "--max-tokens", "10000000")
    terminal = Terminal(home, *args, OMP_NUM_THREADS="1")
    try:
        terminal.until("completion >")
        for _ in range(2):
            terminal.forget()
            terminal.type(b"What is 7?\r")
            while len(terminal.text) < 200:  # the model writes
                assert terminal.read(), terminal.text
            terminal.type(b"\x03")
            terminal.until("ended by ctrl+c")
            terminal.until("] >")
        terminal.type(b"\x04")
        assert terminal.end() == 0
        assert "Traceback" not in terminal.text
    finally:
        terminal.kill()

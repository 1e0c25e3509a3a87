"""``ysnakes eval --by-position`` on a run with a small model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_with_model import run_with_model
from typer.testing import CliRunner

from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.training.position_curve import ByPosition
from ysnakes_tui.cli import app


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return run_with_model(tmp_path_factory.mktemp("home"))


@pytest.fixture(autouse=True)
def home(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YSNAKES_HOME", str(run.path.parent.parent))


def evaluated(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["eval", "quiet-cobra", *args])
    return result.exit_code, result.stdout, result.stderr


def text_in(folder: Path) -> Path:
    file = folder / "text.md"
    file.write_text("".join(f"What is {i}?<start>It is {i}, a number.<end>\n" for i in range(12)))
    return file


def test_the_bands_add_up_to_what_eval_says(tmp_path: Path) -> None:
    file = str(text_in(tmp_path))
    whole = json.loads(evaluated(file, "--json")[1])
    code, out, _ = evaluated(file, "--by-position", "--json")
    assert code == 0
    (line,) = out.splitlines()
    content = json.loads(line)
    assert (content["run"], content["checkpoint"]) == ("quiet-cobra", "step-00000040")
    assert content["seq_len"] == 32
    bands = content["alone"]["bands"]
    assert sum(band["nats"] for band in bands) == pytest.approx(whole["loss"] * whole["tokens"], rel=1e-4)
    for name in ("tokens", "bytes"):
        assert sum(band[name] for band in bands) == whole[name] == content[name]
    assert content["on_end"]["bands"][-1]["last"] == whole["tokens"] - 1
    assert ByPosition.from_json(content).to_json().items() <= content.items()


def test_table_plot_and_sentences_for_people(tmp_path: Path) -> None:
    code, out, err = evaluated(str(text_in(tmp_path)), "--by-position")
    assert code == 0
    assert "scoring 12 documents with step-00000040 of quiet-cobra" in err
    for part in ("each document alone", "end to end", "up to 32 tokens", "0–15", "16–31", "●", "context"):
        assert part in out
    assert "\r" not in err  # nobody watches


def test_the_long_text_is_as_long_as_was_asked(tmp_path: Path) -> None:
    _, out, _ = evaluated(str(text_in(tmp_path)), "--by-position", "--json", "--longest", "50")
    assert json.loads(out)["on_end"]["bands"][-1]["last"] == 49


def test_it_scores_the_validation_text_of_the_run() -> None:
    code, out, _ = evaluated("--by-position", "--json")
    assert code == 0
    assert json.loads(out)["documents"] >= 1


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["--longest", "50"], "--by-position"),
        (["--by-position", "--longest", "0"], "--longest cannot be 0"),
        (["--by-position", "--longest", "far"], "--longest"),
        (["--by-position", "--checkpoint", "step-00000041"], "no checkpoint “step-00000041”"),
        (["--by-position", "/no/such/file.md"], "/no/such/file.md"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(args: list[str], what: str) -> None:
    code, out, err = evaluated(*args)
    assert (code, out) == (2, "")
    assert what in err
    assert "Traceback" not in err

"""``ysnakes data curate`` on the library: what the rules find, what they would change, and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import NewRecord
from ysnakes_tui import cli_data_fix
from ysnakes_tui.cli import app

GOOD = "The ferry left at dawn.\n\nMara waved until the harbour was small, and then went below."
ANSWERS = (GOOD, f"{GOOD}\n\nI hope this helps!", "I can't write a story that involves this.")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    monkeypatch.setenv("YSNAKES_HOME", str(place))
    return place


@pytest.fixture
def library(home: Path) -> Iterator[Library]:
    with open_library(home / "data") as opened:
        for kind in ("letters", "tales"):
            opened.add(
                [
                    NewRecord(kind, "llama", "Write about a ferry.", answer, kind + answer)
                    for answer in ANSWERS
                ]
            )
        yield opened


def run(*args: str | Path, typed: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["data", "curate", *map(str, args)], input=typed)
    return result.exit_code, result.stdout, result.stderr


def run_json(*args: str | Path) -> list[dict[str, Any]]:
    code, out, err = run(*args, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def state(library: Library) -> list[tuple[str, str]]:
    return [(record.answer, record.decision) for record in library.records()]


def test_the_library_is_judged_again_and_told_about(library: Library) -> None:
    before = state(library)
    code, out, err = run()
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["refusal", "reject", "2"] in lines
    assert ["note", "strip", "2"] in lines
    assert "  record 3: I can't write a story that involves this." in out
    assert "4 of 6 records have something" in out
    assert "curate --fix" in err
    assert state(library) == before
    assert library.count_by("rule") == {"note": 2, "refusal": 2}


def test_a_report_as_json_has_examples(library: Library) -> None:
    told = run_json("--examples", "1", "--kind", "tales")
    assert told[-1] == {"type": "total", "records": 3, "flagged": 2}
    rules = {one["rule"]: one for one in told[:-1]}
    assert rules["note"]["examples"] == [
        {"record": 5, "text": "I hope this helps!", "why": rules["note"]["examples"][0]["why"]}
    ]
    assert (rules["refusal"]["records"], rules["refusal"]["action"]) == (1, "reject")


def test_a_fix_shows_asks_and_can_be_taken_back(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(library)
    monkeypatch.setattr(cli_data_fix, "is_terminal", lambda stream: True)
    code, out, err = run("--fix", "--kind", "tales", typed="n\n")
    assert code == 0
    assert "-I hope this helps!" in out
    assert "record 6, rejected (refusal): I can't write" in out
    assert "clean 1 record and reject 1 record? [y/N] nothing was changed" in err
    assert state(library) == before
    code, _, err = run("--fix", "--kind", "tales", typed="y\n")
    assert code == 0
    assert "cleaned 1 record and rejected 1 record; to go back: ysnakes data undo" in err
    assert state(library) == [*before[:4], (GOOD, "pending"), (ANSWERS[2], "rejected")]
    assert CliRunner().invoke(app, ["data", "undo"]).exit_code == 0
    assert state(library) == before


def test_what_is_decided_stays_as_it_is(library: Library) -> None:
    library.decide([2, 3], "accepted")
    told = run_json("--fix", "--yes")
    assert [one["record"] for one in told if one["type"] == "change"] == [5, 6]
    assert told[-1] == {"type": "curated", "cleaned": 1, "rejected": 1}
    assert [decision for _, decision in state(library)[:3]] == ["pending", "accepted", "accepted"]
    assert run_json("--fix", "--yes")[-1] == {"type": "curated", "cleaned": 0, "rejected": 0}
    assert "there is nothing to change" in run("--fix")[2]


def test_only_what_a_rule_found_can_be_mended(library: Library) -> None:
    run()
    told = run_json("--rule", "note", "--fix", "--yes")
    assert [(one["record"], one["why"]) for one in told if one["type"] == "change"] == [
        (2, ["note"]),
        (5, ["note"]),
    ]
    assert {decision for _, decision in state(library)} == {"pending"}


def test_rules_of_ones_own_are_applied(library: Library, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "own.toml").write_text(
        '[[rule]]\nid = "mara"\ntitle = "Mara"\nlooks_for = "a name"\naction = "flag"\nunit = "match"\n'
        "patterns = ['''Mara''']\n"
    )
    assert "mara" in {one.get("rule") for one in run_json("--rules-dir", rules)}


def test_nobody_there_means_no(library: Library) -> None:
    before = state(library)
    code, _, err = run("--fix")
    assert code == 2
    assert "nobody is there to confirm" in err
    assert state(library) == before


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["--restore"], "ysnakes data undo"),
        (["--words", "80-"], "--words is for files"),
        (["--decision", "maybe"], "no decision"),
        (["{folder}", "--kind", "blog"], "files were named"),
    ],
)
def test_options_of_the_other_mode_are_refused(
    library: Library, tmp_path: Path, args: list[str], what: str
) -> None:
    code, out, err = run(*(arg.format(folder=tmp_path) for arg in args))
    assert (code, out) == (2, "")
    assert what in err


def test_without_a_library_it_is_said_how_to_make_one() -> None:
    code, _, err = run()
    assert code == 2
    assert "ysnakes data import PATH" in err

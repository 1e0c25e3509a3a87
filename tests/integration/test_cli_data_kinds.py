"""``ysnakes data kinds``: what it prints, as a person and as a program read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ysnakes_core.synthesis.builtin import KINDS
from ysnakes_core.synthesis.kinds import SHIPPED, load_kinds
from ysnakes_core.synthesis.requests import RequestPlan
from ysnakes_tui.cli_data_kinds import BUILTIN_KINDS, register

OWN = """
title = "Mine"
what = "Something of my own."
requests = ["Write about {a thing}."]
[inputs.thing]
values = ["owl", "lion"]
[length]
min = 10
max = 40
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path))
    return tmp_path


def data(*args: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.callback()(lambda: None)  # so that `kinds` stays a command of its own
    register(app)
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


def objects(*args: str) -> list[dict[str, Any]]:
    code, out, _ = data("kinds", "--json", *args)
    assert code == 0
    return [json.loads(line) for line in out.splitlines()]


def own_kind(home: Path, content: str = OWN) -> Path:
    (home / "kinds").mkdir()
    path = home / "kinds" / "mine.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_every_kind_is_listed_with_an_example_request() -> None:
    code, out, err = data("kinds")
    assert code == 0
    lines = out.splitlines()
    for name, kind in load_kinds().items():
        at = lines.index(f"{name}: {kind.what}")
        assert f"{kind.combinations:,} different requests" in lines[at + 1]
        assert lines[at + 2] == f"  > {RequestPlan(kind, 1).request(0).record_request}"
    for name, what in BUILTIN_KINDS.items():
        assert f"{name}: {what}" in lines
    assert "your own kinds:" in err


def test_the_built_in_teachers_kinds_are_all_described() -> None:
    assert tuple(BUILTIN_KINDS) == KINDS


def test_one_kind_is_shown_in_full_with_as_many_examples_as_wished() -> None:
    kind = load_kinds()["stories"]
    code, out, _ = data("kinds", "stories", "--example", "3", "--seed", "7")
    assert code == 0
    assert out.startswith("stories: ")
    plan = RequestPlan(kind, 7)
    assert [line[4:] for line in out.splitlines() if line.startswith("  > ")] == [
        plan.request(index).record_request for index in range(3)
    ]
    assert "catalog names" in out
    assert "stories.toml" in out
    assert "temperature 1" in out
    assert "and to the teacher: Write 250 to 600 words" in out


def test_a_name_that_both_teachers_know_shows_both() -> None:
    _, out, _ = data("kinds", "howto")
    assert f"howto: {load_kinds()['howto'].what}" in out
    assert f"howto: {BUILTIN_KINDS['howto']}" in out


def test_a_built_in_kind_shows_a_record() -> None:
    code, out, _ = data("kinds", "poem", "--example", "2")
    assert code == 0
    assert len([line for line in out.splitlines() if line.startswith("  > ")]) == 2


def test_json_has_one_object_a_line_for_every_kind() -> None:
    found = objects("--example", "2")
    assert [(one["teacher"], one["kind"]) for one in found] == [
        *(("any", name) for name in SHIPPED),
        *(("builtin", name) for name in KINDS),
    ]
    assert all(len(one["examples"]) == 2 for one in found)
    blog = found[0]
    assert blog["combinations"] == load_kinds()["blog"].combinations
    assert blog["examples"][0]["text"].startswith(blog["examples"][0]["record_request"])
    assert Path(blog["file"]).is_file()
    assert not blog["own"]


def test_the_same_seed_gives_the_same_examples_and_another_gives_others() -> None:
    assert objects("blog", "--seed", "5") == objects("blog", "--seed", "5")
    assert objects("blog", "--seed", "5")[0]["examples"] != objects("blog", "--seed", "6")[0]["examples"]


def test_own_kinds_are_listed_with_their_file_and_no_example_twice(home: Path) -> None:
    path = own_kind(home)
    (mine,) = objects("mine", "--example", "50")
    assert mine["own"]
    assert mine["file"] == str(path)
    assert sorted(one["record_request"] for one in mine["examples"]) == [
        "Write about a lion.",
        "Write about an owl.",
    ]
    code, out, _ = data("kinds")
    assert code == 0
    assert f"2 different requests · {path}" in out


def test_no_examples_at_all_are_possible() -> None:
    _, out, _ = data("kinds", "--example", "0")
    assert ">" not in out


@pytest.mark.parametrize(
    ("args", "problem", "hint"),
    [
        (("nonsense",), "there is no kind nonsense", "choose one of blog, wiki"),
        (("a\x1b[31mb",), "there is no kind a␛[31mb", "choose one of"),
        (("--example", "-1"), "--example -1", "0 to 10,000"),
        (("--example", "10001"), "--example 10001", "0 to 10,000"),
    ],
)
def test_wrong_usage_is_told_with_what_to_do(args: tuple[str, ...], problem: str, hint: str) -> None:
    code, out, err = data("kinds", *args)
    assert (code, out) == (2, "")
    assert problem in err
    assert hint in err


def test_an_own_kind_that_is_wrong_is_named_with_its_key(home: Path) -> None:
    path = own_kind(home, OWN.replace("min = 10", 'min = "ten"'))
    code, out, err = data("kinds")
    assert (code, out) == (2, "")
    assert f"{path}: length.min is not a whole number" in err
    assert "hint: give a number from 1" in err

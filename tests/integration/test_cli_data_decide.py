"""``ysnakes data accept``, ``reject``, ``edit`` and ``undo``: deciding from the command line, and back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import NewRecord
from ysnakes_tui import cli_data_edit, cli_data_fix
from ysnakes_tui.cli import app


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    monkeypatch.setenv("YSNAKES_HOME", str(place))
    return place


@pytest.fixture
def library(home: Path) -> Iterator[Library]:
    with open_library(home / "data") as opened:
        for number in range(1, 7):
            kind, teacher = ("blog", "llama") if number <= 4 else ("wiki", "gemma")
            checks = [{"rule": "note"}] if number % 2 == 0 else []
            answer = f"The snake number {number} sleeps."
            opened.add([NewRecord(kind, teacher, "Write.", answer, str(number), checks=checks)])
        yield opened


def run(*args: str | Path, typed: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["data", *map(str, args)], input=typed)
    return result.exit_code, result.stdout, result.stderr


def run_json(*args: str | Path) -> list[dict[str, Any]]:
    code, out, err = run(*args, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def decisions(library: Library) -> dict[int, str]:
    return {record.id: record.decision for record in library.records() if record.decision != "pending"}


# Deciding.


@pytest.mark.parametrize(("verb", "decision"), [("accept", "accepted"), ("reject", "rejected")])
def test_records_are_decided_about_by_their_numbers(library: Library, verb: str, decision: str) -> None:
    code, out, err = run(verb, "2", "5", "2")
    assert (code, out) == (0, "")
    assert err == f"{decision} 2 records; to go back: ysnakes data undo\n"
    assert decisions(library) == {2: decision, 5: decision}
    assert "it is so already" in run(verb, "2", "5")[2]
    assert len(library.history(2)) == 1


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--kind", "wiki"], [5, 6]),
        (["--teacher", "llama", "--rule", "note"], [2, 4]),
        (["--clean", "--kind", "blog"], [1, 3]),
        (["--flagged"], [2, 4, 6]),
        (["--text", '"number 3"'], [3]),
        (["--kind", "blog", "--kind", "wiki"], [1, 2, 3, 4, 5, 6]),
        (["--decision", "pending"], [1, 2, 3, 4, 5, 6]),
        (["--kind", "story"], []),
    ],
)
def test_options_choose_as_they_do_in_search(library: Library, options: list[str], chosen: list[int]) -> None:
    words = ["--text", options[1]] if options[0] == "--text" else []
    found = run_json("search", *([words[1]] if words else options))
    assert [record["id"] for record in found] == chosen
    told = run_json("reject", *options, "--dry-run")
    assert [one["id"] for one in told[:-1]] == chosen
    assert told[-1] == {
        "type": "total",
        "decision": "rejected",
        "records": len(chosen),
        "dry_run": True,
    }
    assert decisions(library) == {}
    run_json("reject", *options, "--yes")
    assert decisions(library) == dict.fromkeys(chosen, "rejected")


def test_options_leave_alone_what_is_decided_unless_that_is_asked_for(library: Library) -> None:
    library.decide(1, "rejected")
    library.edit(3, "Another text.")
    told = run_json("accept", "--kind", "blog", "--yes")
    assert [one["id"] for one in told[:-1]] == [2, 4]
    assert decisions(library) == {1: "rejected", 2: "accepted", 3: "edited", 4: "accepted"}
    told = run_json("accept", "--kind", "blog", "--decision", "rejected", "--decision", "accepted")
    assert told[0] == {"type": "decided", "id": 1, "decision": "accepted", "before": "rejected"}
    assert told[-1]["records"] == 1
    assert "no such record is left" in run("accept", "--kind", "blog", "--decision", "accepted")[2]


def test_several_are_asked_about_and_nobody_there_means_no(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run("accept", "--kind", "blog")
    assert code == 2
    assert "nobody is there to confirm" in err
    assert "--yes to accept 4 records" in err
    monkeypatch.setattr(cli_data_fix, "is_terminal", lambda stream: True)
    code, _, err = run("accept", "--kind", "blog", typed="n\n")
    assert code == 0
    assert err == "accept 4 records? [y/N] nothing was changed\n"
    assert decisions(library) == {}
    assert run("accept", "--kind", "blog", typed="y\n")[0] == 0
    assert len(decisions(library)) == 4


def test_one_that_is_chosen_is_not_asked_about(library: Library) -> None:
    assert run("accept", "--text", '"number 3"')[0] == 0
    assert decisions(library) == {3: "accepted"}


def test_a_dry_run_shows_the_first_and_says_how_many(library: Library) -> None:
    for number in range(30):
        library.add([NewRecord("poem", "t", "Write.", f"Poem {number}.", f"p{number}")])
    code, out, err = run("reject", "--kind", "poem", "--dry-run")
    assert code == 0
    assert len(out.splitlines()) == 22
    assert out.splitlines()[-1] == "… and 10 more"
    assert err == "would reject 30 records\n"
    assert decisions(library) == {}


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["accept"], "which records to accept"),
        (["reject", "1", "--kind", "blog"], "by number and by options"),
        (["reject", "1", "99"], "there is no record 99"),
        (["accept", "--decision", "perhaps"], "no decision"),
        (["accept", "--job", "job-7", "--yes"], "job-7"),
        (["edit", "99", "--text", "x"], "there is no record 99"),
        (["edit", "1", "--text", "x", "--file", "y"], "both --text and --file"),
        (["edit", "1", "--text", "  "], "the answer is empty"),
        (["edit", "1", "--text", "a <end> b"], "contains <start> or <end>"),
        (["edit", "1"], "no terminal for an editor"),
        (["undo", "--record", "99"], "there is no record 99"),
        (["undo", "0"], "TIMES"),
    ],
)
def test_wrong_usage_changes_nothing(library: Library, args: list[str], what: str) -> None:
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert what in err
    assert decisions(library) == {}


def test_without_a_library_it_is_said_how_to_make_one() -> None:
    for args in (["accept", "1"], ["edit", "1", "--text", "x"], ["undo"]):
        code, _, err = run(*args)
        assert code == 2
        assert "ysnakes data generate KIND" in err


# Editing.


def test_an_edit_takes_its_text_from_the_command_line_a_file_or_stdin(
    library: Library, tmp_path: Path
) -> None:
    assert run("edit", "1", "--text", "One.")[0] == 0
    file = tmp_path / "answer.txt"
    file.write_bytes("\ufeffTwo,\r\nand more.\r\n".encode())
    assert run("edit", "2", "--file", file)[0] == 0
    assert run("edit", "3", "--file", "-", typed="Three.\n")[0] == 0
    assert [library.record(number).answer for number in (1, 2, 3)] == ["One.", "Two,\nand more.", "Three."]
    assert set(decisions(library).values()) == {"edited"}
    assert library.record(1).original == "The snake number 1 sleeps."
    assert "nothing was changed" in run("edit", "1", "--text", "One.")[2]
    assert run("edit", "1", "--file", tmp_path / "missing")[0] == 1
    file.write_bytes(b"\xff\xfe")
    assert run("edit", "1", "--file", file)[0] == 2
    assert len(library.history(1)) == 1


def test_an_edit_is_looked_at_by_the_rules(library: Library) -> None:
    [told] = run_json("edit", "1", "--text", "I'm sorry, but I can't help with that request.")
    assert "refusal" in told["rules"]
    assert "refusal" in {check["rule"] for check in library.record(1).checks}
    _, _, err = run("edit", "2", "--text", "Too short.")
    assert "the rule too-short still finds something" in err


def test_a_dry_run_of_an_edit_shows_the_difference(library: Library) -> None:
    code, out, err = run("edit", "1", "--text", "A new text.", "--dry-run")
    assert code == 0
    assert out.splitlines()[-2:] == ["-The snake number 1 sleeps.", "+A new text."]
    assert "would edit record 1" in err
    assert decisions(library) == {}


def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A real program as the person's editor: ``script`` has the file's ``path`` and the ``library``'s."""
    monkeypatch.setattr(cli_data_edit, "is_terminal", lambda stream: True)
    program = tmp_path / "editor.py"
    program.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{script}\n")
    monkeypatch.delenv("VISUAL", raising=False)
    quote = '"' if os.name == "nt" else "'"
    monkeypatch.setenv("EDITOR", f"{quote}{sys.executable}{quote} {quote}{program}{quote}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_an_edit_opens_the_persons_editor(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "path.write_text(path.read_text().replace('sleeps', 'wakes') + '\\n')")
    code, _, err = run("edit", "4")
    assert code == 0, err
    assert library.record(4).answer == "The snake number 4 wakes."
    assert list(tmp_path.glob("ysnakes-*")) == []


def test_what_was_written_in_an_editor_is_kept_where_it_cannot_be_taken(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "path.write_text('long work <end>')")
    code, _, err = run("edit", "4")
    assert code == 2
    [kept] = tmp_path.glob("ysnakes-*/record-4.md")
    assert f"what you wrote is in {kept}" in err
    assert kept.read_text() == "long work <end>"
    assert decisions(library) == {}


def test_an_editor_that_fails_changes_nothing_and_leaves_nothing(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "sys.exit(3)")
    assert run("edit", "4")[0] == 1
    assert list(tmp_path.glob("ysnakes-*")) == []
    assert decisions(library) == {}


def test_a_record_that_changed_meanwhile_is_not_overwritten(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).resolve().parents[2]
    other = (
        f"sys.path.insert(0, {str(root)!r})\n"
        "from ysnakes_core.synthesis.library import Library\n"
        f"with Library(pathlib.Path({str(library.path)!r})) as library: library.edit(4, 'Theirs.')\n"
        "path.write_text('Mine.')"
    )
    editor(tmp_path, monkeypatch, other)
    code, _, err = run("edit", "4")
    assert code == 2
    assert "was changed meanwhile" in err
    assert library.record(4).answer == "Theirs."
    [kept] = tmp_path.glob("ysnakes-*/record-4.md")
    assert kept.read_text() == "Mine."


# Taking back.


def test_undo_takes_back_what_was_done_the_latest_first(library: Library) -> None:
    run("accept", "1")
    run("reject", "--kind", "wiki", "--yes")
    run("edit", "2", "--text", "Another.")
    code, out, _ = run("undo")
    assert (code, out) == (0, "record 2: no longer edited, pending again\n")
    assert library.record(2).answer == "The snake number 2 sleeps."
    assert run("undo")[1] == "2 records no longer rejected\n"
    code, out, err = run("undo", "5")
    assert (code, out) == (0, "record 1: no longer accepted, pending again\n")
    assert "that was all: there was one to take back" in err
    assert decisions(library) == {}
    code, out, err = run("undo")
    assert (code, out, err) == (0, "", "there is nothing to take back\n")
    assert run_json("undo") == [{"type": "total", "undone": 0, "records": 0}]


def test_undo_can_keep_to_one_record(library: Library) -> None:
    for args in (["accept", "1"], ["reject", "1"], ["reject", "2"]):
        run(*args)
    told = run_json("undo", "2", "--record", "1")
    assert [(one["record"], one["action"]) for one in told[:-1]] == [(1, "rejected"), (1, "accepted")]
    assert told[-1] == {"type": "total", "undone": 2, "records": 2}
    assert decisions(library) == {2: "rejected"}


def test_show_tells_what_was_done_and_taken_back(library: Library) -> None:
    run("accept", "1")
    run("edit", "1", "--text", "Another.")
    run("undo")
    out = run("show", "1")[1]
    assert "changes   accepted just now; before, it was pending" in out
    assert "          edited just now, taken back since" in out
    [told] = run_json("show", "1")
    assert [(one["action"], one["undone"]) for one in told["history"]] == [
        ("accepted", False),
        ("edited", True),
    ]

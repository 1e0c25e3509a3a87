"""``ysnakes data check``, ``curate`` and ``dedup``: reports, fixes that ask first, and the way back."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ysnakes_core.synthesis.curation import shipped_rules
from ysnakes_tui import cli_data_check
from ysnakes_tui.cli import Commands

ROOT = Path(__file__).resolve().parents[2]
GOOD = "Write about gulls.<start>Gulls are loud, and they like it so.<end>\n"
TEXT = (
    "Write about a ferry.<start>Here is a story about a ferry:\n\nThe ferry left at dawn.<end>\n\n"
    "Write about a lamp.<start>The lamp in the window went out.\n\nI hope this helps!<end>\n\n"
    "Write about a crime.<start>I can't write a story that involves this.<end>\n\n" + GOOD
)
MENDED = (
    "Write about a ferry.<start>The ferry left at dawn.<end>\n\n"
    "Write about a lamp.<start>The lamp in the window went out.<end>\n\n" + GOOD
)
APP = (
    "import typer\n"
    "from ysnakes_tui import cli_data_check\n"
    "from ysnakes_tui.cli import Commands\n"
    "from ysnakes_tui.output import prepare_streams\n"
    "prepare_streams()\n"
    "app, data = typer.Typer(cls=Commands), typer.Typer()\n"
    "cli_data_check.register(data)\n"
    "app.add_typer(data, name='data')\n"
    "app(prog_name='ysnakes')\n"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    monkeypatch.setenv("YSNAKES_HOME", str(place))
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "text"
    place.mkdir()
    (place / "a.md").write_text(TEXT, encoding="utf-8")
    (place / "b.md").write_text(GOOD, encoding="utf-8")
    return place


def run(*args: str | Path) -> tuple[int, str, str]:
    app, data = typer.Typer(cls=Commands), typer.Typer()
    cli_data_check.register(data)
    app.add_typer(data, name="data")
    result = CliRunner().invoke(app, ["data", *map(str, args)])
    return result.exit_code, result.stdout, result.stderr


def run_json(*args: str | Path) -> list[dict[str, Any]]:
    code, out, err = run(*args, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.md"))}


# Reports.


def test_the_report_counts_and_shows_where(folder: Path) -> None:
    code, out, err = run("check", folder)
    assert code == 0
    table, *rest = out.split("\n\n")
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines()[1:]}
    assert rows == {
        "refusal": ["reject", "1", "1"],
        "lead-in": ["strip", "1", "1"],
        "note": ["strip", "1", "1"],
    }
    assert f"{folder}/a.md:1: Here is a story about a ferry:" in out
    assert f"{folder}/a.md:7: I hope this helps!" in out
    assert "3 of 5 records" in rest[-1]
    assert "--fix" in err
    assert contents(folder)["a.md"] == TEXT.encode()


def test_one_rule_and_no_examples(folder: Path) -> None:
    code, out, _ = run("check", folder, "--rule", "note", "--examples", "0")
    assert code == 0
    assert "lead-in" not in out
    assert "a.md" not in out
    assert "1 of 5 records" in out
    assert "1 rules" not in run("check", folder)[1]


def test_clean_text_has_nothing(folder: Path) -> None:
    code, out, err = run("check", folder / "b.md")
    assert code == 0
    assert out.startswith("0 of 1 records")
    assert err == ""


def test_json_has_every_rule_and_the_total(folder: Path) -> None:
    *rules, total = run_json("check", folder, "--examples", "1")
    assert [rule["rule"] for rule in rules] == list(shipped_rules().by_id)
    (note,) = [rule for rule in rules if rule["rule"] == "note"]
    assert (note["records"], note["places"], note["action"]) == (1, 1, "strip")
    (example,) = note["examples"]
    assert example["line"] == 7
    assert example["text"] == "I hope this helps!"
    assert (total["type"], total["records"], total["flagged"]) == ("total", 5, 3)


def test_the_rules_are_listed() -> None:
    code, out, _ = run("check", "--list")
    assert code == 0
    listed = [line.split()[0] for line in out.splitlines()[1:]]
    assert listed == list(shipped_rules().by_id)
    assert [entry["rule"] for entry in run_json("check", "--list")] == listed


def test_the_length_that_was_asked_for(folder: Path) -> None:
    rows = {row["rule"]: row for row in run_json("check", folder, "--words", "9-11") if row["type"] == "rule"}
    assert rows["too-short"]["records"] == 3
    assert rows["too-long"]["records"] == 1


def test_hostile_text_reaches_no_terminal_raw(folder: Path) -> None:
    evil = "\x1b]0;owned\x07 \x1b[2J\u202e [Your Name] \x9b31m"
    (folder / "c.md").write_text(
        f"Write \x1b[31m.<start>{evil} went home.\n\nI hope this helps!<end>\n", "utf-8"
    )
    for args in (
        ("check", folder),
        ("check", folder, "--fix"),
        ("check", folder, "--fix", "--yes"),
        ("check", folder, "--restore"),
        ("dedup", folder),
        ("check", folder, "--rule", "\x1b[31m"),
        ("check", folder / "\x1b[31m.md"),
    ):
        _, out, err = run(*args)
        for sign in ("\x1b", "\x07", "\u202e", "\x9b"):
            assert sign not in out + err, args


# Wrong usage.


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["check"], "no text was named"),
        (["dedup"], "no text was named"),
        (["curate"], "there is no library"),
        (["check", "/nowhere"], "there is no file or folder /nowhere"),
        (["check", ".", "--rule", "nope"], "there is no rule “nope”"),
        (["check", ".", "--words", "many"], "“many” is no number of words"),
        (["check", ".", "--words", "9-8"], "“9-8” is no number of words"),
        (["check", ".", "--rules-dir", "/nowhere"], "there is no folder /nowhere"),
        (["check", ".", "--restore"], "no originals are kept"),
        (["dedup", ".", "--similar", "0.2"], "an overlap of 0.2 cannot be looked for"),
    ],
)
def test_wrong_usage_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], told: str
) -> None:
    (tmp_path / "a.md").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*args)
    assert code == 2
    assert out == ""
    assert told in err
    assert "hint: " in err


def test_a_bad_file_of_rules_is_told(folder: Path, home: Path) -> None:
    (home / "curation").mkdir(parents=True)
    (home / "curation" / "mine.toml").write_text('[[rule]]\nid = "x"\ntitle = "X"\n')
    code, _, err = run("check", folder)
    assert code == 2
    assert "mine.toml, rule x: looks for nothing" in err


def test_rules_of_ones_own_are_used(folder: Path, home: Path, tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "no-gulls"\ntitle = "Gulls"\nlooks_for = "gulls"\naction = "flag"\n'
    rule += 'phrases = ["gulls"]\n'
    (home / "curation").mkdir(parents=True)
    (home / "curation" / "mine.toml").write_text(rule + '[actions]\nrefusal = "off"\n')
    rows = {row.get("rule"): row for row in run_json("check", folder)}
    assert rows["no-gulls"]["records"] == 2
    assert "refusal" not in rows
    assert "(mine.toml)" in run("check", "--list")[1]
    (tmp_path / "other").mkdir()
    assert "no-gulls" not in run("check", folder, "--rules-dir", tmp_path / "other")[1]


def test_what_cannot_be_read_is_told_and_the_rest_is_checked(folder: Path) -> None:
    (folder / "c.md").write_bytes(b"\xff\xfe")
    code, out, err = run("check", folder)
    assert code == 0
    assert "3 of 5 records" in out
    assert "c.md" in err
    assert "not UTF-8" in err


# Fixing.


def test_fix_without_anybody_to_ask_shows_and_changes_nothing(folder: Path) -> None:
    before = contents(folder)
    code, out, err = run("check", folder, "--fix")
    assert code == 2
    assert out.startswith(f"--- {folder}/a.md\n+++ {folder}/a.md\n@@ -1,")
    assert "-I hope this helps!<end>" in out.splitlines()
    assert "nobody is there to confirm" in err
    assert "--yes" in err
    assert contents(folder) == before


def test_fix_with_yes_changes_and_restore_brings_back(folder: Path) -> None:
    before = contents(folder)
    code, _, err = run("check", folder, "--fix", "--yes")
    assert code == 0
    assert contents(folder) == {"a.md": MENDED.encode(), "b.md": before["b.md"]}
    assert "changed 3 records in 1 file, 1 of them taken out" in err
    assert "--restore" in err
    assert run("check", folder)[1].startswith("0 of 4 records")
    code, out, _ = run("check", folder, "--restore")
    assert code == 0
    assert out == f"restored {folder}/a.md\n"
    assert contents(folder) == before


def test_fix_of_one_rule_leaves_the_others(folder: Path) -> None:
    run("check", folder, "--rule", "note", "--fix", "--yes")
    assert contents(folder)["a.md"] == TEXT.replace("\n\nI hope this helps!", "").encode()


def test_fix_of_clean_text_does_nothing(folder: Path) -> None:
    code, out, err = run("check", folder / "b.md", "--fix", "--yes")
    assert (code, out) == (0, "")
    assert "nothing to change" in err
    assert sorted(path.name for path in folder.iterdir()) == ["a.md", "b.md"]


def test_fix_as_json_says_what_became_of_each_record(folder: Path) -> None:
    objects = run_json("check", folder, "--fix", "--yes")
    (change,) = [found for found in objects if found["type"] == "change"]
    assert [(record["why"], record["rejected"]) for record in change["records"]] == [
        (["lead-in"], False),
        (["note"], False),
        (["refusal"], True),
    ]
    assert change["records"][0]["after"] == "The ferry left at dawn."
    (restored,) = run_json("check", folder, "--restore")
    assert restored == {"type": "restored", "file": str(folder / "a.md"), "edited": None}


def test_what_was_changed_after_a_fix_is_kept_when_it_is_taken_back(folder: Path) -> None:
    run("check", folder, "--fix", "--yes")
    (folder / "a.md").write_text(MENDED + "Write about rain.<start>It rained all day long.<end>\n")
    code, _, err = run("check", folder / "a.md", "--restore")
    assert code == 0
    assert contents(folder)["a.md"] == TEXT.encode()
    assert "had been changed since" in err
    (kept,) = folder.glob(".ysnakes-originals/a.md.edited-*")
    assert "It rained all day long." in kept.read_text()


def test_prose_that_would_go_as_a_whole_is_left(folder: Path) -> None:
    (folder / "p.txt").write_text("I can't write a story that involves this.")
    code, _, err = run("check", folder / "p.txt", "--fix", "--yes")
    assert code == 0
    assert "p.txt is one text of prose" in err
    assert (folder / "p.txt").read_text() == "I can't write a story that involves this."


pty = pytest.importorskip("pty") if os.name != "nt" else None


def on_a_terminal(answer: bytes, *args: str | Path, **environment: str) -> tuple[int, str]:
    """Run with a terminal in front of it, and answer what it asks."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        words = [sys.executable, "-c", APP, "data", *map(str, args)]
        os.execve(sys.executable, words, {**os.environ, "PYTHONPATH": path, "TERM": "xterm", **environment})
    shown = b""
    asked = False
    while True:
        if not select.select([terminal], [], [], 60)[0]:
            raise AssertionError(f"nothing more came after {shown!r}")
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            break
        if not chunk:
            break
        shown += chunk
        if b"[y/N]" in shown and not asked:
            asked = True
            os.write(terminal, answer)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


@pytest.mark.skipif(os.name == "nt", reason="needs a terminal of POSIX")
def test_on_a_terminal_it_asks_first(folder: Path) -> None:
    before = contents(folder)
    code, shown = on_a_terminal(b"n\n", "check", folder, "--fix")
    assert code == 0
    assert "change 3 records in 1 file, 1 of them taken out? [y/N]" in shown
    assert "nothing was changed" in shown
    assert contents(folder) == before
    assert "\x1b[31m-I hope this helps!" in shown
    code, shown = on_a_terminal(b"y\n", "check", folder, "--fix", NO_COLOR="1")
    assert code == 0
    assert "\x1b[31m" not in shown
    assert contents(folder)["a.md"] == MENDED.encode()


@pytest.mark.skipif(os.name == "nt", reason="needs a terminal of POSIX")
def test_ctrl_c_at_the_question_changes_nothing(folder: Path) -> None:
    before = contents(folder)
    code, _ = on_a_terminal(b"\x03", "check", folder, "--fix")
    assert code == 130
    assert contents(folder) == before


# Near-duplicates.

LONG = (
    "The ferry left at dawn, the gulls cried over the pier, and Mara rowed home with two lamps and a rope of "
    "hemp. Nobody saw the storm that came over the hills, and by noon the harbour was empty but for a boat."
)
NEAR = LONG.replace("two lamps", "three lamps")


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    place = tmp_path / "repeated"
    place.mkdir()
    (place / "a.md").write_text(f"One<start>{LONG}<end>\n\n{GOOD}")
    (place / "b.md").write_text(
        f"Two<start>{NEAR}<end>\n\nThree<start>{LONG}<end>\n\nFour<start>It rained all day.<end>\n"
    )
    return place


def test_dedup_reports_groups(repeated: Path) -> None:
    code, out, err = run("dedup", repeated)
    assert code == 0
    assert f"{repeated}/a.md:1: The ferry left" in out
    assert f"100% {repeated}/b.md:3: The ferry left" in out
    assert "2 of 5 records repeat an earlier one (1 groups)" in out
    assert "--fix" in err
    group, total = run_json("dedup", repeated)
    assert [repeat["line"] for repeat in group["repeats"]] == [1, 3]
    assert 0.8 <= group["repeats"][0]["overlap"] < 1.0
    assert (total["groups"], total["repeats"]) == (1, 2)
    assert "1 of 5 records" in run("dedup", repeated, "--similar", "1")[1]


def test_dedup_fix_keeps_the_first_and_restores(repeated: Path) -> None:
    before = contents(repeated)
    code, out, _ = run("dedup", repeated, "--fix", "--yes")
    assert code == 0
    assert contents(repeated) == {"a.md": before["a.md"], "b.md": b"Four<start>It rained all day.<end>\n"}
    assert out.count(f"--- {repeated}/b.md") == 1
    assert run("dedup", repeated)[1].startswith("0 of 3 records")
    assert run("dedup", repeated, "--restore")[0] == 0
    assert contents(repeated) == before


def test_curate_does_both_in_one_go(repeated: Path) -> None:
    (repeated / "a.md").write_text(f"One<start>Here is a story:\n\n{LONG}<end>\n\n{GOOD}")
    before = contents(repeated)
    code, out, err = run("curate", repeated, "--yes")
    assert code == 0
    assert contents(repeated) == {
        "a.md": f"One<start>{LONG}<end>\n\n{GOOD}".encode(),
        "b.md": b"Four<start>It rained all day.<end>\n",
    }
    assert "changed 3 records in 2 files, 2 of them taken out" in err
    assert "--- " in out
    assert run("curate", repeated, "--restore")[0] == 0
    assert contents(repeated) == before


# What is loaded.


def test_help_and_checks_load_no_torch_and_no_numpy(folder: Path) -> None:
    code = APP.replace("app(prog_name='ysnakes')", "") + (
        "import sys\n"
        "try: app(sys.argv[1:], prog_name='ysnakes')\n"
        "except SystemExit as ended: print(ended.code, 'torch' in sys.modules, 'textual' in sys.modules, "
        "'numpy' in sys.modules)\n"
    )
    for args in (["data", "check", "--help"], ["data", "check", str(folder)]):
        ended = subprocess.run(
            [sys.executable, "-c", code, *args],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=120,
            check=False,
        )
        assert ended.stdout.splitlines()[-1] == "0 False False False", ended.stderr

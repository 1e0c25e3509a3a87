"""``ysnakes data``: generating, looking, exporting and importing from the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_ollama import FakeOllama, Faults
from typer.testing import CliRunner

from ysnakes_core.synthesis.job_state import KindProgress, Progress
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import NewRecord, RecordFilter
from ysnakes_tui import cli_data_views
from ysnakes_tui.cli import app


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    monkeypatch.setenv("YSNAKES_HOME", str(place))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")  # nobody listens on the discard port
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    return place


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama(words=300) as running:
        yield running


@pytest.fixture
def library(home: Path) -> Iterator[Library]:
    with open_library(home / "data") as opened:
        yield opened


def run(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["data", *args])
    return result.exit_code, result.stdout, result.stderr


def objects(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


# Generating.


def test_generate_writes_what_was_asked_for(server: FakeOllama, home: Path) -> None:
    code, out, errors = run(
        *("generate", "blog:3", "stories", "--count", "2", "--host", server.address),
        *("--option", "temperature=0.5", "--option", "top_k=7", "--no-curate"),
    )
    assert code == 0, errors
    assert re.search(r"written +5 of 5 records", out)
    assert "next: ysnakes data export" in errors
    with open_library(home / "data") as library:
        assert library.count_by("kind") == {"blog": 3, "stories": 2}
        record = library.record(1)
    assert (record.teacher, record.model) == ("llama3.1", "llama3.1")
    assert (record.options["temperature"], record.options["top_k"]) == (0.5, 7)
    assert {asked["options"]["temperature"] for asked in server.asked} == {0.5}


def test_generate_tells_everything_as_json(server: FakeOllama) -> None:
    server.faults = Faults(script=lambda prompt, number: 500 if number == 1 else None)
    code, out, _ = run("generate", "blog:3", "--host", server.address, "--json")
    told = objects(out)
    assert code == 0
    assert sorted(str(event["type"]) for event in told) == [
        *("attempt_failed", "job_ended", "record", "record", "record", "status")
    ]
    assert told[-1]["done"] == 3


def test_each_job_asks_for_other_things_and_the_same_seed_for_the_same(
    server: FakeOllama, home: Path
) -> None:
    for extra in ((), (), ("--seed", "1")):
        code, _, errors = run("generate", "blog:4", "--host", server.address, "--quiet", *extra)
        assert code == 0, errors
    with open_library(home / "data") as library:
        keys = [{r.key for r in library.records(RecordFilter(job=number))} for number in (1, 2, 3)]
    assert keys[0].isdisjoint(keys[1])
    assert keys[2] == keys[0]


def test_answers_are_curated_unless_that_is_not_wanted(home: Path) -> None:
    class Machine(FakeOllama):
        def text(self, prompt: str, seed: int = 0) -> str:
            return "I'm sorry, but I can't help with that."

    with Machine() as server:
        for extra in ("--curate", "--no-curate"):
            assert run("generate", "stories:2", "--host", server.address, extra)[0] == 0
    with open_library(home / "data") as library:
        assert [record.decision for record in library.records()] == ["rejected"] * 2 + ["pending"] * 2
        assert library.count_by("rule").get("refusal") == 4


def test_text_of_the_built_in_teacher_is_judged_like_any_other(home: Path) -> None:
    rules = home / "curation"
    rules.mkdir(parents=True)
    (rules / "own.toml").write_text(
        '[[rule]]\nid = "any"\ntitle = "Any"\nlooks_for = "a letter"\naction = "flag"\nunit = "match"\n'
        "patterns = ['[a-z]']\n"
    )
    assert run("generate", "talk:3", "--teacher", "builtin", "--quiet")[0] == 0
    with open_library(home / "data") as library:
        assert library.count_by("rule") == {"any": 3}


def test_the_rules_take_nothing_from_the_built_in_teachers_text(home: Path) -> None:
    kinds = ("talk:60", "explanation:60", "letter:60", "story:20", "question:60")
    assert run("generate", *kinds, "--teacher", "builtin", "--quiet", "--seed", "5")[0] == 0
    with open_library(home / "data") as library:
        assert library.count_by("decision") == {"pending": 260}
        assert library.count_by("rule") == {}
        assert all(record.answer == record.original for record in library.records(limit=300))


def test_a_missing_server_is_told_and_leaves_no_job(home: Path) -> None:
    code, out, errors = run("generate", "blog:3")
    assert (code, out) == (1, "")
    assert "no Ollama answers at http://127.0.0.1:9" in errors
    assert "ollama serve" in errors
    with open_library(home / "data") as library:
        assert library.jobs.all() == []


def test_a_missing_model_is_told_and_can_be_fetched(server: FakeOllama) -> None:
    args = ("generate", "blog:2", "--model", "tiny", "--host", server.address)
    code, _, errors = run(*args)
    assert code == 1
    assert "ollama pull tiny" in errors
    code, _, errors = run(*args, "--pull")
    assert code == 0, errors
    assert "fetching the model: pulling abc" in errors


def test_what_failed_is_told_and_tried_again(server: FakeOllama) -> None:
    server.faults = Faults(script=lambda prompt, number: 400 if number == 2 else None)
    code, _, errors = run("generate", "blog:3", "--host", server.address, "--concurrency", "1")
    assert code == 1
    assert "put aside at once: blog 1: the server refused the request" in errors
    assert "1 record failed; try again with: ysnakes data generate --resume job-1" in errors
    code, out, errors = run("generate", "--resume", "--host", server.address)
    assert code == 0, errors
    assert "3 of 3" in out


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["nope"], "no kind"),
        ([], "no kind of record was named"),
        (["blog:0"], "no number of records"),
        (["blog:x"], "no kind with a count"),
        (["blog:99999999999"], "no number of records"),
        (["blog", "blog"], "twice"),
        (["blog", "--teacher", "x"], "no teacher"),
        (["story", "--teacher", "builtin", "--model", "m"], "has no --model"),
        (["blog", "--host", "a b"], "no address"),
        (["blog", "--option", "temperature"], "no option with a number"),
        (["blog", "--option", "top_k=nan"], "no option with a number"),
        (["blog", "--option", "seed=1"], "no option with a number"),
        (["blog", "--concurrency", "0"], "concurrency of 0"),
        (["blog", "--seed", "-1"], "--seed"),
        (["blog", "--name", "../x"], "the name"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_done(args: list[str], what: str, home: Path) -> None:
    code, out, errors = run("generate", *args)
    assert (code, out) == (2, "")
    assert what in errors
    with open_library(home / "data") as library:
        assert library.jobs.all() == []


@pytest.mark.parametrize(
    "args", [["--seed", "3"], ["--model", "x"], ["--teacher", "ollama"], ["--option", "a=1"], ["--name", "x"]]
)
def test_a_job_that_is_gone_on_with_keeps_its_settings(args: list[str]) -> None:
    assert run("generate", "talk:2", "--teacher", "builtin", "--name", "mine")[0] == 0
    code, _, errors = run("generate", "--resume", "mine", *args)
    assert code == 2
    assert args[0] in errors


def test_jobs_that_there_are_not_cannot_be_gone_on_with() -> None:
    assert "no library" in run("generate", "--resume")[2]
    assert run("generate", "talk:2", "--teacher", "builtin")[0] == 0
    code, _, errors = run("generate", "--resume", "job-9")
    assert code == 2
    assert "there are: job-1" in errors
    assert "no unfinished job" in run("generate", "--resume")[2]
    code, out, _ = run("generate", "--resume", "job-1")  # nothing is left to do
    assert code == 0
    assert "2 of 2" in out


def test_the_resume_command_names_the_folder(tmp_path: Path) -> None:
    folder = str(tmp_path / "my data")
    with FakeOllama(words=300, faults=Faults(script=lambda p, n: 401 if n > 2 else None)) as server:
        code, _, errors = run(
            "generate", "blog:9", "--host", server.address, "--data-dir", folder, "--concurrency", "1"
        )
    assert code == 1
    assert "ollama signin" in errors
    assert f"ysnakes data generate --resume job-1 --data-dir '{folder}'" in errors


def test_jobs_are_listed_with_what_became_of_them(server: FakeOllama) -> None:
    assert "no library" in run("jobs")[2]
    assert run("generate", "talk:2", "poem:3", "--teacher", "builtin")[0] == 0
    server.faults = Faults(script=lambda prompt, number: 400 if number == 1 else None)
    run("generate", "blog:2", "--host", server.address, "--name", "second")
    code, out, _ = run("jobs")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["second", "finished"],
        ["job-1", "finished"],
    ]
    newest, oldest = objects(run("jobs", "--json")[1])
    assert (newest["written"], newest["wanted"], newest["failed"]) == (1, 2, 1)
    assert oldest["kinds"] == {"talk": {"wanted": 2, "written": 2}, "poem": {"wanted": 3, "written": 3}}


# Looking.


def a_record(answer: str, *, kind: str = "blog", request: str = "Write.") -> NewRecord:
    return NewRecord(kind, "llama3.1", request, answer, answer, checks=[{"rule": "note"}])


def test_stats_count_records_words_decisions_and_rules(library: Library) -> None:
    library.add([a_record("one two"), a_record("three"), a_record("four", kind="wiki")])
    library.decide(1, "accepted")
    code, out, _ = run("stats")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["llama3.1", "blog", "2", "3", "1", "1", "–", "–"] in lines
    assert ["all", "3", "4", "2", "1", "–", "–"] in lines
    assert ["note", "3"] in lines
    told = objects(run("stats", "--json")[1])
    assert [one["type"] for one in told] == ["tally", "tally", "tally", "rules", "lengths"]


def test_search_finds_and_goes_on(library: Library) -> None:
    library.add([a_record(f"a snake {number}") for number in range(5)])
    library.add([a_record("a turtle")])
    library.decide(2, "rejected")
    code, out, errors = run("search", "snake", "--limit", "2")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["id", "1", "2"]
    assert "5 records in all; the next ones with --after 2" in errors
    assert [one["id"] for one in objects(run("search", "snake", "--after", "2", "--json")[1])] == [3, 4, 5]
    found = objects(run("search", "snake", "--decision", "rejected", "--kind", "blog", "--json")[1])
    assert [one["id"] for one in found] == [2]
    assert "nothing was found" in run("search", "elephant")[2]
    assert run("search", "x", "--decision", "perhaps")[0] == 2


def test_show_tells_a_records_story(library: Library) -> None:
    library.add([a_record("First answer.", request="Write it.")])
    library.edit(1, "Second answer.")
    code, out, _ = run("show", "1")
    assert code == 0
    assert re.search(r"changes +edited", out)
    assert out.endswith("Write it.\n\nSecond answer.\n")
    [told] = objects(run("show", "1", "--json")[1])
    assert (told["answer"], told["original"]) == ("Second answer.", "First answer.")
    assert run("show", "7")[0] == 2


def test_text_from_outside_cannot_steer_the_terminal(library: Library) -> None:
    bad = "snake \x1b[31m red \u202e back \x07"
    library.add(
        [NewRecord(f"k{bad}", f"t{bad}", bad, bad, "k", checks=[{"rule": bad}], source=bad, model=bad)]
    )
    for args in (("show", "1"), ("search", "snake"), ("stats",)):
        _, out, errors = run(*args)
        assert not re.search("[\x1b\x07\u202e]", out + errors)


# In and out.


def test_export_and_import_carry_records_between_libraries(library: Library, tmp_path: Path) -> None:
    library.add([a_record("one"), a_record("two"), a_record("three", kind="wiki")])
    library.decide(2, "rejected")
    code, out, errors = run("export")
    assert code == 0
    folder = library.path.parent / "text"
    assert out.splitlines() == [str(folder / "llama3.1-blog-0.md"), str(folder / "llama3.1-wiki-0.md")]
    assert "2 records in" in errors
    assert "ysnakes train" in errors
    other = ("--data-dir", str(tmp_path / "other"))
    code, out, errors = run("import", str(folder), *other)
    assert code == 0
    assert "2 records added, 0 were there already" in errors
    assert "0 records added, 2 were there already" in run("import", str(folder), *other)[2]
    told = objects(run("import", str(folder), *other, "--json")[1])
    assert told[-1] == {"type": "imported", "added": 0, "known": 2}
    assert run("export", str(tmp_path / "again"), *other)[0] == 0
    for path in folder.glob("*.md"):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_export_takes_what_is_wanted_and_spares_other_files(library: Library, tmp_path: Path) -> None:
    library.add([a_record("one"), a_record("two", kind="wiki")])
    library.decide(1, "accepted")
    out = tmp_path / "out"
    told = objects(run("export", str(out), "--decision", "accepted", "--json")[1])
    assert [one["type"] for one in told] == ["written", "exported"]
    (out / "llama3.1-wiki-0.md").write_text("mine")
    code, _, errors = run("export", str(out), "--kind", "wiki")
    assert code == 2
    assert "--overwrite" in errors
    assert run("export", str(out), "--kind", "wiki", "--overwrite")[0] == 0


def test_import_tells_what_it_could_not_use(tmp_path: Path) -> None:
    (tmp_path / "x-blog-0.md").write_text("a<start>b<end>\nc<start>d\n")
    code, _, errors = run("import", str(tmp_path / "x-blog-0.md"))
    assert code == 0
    assert "warning:" in errors
    assert "<start> without <end>" in errors
    assert run("import", str(tmp_path / "missing.md"))[0] == 2


# What is shown meanwhile.


def test_the_line_on_a_terminal_is_one_line_and_gone_in_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    view = cli_data_views.LiveView("job-1")
    kinds = tuple(KindProgress(f"kind-{number}", 3, 50, 0) for number in range(9))
    view.draw(Progress("running", "", kinds, 0.5, 41.2, 20.0, 754.0, (), ()))
    view.note("something to know")
    view.draw(Progress("waiting", "", kinds, None, None, None, None, (), ()))
    view.close()
    shown = capsys.readouterr().err
    drawn = [part for part in shown.replace("\r\x1b[K", "\0").split("\0") if part]
    assert drawn[0].startswith("job-1: 27 of 450 · 12:34 left · 30.0 records/min · 41 ")
    assert drawn[1] == "something to know\n"
    assert "waiting for the teacher" in drawn[2]
    assert all(len(part.rstrip("\n")) < 60 for part in drawn)
    assert shown.endswith("\r\x1b[K")

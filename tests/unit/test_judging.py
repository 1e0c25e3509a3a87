"""The rules, applied to records on their way into the library and to those that are in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ysnakes_core.synthesis.builtin import KINDS as BUILTIN_KINDS
from ysnakes_core.synthesis.builtin import generate
from ysnakes_core.synthesis.builtin_teacher import NAME as BUILTIN
from ysnakes_core.synthesis.judging import carry_out, due_changes, flag_library, judge_for
from ysnakes_core.synthesis.kinds import load_kinds
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import EVERYTHING, NewRecord, RecordFilter

REQUEST = "Write about a pond."
GOOD = " ".join(["The frog sat by the pond and waited for rain."] * 3 + ["Then it sang all night long."])
NOTED = f"{GOOD}\n\nNote: This story was written by an AI model."
REFUSAL = "I'm sorry, but I can't help with that request."


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path / "data") as opened:
        yield opened


def add(library: Library, *answers: str) -> None:
    library.add([NewRecord("notes", "t", REQUEST, answer, answer) for answer in answers])


def test_a_good_answer_is_left_alone() -> None:
    verdict = judge_for()("anyone", "notes", REQUEST, GOOD)
    assert (verdict.answer, verdict.decision) == (GOOD, "pending")


def test_a_refusal_is_rejected_and_stays_as_it_is() -> None:
    verdict = judge_for()("anyone", "notes", REQUEST, REFUSAL)
    assert (verdict.answer, verdict.decision) == (REFUSAL, "rejected")
    assert "refusal" in {check["rule"] for check in verdict.checks}


def test_an_added_note_is_taken_out() -> None:
    noted = f"{GOOD}\n\nNote: This story was written by an AI model."
    verdict = judge_for()("anyone", "notes", REQUEST, noted)
    assert (verdict.answer.strip(), verdict.decision) == (GOOD, "pending")
    flagged = judge_for(mend=False)("anyone", "notes", REQUEST, noted)
    assert (flagged.answer, flagged.decision) == (noted, "pending")
    assert flagged.checks


def test_a_kinds_length_and_ending_are_asked_for() -> None:
    kinds = load_kinds()
    stories = kinds["stories"]
    assert stories.checks.min_words > 2
    rules = {check["rule"] for check in judge_for(kinds)("anyone", "stories", REQUEST, "Too short.").checks}
    assert "too-short" in rules
    open_ended = next(kind for kind in kinds.values() if not kind.checks.must_end_sentence)
    things = ["boat", "rope", "lamp", "stone", "crow", "reed", "bucket", "glove", "oar", "kite", "bell"]
    cut = " ".join(f"The {thing} lay by the pond all day." for thing in things) + " Then came the"
    kinds["jottings"] = replace(open_ended, checks=replace(open_ended.checks, min_words=0, max_words=0))
    for kind, expected in (("jottings", False), ("notes", True)):
        found = {check["rule"] for check in judge_for(kinds, mend=False)("anyone", kind, REQUEST, cut).checks}
        assert ("truncated" in found) is expected
        rejected = judge_for(kinds)("anyone", kind, REQUEST, cut)
        assert ("truncated" in {check["rule"] for check in rejected.checks}) is expected
        assert expected is (rejected.decision == "rejected"), rejected.checks


def test_the_built_in_teachers_kinds_have_nothing_to_do_with_recipes_of_their_names() -> None:
    kinds = load_kinds()
    assert set(kinds) & set(BUILTIN_KINDS)
    judge = judge_for(kinds)
    for kind in BUILTIN_KINDS:
        for request, answer in generate(kind, 40, seed=3):
            verdict = judge(BUILTIN, kind, request, answer)
            assert (verdict.answer, verdict.decision, list(verdict.checks)) == (answer, "pending", [])


def test_a_whole_library_is_judged_and_can_be_taken_back(library: Library) -> None:
    add(library, GOOD, REFUSAL, f"{GOOD}\n\nNote: This story was written by an AI model.", f"{REFUSAL} No.")
    library.decide(4, "accepted")
    before = [(record.answer, record.decision) for record in library.records()]
    seen: list[int] = []
    due, looked = due_changes(library, judge_for(), EVERYTHING, seen.append)
    done = carry_out(library, due)
    assert (looked.looked_at, done.rejected, done.cleaned) == (3, 1, 1)
    assert seen == [3]
    assert [record.decision for record in library.records()] == ["pending", "rejected", "pending", "accepted"]
    assert library.record(3).answer.strip() == GOOD
    assert library.record(3).original.endswith("model.")
    library.undo()
    assert [(record.answer, record.decision) for record in library.records()] == before


def test_what_is_due_is_told_before_anything_is_changed(library: Library) -> None:
    add(library, GOOD, REFUSAL, NOTED)
    due, counts = due_changes(library, judge_for(), EVERYTHING)
    assert (counts.looked_at, counts.rejected, counts.cleaned) == (3, 1, 1)
    assert [(one.record, one.rejects, one.cleans) for one in due] == [(2, True, False), (3, False, True)]
    assert [(record.answer, record.decision) for record in library.records()] == [
        *((answer, "pending") for answer in (GOOD, REFUSAL, NOTED))
    ]
    assert all(not library.history(number) for number in (1, 2, 3))


def test_what_somebody_did_meanwhile_is_left_alone(library: Library) -> None:
    add(library, REFUSAL, f"{REFUSAL} No.", NOTED)
    due, _ = due_changes(library, judge_for(), EVERYTHING)
    library.decide(1, "accepted")
    library.edit(3, "Something else.")
    done = carry_out(library, due)
    assert (done.rejected, done.cleaned) == (1, 0)
    assert [record.decision for record in library.records()] == ["accepted", "rejected", "edited"]


def test_flags_are_noted_anew_and_nothing_else_changes(library: Library) -> None:
    library.add([NewRecord("notes", "t", REQUEST, GOOD, "1", checks=[{"rule": "long-gone"}])])
    add(library, REFUSAL, NOTED)
    library.decide(2, "accepted")
    before = [(record.answer, record.decision) for record in library.records()]
    seen: list[int] = []
    done = flag_library(library, judge_for(mend=False), EVERYTHING, seen.append)
    assert (done.looked_at, done.flagged, seen) == (3, 2, [3])
    assert library.count_by("rule").keys() >= {"refusal", "note"}
    assert library.count(RecordFilter(rules=("long-gone",))) == 0
    assert [(record.answer, record.decision) for record in library.records()] == before
    assert [len(library.history(number)) for number in (1, 2, 3)] == [0, 1, 0]

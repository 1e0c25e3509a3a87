"""The rules, applied to records on their way into the library and to those that are in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ysnakes_core.synthesis.judging import judge_for, judge_library
from ysnakes_core.synthesis.kinds import load_kinds
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import EVERYTHING, NewRecord

REQUEST = "Write about a pond."
GOOD = " ".join(["The frog sat by the pond and waited for rain."] * 3 + ["Then it sang all night long."])
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
    verdict = judge_for()("notes", REQUEST, GOOD)
    assert (verdict.answer, verdict.decision) == (GOOD, "pending")


def test_a_refusal_is_rejected_and_stays_as_it_is() -> None:
    verdict = judge_for()("notes", REQUEST, REFUSAL)
    assert (verdict.answer, verdict.decision) == (REFUSAL, "rejected")
    assert "refusal" in {check["rule"] for check in verdict.checks}


def test_an_added_note_is_taken_out() -> None:
    noted = f"{GOOD}\n\nNote: This story was written by an AI model."
    verdict = judge_for()("notes", REQUEST, noted)
    assert (verdict.answer.strip(), verdict.decision) == (GOOD, "pending")
    flagged = judge_for(mend=False)("notes", REQUEST, noted)
    assert (flagged.answer, flagged.decision) == (noted, "pending")
    assert flagged.checks


def test_a_kinds_length_and_ending_are_asked_for() -> None:
    kinds = load_kinds()
    stories = kinds["stories"]
    assert stories.checks.min_words > 2
    rules = {check["rule"] for check in judge_for(kinds)("stories", REQUEST, "Too short.").checks}
    assert "too-short" in rules
    open_ended = next(kind for kind in kinds.values() if not kind.checks.must_end_sentence)
    cut = " ".join(["word and another one"] * 20) + " and the"
    for kind, expected in ((open_ended.name, False), ("notes", True)):
        found = {check["rule"] for check in judge_for(kinds, mend=False)(kind, REQUEST, cut).checks}
        assert ("truncated" in found) is expected


def test_a_whole_library_is_judged_and_can_be_taken_back(library: Library) -> None:
    add(library, GOOD, REFUSAL, f"{GOOD}\n\nNote: This story was written by an AI model.", f"{REFUSAL} No.")
    library.decide(4, "accepted")
    before = [(record.answer, record.decision) for record in library.records()]
    seen: list[int] = []
    done = judge_library(library, judge_for(), EVERYTHING, seen.append)
    assert (done.looked_at, done.rejected, done.cleaned) == (3, 1, 1)
    assert seen == [3]
    assert [record.decision for record in library.records()] == ["pending", "rejected", "pending", "accepted"]
    assert library.record(3).answer.strip() == GOOD
    assert library.record(3).original.endswith("model.")
    library.undo()
    assert [(record.answer, record.decision) for record in library.records()] == before

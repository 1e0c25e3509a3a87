"""Taking out of one record what the rules marked in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from written_library import NOTE, a_record, flagged

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.judging import judge_for
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_cleaning import clean_record
from ysnakes_core.synthesis.library_records import NewRecord, Record

JUDGE = judge_for({}, mend=False)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as opened:
        yield opened


def kept(library: Library, new: NewRecord) -> Record:
    [identity] = library.add([new])
    assert identity is not None
    return library.record(identity)


def test_what_is_marked_goes_and_the_rest_stays_to_be_decided_about(library: Library) -> None:
    record = kept(library, flagged(1))
    assert clean_record(library, record, JUDGE)
    after = library.record(record.id)
    assert after.answer == "Snake 1 slept."
    assert after.original == record.answer
    assert after.decision == "pending"
    assert NOTE not in str(after.checks)
    assert not clean_record(library, after, JUDGE)
    library.undo()
    assert library.record(record.id).answer == record.answer
    assert library.record(record.id).checks == record.checks


def test_what_would_reject_does_not_keep_the_rest_from_being_taken_out(library: Library) -> None:
    record = kept(library, flagged(1))
    reject = {"rule": "short", "start": 0, "end": len(record.answer), "action": "reject", "why": ""}
    record = kept(library, flagged(2, checks=[*record.checks, reject]))
    assert clean_record(library, record, JUDGE)
    assert library.record(record.id).answer == "Snake 2 slept."


def test_where_nothing_would_be_left_it_is_refused(library: Library) -> None:
    check = {"rule": "note", "start": 0, "end": len(NOTE), "action": "strip", "why": ""}
    record = kept(library, a_record(answer=NOTE, checks=[check]))
    with pytest.raises(UsageError, match="nothing would be left"):
        clean_record(library, record, JUDGE)
    assert library.record(record.id) == record


@pytest.mark.parametrize(
    "check",
    [
        {"rule": "x", "start": -1, "end": 5, "action": "strip"},
        {"rule": "x", "start": 3, "end": 10**9, "action": "strip"},
        {"rule": "x", "start": "0", "end": 5, "action": "strip"},
        {"rule": "x", "start": 0, "end": 5, "action": "strip", "replacement": 7},
        {"rule": "x", "start": 0, "end": 5, "action": "flag"},
        {},
    ],
)
def test_checks_that_make_no_sense_take_nothing_out(library: Library, check: dict[str, object]) -> None:
    record = kept(library, a_record(checks=[check]))
    assert not clean_record(library, record, JUDGE)
    assert library.record(record.id) == record

"""What is asked of the process that holds the models, and what it tells: as lines, and once cancelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcripts import options, outcomes, readings, texts, tokens

from ysnakes_core.completion.history import Part
from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.transcript import Outcome
from ysnakes_core.runs.talking_desk import Job
from ysnakes_core.runs.talking_messages import (
    Begun,
    Ended,
    Failed,
    Loading,
    Lost,
    Positions,
    Question,
    ScorePositions,
    Told,
    Warm,
    Written,
    asked_from_json,
    asked_to_line,
    told_from_line,
    told_to_line,
)

numbers = st.integers(0, 1000)
parts = st.builds(
    Part,
    texts,
    st.sampled_from(["request", "text", "answer"]),
    st.lists(st.integers(0, 9) | texts, max_size=4).map(tuple),
    st.booleans(),
)
names = st.none() | texts
runs = st.sampled_from([Path("/runs/a"), Path("runs/ä b"), Path("/runs/\udcff")])
asked = st.one_of(
    st.builds(
        Question,
        runs,
        texts,
        names,
        texts,
        st.lists(parts, max_size=2).map(tuple),
        readings,
        st.lists(options, max_size=3).map(tuple),
        st.integers(0, 9),
    ),
    st.builds(Warm, runs, names, texts),
    st.builds(ScorePositions, runs, names),
)
told = st.one_of(
    st.builds(Loading, numbers),
    st.builds(
        Begun,
        numbers,
        texts,
        numbers,
        st.none() | st.floats(0, 9),
        numbers,
        st.lists(texts, max_size=2).map(tuple),
    ),
    st.builds(Written, numbers, numbers, st.lists(tokens, max_size=3).map(tuple), texts),
    st.builds(Ended, numbers, numbers, outcomes),
    st.builds(Failed, numbers, texts, texts),
    st.builds(Positions, numbers, st.none(), st.floats(0, 1)),
    st.builds(Lost),
)


@given(numbers, asked)
def test_what_is_asked_comes_as_one_line_of_ascii(number: int, what: Any) -> None:
    line = asked_to_line(number, what)
    assert line.isascii()
    assert line.isprintable()
    content = json.loads(line)
    assert content["number"] == number
    assert asked_from_json(content) == what


@given(told)
def test_what_is_told_comes_as_one_line_of_ascii(what: Told) -> None:
    line = told_to_line(what)
    assert line.isascii()
    assert line.isprintable()
    assert told_from_line(line) == what


@given(st.text() | st.builds(json.dumps, st.dictionaries(st.sampled_from(["type", "number", "x"]), texts)))
def test_other_lines_are_nothing(line: str) -> None:
    assert told_from_line(line) is None


# --- cancelling ---

ASKED = Question(
    Path("/runs/a"), "x", options=(SamplingOptions(seed=3), SamplingOptions()), reading="request"
)


@pytest.fixture
def said() -> list[Told]:
    return []


def outcome(reason: Any) -> Outcome:
    return Outcome("request", reason, 3, tokens=2)


def test_what_was_not_begun_ends_when_it_is_cancelled(said: list[Told]) -> None:
    job = Job(1, ASKED, said.append)
    job.cancel()
    assert said == [Ended(1, row, Outcome("request", "cancelled", seed)) for row, seed in ((0, 3), (1, None))]
    assert job.over
    job.tell(Loading(1))
    job.cancel()
    assert len(said) == 2


def test_what_has_made_something_is_stopped_and_ends_with_that(said: list[Told]) -> None:
    job, stops = Job(1, ASKED, said.append), []
    job.while_working(lambda: stops.append(1))
    job.kept = True
    job.tell(Ended(1, 1, outcome("end")))
    job.cancel()
    assert len(stops) == 1
    assert len(said) == 1
    assert not job.over
    job.tell(Ended(1, 0, outcome("cancelled")))
    assert job.over


def test_what_is_cancelled_before_it_can_be_stopped_is_stopped_then(said: list[Told]) -> None:
    job, stops = Job(1, ASKED, said.append), []
    job.cancel()
    job.while_working(lambda: stops.append(1))
    assert len(stops) == 1


def test_nothing_follows_a_failure(said: list[Told]) -> None:
    job = Job(1, ASKED, said.append)
    job.tell(Failed(1, "so"))
    job.tell(Ended(1, 0, outcome("end")))
    job.cancel()
    assert said == [Failed(1, "so")]

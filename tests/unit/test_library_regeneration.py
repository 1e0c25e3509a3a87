"""Another answer to a record's request, from the teacher that wrote it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_ollama import FakeOllama, Faults
from written_library import a_record

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.builtin import generate
from ysnakes_core.synthesis.job_opening import new_settings
from ysnakes_core.synthesis.judging import judge_for
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import NewRecord, Record
from ysnakes_core.synthesis.library_regeneration import (
    ATTEMPTS,
    NewAnswer,
    hosts_of,
    replace_answer,
    teacher_of,
    write_again,
)
from ysnakes_core.synthesis.teachers import AnswerFailed, TeacherError, Usage


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as opened:
        yield opened


def kept(library: Library, new: NewRecord) -> Record:
    [identity] = library.add([new])
    assert identity is not None
    return library.record(identity)


def again(record: Record, address: str = "") -> NewAnswer:
    async def write() -> NewAnswer:
        teacher = teacher_of(record, [address] if address else ())
        try:
            return await write_again(record, teacher)
        finally:
            await teacher.close()

    return asyncio.run(write())


def test_the_same_request_is_sent_with_the_same_options_and_another_seed(library: Library) -> None:
    record = kept(
        library,
        a_record(prompt="Tell me, at length.", model="llama3.1", seed=5, options={"temperature": 0.3}),
    )
    with FakeOllama() as server:
        first = again(record, server.address)
        asked = server.asked[-1]
        assert asked["messages"][-1]["content"] == "Tell me, at length."
        assert asked["options"] == {"temperature": 0.3, "seed": first.seed}
        assert first.seed != 5
        replace_answer(library, record, first)
        second = again(library.record(record.id), server.address)
    assert len({record.answer, first.text, second.text}) == 3
    assert first.digest
    assert first.usage.tokens == 40


def test_a_record_from_a_file_is_written_by_the_model_of_that_name(library: Library) -> None:
    record = kept(library, a_record(kind="blog", teacher="tiny", source="tiny-blog-0.md"))
    with FakeOllama(models=["tiny:latest"]) as server:
        new = again(record, server.address)
        assert server.asked[-1]["model"] == "tiny"
        assert server.asked[-1]["options"].keys() > {"seed"}  # what the kind's recipe says
    assert new.model == "tiny"


def test_an_answer_that_cannot_be_used_is_asked_for_again(library: Library) -> None:
    record = kept(library, a_record())
    faults = Faults(script=lambda prompt, number: {1: "marker", 2: "empty"}.get(number))
    with FakeOllama(faults=faults) as server:
        new = again(record, server.address)
        assert len({body["options"]["seed"] for body in server.asked}) == 3
    assert new.text


def test_after_some_attempts_it_is_given_up(library: Library) -> None:
    record = kept(library, a_record())
    with FakeOllama(faults=Faults(script=lambda prompt, number: "empty")) as server:
        with pytest.raises(AnswerFailed, match="empty"):
            again(record, server.address)
        assert len(server.asked) == ATTEMPTS


def test_a_model_that_is_not_there_is_said_to_be_pulled(library: Library) -> None:
    record = kept(library, a_record())
    with FakeOllama(models=[]) as server, pytest.raises(TeacherError) as error:
        again(record, server.address)
    assert "ollama pull llama3.1" in error.value.hint


def test_the_machines_of_its_job_are_asked(library: Library) -> None:
    hosts = ("http://one:11434", "http://two:11434")
    job = library.jobs.create(new_settings([("blog", 5)], "ollama", model="llama3.1", hosts=hosts))
    assert hosts_of(library, kept(library, a_record(kind="blog", job=job.id, request_index=0))) == hosts
    assert hosts_of(library, kept(library, a_record(1))) == ()


@pytest.mark.parametrize("kind", ["poem", "question"])
def test_the_built_in_teacher_says_the_same_thing_otherwise(library: Library, kind: str) -> None:
    request, answer = next(generate(kind, 1, 0))
    record = kept(
        library,
        a_record(kind=kind, teacher="builtin", request=request, answer=answer, seed=0, request_index=0),
    )
    new = again(record)
    assert new.text != answer
    assert (request, new.text) in set(generate(kind, 3000, 0))
    replace_answer(library, record, new)
    known = {said for asked, said in generate(kind, 3000, 0) if asked == request}
    seen = {answer, new.text}
    for _ in range(len(known) - 1):
        following = again(library.record(record.id))
        replace_answer(library, library.record(record.id), following)
        seen.add(following.text)
    assert seen == known  # one after the other


def test_the_built_in_teacher_says_when_it_knows_nothing_else(library: Library) -> None:
    for kind in ("story", "no such kind"):
        with pytest.raises(UsageError, match="knows no other answer"):
            again(kept(library, a_record(kind=kind, teacher="builtin", request="Something of its own.")))


def test_a_new_answer_is_judged_and_the_old_one_is_in_the_history(library: Library) -> None:
    record = kept(library, a_record(decision="accepted", options={"top_k": 7}))
    text = "The snake slept all day long in the sun.\n\nNote: I wrote this myself."
    replace_answer(library, record, NewAnswer(text, "m", "d", 9, Usage(12, 1.5)), judge_for({}))
    new = library.record(record.id)
    assert new.answer == "The snake slept all day long in the sun."
    assert (new.decision, new.seed, new.tokens, new.model, new.digest) == ("pending", 9, 12, "m", "d")
    assert new.options == {"top_k": 7}
    library.undo()
    assert library.record(record.id).answer == record.answer
    assert library.record(record.id).decision == "accepted"


def test_what_would_be_rejected_is_kept_with_its_flags(library: Library) -> None:
    record = kept(library, a_record())
    text = "I'm sorry, but I can't help with that request."
    replace_answer(library, record, NewAnswer(text, "m", "", 1, Usage()), judge_for({}))
    new = library.record(record.id)
    assert new.answer == text
    assert new.decision == "pending"
    assert new.checks

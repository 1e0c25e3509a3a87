"""Asking a record's teacher for another answer to the same request."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.synthesis.builtin import generate
from ysnakes_core.synthesis.builtin_teacher import NAME as BUILTIN
from ysnakes_core.synthesis.builtin_teacher import BuiltinPlan, BuiltinTeacher
from ysnakes_core.synthesis.job_answers import another_seed, usable
from ysnakes_core.synthesis.requests import Request
from ysnakes_core.synthesis.teachers import AnswerFailed, Teacher, Usage

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Library
    from ysnakes_core.synthesis.library_records import Check, Judge, Options, Record

ATTEMPTS = 3
_BUILTIN_TRIES = 3000  # requests of the built-in teacher that are looked through for one that is the same


@dataclass(frozen=True)
class NewAnswer:
    """Another answer to a record's request, and what it took."""

    text: str
    model: str
    digest: str
    seed: int
    usage: Usage


def hosts_of(library: Library, record: Record) -> tuple[str, ...]:
    """The addresses that the record's job was given; none: the usual one."""
    jobs = library.jobs.all() if record.job is not None else []
    return next((tuple(job.settings.hosts) for job in jobs if job.id == record.job), ())


def teacher_of(record: Record, hosts: Sequence[str] = ()) -> Teacher:
    """Who wrote a record, or the model of that name where it came from a file.

    Raises ``UsageError`` for an address that is none.
    """
    if record.teacher == BUILTIN:
        return BuiltinTeacher()
    from ysnakes_core.synthesis.ollama_teacher import OllamaTeacher  # takes a while to load

    return OllamaTeacher(record.model or record.teacher, hosts, 1)


async def write_again(
    record: Record, teacher: Teacher, told: Callable[[str], object] = lambda so_far: None
) -> NewAnswer:
    """Another answer than the record's, by ``teacher``; ``told`` is given what there is of it so far.

    Raises ``TeacherError``, ``AnswerFailed`` if no attempt comes to anything, and ``UsageError`` where the
    built-in teacher knows no other.
    """
    facts = await teacher.prepare()
    request = _request(record)
    for attempt in range(1, ATTEMPTS + 1):
        usage: list[Usage] = []
        parts: list[str] = []
        try:
            async for piece in teacher.write(request, usage.append):
                parts.append(piece)
                told("".join(parts))
            text = usable(parts)
            if text == record.answer:
                raise AnswerFailed("the new answer is the old one", reseed=True)
        except AnswerFailed as error:
            if attempt == ATTEMPTS or not error.again:
                raise
            request = replace(request, seed=another_seed(request.seed))
            continue
        took = usage[-1] if usage else Usage()
        return NewAnswer(text, facts.model, took.digest or facts.digest, request.seed, took)
    raise AssertionError


def replace_answer(library: Library, record: Record, new: NewAnswer, judge: Judge | None = None) -> None:
    """Put a new answer in the place of the old, which the record's history keeps. Raises ``YsnakesError``.

    ``judge`` may clean it; what it would reject is kept with its flags, as a person asked for it.
    """
    answer = new.text
    checks: tuple[Check, ...] = ()
    if judge is not None:
        verdict = judge(record.teacher, record.kind, record.request, new.text)
        answer, checks = verdict.answer, tuple(verdict.checks)
    library.regenerate(
        record.id,
        answer,
        model=new.model,
        digest=new.digest,
        options=record.options,
        seed=new.seed,
        tokens=new.usage.tokens,
        seconds=new.usage.seconds,
        checks=checks,
    )


def _request(record: Record) -> Request:
    seed = record.seed
    if seed is None:
        seed = int.from_bytes(hashlib.sha256(record.answer.encode()).digest()[:4], "big") >> 1
    if record.teacher == BUILTIN:
        return _asked_alike(record, seed)
    return Request(
        kind=record.kind,
        index=record.request_index or 0,
        seed=another_seed(seed),
        text=record.prompt,
        record_request=record.request,
        inputs=record.inputs,
        options=record.options or _options(record.kind),
        key=record.key,
    )


def _asked_alike(record: Record, seed: int) -> Request:
    """A request of the built-in teacher that says the same and is answered otherwise."""
    begin = record.request_index or 0
    places: dict[str, int] = {}
    try:
        for place, (request, answer) in enumerate(generate(record.kind, _BUILTIN_TRIES, seed, begin), begin):
            if request == record.request:
                places.setdefault(answer, place)
    except UsageError:
        pass  # it is a kind of another teacher's
    answers = list(places)
    after = answers.index(record.answer) + 1 if record.answer in places else 0
    for answer in (*answers[after:], *answers[:after]):  # the next one, so that all come
        if answer != record.answer:
            return BuiltinPlan(record.kind, seed).request(places[answer])
    raise UsageError(
        "the built-in teacher knows no other answer to this request",
        "edit it, or reject it and let a job write more records",
    )


def _options(kind: str) -> Options:
    """What a kind's recipe says, for a record that came without."""
    from ysnakes_core.synthesis.kinds import load_kinds

    try:
        return load_kinds()[kind].options
    except (KeyError, YsnakesError):
        return {}

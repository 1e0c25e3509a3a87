"""How a job behaves, and what it makes of an answer: something to keep, or a failure."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ysnakes_core.synthesis.library_records import Judge, NewRecord, Verdict, storable
from ysnakes_core.synthesis.teachers import AnswerFailed, Backoff, TeacherFacts, Usage
from ysnakes_core.text.records import END_MARK, START_MARK

if TYPE_CHECKING:
    from ysnakes_core.synthesis.requests import Request

_ANOTHER_SEED = 0x9E3779B1  # odd: a new seed each time


@dataclass(frozen=True)
class JobManners:
    """``attempts`` at a record before it is put aside; ``patience``: seconds without the teacher before the
    job ends itself. Randomness, clock (seconds) and sleep are here, so that tests have their own.
    """

    attempts: int = 8
    patience: float = 300.0
    backoff: Backoff = field(default_factory=Backoff)
    rng: random.Random = field(default_factory=random.Random)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep


@dataclass(frozen=True)
class Answer:
    """An answer that can be kept. ``seconds``: how long it took in its slot, failed attempts included."""

    request: Request
    text: str
    usage: Usage
    seconds: float


def usable(pieces: Sequence[str]) -> str:
    """The pieces as the answer of a record. Raises ``AnswerFailed`` where that cannot be."""
    text = storable("".join(pieces)).strip()
    if not text:
        raise AnswerFailed("the answer is empty", reseed=True)
    if START_MARK in text or END_MARK in text:
        raise AnswerFailed(f"the answer holds {START_MARK} or {END_MARK}", reseed=True)
    return text


def another_seed(seed: int) -> int:
    """A seed for the same request again (31 bits)."""
    return (seed + _ANOTHER_SEED) % 2**31


def record_of(answer: Answer, job: int, teacher: str, facts: TeacherFacts, judge: Judge | None) -> NewRecord:
    """The record of an answer, as the rules leave it."""
    request, usage = answer.request, answer.usage
    verdict = Verdict(answer.text, "pending", ())
    if judge is not None:
        verdict = judge(teacher, request.kind, request.record_request, answer.text)
    return NewRecord(
        kind=request.kind,
        teacher=teacher,
        request=request.record_request,
        answer=verdict.answer,
        original=answer.text,
        decision=verdict.decision,
        key=request.key,
        prompt=request.text,
        inputs=request.inputs,
        options=request.options,
        model=facts.model,
        digest=usage.digest or facts.digest,
        seed=request.seed,
        tokens=usage.tokens,
        seconds=usage.seconds,
        job=job,
        request_index=request.index,
        checks=verdict.checks,
    )

"""The built-in grammar as a teacher: any amount of simple, correct text, at once, without a server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from types import MappingProxyType

from ysnakes_core.synthesis.builtin import KINDS, generate
from ysnakes_core.synthesis.requests import Request
from ysnakes_core.synthesis.teachers import TeacherFacts, Usage, ignore

NAME = "builtin"
_WITHOUT_END = 2**62


class BuiltinPlan:
    """The requests of one of the grammar's kinds: its records are numbered, and each is made from its number.

    Many may be asked alike but answered otherwise, so a request's ``key`` tells request and answer together.
    """

    combinations = _WITHOUT_END

    def __init__(self, kind: str, seed: int) -> None:
        next(generate(kind, 1, seed))  # UsageError where there is no such kind
        self.kind, self.seed = kind, seed

    def request(self, index: int) -> Request:
        request, answer = next(generate(self.kind, 1, self.seed, index))
        key = hashlib.sha256(f"{self.kind}\0{request}\0{answer}".encode()).hexdigest()
        return Request(
            kind=self.kind,
            index=index,
            seed=self.seed,
            text=request,
            record_request=request,
            inputs=MappingProxyType({}),
            options=MappingProxyType({}),
            key=key,
        )


class BuiltinTeacher:
    """Answers what ``BuiltinPlan`` asks."""

    name = NAME
    kinds: tuple[str, ...] | None = KINDS
    slots = 1

    async def prepare(self) -> TeacherFacts:
        return TeacherFacts(NAME)

    async def write(self, request: Request, told: Callable[[Usage], None] = ignore) -> AsyncIterator[str]:
        await asyncio.sleep(0)  # whoever shares the event loop gets a turn
        _, answer = next(generate(request.kind, 1, request.seed, request.index))
        told(Usage())
        yield answer

    async def close(self) -> None:
        return None

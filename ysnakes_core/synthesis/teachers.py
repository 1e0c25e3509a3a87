"""What a teacher is: someone who is sent requests and writes answers. Another one is one more file like this.

A teacher answers one request at a time for each of its ``slots``. It does not try again: a failed attempt is
told by one of the errors here, and whoever asked decides.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ysnakes_core.errors import YsnakesError

if TYPE_CHECKING:
    from ysnakes_core.synthesis.requests import Request


class TeacherError(YsnakesError):
    """The teacher cannot be worked with at all: nothing it is sent would be answered."""


class TeacherAway(TeacherError):
    """The teacher cannot be reached, or has no time, now; ``wait``: asking sooner (seconds) is of no use."""

    def __init__(self, what: str, hint: str = "", *, wait: float | None = None) -> None:
        super().__init__(what, hint)
        self.wait = wait


class AnswerFailed(YsnakesError):
    """This answer came to nothing. ``again``: the same request may well succeed another time.

    ``reseed``: only with another seed, as the answer itself is what cannot be used.
    """

    def __init__(self, what: str, hint: str = "", *, again: bool = True, reseed: bool = False) -> None:
        super().__init__(what, hint)
        self.again = again
        self.reseed = reseed


@dataclass(frozen=True)
class TeacherFacts:
    """Who answers: the model, the digest of its weights, and the version of what runs it ("" where unknown).

    ``notes``: what a person should know, for example which of several machines are not there.
    """

    model: str
    digest: str = ""
    version: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usage:
    """What an answer took, by the teacher's own account: tokens written, and seconds spent on writing them.

    ``host`` and ``digest``: who wrote it, where there are several.
    """

    tokens: int | None = None
    seconds: float | None = None
    cut: bool = False
    host: str = ""
    digest: str = ""


def ignore(usage: Usage) -> None:
    """For ``told`` where nobody wants to know."""


class Teacher(Protocol):
    """``name`` stands in file names; ``kinds`` are the only ones it can write (None: any).

    ``slots``: how many requests it answers at a time.
    """

    name: str
    kinds: tuple[str, ...] | None
    slots: int

    async def prepare(self) -> TeacherFacts:
        """Make sure that it can work. Raises ``TeacherError`` with what to do about it."""
        ...

    def write(self, request: Request, told: Callable[[Usage], None] = ignore) -> AsyncIterator[str]:
        """The answer in pieces, as they come; ``told`` is called once before the end.

        Raises ``AnswerFailed``, ``TeacherAway`` and ``TeacherError``, also after some pieces.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. It can be used no more."""
        ...


@dataclass(frozen=True)
class Backoff:
    """How long to wait before another attempt: twice as long each time, up to a limit, and not for all alike.

    Times are seconds. A wait is drawn evenly from the upper half of its size, so that those who failed
    together do not come back together.
    """

    first: float = 0.5
    most: float = 30.0

    def wait(self, attempt: int, rng: random.Random) -> float:
        """Seconds to wait after failed attempt number ``attempt``, counted from 1."""
        size = min(self.most, self.first * 2.0 ** min(attempt - 1, 30))
        return size * (0.5 + 0.5 * rng.random())

"""A teacher that is a model in Ollama, on one machine or several, through the ``ollama`` package."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from ysnakes_core.errors import UsageError
from ysnakes_core.files import printable
from ysnakes_core.synthesis.ollama_errors import ModelMissing, failures, model_missing, translated
from ysnakes_core.synthesis.ollama_hosts import Host, HostPool, chosen_hosts, is_this_machine
from ysnakes_core.synthesis.teachers import (
    AnswerFailed,
    TeacherAway,
    TeacherError,
    TeacherFacts,
    Usage,
    ignore,
)

if TYPE_CHECKING:
    import ollama

    from ysnakes_core.synthesis.requests import Request

DEFAULT_MODEL = "llama3.1"
DEFAULT_CONCURRENCY = 4
CONNECT_SECONDS = 10.0
FIRST_PIECE_SECONDS = 900.0  # a model may have to be loaded, and others' requests answered before
PIECE_SECONDS = 120.0
_LAST_SECONDS = 1.0
MAX_CHARACTERS = 400_000  # of one answer: a model that never ends is stopped there

Pulling = Callable[[str, int, int], None]
"""Told while a model is fetched: what is being done, bytes done, bytes in all (0: not known)."""


class OllamaTeacher:
    """A model in Ollama. ``hosts``: addresses of the machines (none: ``OLLAMA_HOST``, else this machine);
    each is sent ``concurrency`` requests at a time.

    ``first_piece_seconds`` and ``piece_seconds`` are how long an answer may take to begin and to go on.
    ``clock`` gives seconds. Raises ``UsageError`` for an address that is none.
    """

    kinds: tuple[str, ...] | None = None

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        hosts: Sequence[str] = (),
        concurrency: int = DEFAULT_CONCURRENCY,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        first_piece_seconds: float = FIRST_PIECE_SECONDS,
        piece_seconds: float = PIECE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        import httpx
        import ollama

        self.model = model
        self.name = model.removesuffix(":latest")
        self.pool = HostPool(chosen_hosts(hosts), concurrency, clock)
        self.slots = concurrency * len(self.pool.hosts)
        self._first_piece, self._piece = first_piece_seconds, piece_seconds
        self._connect = connect_seconds
        timeout = httpx.Timeout(first_piece_seconds, connect=connect_seconds, pool=None)
        self._clients = {
            host.address: ollama.AsyncClient(
                host.address,
                timeout=timeout,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=concurrency),
                # A proxy is for the world outside.
                trust_env=not is_this_machine(host.address),
            )
            for host in self.pool.hosts
        }

    # Before.

    async def prepare(self) -> TeacherFacts:
        """Find the model on every machine; those that are not there or lack it are set aside.

        Raises ``TeacherAway`` if none is there, ``ModelMissing`` if those that are lack the model.
        """
        found = await asyncio.gather(*(self._look(host) for host in self.pool.hosts))
        well = [host for host, error in zip(self.pool.hosts, found, strict=True) if error is None]
        if not well:
            errors = [error for error in found if error is not None]
            away = [error for error in errors if isinstance(error, TeacherAway)]
            if len(away) == len(errors):
                raise self.pool.away() from away[0]
            raise next(error for error in errors if not isinstance(error, TeacherAway))
        notes = [f"not used: {trouble}" for trouble in self.pool.troubles()]
        digests = {host.digest for host in well}
        if len(digests) > 1:
            notes.append(f"the machines have {len(digests)} different versions of {self.model}")
        return TeacherFacts(self.model, well[0].digest, await self._version(well[0]), tuple(notes))

    async def pull(self, told: Pulling) -> None:
        """Fetch the model on every machine that lacks it. Raises ``TeacherError``."""
        for host in self.pool.hosts:
            if isinstance(await self._look(host), ModelMissing):
                host.given_up = False
                await self._pull(host, told)
                await self._look(host)

    async def _look(self, host: Host) -> TeacherError | None:
        """Whether a machine is there and has the model; the reason why not, which is noted too."""
        try:
            async with asyncio.timeout(max(self._connect, 1.0) * 3):
                listed = await self._clients[host.address].list()
            digests = {str(model.model): str(model.digest or "") for model in listed.models}
        except failures() as error:
            problem = self._translated(error, host)
            # One that fails to list its models is as good as not there.
            away = problem if isinstance(problem, TeacherError) else TeacherAway(f"{host.address}: {problem}")
            self.pool.failed(host, _told(away, host))
            return away
        names = (self.model, f"{self.model}:latest")
        digest = next((digests[name] for name in names if name in digests), None)
        if digest is None:
            missing = model_missing(self.model, host.address, usual=_is_usual(host))
            self.pool.give_up(host, f"it has no model {printable(self.model, 80)}")
            return missing
        host.digest, host.given_up = digest, False
        self.pool.worked(host)
        return None

    async def _version(self, host: Host) -> str:
        """The server's version, where it tells one; the package has no call for it."""
        import httpx

        trust = not is_this_machine(host.address)
        with suppress(*failures()):
            async with httpx.AsyncClient(timeout=self._connect, trust_env=trust) as client:
                answer = (await client.get(f"{host.address}/api/version")).json()
            return printable(str(answer["version"]), 40)
        return ""

    async def _pull(self, host: Host, told: Pulling) -> None:
        try:
            async for state in await self._clients[host.address].pull(self.model, stream=True):
                told(printable(state.status or "", 80), state.completed or 0, state.total or 0)
        except failures() as error:
            problem = self._translated(error, host)
            raise TeacherError(
                f"the model could not be fetched: {problem}", "check its name at https://ollama.com/library"
            ) from error

    # Writing.

    async def write(self, request: Request, told: Callable[[Usage], None] = ignore) -> AsyncIterator[str]:
        """The answer in pieces. A machine that does not answer at all is set aside and another one asked."""
        tried: set[str] = set()
        while True:
            async with self.pool.a_host(tried) as host:
                began = False
                pieces = self._pieces(host, request, told)
                try:
                    async for piece in pieces:
                        if not began:
                            began = True
                            self.pool.worked(host)
                        yield piece
                    host.faults = 0
                    return
                except AnswerFailed as error:
                    self.pool.faulted(host, error.what)
                    raise
                except ModelMissing as error:
                    self.pool.give_up(host, f"it has no model {printable(self.model, 80)}")
                    if all(each.given_up for each in self.pool.hosts):
                        raise error
                except TeacherAway as error:
                    self.pool.failed(host, _told(error, host))
                    if began:
                        raise AnswerFailed("the answer was cut off") from error
                finally:
                    await pieces.aclose()
                tried.add(host.address)

    async def _pieces(
        self, host: Host, request: Request, told: Callable[[Usage], None]
    ) -> AsyncGenerator[str, None]:
        """The answer of one machine. Raises a teacher's errors only."""
        options: dict[str, Any] = {**request.options, "seed": request.seed}
        length, ended, wait = 0, False, self._first_piece
        parts: AsyncGenerator[ollama.ChatResponse, None] | None = None
        try:
            async with asyncio.timeout(wait):
                stream = await self._clients[host.address].chat(
                    self.model, [{"role": "user", "content": request.text}], stream=True, options=options
                )
            parts = cast("AsyncGenerator[ollama.ChatResponse, None]", stream)
            while not ended:
                async with asyncio.timeout(wait):
                    part = await anext(parts, None)
                if part is None:
                    raise AnswerFailed("the answer was cut off")
                wait = self._piece
                ended = bool(part.done)
                text = part.message.content or ""
                length += len(text)
                if length > MAX_CHARACTERS:
                    raise AnswerFailed(
                        f"the answer did not end within {MAX_CHARACTERS:,} characters", reseed=True
                    )
                if ended:
                    told(_usage(part, host))
                if text:
                    yield text
            # To its very end, so that the connection can be used again.
            with suppress(*failures()):
                async with asyncio.timeout(_LAST_SECONDS):
                    await anext(parts, None)
        except failures() as error:
            raise self._translated(error, host) from error
        finally:
            if parts is not None:
                await parts.aclose()

    def _translated(self, error: BaseException, host: Host) -> Exception:
        return translated(error, host.address, self.model, usual=_is_usual(host))

    async def close(self) -> None:
        clients: list[Any] = list(self._clients.values())  # its close has no types
        for client in clients:
            with suppress(Exception):
                await client.close()


def _usage(part: ollama.ChatResponse, host: Host) -> Usage:
    spent = part.eval_duration
    return Usage(
        tokens=part.eval_count,
        seconds=None if spent is None else spent / 1e9,
        cut=part.done_reason == "length",
        host=host.address,
        digest=host.digest,
    )


def _told(error: Exception, host: Host) -> str:
    """An error without the address it begins with, which stands beside it."""
    what = error.what if isinstance(error, TeacherError) else str(error)
    return what.removeprefix(f"{host.address}: ")


def _is_usual(host: Host) -> bool:
    """Whether Ollama's own commands, as typed here, talk to this machine."""
    try:
        return host.address in chosen_hosts([])
    except UsageError:
        return False

"""One or more machines that run Ollama: who gets the next request, and who is left alone for a while."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ysnakes_core.errors import UsageError
from ysnakes_core.files import printable
from ysnakes_core.synthesis.teachers import TeacherAway

HOST_VARIABLE = "OLLAMA_HOST"
DEFAULT_PORT = 11434
_FAULTS_IN_A_ROW = 3
_PORTS = {"http": 80, "https": 443}


def chosen_hosts(given: Sequence[str]) -> list[str]:
    """The addresses to use: those given, else the one in ``OLLAMA_HOST``, else this machine's usual one.

    Each once, as ``http://host:port``. Raises ``UsageError`` for what is no address.
    """
    named = [host for host in given if host.strip()] or [os.environ.get(HOST_VARIABLE, "")]
    return list(dict.fromkeys(host_address(host) for host in named))


def host_address(host: str) -> str:
    """``host``, ``host:port``, ``:port`` or a URL as ``http://host:port``, as Ollama's own tools read it.

    An address to listen at (0.0.0.0) becomes one to connect to. Raises ``UsageError``.
    """
    text = host.strip().strip("\"'")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port or (_PORTS[scheme.lower()] if separator else DEFAULT_PORT)
        name = parts.hostname or "127.0.0.1"
        if parts.username or parts.query or parts.fragment or any(c.isspace() for c in rest):
            raise ValueError("not a host")
    except (ValueError, KeyError) as error:
        raise UsageError(
            f"“{printable(host, 80)}” is no address of an Ollama server",
            "give --host HOST:PORT, for example --host 192.168.1.20:11434",
        ) from error
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(name)
        if address.is_unspecified:
            name = "127.0.0.1" if address.version == 4 else "::1"
    name = f"[{name}]" if ":" in name else name
    path = parts.path.rstrip("/")
    return f"{scheme.lower()}://{name}:{port}{path}"


def is_this_machine(address: str) -> bool:
    name = urlsplit(address).hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass
class Host:
    """One machine and how it does. ``back_at``: when to try it again, on the pool's clock (0: it is well).

    ``given_up``: why nothing more is sent there, in this session.
    """

    address: str
    busy: int = 0
    faults: int = 0  # failed answers in a row
    failures: int = 0
    back_at: float = 0.0
    trouble: str = ""
    given_up: bool = False
    digest: str = ""


class HostPool:
    """Spreads requests over machines, each answering ``concurrency`` at a time.

    A machine that does not answer is set aside for ``first_rest`` seconds, twice as long each time it fails
    again, up to ``longest_rest``; then one request tries it. ``clock`` gives seconds.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        concurrency: int,
        clock: Callable[[], float],
        *,
        first_rest: float = 2.0,
        longest_rest: float = 30.0,
    ) -> None:
        self.hosts = [Host(address) for address in addresses]
        self.concurrency = concurrency
        self._clock = clock
        self._first_rest, self._longest_rest = first_rest, longest_rest
        self._freed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def a_host(self, tried: set[str]) -> AsyncIterator[Host]:
        """The least busy machine that is well and not in ``tried``, for one request, as soon as one is free.

        Raises ``TeacherAway`` where no such machine is left.
        """
        while (host := self._free(tried)) is None:
            await self._wait(tried)
        host.busy += 1
        try:
            yield host
        finally:
            host.busy -= 1
            self._freed.set()

    def worked(self, host: Host) -> None:
        host.failures, host.back_at, host.trouble = 0, 0.0, ""
        self._freed.set()

    def faulted(self, host: Host, trouble: str) -> None:
        """An answer failed. A machine that fails at once would get ever more requests, if others are well."""
        host.faults += 1
        if host.faults >= _FAULTS_IN_A_ROW and len(self.hosts) > 1:
            self.failed(host, trouble)

    def failed(self, host: Host, trouble: str) -> None:
        """Set a machine aside; several requests that failed there together count as one."""
        if host.back_at > self._clock():
            return
        host.failures += 1
        rest = min(self._longest_rest, self._first_rest * 2.0 ** min(host.failures - 1, 30))
        host.back_at, host.trouble = self._clock() + rest, trouble

    def give_up(self, host: Host, trouble: str) -> None:
        host.given_up, host.trouble = True, trouble

    def troubles(self) -> list[str]:
        """Every machine that is not well, and why."""
        return [f"{host.address}: {host.trouble}" for host in self.hosts if host.trouble]

    def away(self, wait: float | None = None) -> TeacherAway:
        """The error for when no machine is left."""
        return TeacherAway(
            away_sentence(self.troubles()), away_hint([host.address for host in self.hosts]), wait=wait
        )

    def _well(self, host: Host, tried: set[str]) -> bool:
        if host.given_up or host.address in tried:
            return False
        if not host.back_at:
            return True
        # One request at a time finds out whether it is back.
        return self._clock() >= host.back_at and host.busy == 0

    def _free(self, tried: set[str]) -> Host | None:
        ready = [host for host in self.hosts if host.busy < self.concurrency and self._well(host, tried)]
        return min(ready, key=lambda host: host.busy, default=None)

    async def _wait(self, tried: set[str]) -> None:
        """Until a machine may have become free. Raises ``TeacherAway`` where that cannot be."""
        now = self._clock()
        rests = [host.back_at - now for host in self.hosts if host.back_at > now and not host.given_up]
        rest = max(0.01, min(rests)) if rests else None
        left = [host for host in self.hosts if not host.given_up and host.address not in tried]
        if not any(not host.back_at or host.busy for host in left):
            raise self.away(rest)
        self._freed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rest):
                await self._freed.wait()


def away_sentence(troubles: Sequence[str]) -> str:
    if len(troubles) == 1:
        return f"no Ollama answers at {troubles[0]}"
    return f"no Ollama answers at any of {len(troubles)} machines ({'; '.join(troubles)})"


def away_hint(addresses: Sequence[str]) -> str:
    """How to start a server, here or where it should be."""
    where = "" if any(is_this_machine(address) for address in addresses) else " on that machine"
    return (
        f"start it{where} with: ollama serve (from https://ollama.com/download), or name another "
        "with --host, or write with --teacher builtin, which needs none"
    )

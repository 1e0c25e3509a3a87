"""Asking an Ollama server, before a job begins, whether it is there and has the model; and getting the model.

Everything here takes its time and belongs into a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.synthesis.ollama_errors import ModelMissing, failures
from ysnakes_core.synthesis.ollama_hosts import chosen_hosts, is_this_machine
from ysnakes_core.synthesis.ollama_teacher import OllamaTeacher, Pulling
from ysnakes_core.synthesis.teachers import TeacherFacts

CONNECT_SECONDS = 3.0
_LIST_SECONDS = 5.0
_MAX_MODELS = 100


@dataclass(frozen=True)
class ServerFound:
    """``facts`` if a job can begin, else ``error``; ``models`` are those that there are, if ours is not."""

    facts: TeacherFacts | None = None
    error: YsnakesError | None = None
    models: tuple[str, ...] = ()

    @property
    def lacks_model(self) -> bool:
        return isinstance(self.error, ModelMissing)


def look(model: str, hosts: Sequence[str]) -> ServerFound:
    """Whether the model can be asked on one of the hosts at least."""
    return asyncio.run(_look(model, hosts))


async def _look(model: str, hosts: Sequence[str]) -> ServerFound:
    try:
        teacher = OllamaTeacher(model, hosts, 1, connect_seconds=CONNECT_SECONDS)
    except YsnakesError as error:
        return ServerFound(error=error)
    try:
        return ServerFound(facts=await teacher.prepare())
    except ModelMissing as error:
        return ServerFound(error=error, models=await _models(hosts))
    except YsnakesError as error:
        return ServerFound(error=error)
    finally:
        await teacher.close()


async def _models(hosts: Sequence[str]) -> tuple[str, ...]:
    """The models of the first host that answers."""
    import ollama

    for address in chosen_hosts(hosts):
        with suppress(*failures()):
            client = ollama.AsyncClient(
                address, timeout=CONNECT_SECONDS, trust_env=not is_this_machine(address)
            )
            async with asyncio.timeout(_LIST_SECONDS):
                found = (await client.list()).models
            names = [printable(str(each.model), 60).removesuffix(":latest") for each in found[:_MAX_MODELS]]
            return tuple(names)
    return ()


class Pull:
    """Gets a model, for as long as it is not cancelled. ``run`` belongs into a thread."""

    def __init__(self, model: str, hosts: Sequence[str]) -> None:
        self._model, self._hosts = model, hosts
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False

    def run(self, told: Pulling) -> bool:
        """Whether it is there now; False: it was cancelled. Raises ``YsnakesError``."""
        return asyncio.run(self._run(told))

    def cancel(self) -> None:
        """From any thread. What Ollama has of the model it keeps."""
        self._cancelled = True
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # it is over
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self, told: Pulling) -> bool:
        teacher = OllamaTeacher(self._model, self._hosts, 1, connect_seconds=CONNECT_SECONDS)
        try:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.ensure_future(teacher.pull(told))
            if self._cancelled:
                self._task.cancel()
            await self._task
        except asyncio.CancelledError:
            return False
        finally:
            await teacher.close()
        return not self._cancelled


Looking = Callable[[str, Sequence[str]], ServerFound]

"""A server that speaks the part of Ollama's documented API that clients use, without a model behind it.

In a test:  ``with FakeOllama() as server: … server.address …``; as a process of its own, which can be killed:
``python fake_ollama.py --port 11434 --fail-every 7 --drop-every 11``.

It answers every prompt with the same words for the same prompt and seed. What it was asked is in ``asked``.
API: https://docs.ollama.com/api (chat, generate, show, tags, version, pull; errors as in /api/errors)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

_SENTENCE = "the small green snake went over a warm stone and found its friend near an old quiet river"
_WORDS = _SENTENCE.split()


@dataclass
class Faults:
    """What goes wrong: every so manyth answer (0: none). ``script`` decides by prompt: a status code, or
    ``cut``, ``hang``, ``silent``, ``error`` (in the stream), ``nonsense``, ``empty``, ``marker``, or None.
    """

    fail_every: int = 0
    drop_every: int = 0
    script: Callable[[str, int], int | str | None] | None = None

    def of(self, prompt: str, number: int) -> int | str | None:
        """``number`` counts the answers from 1."""
        if self.script is not None and (fault := self.script(prompt, number)) is not None:
            return fault
        if self.fail_every and number % self.fail_every == 0:
            return 500
        if self.drop_every and number % self.drop_every == 0:
            return "cut"
        return None


@dataclass
class FakeOllama:
    """``seconds``: how long an answer takes; ``words``: how long it is; ``models``: what there is."""

    models: list[str] = field(default_factory=lambda: ["llama3.1:latest"])
    faults: Faults = field(default_factory=Faults)
    seconds: float = 0.0
    words: int = 40
    pieces: int = 4
    port: int = 0
    pullable: tuple[str, ...] = ("llama3.1", "tiny")
    asked: list[dict[str, Any]] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    connections: int = 0

    # Running it.

    def __enter__(self) -> FakeOllama:
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.serve(started.set))

    async def serve(self, started: Callable[[], object]) -> None:
        self._ending = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        started()
        await self._ending.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    # HTTP.

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        # A cancelled task would be reported as a failure of the server, which only ends.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
                fields = dict(
                    line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
                )
                body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
                if not await self._answer(writer, method, path, json.loads(body or b"{}")):
                    break
        with contextlib.suppress(ConnectionError):
            writer.close()

    async def _answer(
        self, writer: asyncio.StreamWriter, method: str, path: str, body: dict[str, Any]
    ) -> bool:
        """Whether the connection may be used again."""
        name = str(body.get("model", ""))
        known = {*self.models, *(model.removesuffix(":latest") for model in self.models)}
        if (method, path) == ("GET", "/api/version"):
            self._whole(writer, {"version": "0.12.0"})
        elif (method, path) == ("GET", "/api/tags"):
            self._whole(writer, {"models": [_tag(model) for model in self.models]})
        elif path == "/api/pull":
            await self._pull(writer, name)
        elif path not in ("/api/chat", "/api/generate"):
            self._whole(writer, {"error": "not found"}, 404)
        elif name not in known:
            self._whole(writer, {"error": f"model '{name}' not found"}, 404)
        else:
            return await self._write(writer, path == "/api/chat", body)
        await writer.drain()
        return True

    def _whole(self, writer: asyncio.StreamWriter, body: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)

    async def _pull(self, writer: asyncio.StreamWriter, name: str) -> None:
        _begin_stream(writer)
        if name.removesuffix(":latest") not in self.pullable:
            _chunk(writer, {"error": "pull model manifest: file does not exist"})
        else:
            _chunk(writer, {"status": "pulling manifest"})
            for done in (100, 200):
                _chunk(writer, {"status": "pulling abc", "digest": "abc", "total": 200, "completed": done})
            self.models.append(name if ":" in name else f"{name}:latest")
            _chunk(writer, {"status": "success"})
        writer.write(b"0\r\n\r\n")

    # Writing.

    async def _write(self, writer: asyncio.StreamWriter, chat: bool, body: dict[str, Any]) -> bool:
        prompt = body["messages"][-1]["content"] if chat else body["prompt"]
        self.asked.append(body)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            fault = self.faults.of(prompt, len(self.asked))
            if isinstance(fault, int):
                self._whole(writer, {"error": "an injected failure"}, fault)
                await writer.drain()
                return True
            _begin_stream(writer)
            async for part in self._parts(prompt, body, chat, fault):
                if part is None:
                    return False
                _chunk(writer, part)
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            return True
        finally:
            self.busy -= 1

    async def _parts(
        self, prompt: str, body: dict[str, Any], chat: bool, fault: int | str | None
    ) -> AsyncIterator[dict[str, Any] | None]:
        """What is streamed; None cuts the connection."""
        text = self.text(prompt, int((body.get("options") or {}).get("seed", 0)))
        if fault in ("empty", "marker"):
            text = "" if fault == "empty" else f"one<end>two{text}"
        size = max(1, -(-len(text) // self.pieces))
        pieces = [text[at : at + size] for at in range(0, len(text), size)]

        def part(content: str, **more: Any) -> dict[str, Any]:
            said = {"message": {"role": "assistant", "content": content}} if chat else {"response": content}
            return {"model": body["model"], "created_at": "2025-01-01T00:00:00Z", "done": False} | said | more

        began, clock = asyncio.get_running_loop().time(), asyncio.get_running_loop().time
        for number, piece in enumerate(pieces):
            await asyncio.sleep(max(0.0, began + self.seconds * (number + 1) / len(pieces) - clock()))
            if fault == "silent":
                await asyncio.Event().wait()
            if number == 1 and fault == "cut":
                yield None
            if number == 1 and fault == "hang":
                await asyncio.Event().wait()
            if number == 1 and fault == "error":
                yield {"error": "the model broke down"}
                return
            if number == 1 and fault == "nonsense":
                yield {"what": ["is", "this"], "message": 7}
                return
            yield part(piece)
        spent = int(1e9 * max(self.seconds, 0.001))
        yield part(
            "",
            done=True,
            done_reason="stop",
            total_duration=spent,
            eval_count=self.words,
            eval_duration=spent,
        )

    def text(self, prompt: str, seed: int = 0) -> str:
        """The answer to a prompt: words in an order that the prompt decides, and a full stop."""
        numbers = hashlib.shake_256(f"{seed} {prompt}".encode()).digest(self.words)
        words = [_WORDS[number % len(_WORDS)] for number in numbers]
        return " ".join(words).capitalize() + "."


def _tag(model: str) -> dict[str, Any]:
    digest = hashlib.sha256(model.encode()).hexdigest()
    return {
        "name": model,
        "model": model,
        "modified_at": "2025-01-01T00:00:00Z",
        "size": 1_000_000,
        "digest": digest,
        "details": {"format": "gguf", "family": "llama", "parameter_size": "8B"},
    }


def _begin_stream(writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    )


def _chunk(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode() + b"\n"
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=11434)
    parser.add_argument("--fail-every", type=int, default=0)
    parser.add_argument("--drop-every", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0)
    given = parser.parse_args()
    server = FakeOllama(
        port=given.port, seconds=given.seconds, faults=Faults(given.fail_every, given.drop_every)
    )
    asyncio.run(server.serve(lambda: print(f"listening on {server.address}", flush=True)))


if __name__ == "__main__":
    main()

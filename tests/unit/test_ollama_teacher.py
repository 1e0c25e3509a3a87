"""The Ollama teacher against a server that speaks the documented API: answers, faults, several machines."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, TypeVar

import pytest
from fake_ollama import FakeOllama, Faults

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.ollama_errors import ModelMissing
from ysnakes_core.synthesis.ollama_hosts import chosen_hosts, host_address
from ysnakes_core.synthesis.ollama_teacher import OllamaTeacher
from ysnakes_core.synthesis.requests import Request
from ysnakes_core.synthesis.teachers import AnswerFailed, Backoff, TeacherAway, TeacherError, Usage

_T = TypeVar("_T")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OLLAMA_HOST", "OLLAMA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # never used for this machine itself


def a_request(text: str = "Tell me something.", **more: Any) -> Request:
    values: dict[str, Any] = {
        "kind": "stories",
        "index": 0,
        "seed": 7,
        "text": text,
        "record_request": text,
        "inputs": MappingProxyType({}),
        "options": MappingProxyType({"temperature": 0.9}),
        "key": "k",
    } | more
    return Request(**values)


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def with_teacher(work: Callable[[OllamaTeacher], Awaitable[_T]], *hosts: str, **options: Any) -> _T:
    async def run() -> _T:
        teacher = OllamaTeacher(hosts=hosts, **{"model": "llama3.1"} | options)
        try:
            return await work(teacher)
        finally:
            await teacher.close()

    return asyncio.run(run())


async def pieces_of(teacher: OllamaTeacher, request: Request | None = None) -> list[str]:
    return [piece async for piece in teacher.write(request or a_request())]


# Answers.


def test_an_answer_comes_in_pieces_with_what_it_took() -> None:
    usages: list[Usage] = []

    async def work(teacher: OllamaTeacher) -> list[str]:
        await teacher.prepare()
        return [piece async for piece in teacher.write(a_request(), usages.append)]

    with FakeOllama() as server:
        pieces = with_teacher(work, server.address)
        assert len(pieces) == 4
        assert "".join(pieces) == server.text("Tell me something.", 7)
        [asked] = server.asked
        assert asked["model"] == "llama3.1"
        assert asked["options"] == {"temperature": 0.9, "seed": 7}
        assert asked["messages"] == [{"role": "user", "content": "Tell me something."}]
        [usage] = usages
        assert (usage.tokens, usage.host) == (40, server.address)
        assert usage.seconds == pytest.approx(0.001)
        assert len(usage.digest) == 64


def test_the_facts_tell_the_model_its_digest_and_the_servers_version() -> None:
    with FakeOllama(models=["other:1b", "llama3.1:latest"]) as server:
        facts = with_teacher(lambda teacher: teacher.prepare(), server.address)
    assert (facts.model, facts.version, facts.notes) == ("llama3.1", "0.12.0", ())
    assert len(facts.digest) == 64


def test_a_connection_is_used_again() -> None:
    async def work(teacher: OllamaTeacher) -> None:
        for _ in range(5):
            await pieces_of(teacher)

    with FakeOllama() as server:
        with_teacher(work, server.address)
        assert server.connections == 1


# Faults.


def failed_with(fault: int | str, **options: Any) -> AnswerFailed:
    def script(prompt: str, number: int) -> int | str:
        return fault

    with FakeOllama(faults=Faults(script=script)) as server, pytest.raises(AnswerFailed) as caught:
        with_teacher(pieces_of, server.address, **options)
    return caught.value


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (500, "injected failure"),
        ("cut", "cut off"),
        ("error", "broke down"),
        ("nonsense", "not Ollama's"),
    ],
)
def test_a_fault_is_told_and_may_be_tried_again(fault: int | str, what: str) -> None:
    error = failed_with(fault)
    assert what in error.what
    assert error.again


def test_an_answer_that_stops_coming_is_given_up() -> None:
    error = failed_with("hang", piece_seconds=0.05)
    assert "too long" in error.what
    assert error.again


def test_an_answer_that_never_begins_is_given_up() -> None:
    with FakeOllama(seconds=60) as server, pytest.raises(AnswerFailed, match="too long"):
        with_teacher(pieces_of, server.address, first_piece_seconds=0.05)


def test_a_request_that_is_refused_is_not_tried_again() -> None:
    assert not failed_with(400).again


def test_an_answer_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ysnakes_core.synthesis.ollama_teacher.MAX_CHARACTERS", 100)
    with FakeOllama() as server, pytest.raises(AnswerFailed, match="did not end within 100") as caught:
        with_teacher(pieces_of, server.address)
    assert caught.value.reseed


@pytest.mark.parametrize(("status", "hint"), [(401, "ollama signin"), (404, "--host")])
def test_a_server_that_will_not_work_ends_it(status: int, hint: str) -> None:
    with FakeOllama(faults=Faults(script=lambda *_: status)) as server:
        with pytest.raises(TeacherError) as caught:
            with_teacher(pieces_of, server.address)
        assert not isinstance(caught.value, TeacherAway)
        assert hint in caught.value.hint


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_without_time_is_away_for_now(status: int) -> None:
    with FakeOllama(faults=Faults(script=lambda *_: status)) as server:
        with pytest.raises(TeacherAway) as caught:
            with_teacher(pieces_of, server.address)
        assert caught.value.wait is not None


def test_a_missing_model_is_told_with_what_gets_it() -> None:
    with FakeOllama(models=["other:latest"]) as server:
        for work in (lambda teacher: teacher.prepare(), pieces_of):
            with pytest.raises(ModelMissing) as caught:
                with_teacher(work, server.address)
            assert f"OLLAMA_HOST={server.address} ollama pull llama3.1" in caught.value.hint
            assert "--pull" in caught.value.hint


def test_where_ollama_usually_is_its_command_needs_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOllama(models=[]) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.address.removeprefix("http://"))
        with pytest.raises(ModelMissing) as caught:
            with_teacher(lambda teacher: teacher.prepare())
    assert "with: ollama pull llama3.1" in caught.value.hint


def test_a_missing_server_is_told_with_how_to_start_it() -> None:
    for work in (lambda teacher: teacher.prepare(), pieces_of):
        with pytest.raises(TeacherAway) as caught:
            with_teacher(work, nobody())
        assert "ollama serve" in caught.value.hint
        assert "--host" in caught.value.hint


# Fetching a model.


def test_a_model_is_fetched_with_progress() -> None:
    told: list[tuple[str, int, int]] = []

    async def work(teacher: OllamaTeacher) -> None:
        await teacher.pull(lambda what, done, total: told.append((what, done, total)))
        await teacher.prepare()
        assert await pieces_of(teacher)

    with FakeOllama(models=[]) as server:
        with_teacher(work, server.address, model="tiny")
    assert ("pulling abc", 100, 200) in told
    assert told[-1][0] == "success"


def test_a_model_that_there_is_not_cannot_be_fetched() -> None:
    with FakeOllama() as server, pytest.raises(TeacherError, match="could not be fetched") as caught:
        with_teacher(lambda teacher: teacher.pull(lambda *_: None), server.address, model="nonesuch")
    assert "ollama.com/library" in caught.value.hint


# Several machines.


async def many(teacher: OllamaTeacher, count: int) -> list[object]:
    requests = [a_request(f"Number {number}.") for number in range(count)]
    return await asyncio.gather(*(pieces_of(teacher, each) for each in requests), return_exceptions=True)


def test_requests_are_spread_and_no_machine_gets_too_many_at_a_time() -> None:
    with FakeOllama(seconds=0.02) as one, FakeOllama(seconds=0.02) as two:
        with_teacher(lambda teacher: many(teacher, 24), one.address, two.address, concurrency=3)
        assert (one.most_busy, two.most_busy) == (3, 3)
        assert len(one.asked) + len(two.asked) == 24
        assert abs(len(one.asked) - len(two.asked)) <= 6


def test_a_machine_that_is_not_there_is_left_out_and_told() -> None:
    async def work(teacher: OllamaTeacher) -> tuple[tuple[str, ...], list[object]]:
        facts = await teacher.prepare()
        return facts.notes, await many(teacher, 6)

    gone = nobody()
    with FakeOllama() as server:
        notes, answers = with_teacher(work, gone, server.address)
        assert len(server.asked) == 6
    assert len(notes) == 1
    assert gone in notes[0]
    assert all(isinstance(answer, list) for answer in answers)


def test_a_machine_without_the_model_is_left_out() -> None:
    async def work(teacher: OllamaTeacher) -> list[object]:
        assert len((await teacher.prepare()).notes) == 1
        return await many(teacher, 4)

    with FakeOllama(models=[]) as without, FakeOllama() as server:
        with_teacher(work, without.address, server.address)
        assert (len(without.asked), len(server.asked)) == (0, 4)


def test_a_machine_that_dies_is_set_aside_and_tried_again_later() -> None:
    now = [0.0]

    async def work(teacher: OllamaTeacher) -> None:
        port = one.port
        await many(teacher, 4)
        assert one.asked
        one.__exit__()
        answers = await many(teacher, 6)
        assert all(isinstance(answer, list) for answer in answers)
        assert len(teacher.pool.troubles()) == 1
        with FakeOllama(port=port) as again:
            await many(teacher, 4)
            assert again.asked == []  # not yet
            now[0] += 1000
            await many(teacher, 6)
            assert again.asked
            assert teacher.pool.troubles() == []

    one = FakeOllama().__enter__()
    with FakeOllama() as two:
        with_teacher(work, one.address, two.address, concurrency=2, clock=lambda: now[0])


def test_a_machine_that_fails_at_once_does_not_draw_all_requests() -> None:
    with FakeOllama(faults=Faults(script=lambda *_: 500)) as bad, FakeOllama(seconds=0.01) as good:

        async def work(teacher: OllamaTeacher) -> None:
            for _ in range(20):
                await many(teacher, 2)

        with_teacher(work, bad.address, good.address, concurrency=1, clock=lambda: 0.0)
        assert len(bad.asked) <= 6
        assert len(good.asked) >= 30


def test_a_request_that_is_cancelled_frees_its_place() -> None:
    async def work(teacher: OllamaTeacher) -> None:
        slow = asyncio.create_task(pieces_of(teacher, a_request("slow")))
        while not server.busy:
            await asyncio.sleep(0)
        waiting = asyncio.create_task(pieces_of(teacher, a_request("next")))
        await asyncio.sleep(0)
        slow.cancel()
        assert await asyncio.wait_for(waiting, 10)
        with pytest.raises(asyncio.CancelledError):
            await slow

    def script(prompt: str, number: int) -> str | None:
        return "hang" if prompt == "slow" else None

    with FakeOllama(faults=Faults(script=script)) as server:
        with_teacher(work, server.address, concurrency=1)


# Addresses.


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        ("box:1234", "http://box:1234"),
        (":1234", "http://127.0.0.1:1234"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("http://box", "http://box:80"),
        ("https://box/ollama/", "https://box:443/ollama"),
        ("[::1]:5", "http://[::1]:5"),
        ('"box:1"', "http://box:1"),
    ],
)
def test_addresses_are_read_as_ollama_does(given: str, address: str) -> None:
    assert host_address(given) == address


@pytest.mark.parametrize(
    "given", ["ftp://box", "box:port", "box:99999", "user:pw@box", "a b", "http://[", "box?x=1"]
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        host_address(given)


def test_the_environment_is_used_where_no_host_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "box:1")
    assert chosen_hosts([]) == ["http://box:1"]
    assert chosen_hosts(["other", "other:11434", " "]) == ["http://other:11434"]
    monkeypatch.delenv("OLLAMA_HOST")
    assert chosen_hosts([]) == ["http://127.0.0.1:11434"]


def test_waits_double_up_to_a_limit_and_differ() -> None:
    rng = random.Random(1)
    backoff = Backoff(first=1.0, most=10.0)
    for attempt, most in ((1, 1.0), (2, 2.0), (3, 4.0), (5, 10.0), (500, 10.0)):
        waits = {backoff.wait(attempt, rng) for _ in range(50)}
        assert len(waits) == 50
        assert most / 2 <= min(waits)
        assert max(waits) <= most

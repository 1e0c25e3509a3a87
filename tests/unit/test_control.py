"""Commands to a worker: in order, checked like input from a stranger, answered in the log, removed."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import DiskFullError, UsageError
from ysnakes_core.files import printable
from ysnakes_core.runs import control
from ysnakes_core.runs.control import Command, acknowledge, pending, refuse_leftovers, send
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.event_log import EventLog, read
from ysnakes_core.runs.events import CommandEvent

GOOD: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("pause", "resume", "stop", "checkpoint", "validate", "snooze")),
    ("sample", {"prompt": "Tell me\nof snakes \x1b"}),
    ("run_steps", {"n": 1}),
    ("set", {"learning_rate_scale": 0.5}),
    (
        "set",
        {"early_stopping.patience": 3, "early_stopping.enabled": False, "early_stopping.min_delta": 0.001},
    ),
    ("set", {"validate_every": 50, "sample_prompt": "Once"}),
]
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("explode", {}, "there is no command 'explode'"),
    ("puase", {}, "did you mean pause?"),
    ("pause", {"n": 3}, "pause was given the arguments n"),
    ("sample", {}, "give prompt"),
    ("sample", {"prompt": 3}, "no text"),
    ("sample", {"prompt": "x" * 8001}, "too long"),
    ("run_steps", {"n": 0}, "from 1"),
    ("run_steps", {"n": True}, "True"),
    ("run_steps", {"n": 2.0}, "2.0"),
    ("run_steps", {"n": 10**12}, "from 1"),
    ("set", {}, "nothing to change"),
    ("set", {"d_model": 3}, "cannot be changed while training"),
    ("set", {"early_stopping.patiense": 3}, "did you mean early_stopping.patience?"),
    ("set", {"early_stopping.patience": 0}, "at least 1"),
    ("set", {"learning_rate_scale": float("nan")}, "learning_rate_scale cannot be nan"),
    ("set", {"learning_rate_scale": "fast"}, "learning_rate_scale cannot be 'fast'"),
    ("set", {"sample_prompt": "x" * 8001}, "too long"),
]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return create_run(tmp_path / "runs", RunConfig(), "run")


def answer_all(run: RunDirectory) -> list[CommandEvent]:
    with EventLog(run.events_file) as log:
        return [acknowledge(c, "done", log=log, now=5.0, step=7, tokens=9) for c in pending(run)]


def test_on_a_full_disk_what_needs_no_arguments_can_still_be_asked_for(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        first, second = send(run, "pause"), send(run, "stop")
        with pytest.raises(DiskFullError):
            send(run, "run_steps", n=3)
    assert [(c.id, c.name, c.problem) for c in pending(run)] == [(first, "pause", ""), (second, "stop", "")]
    assert [answer.accepted for answer in answer_all(run)] == [True, True]
    assert not list(run.control_folder.iterdir())


@pytest.mark.parametrize("name", ["run_steps", "set", "explode", "unknown"])
def test_the_name_of_a_file_alone_asks_for_nothing_else(run: RunDirectory, name: str) -> None:
    file = run.control_folder / f"{send(run, 'pause')}.json"
    file.rename(file.with_suffix(f".{name}"))
    (command,) = pending(run)
    assert command.problem


@pytest.mark.parametrize(("name", "arguments"), GOOD)
def test_a_command_arrives_and_its_answer_is_in_the_log(
    run: RunDirectory, name: str, arguments: dict[str, Any]
) -> None:
    identifier = send(run, name, **arguments)
    (command,) = pending(run)
    assert (command.id, command.name, command.arguments) == (identifier, name, arguments)
    assert not command.problem
    assert pending(run) == [command], "looking does not take it away"
    answer_all(run)
    assert read(run.events_file)[0] == [CommandEvent(5.0, 7, 9, identifier, name, arguments, True, "done")]
    assert not list(run.control_folder.iterdir())


@pytest.mark.parametrize(("name", "arguments", "reason"), BAD)
def test_a_wrong_command_is_refused_by_the_sender_and_by_the_worker(
    run: RunDirectory, name: str, arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError) as caught:
        send(run, name, **arguments)
    assert reason in str(caught.value)
    assert not pending(run)
    content = json.dumps({"command": name, "arguments": arguments})
    (run.control_folder / f"{1:020d}-1-000000-00000000.json").write_text(content)
    (answer,) = answer_all(run)
    assert not answer.accepted
    assert reason in answer.message
    assert not pending(run)


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b"[" * 60_000,
            b"x" * (2**16 + 1),
            b'{"command": 3}',
            b"9" * 5000,
        ),
        *(
            b'{"command": "pause", "arguments": []}',
            b'{"arguments": {}}',
            b'{"command": "\\ud800\\u001b[2J"}',
        ),
    ],
)
def test_a_stranger_s_file_is_refused_with_a_reason_that_is_safe_to_show(
    run: RunDirectory, content: bytes
) -> None:
    (run.control_folder / f"{1:020d}-1-000000-00000000.json").write_bytes(content)
    (answer,) = answer_all(run)
    assert not answer.accepted
    assert answer.message
    assert printable(answer.message + answer.name) == answer.message + answer.name
    assert not list(run.control_folder.iterdir())


def test_links_pipes_folders_and_odd_names(run: RunDirectory, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"command": "stop"}')
    (run.control_folder / f"{1:020d}-1-000000-00000000.json").symlink_to(secret)
    os.mkfifo(run.control_folder / f"{2:020d}-1-000000-00000000.json")
    (run.control_folder / "\x1b]0;title\x07").write_text('{"command": "stop"}')
    (run.control_folder / "folder").mkdir()
    (run.control_folder / ".half-written.tmp").write_text('{"command": "stop"}')
    answers = answer_all(run)
    assert [answer.accepted for answer in answers] == [False, False, False]
    assert all(printable(answer.id) == answer.id for answer in answers)
    assert secret.exists()
    assert sorted(p.name for p in run.control_folder.iterdir()) == [".half-written.tmp", "folder"]


def test_commands_come_in_the_order_they_were_sent(run: RunDirectory) -> None:
    same_moment = [send(run, "pause", clock_ns=lambda: 5), send(run, "resume", clock_ns=lambda: 5)]
    before = send(run, "stop", clock_ns=lambda: 4)
    after = send(run, "validate", clock_ns=lambda: 10**18)
    assert [command.id for command in pending(run)] == [before, *same_moment, after]


def test_a_flood_is_taken_in_bounded_portions(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_PENDING", 3)
    sent = [send(run, "checkpoint") for _ in range(7)]
    assert [command.id for command in pending(run)] == sent[:3]
    refused = refuse_leftovers(run, now=1.0, step=0)
    assert [answer.id for answer in refused] == sent
    assert not any(answer.accepted for answer in refused)
    assert "had ended" in refused[0].message
    assert not pending(run)


def test_a_run_without_a_control_folder_has_no_commands_and_gets_one(run: RunDirectory) -> None:
    run.control_folder.rmdir()
    assert pending(run) == []
    send(run, "pause")
    assert [command.name for command in pending(run)] == ["pause"]


def test_a_command_that_someone_removed_is_answered_all_the_same(run: RunDirectory) -> None:
    send(run, "pause")
    (command,) = pending(run)
    assert command.file is not None
    command.file.unlink()
    with EventLog(run.events_file) as log:
        assert acknowledge(command, "paused", log=log, now=1.0, step=1, tokens=1).accepted


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.sampled_from([*control.COMMANDS, "?"]),
    st.dictionaries(st.sampled_from(["n", "prompt", "x"]) | st.text(max_size=9), json_values, max_size=2),
)
def test_any_arguments_are_taken_or_refused(run: RunDirectory, name: str, arguments: dict[str, Any]) -> None:
    file = run.control_folder / f"{1:020d}-1-000000-00000000.json"
    file.write_text(json.dumps({"command": name, "arguments": arguments}))
    (command,) = pending(run)
    assert isinstance(command, Command)
    assert bool(command.problem) or command.arguments == arguments

"""The log of a run: events there and back, torn lines, strangers' lines, what counts after a resume."""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.errors import DiskFullError, RunError, YsnakesError
from ysnakes_core.runs import event_log
from ysnakes_core.runs.event_log import EventLog, PatientLog, losses_by_step, read
from ysnakes_core.runs.events import (
    EVENT_TYPES,
    CheckpointEvent,
    Event,
    MemoryEvent,
    RollbackEvent,
    RunEndedEvent,
    RunStartedEvent,
    StepEvent,
    UnknownEvent,
    ValidationEvent,
    from_json,
    to_json,
)


def step_event(step: int, loss: float = 1.0) -> StepEvent:
    return StepEvent(
        time=1000.0 + step,
        step=step,
        tokens=step * 2048,
        loss=loss,
        learning_rate=0.003,
        grad_norm=0.5,
        tokens_per_second=3000.0,
        seq_len=256,
        batch_size=8,
    )


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) is Mapping:
        item = get_args(hint)[1]
        return st.dictionaries(
            st.text(max_size=8), st.integers() if item is int else st.text(max_size=8), max_size=3
        )
    by_type: dict[Any, st.SearchStrategy[Any]] = {
        **{
            int: st.integers(0, 2**63 - 1),
            float: st.floats(),
            str: st.text(max_size=20),
            bool: st.booleans(),
        },
        type(None): st.none(),
    }
    return st.one_of([by_type[option] for option in get_args(hint) or (hint,)])


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(list(EVENT_TYPES.values())))
    hints = get_type_hints(kind)
    return kind(**{f.name: draw(values_of(hints[f.name])) for f in dataclasses.fields(kind)})


def same(a: Event, b: Event) -> bool:
    """Equal, where not-a-number is equal to itself."""
    return type(a) is type(b) and repr(sorted(vars(a).items())) == repr(sorted(vars(b).items()))


def no_constants(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@given(events())
def test_every_event_comes_back_exactly_from_strict_json(event: Event) -> None:
    line = to_json(event)
    assert "\n" not in line
    content = json.loads(line, parse_constant=no_constants)
    assert {"type", "time", "step", "tokens"} <= content.keys()
    found = from_json(line)
    assert found is not None
    assert same(found, event)
    assert same(dataclasses.replace(found), event), "a decoded event must be like a constructed one"


def test_events_have_the_documented_keys() -> None:
    common = ["type", "time", "step", "tokens"]
    step = json.loads(to_json(step_event(3)))
    assert list(step) == [
        *common,
        *("loss", "learning_rate", "grad_norm", "tokens_per_second", "seq_len", "batch_size"),
    ]
    validation = ValidationEvent(1.0, 1, 2, loss=1.0, perplexity=2.0, bits_per_byte=3.0)
    assert list(json.loads(to_json(validation))) == [*common, "loss", "perplexity", "bits_per_byte"]
    assert set(json.loads(to_json(CheckpointEvent(1.0, 2, 3, "step-00000002")))) == {
        *common,
        *("name", "bits_per_byte", "best"),
    }
    assert {"status", "reason", "best"} <= set(json.loads(to_json(RunEndedEvent(1.0, 2, 3, "finished"))))
    assert set(EVENT_TYPES) == {
        *("run_started", "stage", "step", "validation", "sample", "checkpoint", "memory", "early_stopping"),
        *("command", "warning", "rollback", "run_ended"),
    }


@pytest.mark.parametrize(
    ("number", "text"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")]
)
def test_numbers_that_are_not_finite_are_texts(number: float, text: str) -> None:
    line = to_json(step_event(1, number))
    assert json.loads(line, parse_constant=no_constants)["loss"] == text
    found = from_json(line)
    assert isinstance(found, StepEvent)
    assert repr(found.loss) == repr(number)


def test_a_later_version_s_events_and_fields() -> None:
    line = json.dumps({"type": "dream", "time": 1, "step": 2, "tokens": 3, "colour": "blue"})
    unknown = from_json(line)
    assert isinstance(unknown, UnknownEvent)
    assert (unknown.time, unknown.step, unknown.tokens) == (1.0, 2, 3)
    assert unknown.fields["colour"] == "blue"
    assert json.loads(to_json(unknown)) == json.loads(line)
    known = from_json(to_json(step_event(1))[:-1] + ',"new":[1,2]}')
    assert known == step_event(1)


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"loss": "low"},
            {"loss": True},
            {"loss": None},
            {"seq_len": 2.5},
            {"batch_size": "8"},
            {"loss": "nan"},
        ),
        *({"loss": [1]}, {"loss": {}}),
    ],
)
def test_a_known_type_with_wrong_values_is_kept_as_unknown(change: dict[str, Any]) -> None:
    found = from_json(json.dumps(json.loads(to_json(step_event(1))) | change))
    assert isinstance(found, UnknownEvent)


def test_wrong_values_inside_a_mapping_are_noticed() -> None:
    good = to_json(MemoryEvent(1.0, 2, 3, {"process": 5}))
    assert isinstance(from_json(good), MemoryEvent)
    assert isinstance(from_json(good.replace("5", '"5"')), UnknownEvent)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "",
            "{",
            "[]",
            "null",
            "3",
            '"step"',
            "{}",
            '{"type":3}',
            '{"type":"step"}',
            "\x00",
            '{"type":"step","time":1',
        ),
        *("[" * 100_000, "9" * 5000, '{"type":"x","time":1,"step":"2","tokens":3}'),
        '{"type":"x","time":1,"step":-2,"tokens":3}',
        f'{{"type":"x","time":1,"step":{2**63},"tokens":3}}',
    ],
)
def test_lines_that_are_no_events(line: str) -> None:
    assert from_json(line) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(content: bytes) -> None:
    from_json(content)


def test_reading_while_the_log_grows(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert read(path) == ([], 0)
    with EventLog(path) as log:
        log.append(step_event(1))
        log.append(step_event(2))
        found, offset = read(path)
        assert found == [step_event(1), step_event(2)]
        assert offset == path.stat().st_size
        assert read(path, offset) == ([], offset)
        log.append(step_event(3))
        assert read(path, offset) == ([step_event(3)], path.stat().st_size)


def test_a_torn_last_line_is_waited_for_and_then_closed_off(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.append(step_event(1))
    whole = path.stat().st_size
    line = to_json(step_event(2)).encode()
    for cut in range(1, len(line) + 1):
        path.write_bytes(path.read_bytes()[:whole] + line[:cut])
        assert read(path) == ([step_event(1)], whole)
    path.write_bytes(path.read_bytes()[: whole + 30])
    with EventLog(path) as log:
        log.append(step_event(3))
        log.append(step_event(4))
    assert read(path, whole)[0] == [step_event(3), step_event(4)]
    assert read(path)[0] == [step_event(1), step_event(3), step_event(4)]


def test_damage_in_the_middle_costs_only_its_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [to_json(step_event(i)).encode() for i in range(6)]
    lines[1] = b"\xff\x00garbage"
    lines[3] = b""
    lines[4] = b"1,2"
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert [event.step for event in read(path)[0]] == [0, 2, 5]


def test_bounded_reads_get_everything_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MAX_LINE_BYTES", 500)
    monkeypatch.setattr(event_log, "_CHUNK_BYTES", 300)
    path = tmp_path / "events.jsonl"
    expected = [step_event(i) for i in range(50)]
    lines = [to_json(event).encode() for event in expected]
    lines.insert(20, b"x" * 5000)  # longer than a line may be
    path.write_bytes(b"\n".join(lines) + b"\n" + b"y" * 800)
    assert read(path)[0] == expected
    found: list[Event] = []
    offset = calls = 0
    while True:
        some, after = read(path, offset, max_bytes=700)
        if after == offset:
            break
        found, offset, calls = found + some, after, calls + 1
    assert found == expected
    assert calls > 10


def test_a_log_that_was_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(to_json(step_event(1)) + "\n")
    assert read(path, 10_000) == ([step_event(1)], path.stat().st_size)
    path.write_text("")
    assert read(path, 10_000) == ([], 0)


def test_a_full_disk_is_told_and_the_log_goes_on_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    write = os.write
    with EventLog(path) as log:
        log.append(step_event(1))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:20]))
            with pytest.raises(YsnakesError, match="the disk is full"):
                log.append(step_event(2))

            def refuses(descriptor: int, content: bytes) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            patch.setattr(os, "write", refuses)
            with pytest.raises(YsnakesError, match="the disk is full"):
                log.append(step_event(3))
        log.append(step_event(4))
    assert read(path)[0] == [step_event(1), step_event(4)]
    assert path.read_text().splitlines() == [to_json(step_event(1)), to_json(step_event(4))]


@pytest.mark.parametrize("how", ["nothing fits", "a part fits", "it cannot be made durable"])
def test_what_a_full_disk_kept_out_of_the_log_is_written_once_and_in_order_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path, write = tmp_path / "events.jsonl", os.write

    def refuse(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with PatientLog(path) as log:
        log.append(step_event(1))
        with monkeypatch.context() as patch:
            if how == "it cannot be made durable":
                patch.setattr(os, "fsync", refuse)
            elif how == "a part fits":
                patch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:20]))
            else:
                patch.setattr(os, "write", refuse)
            for event in (end := RunEndedEvent(1.0, 1, 1, "stopped"), step_event(2)):
                log.append(event)
                assert log.problem is not None
            with pytest.raises(DiskFullError, match="free some space"):
                log.write_out()
            assert path.read_text() == to_json(step_event(1)) + "\n"
        log.append(step_event(3))
        assert log.problem is None
    assert read(path)[0] == [step_event(1), end, step_event(2), step_event(3)]
    assert path.read_bytes().count(b"\n") == 4


def test_each_event_is_one_write_and_the_important_ones_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    syncs: list[int] = []
    write, fsync = os.write, os.fsync

    def spy_write(descriptor: int, content: bytes) -> int:
        writes.append(bytes(content))
        return write(descriptor, content)

    def spy_fsync(descriptor: int) -> None:
        syncs.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "write", spy_write)
    monkeypatch.setattr(os, "fsync", spy_fsync)
    with EventLog(tmp_path / "events.jsonl") as log:
        log.append(step_event(1))
        assert (len(writes), len(syncs)) == (1, 0)
        log.append(CheckpointEvent(1.0, 1, 1, "step-00000001"))
        assert (len(writes), len(syncs)) == (2, 1)
        log.append(RunEndedEvent(1.0, 1, 1, "finished"))
        assert (len(writes), len(syncs)) == (3, 2)
    assert all(content.endswith(b"}\n") for content in writes)


def test_the_log_is_never_written_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep\n")
    (tmp_path / "events.jsonl").symlink_to(precious)
    with pytest.raises(RunError, match="link"):
        EventLog(tmp_path / "events.jsonl").append(step_event(1))
    assert precious.read_text() == "keep\n"


def started(step: int | None) -> RunStartedEvent:
    return RunStartedEvent(1.0, step or 0, 0, "run", resumed_from=step)


def test_after_a_resume_the_later_occurrence_counts() -> None:
    log: list[Event] = [started(None), *(step_event(i, 10 + i) for i in range(1, 8))]
    log += [started(4), step_event(5, 105.0)]
    assert losses_by_step(log) == {1: 11, 2: 12, 3: 13, 4: 14, 5: 105.0}
    assert list(losses_by_step(log)) == [1, 2, 3, 4, 5]
    log += [RollbackEvent(1.0, 5, 0, 2, "step-00000002", 0.5, 1), step_event(3, 203.0)]
    assert losses_by_step(log) == {1: 11, 2: 12, 3: 203.0}
    log += [started(None), step_event(1, 301.0)]
    assert losses_by_step(log) == {1: 301.0}


def test_a_long_log_is_read_in_a_few_microseconds_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    count = 50_000
    path.write_text("".join(to_json(step_event(i, 1 / (i + 1))) + "\n" for i in range(count)))
    began = time.process_time()
    found, _ = read(path)
    seconds = time.process_time() - began
    assert len(found) == count
    assert seconds / count < 100e-6, f"{seconds / count * 1e6:.1f} µs a line"

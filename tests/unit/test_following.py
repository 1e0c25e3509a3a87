"""Following a run: any slices give the same, what was taken back is gone, and no directory makes it fail."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.runs.control import Command, acknowledge, pending, send
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.event_log import MAX_LINE_BYTES, EventLog, losses_by_step
from ysnakes_core.runs.events import (
    CheckpointEvent,
    EarlyStoppingEvent,
    Event,
    MemoryEvent,
    RollbackEvent,
    RunEndedEvent,
    RunStartedEvent,
    SampleEvent,
    StepEvent,
    ValidationEvent,
    WarningEvent,
    to_json,
)
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.history import MOST_KEPT
from ysnakes_core.runs.processes import ProcessIdentity, boot_id, start_of, this_process
from ysnakes_core.runs.state import STALE_SECONDS, RunState
from ysnakes_core.runs.step_scan import STEP_NUMBERS

NAMES = {
    *("loss", "smoothed_loss", "validation_bits_per_byte", "validation_loss"),
    *("learning_rate", "grad_norm", "tokens_per_second"),
}


def step(number: int, loss: float = 2.0, pace: float = 3000.0) -> StepEvent:
    return StepEvent(1000.0 + number, number, 64 * number, loss, 0.001 * number, 0.5, pace, 32, 2)


def started(resumed_from: int | None = None) -> RunStartedEvent:
    return RunStartedEvent(1000.0, resumed_from or 0, 0, "quiet-cobra", resumed_from)


def validation(number: int, score: float = 1.5) -> ValidationEvent:
    return ValidationEvent(1000.0, number, 64 * number, 2 * score, math.exp(score), score)


def rollback(to: int) -> RollbackEvent:
    return RollbackEvent(1000.0, to, 0, to, f"step-{to:08d}", 0.5, 1)


def line(event: Event) -> bytes:
    return to_json(event).encode() + b"\n"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    folder = tmp_path / "quiet-cobra"
    folder.mkdir()
    return RunDirectory(folder)


def write(run: RunDirectory, *events: Event) -> None:
    with run.events_file.open("ab") as file:
        file.write(b"".join(map(line, events)))


def read_whole(run: RunDirectory, **options: Any) -> RunFollower:
    follower = RunFollower(run, **options)
    follower.poll(math.inf)
    assert follower.caught_up
    return follower


def content(follower: RunFollower) -> dict[str, Any]:
    """All that a follower has of a log, to be compared."""
    curves = {name: (s.x.tolist(), list(map(repr, s.y.tolist()))) for name, s in follower.series.items()}
    rest = {
        name: repr(getattr(follower, name))
        for name in (
            *("samples", "checkpoints", "validations", "early_stoppings", "warnings", "rollbacks", "journal"),
            *("journal_count", "started", "stage", "memory", "damaged_lines", "unknown_events", "ended"),
            *("commands", "last_step", "validation", "early_stopping"),
        )
    }
    return curves | rest


# Logs as a trainer writes them, and the same without what was taken back.


@dataclass
class Trainer:
    """Writes what a real one would, and keeps what of it counts in the end."""

    log: list[Event] = field(default_factory=list)
    counts: list[Event] = field(default_factory=list)
    at: int = 0

    def emit(self, event: Event) -> None:
        self.log.append(event)
        self.counts.append(event)

    def back_to(self, number: int) -> None:
        self.at = number
        self.counts = [
            e for e in self.counts if e.step <= number or (isinstance(e, SampleEvent) and e.command)
        ]


LOSSES = st.floats(width=32) | st.floats(0, 10)


@st.composite
def trainings(draw: st.DrawFn) -> Trainer:
    trainer = Trainer()
    trainer.emit(started())
    for action in draw(st.lists(st.sampled_from("sssssssvcmrRn"), max_size=40)):
        at = trainer.at
        match action:
            case "s":
                for loss in draw(st.lists(LOSSES, min_size=1, max_size=9)):
                    trainer.at += 1
                    trainer.emit(step(trainer.at, loss, draw(LOSSES)))
            case "v":
                trainer.counts = [
                    e for e in trainer.counts if not (isinstance(e, ValidationEvent) and e.step == at)
                ]
                trainer.emit(validation(at, draw(st.floats(0.5, 9))))
                trainer.emit(EarlyStoppingEvent(0.0, at, 0, 1, 5, 0.0, 1.5, 3))
            case "c":
                trainer.emit(CheckpointEvent(0.0, at, 0, f"step-{at:08d}"))
            case "m":
                trainer.emit(SampleEvent(0.0, at, 0, "Why?", "\ud83d", draw(st.sampled_from(["", "1-2"]))))
            case "r" | "R":
                target = draw(st.integers(0, at))
                trainer.back_to(target)
                trainer.log.append(rollback(target) if action == "r" else started(target))
            case "n":
                trainer.back_to(-1)
                trainer.counts = [e for e in trainer.counts if isinstance(e, SampleEvent)]
                trainer.at = 0
                trainer.log.append(started())
    return trainer


@given(trainings())
def test_curves_are_those_of_a_training_that_never_went_back(trainer: Trainer) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        write(run, *trainer.log)
        follower = read_whole(run)
        expected = losses_by_step(trainer.log)
        (run.path / "other").mkdir()
        straight = RunDirectory(run.path / "other")
        write(straight, *trainer.counts)
        same = content(read_whole(straight))
    found = content(follower)
    assert found.keys() >= NAMES
    assert found["loss"] == (list(map(float, expected)), list(map(repr, map(float, expected.values()))))
    for name in (*NAMES, "samples", "checkpoints", "validations", "early_stoppings"):
        assert found[name] == same[name], name


# Any slices.

DAMAGE = [
    *(
        b"",
        b"{",
        b"\x00\xff",
        b"[]",
        b"3",
        b'"step"',
        b"null",
        b'{"type":"step"}',
        b'{"type":"step","step":1}',
    ),
    *(b"[1", b"2]", b"{},{}", b'{"type":7}', b"[" * 3000, b'{"type":"x","time":1,"step":2,"tokens":3}'),
    *(line(step(3))[:40], line(step(3)).strip() + b"}", line(step(3)).strip() + line(step(4)).strip()),
    *(line(step(5)).replace(b"2.0", b"null"), line(step(6)).replace(b"2.0", b'"low"')),
    *(line(step(7)).replace(b'"step":7', b'"step":7.5'), line(step(8)).replace(b'"step":8', b'"step":null')),
    *(line(step(7)).replace(b'"step":7', b'"step":-7'), line(step(8)).replace(b'"step":8', b'"step":1e300')),
    *(
        line(step(9)).replace(b"2.0", b"1" * 400),
        line(step(2, math.nan)),
        line(step(1)).replace(b"2.0", b"NaN"),
    ),
    *(
        line(step(4)).replace(b"2.0", b"7"),
        line(WarningEvent(0.0, 1, 2, "\ud800")),
        line(MemoryEvent(0.0, 1, 2)),
    ),
    *(line(RunEndedEvent(0.0, 9, 9, "finished")), line(started(2)), line(step(2**63 - 1))),
]
LINES = st.lists(
    st.sampled_from(DAMAGE).map(lambda text: text.rstrip(b"\n") + b"\n")
    | st.builds(step, st.integers(0, 30), LOSSES).map(line)
    | st.integers(1, 30).flatmap(lambda n: st.just(b"".join(line(step(n + i)) for i in range(9))))
    | st.builds(validation, st.integers(0, 30)).map(line)
    | st.builds(rollback, st.integers(0, 30)).map(line),
    max_size=25,
).map(b"".join)


@given(LINES | trainings().map(lambda trainer: b"".join(map(line, trainer.log))), st.data())
def test_any_slices_and_any_blocks_give_what_reading_it_whole_gives(log: bytes, data: st.DataObject) -> None:
    torn = data.draw(st.sampled_from([b"", b"{", line(step(77))[:-1]]))
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        run.events_file.write_bytes(log)
        whole = content(read_whole(run))
        run.events_file.unlink()
        late = itertools.count()  # every look at the clock is a second later: one block a poll
        follower = RunFollower(
            run, block_bytes=data.draw(st.integers(1, 3000)), monotonic=lambda: float(next(late))
        )
        cuts = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=6)))
        for start, end in itertools.pairwise([0, *cuts, len(log)]):
            with run.events_file.open("ab") as file:
                file.write(log[start:end])
            for _ in range(data.draw(st.integers(0, 3))):
                follower.poll(0.0)
        with run.events_file.open("ab") as file:
            file.write(torn)
        while not follower.caught_up or follower.fraction_read < 1:
            follower.poll(0.0)
        follower.poll(0.0)
        while not follower.caught_up:
            follower.poll(0.0)
    assert content(follower) == whole


def test_a_log_is_followed_while_another_thread_writes_it(run: RunDirectory) -> None:
    def work() -> None:
        with EventLog(run.events_file) as log:
            for number in range(1, 3000):
                log.append(step(number, 1 / number))

    writer = threading.Thread(target=work)
    writer.start()
    follower = RunFollower(run, block_bytes=5000)
    lengths = [0]
    while lengths[-1] < 2999:
        follower.poll()
        lengths.append(len(follower.series["loss"]))
    writer.join()
    assert lengths == sorted(lengths)
    assert follower.series["loss"].x.tolist() == list(range(1, 3000))
    assert not follower.damaged_lines


def test_a_torn_last_line_counts_once_it_is_whole(run: RunDirectory) -> None:
    write(run, step(1))
    follower = read_whole(run)
    text = line(step(2))
    with run.events_file.open("ab") as file:
        file.write(text[:50])
    follower.poll()
    assert len(follower.series["loss"]) == 1
    assert follower.caught_up
    with run.events_file.open("ab") as file:
        file.write(text[50:])
    assert follower.poll()
    assert follower.series["loss"].x.tolist() == [1, 2]
    assert not follower.damaged_lines


def test_a_torn_line_that_was_closed_off_is_passed_over(run: RunDirectory) -> None:
    run.events_file.write_bytes(line(step(1)) + line(step(2))[:30])
    with EventLog(run.events_file) as log:
        log.append(started(1))
        log.append(step(2, 5.0))
    follower = read_whole(run)
    assert follower.series["loss"].y.tolist() == [2.0, 5.0]
    assert follower.damaged_lines == 1


@pytest.mark.parametrize("missing", ["step", *STEP_NUMBERS])
@pytest.mark.parametrize("beside", [b"", b"\n", line(step(1))])
def test_a_step_that_lacks_a_number_is_none_whatever_stands_beside_it(
    run: RunDirectory, missing: str, beside: bytes
) -> None:
    row = json.loads(line(step(2)))
    del row[missing]
    run.events_file.write_bytes(beside + json.dumps(row).encode() + b"\n")
    follower = read_whole(run)
    assert len(follower.series["loss"]) == (beside == line(step(1)))
    assert follower.damaged_lines + follower.unknown_events == (2 if beside == b"\n" else 1)


@pytest.mark.parametrize("block", [1000, 2**18])
@pytest.mark.parametrize("length", [MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 3 * MAX_LINE_BYTES])
def test_a_line_that_is_too_long_is_passed_over(run: RunDirectory, block: int, length: int) -> None:
    long = b'{"type":"warning","time":1,"step":1,"tokens":1,"message":"'
    long += b"x" * (length - len(long) - 2) + b'"}\n'
    run.events_file.write_bytes(line(step(1)) + long + line(step(2)))
    follower = read_whole(run, block_bytes=block)
    assert follower.series["loss"].x.tolist() == [1, 2]
    too_long = length > MAX_LINE_BYTES
    assert (len(follower.warnings), follower.damaged_lines) == (not too_long, too_long)


def test_events_of_another_version_are_counted_and_passed_over(run: RunDirectory) -> None:
    dream = json.dumps({"type": "dream", "time": 1, "step": 2, "tokens": 3}).encode()
    more = line(step(2)).strip()[:-1] + b',"new":[1]}'
    run.events_file.write_bytes(line(step(1)) + dream + b"\n" + more + b"\n")
    follower = read_whole(run)
    assert follower.series["loss"].x.tolist() == [1, 2]
    assert (follower.unknown_events, follower.damaged_lines) == (1, 0)


@pytest.mark.parametrize("steps", [2, 500])
def test_a_log_that_is_another_one_now_is_read_from_its_beginning(run: RunDirectory, steps: int) -> None:
    write(run, started(), *map(step, range(1, 100)), WarningEvent(0.0, 1, 1, "old"))
    follower = read_whole(run)
    loss = follower.series["loss"]
    run.events_file.unlink()
    write(run, started(), *(step(n, 7.0) for n in range(1, steps + 1)))
    assert follower.poll(math.inf)
    assert follower.warnings == []
    assert follower.series["loss"] is loss
    assert loss.y.tolist() == [7.0] * steps


# What is kept.


def test_every_curve_has_its_numbers(run: RunDirectory) -> None:
    write(run, step(1, 4.0, 100.0), step(2, math.nan, 200.0), validation(2, 1.5), step(3, math.inf, 300.0))
    follower = read_whole(run)
    assert follower.series.keys() == NAMES
    y = {name: series.y.tolist() for name, series in follower.series.items()}
    np.testing.assert_equal(y["loss"], [4.0, math.nan, math.inf])
    assert y["smoothed_loss"] == [4.0, 4.0, 4.0]
    assert y["learning_rate"] == [0.001, 0.002, 0.003]
    assert y["grad_norm"] == [0.5] * 3
    assert y["tokens_per_second"] == [100.0, 200.0, 300.0]
    assert (y["validation_bits_per_byte"], y["validation_loss"]) == ([1.5], [3.0])
    assert follower.series["validation_loss"].x.tolist() == [2.0]
    assert all(series.x.dtype == series.y.dtype == np.float64 for series in follower.series.values())
    assert follower.last_step == step(3, math.inf, 300.0)


def test_smoothing_has_no_bias_and_forgets_slowly(run: RunDirectory) -> None:
    losses = [*(6.0 for _ in range(1500)), *(2.0 for _ in range(1500))]
    write(run, *(step(i, loss) for i, loss in enumerate(losses, start=1)))
    smoothed = read_whole(run).series["smoothed_loss"].y
    np.testing.assert_allclose(smoothed[:1500], 6.0)
    np.testing.assert_allclose(smoothed[1500:], 2.0 + 4.0 * 0.95 ** np.arange(1, 1501), rtol=1e-9)


def test_nobody_can_write_into_a_curve(run: RunDirectory) -> None:
    write(run, step(1))
    y = read_whole(run).series["loss"].y
    with pytest.raises(ValueError, match="read-only"):
        y[0] = 5.0


def test_lists_keep_the_latest(run: RunDirectory) -> None:
    write(run, *(WarningEvent(0.0, n, n, f"number {n}") for n in range(MOST_KEPT + 5)))
    follower = read_whole(run)
    assert [e.step for e in follower.warnings] == list(range(5, MOST_KEPT + 5))
    assert len(follower.journal) == MOST_KEPT
    assert follower.journal_count == MOST_KEPT + 5


def test_a_step_that_comes_again_without_a_reason_takes_back_what_came_after(run: RunDirectory) -> None:
    events = (*map(step, (1, 2, 3)), validation(3), CheckpointEvent(0.0, 3, 0, "step-00000003"))
    write(run, *events, step(2, 9.0))
    follower = read_whole(run)
    assert follower.series["loss"].y.tolist() == [2.0, 9.0]
    assert (follower.validations, follower.checkpoints) == ([], [])
    assert len(follower.series["validation_loss"]) == 0


# The state and the commands.


def test_a_run_that_has_not_begun_then_begins(run: RunDirectory) -> None:
    follower = RunFollower(run)
    assert follower.poll()
    assert follower.caught_up
    assert (follower.state.status, follower.has_worker, follower.problem) == ("stopped", False, "")
    assert not follower.poll()
    write(run, started())
    assert follower.poll()
    assert follower.started == started()


def ended_process() -> ProcessIdentity:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity(process.pid, boot_id(), start_of(process.pid) or 0.0)
    process.communicate()
    return identity


def test_a_worker_that_died_is_noticed(run: RunDirectory) -> None:
    now = [1000.0]
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity(process.pid, boot_id(), start_of(process.pid) or 0.0)
    write(run, started(), step(1))
    run.write_state(RunState(status="running", heartbeat=1000.0, step=1).of_process(identity))
    follower = RunFollower(run, clock=lambda: now[0])
    follower.poll()
    assert (follower.state.status, follower.has_worker) == ("running", True)
    process.communicate()
    now[0] += 2.0
    assert follower.poll()
    assert (follower.state.status, follower.has_worker, follower.ended) == ("crashed", False, None)
    assert follower.state.step == 1


def test_a_worker_on_another_machine_is_gone_when_its_heart_stops(run: RunDirectory) -> None:
    now = [1000.0]
    run.write_state(RunState(status="running", pid=1, boot_id="elsewhere", heartbeat=1000.0))
    follower = RunFollower(run, clock=lambda: now[0])
    follower.poll()
    assert follower.state.status == "running"
    now[0] += STALE_SECONDS + 1
    follower.poll()
    assert follower.state.status == "crashed"


def test_an_end_counts_until_a_worker_begins_again(run: RunDirectory) -> None:
    end = RunEndedEvent(0.0, 1, 64, "stopped", "asked to stop")
    write(run, started(), step(1), end)
    run.write_state(RunState(status="stopped", step=1))
    follower = read_whole(run)
    assert follower.ended == end
    run.write_state(RunState(status="starting", step=1).of_process(this_process()))
    follower.poll()
    assert (follower.ended, follower.has_worker) == (None, True)
    run.write_state(RunState(status="running", step=1).of_process(ended_process()))
    follower.poll()
    assert (follower.ended, follower.state.status) == (None, "crashed")


def test_a_damaged_state_is_a_problem_until_it_is_mended(run: RunDirectory) -> None:
    run.write_state(RunState(status="finished", step=5))
    follower = read_whole(run)
    run.state_file.write_text("{")
    assert follower.poll()
    assert "damaged" in follower.problem
    assert follower.state.step == 5
    run.write_state(RunState(status="finished", step=6))
    assert follower.poll()
    assert (follower.problem, follower.state.step) == ("", 6)


def test_commands_are_seen_as_requested_then_as_answered(run: RunDirectory) -> None:
    follower = read_whole(run)
    identifier = send(run, "set", validate_every=5)
    other = send(run, "pause")
    assert follower.poll()
    assert [(c.id, c.name, c.answer) for c in follower.commands] == [
        (identifier, "set", None),
        (other, "pause", None),
    ]
    assert follower.commands[0].arguments == {"validate_every": 5}
    assert not follower.poll()
    with EventLog(run.events_file) as log:
        answer = acknowledge(pending(run)[0], "set", log=log, now=0.0, step=0, tokens=0)
    assert follower.poll()
    assert [(c.id, c.answer) for c in follower.commands] == [(identifier, answer), (other, None)]
    assert [c.id for c in read_whole(run).commands] == [identifier, other]


def test_a_command_seen_first_in_the_log_is_there_too(run: RunDirectory) -> None:
    with EventLog(run.events_file) as log:
        answer = acknowledge(Command("7", "stop"), "stopping", log=log, now=0.0, step=0, tokens=0)
    (command,) = read_whole(run).commands
    assert (command.id, command.answer) == ("7", answer)


# Directories that are not as they should be.


def test_a_run_deleted_under_it_is_said_and_what_was_read_stays(run: RunDirectory) -> None:
    write(run, step(1), WarningEvent(0.0, 1, 1, "late"))
    follower = read_whole(run)
    away = run.path.with_name("away")
    run.path.rename(away)
    assert follower.poll()
    assert (follower.deleted, follower.has_worker) == (True, False)
    assert "quiet-cobra" in follower.problem
    assert not follower.poll()
    assert len(follower.series["loss"]) == 1
    away.rename(run.path)
    write(run, step(2))
    assert follower.poll()
    assert (follower.deleted, follower.problem) == (False, "")
    assert follower.series["loss"].x.tolist() == [1, 2]
    assert len(follower.warnings) == 1
    shutil.rmtree(run.path)
    assert follower.poll()
    assert follower.deleted


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.skipif(os.name == "nt", reason="files of POSIX")
@pytest.mark.parametrize("make", [a_folder, a_pipe, a_link_to_nowhere])
@pytest.mark.parametrize("name", ["events.jsonl", "state.json", "control"])
def test_strange_files_are_no_reason_to_wait_or_fail(run: RunDirectory, name: str, make: Any) -> None:
    make(run.path / name)
    follower = read_whole(run)
    strange = name != "control" and make is not a_link_to_nowhere
    assert bool(follower.problem) == strange


@pytest.mark.parametrize("name", ["x" * 5000, "nul\0name"])
def test_impossible_paths_are_deleted_runs(tmp_path: Path, name: str) -> None:
    follower = RunFollower(RunDirectory(tmp_path / name))
    follower.poll()
    assert follower.deleted


# Slices.


@pytest.fixture(scope="module")
def long_log() -> Iterator[RunDirectory]:
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        write(run, *map(step, range(1, 3001)))
        yield run


def test_a_poll_takes_what_its_budget_allows(long_log: RunDirectory) -> None:
    late = itertools.count()
    block = len(line(step(3000))) * 100
    follower = RunFollower(long_log, block_bytes=block, monotonic=lambda: float(next(late)))
    taken, fractions = [0], [0.0]
    while not follower.caught_up:
        assert follower.poll(5.0)
        taken.append(len(follower.series["loss"]))
        fractions.append(follower.fraction_read)
    assert taken[-1] == 3000
    assert max(b - a for a, b in itertools.pairwise(taken)) <= 5 * 110  # five looks at the clock
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(fractions) > 5


def test_without_time_a_poll_still_gets_on(long_log: RunDirectory) -> None:
    follower = RunFollower(long_log, block_bytes=1000, monotonic=lambda: 0.0)
    follower.poll(-1.0)
    assert 0 < len(follower.series["loss"]) < 10

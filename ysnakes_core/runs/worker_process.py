"""What a worker's own process does: say that it is there, load what is heavy, train, leave an exit code.

Started by ``launching.start_worker``. Exit codes: 0 finished, 1 failed, 3 stopped early by request, 130
interrupted (a polite kill; after saving).
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ysnakes_core.errors import RunError, YsnakesError, unforeseen
from ysnakes_core.files import printable
from ysnakes_core.runs.control import refuse_leftovers
from ysnakes_core.runs.directory import RunDirectory, open_run
from ysnakes_core.runs.events import Event, RunStartedEvent
from ysnakes_core.runs.launching import LOG_HEADING
from ysnakes_core.runs.processes import give_way, this_process
from ysnakes_core.runs.state import RunState
from ysnakes_core.thread_waiting import let_threads_sleep

if TYPE_CHECKING:
    from ysnakes_core.runs.worker import RunOutcome, StopRequest

FINISHED, FAILED, STOPPED, INTERRUPTED = 0, 1, 3, 130
_POLITE = ("SIGTERM", "SIGINT", "SIGBREAK")  # a machine that shuts down sends the first


def main(arguments: Sequence[str]) -> int:
    """Train the run in the folder named first; the exit code."""
    parser = argparse.ArgumentParser(prog="ysnakes worker")
    parser.add_argument("run", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--checkpoint")
    asked = parser.parse_args(arguments)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    faulthandler.enable()
    give_way()
    let_threads_sleep()
    print(f"{LOG_HEADING}{os.getpid()}, {time.strftime('%Y-%m-%d %H:%M:%S')}", flush=True)
    run = RunDirectory(asked.run)
    try:
        run = open_run(asked.run.parent, asked.run.name)
        _announce(run, resume=asked.resume)
        return _train(run, asked.resume, asked.checkpoint)
    except YsnakesError as error:
        print(f"error: {printable(str(error), 1000)}", flush=True)
        reason = str(error)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return INTERRUPTED
    except BaseException as error:
        traceback.print_exc()
        reason = unforeseen(error)
    _leave_a_reason(run, reason)
    return FAILED


def _leave_a_reason(run: RunDirectory, reason: str) -> None:
    """Where the state still says that this process is starting, it failed."""
    with contextlib.suppress(YsnakesError):
        state = run.read_state()
        if (state.pid, state.status) == (os.getpid(), "starting"):
            run.write_state(replace(state, status="failed", message=printable(reason, 1000)))


def _announce(run: RunDirectory, *, resume: bool) -> None:
    """Say in the run's state that this process is at it, so that it is known from the first moment.

    The lock is held while it is written, and not longer: ``execute`` takes it again. Whoever comes in
    between is found out by one of the two.
    """
    with run.training_lock():
        try:
            earlier = run.read_state()
        except RunError:
            earlier = RunState()
        began = replace(earlier, status="starting", message="loading", heartbeat=time.time(), eta=None)
        refuse_leftovers(run, began.heartbeat, earlier.step)
        if not resume:
            began = RunState(status="starting", message="loading", heartbeat=began.heartbeat)
        run.write_state(began.of_process(this_process()))


def _train(run: RunDirectory, resume: bool, checkpoint: str | None) -> int:
    from ysnakes_core.runs.worker import StopRequest, execute

    stop = StopRequest()
    signals = _Signals(stop)
    outcome = execute(run, resume=resume, checkpoint=checkpoint, stop=stop, listener=signals.hear)
    print(f"{outcome.status} at step {outcome.step}: {printable(outcome.reason, 300)}", flush=True)
    return _exit_code(outcome)


def _exit_code(outcome: RunOutcome) -> int:
    if outcome.interrupted:
        return INTERRUPTED
    return STOPPED if outcome.status == "stopped" else FINISHED


class _Signals:
    """The first polite kill saves and ends; before training began, and the second time, it ends at once.

    A handler may run where a lock is held, so it only leaves a note for a thread that does the rest.
    """

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop
        self._training = False
        self._count = 0
        self._notes: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="signals", daemon=True).start()
        for name in _POLITE:
            if (number := getattr(signal, name, None)) is not None:
                signal.signal(number, self._handle)

    def hear(self, event: Event) -> None:
        self._training = self._training or isinstance(event, RunStartedEvent)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if not self._training or self._count > 1:
            raise KeyboardInterrupt
        self._notes.put(None)

    def _serve(self) -> None:
        self._notes.get()
        self._stop.request("interrupt")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""One training in this process, from the command line: views, signals and how it ended, in exit codes."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.runs.directory import RunDirectory, delete_run
from ysnakes_core.runs.events import Event, RunStartedEvent, StepEvent
from ysnakes_core.runs.worker import RunOutcome, StopRequest, execute
from ysnakes_core.training.checkpoint import available
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.failures import DONE, INTERRUPTED, STOPPED
from ysnakes_tui.formats import duration
from ysnakes_tui.headless import Scoreboard
from ysnakes_tui.output import drop_stdout, say, shown
from ysnakes_tui.run_lookup import command
from ysnakes_tui.training_views import Standing, make_view, put_result

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Session:
    """Trains one run and tells about it."""

    def __init__(
        self, run: RunDirectory, folder: Path | None, *, fresh: bool, json: bool = False, quiet: bool = False
    ) -> None:
        self.run, self.folder, self.fresh, self.json = run, folder, fresh, json
        self.stop = StopRequest()
        self.started = False
        self._trained = False
        self._deaf = False
        state, standing = run.read_state(), Standing(run)
        self._board = Scoreboard(
            Budget.of(run.read_config().training),
            best=None if fresh else state.best,
            best_step=None if fresh else state.best_step,
            seconds_left=standing.seconds_left,
            status=standing.status,
        )
        self._view = make_view(self._board, run.name, json=json, quiet=quiet)

    def train(self, checkpoint: str | None = None) -> int:
        """Train until it ends; the exit code. Raises ``YsnakesError`` as the worker does."""
        try:
            with _Signals(self._on_signal, lambda: self.started):
                outcome = execute(
                    self.run,
                    resume=not self.fresh,
                    checkpoint=checkpoint,
                    listener=self._listen,
                    progress=self._preparing,
                    stop=self.stop,
                )
        except KeyboardInterrupt:
            self._view.close()
            return self._broken_off()
        except UsageError:
            self._view.close()
            self._forget_if_empty()  # bad input is no reason to leave a run behind
            raise
        finally:
            self._view.close()
        return self._ended(outcome)

    # While it runs.

    def _listen(self, event: Event) -> None:
        if isinstance(event, RunStartedEvent):
            self.started = True
        self._trained = self._trained or isinstance(event, StepEvent)
        self._tell(lambda: self._view.event(event))

    def _preparing(self, what: str, done: int, total: int) -> None:
        self._tell(lambda: self._view.preparing(what, done, total))

    def _tell(self, how: Callable[[], None]) -> None:
        """A view that can no longer write must not break the training: it is saved and ended instead."""
        if self._deaf:
            return
        try:
            how()
        except OSError:
            self._deaf = True
            drop_stdout()
            self.stop.request("interrupt")

    def _on_signal(self) -> None:
        self.stop.request("interrupt")
        self._tell(self._view.saving)

    # After it.

    def _ended(self, outcome: RunOutcome) -> int:
        again = command("train --no-ui --resume", self.run, self.folder)
        if outcome.interrupted:
            say(f"interrupted: saved at step {outcome.step:,}; go on with: {again}")
            return INTERRUPTED
        if not self.json:
            self._summarize(outcome)
        if outcome.status == "stopped":
            say(f"stopped: {shown(outcome.reason)}; go on with: {again}")
            return STOPPED
        if not self._trained:
            unit = self._board.budget.unit
            more = f"--{unit} {2 * self._board.budget.amount:g}"
            say(f"there was nothing left to train; a larger budget in all goes on: {again} {more}")
        return DONE

    def _summarize(self, outcome: RunOutcome) -> None:
        put_result(
            self.run,
            self.folder,
            ended=f"{outcome.status}: {outcome.reason}",
            best=outcome.best,
            best_step=outcome.best_step,
            trained=f"{outcome.step:,} steps in {duration(outcome.seconds)}",
        )

    def _broken_off(self) -> int:
        if self._forget_if_empty():
            say("interrupted before training began; nothing was kept")
        else:
            saved = available(self.run.checkpoints_folder)
            where = f"the last checkpoint is {saved[-1]}" if saved else "nothing is saved yet"
            again = command("train --no-ui --resume", self.run, self.folder)
            say(f"interrupted at once: {where}; go on with: {again}")
        return INTERRUPTED

    def _forget_if_empty(self) -> bool:
        """Delete a run that this command made and that never came to train."""
        if not self.fresh or self.started or available(self.run.checkpoints_folder):
            return False
        with contextlib.suppress(YsnakesError):
            delete_run(self.run.path.parent, self.run.name, time.time())
        return not self.run.path.exists()


class _Signals:
    """ctrl+c, a closed terminal and a polite kill: the first saves, the second ends at once, the third now.

    Before training began the first ends at once, as there is nothing to save. A handler may run anywhere
    in the main thread, also where a lock is held, so it only leaves a note for a thread that does the rest.
    """

    def __init__(self, ask: Callable[[], None], training: Callable[[], bool]) -> None:
        self._ask, self._training = ask, training
        self._notes: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._before: dict[signal.Signals, Any] = {}
        self._count = 0

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        threading.Thread(target=self._serve, name="signals", daemon=True).start()
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            # What was set to be ignored (nohup, a shell's background job) stays ignored.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._notes.put(False)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count == 1 and self._training():
            self._notes.put(True)
        elif self._count <= 2:
            raise KeyboardInterrupt
        else:
            os._exit(INTERRUPTED)

    def _serve(self) -> None:
        while self._notes.get():
            self._ask()

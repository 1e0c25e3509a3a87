"""Watching a run that another process trains: what has been, what comes, and how it ended. Loads no torch."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from ysnakes_core.errors import RunError, YsnakesError
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.events import Event, RunEndedEvent, RunStartedEvent, from_object
from ysnakes_core.runs.launching import worker_log_tail
from ysnakes_core.runs.log_tail import LogTail
from ysnakes_core.runs.state import CRASHED, RunState
from ysnakes_core.runs.step_scan import decode
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.failures import DONE, INTERRUPTED, STOPPED
from ysnakes_tui.headless import JsonView, Scoreboard, View, news
from ysnakes_tui.output import say, shown
from ysnakes_tui.run_lookup import command
from ysnakes_tui.training_views import Standing, make_view, put_result

LOOK_SECONDS = 0.2
_PERCENT = re.compile(r"(.+) (\d{1,3}) %")


class AttachedSession:
    """Follows one run until it ends or the person leaves; neither touches the training."""

    def __init__(
        self,
        run: RunDirectory,
        folder: Path | None,
        *,
        json: bool = False,
        quiet: bool = False,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.run, self.folder, self.json, self.quiet = run, folder, json, quiet
        self._clock, self._sleep = clock, sleep
        standing = Standing(run)
        self._board = Scoreboard(
            Budget.of(run.read_config().training),
            seconds_left=standing.seconds_left,
            status=standing.status,
        )
        self._tail = LogTail(run.events_file)
        self._state = run.read_state()
        self._end: RunEndedEvent | None = None
        self._view: View | None = None

    def follow(self) -> int:
        """Tell of the run until it ends; its exit code.

        Raises ``RunError`` if it failed, crashed, has not begun or is gone.
        """
        try:
            with _signals_as_interrupts():
                self._replay()
                self._view = make_view(self._board, self.run.name, json=self.json, quiet=self.quiet)
                while self._has_worker():
                    self._tell_preparation(self._view)
                    self._tell_events(self._view.event)
                    self._sleep(LOOK_SECONDS)
                self._tell_events(self._view.event)  # what came before the worker said that it ends
        except KeyboardInterrupt:
            self._close()
            return self._detached()
        finally:
            self._close()
        return self._ended()

    def _close(self) -> None:
        if self._view is not None:
            self._view.close()

    # While it runs.

    def _replay(self) -> None:
        """Tell what has been. Above a panel it is told before there is one: redrawing it takes its time."""
        if self.json:
            self._tell_events(JsonView().event)
        elif self.quiet:
            self._tell_events(self._board.take)
        else:
            self._tell_events(self._recount)

    def _recount(self, event: Event) -> None:
        self._board.take(event)
        for line in news(event, self._board):
            say(line)

    def _tell_events(self, tell: Callable[[Event], None]) -> None:
        for block in self._tail.blocks():
            for event in filter(None, map(from_object, decode(block))):
                if isinstance(event, RunStartedEvent | RunEndedEvent):
                    self._end = event if isinstance(event, RunEndedEvent) else None
                tell(event)

    def _has_worker(self) -> bool:
        if not self.run.path.is_dir():
            raise RunError(
                f"the run “{self.run.name}” was deleted or moved", "see what there is: ysnakes runs list"
            )
        with contextlib.suppress(YsnakesError):  # one that is damaged stays as it was
            self._state = self.run.read_state()
        return self._state.has_worker(self._clock())

    def _tell_preparation(self, view: View) -> None:
        if self._state.status == "starting" and self._state.message:
            found = _PERCENT.fullmatch(self._state.message)
            what, percent = (found[1], int(found[2])) if found else (self._state.message, 0)
            view.preparing(shown(what, 100), percent, 100 if found else 0)

    # After it.

    def _detached(self) -> int:
        again, stop = (self._command(f"runs {verb}") for verb in ("attach", "stop"))
        if self._state.has_worker(self._clock()):
            say(f"detached: the training goes on; come back with: {again}; end it with: {stop}")
        else:
            say(f"left; nothing is being trained here; come back with: {again}")
        return INTERRUPTED

    def _ended(self) -> int:
        state, name = self._state, shown(self.run.name, 60)
        again = self._command("train --no-ui --resume")
        status = state.effective_status(self._clock())
        if status == CRASHED:
            for line in worker_log_tail(self.run):
                say(f"  {line}")
            raise RunError(
                f"the worker of the run “{name}” vanished at step {state.step:,}", f"go on with: {again}"
            )
        if status == "failed":
            raise RunError(f"the run “{name}” failed: {state.message}", f"once that is mended: {again}")
        if not self._tail.offset:
            raise RunError(f"the run “{name}” has not begun", f"begin it with: {again}")
        if not self.json:
            self._put_result(state, status)
        if status == "finished":
            return DONE
        reason = self._end.reason if self._end is not None else state.message
        say(f"{status}: {shown(reason or 'its worker has ended', 200)}; go on with: {again}")
        return INTERRUPTED if reason == "interrupted" else STOPPED

    def _put_result(self, state: RunState, status: str) -> None:
        put_result(
            self.run,
            self.folder,
            ended=f"{status}: {state.message}" if state.message else status,
            best=state.best,
            best_step=state.best_step,
            trained=f"{state.step:,} steps",
        )

    def _command(self, verb: str) -> str:
        return command(verb, self.run, self.folder)


@contextlib.contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """A polite kill or a closed terminal detaches like ctrl+c, so that the terminal is left in order."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {}
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

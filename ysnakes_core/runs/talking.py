"""Talking to models that another process holds (``talking_process``); light to import."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ysnakes_core
from ysnakes_core.files import printable
from ysnakes_core.runs.talking_messages import (
    Asked,
    Begun,
    Ended,
    Failed,
    Loading,
    Lost,
    Positions,
    Question,
    ScorePositions,
    Told,
    Warm,
    Written,
    asked_to_line,
    told_from_line,
)
from ysnakes_core.thread_waiting import let_threads_sleep

__all__ = [
    "Begun",
    "Ended",
    "Failed",
    "Loading",
    "Lost",
    "Positions",
    "Question",
    "Talker",
    "Told",
    "Written",
]

_CODE = (
    "import sys; sys.path.append(sys.argv.pop(1)); from ysnakes_core.runs.talking_process import main; main()"
)
_ASK_AGAIN = "ask again: it is started anew"
_NO_PROCESS = "see that Python works here and that there is memory left"


class Talker:
    """Asks a process of its own, which holds the models. No method waits.

    ``tell`` is called in threads of the talker, for one thing after another, and must not raise. Each
    question is answered by ``Loading`` (where the model is not held yet), ``Begun``, ``Written`` and an
    ``Ended`` a row; or by ``Failed``, which ends it wherever it stood. ``Lost``: no model is held any more.
    """

    def __init__(self, tell: Callable[[Told], None], *, command: list[str] | None = None) -> None:
        """``command``: what to run instead of the process of this installation."""
        self._tell = tell
        package = Path(ysnakes_core.__file__).resolve().parent.parent
        self._command = command or [sys.executable, "-P", "-c", _CODE, str(package)]
        self._numbers = itertools.count(1)
        self._session: _Session | None = None

    def ask(self, question: Question) -> int:
        """Ask; the number that all answers to it bear. Several at once are interleaved token by token."""
        return self._put(question)

    def warm(self, run: Path, checkpoint: str | None = None, precision: str = "float32") -> int:
        """Load a model now, so that its first token comes soon: ``Loading``, then ``Begun``, the last.

        Of several that wait only the newest is loaded; the others end as if cancelled.
        """
        return self._put(Warm(run, checkpoint, precision))

    def score_positions(self, run: Path, checkpoint: str | None = None) -> int:
        """Score the validation text by position: ``Positions``, the last with ``done`` = 1."""
        return self._put(ScorePositions(run, checkpoint))

    def cancel(self, number: int) -> None:
        """End it; what was made stays, and ``Ended`` still comes for every row (else: for row 0)."""
        if self._session is not None:
            self._session.requests.put((number, None))

    def close(self) -> None:
        """Nothing further is told, and the process ends; another question would start a new one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _put(self, asked: Asked) -> int:
        if self._session is None:
            self._session = _Session(self._command, self._tell)
        number = next(self._numbers)
        self._session.put(number, asked)
        return number


class _Session:
    """From the first question to ``close``: the process, started anew where it ended, and what is open."""

    def __init__(self, command: list[str], tell: Callable[[Told], None]) -> None:
        self._command, self._tell = command, tell
        self.requests: queue.SimpleQueue[tuple[int, Asked | None] | None] = queue.SimpleQueue()
        self._open: dict[int, _Open] = {}
        self._process: _Process | None = None
        self._closed = False
        self._lock = threading.Lock()  # held while telling, so that things are told one after another
        threading.Thread(target=self._serve, name="talker", daemon=True).start()

    def put(self, number: int, asked: Asked) -> None:
        self._open[number] = _Open(asked)
        self.requests.put((number, asked))

    def close(self) -> None:
        self._closed = True
        self.requests.put(None)
        if (process := self._process) is not None:
            process.popen.kill()  # it may be that a thread waits to write to it

    def _serve(self) -> None:
        process: _Process | None = None
        while (request := self.requests.get()) is not None and not self._closed:
            number, asked = request
            if asked is None:
                if process is not None and number in self._open:
                    with contextlib.suppress(OSError):  # it ended, which is being told
                        process.send(json.dumps({"do": "cancel", "number": number}))
                continue
            try:
                if process is not None and process.popen.poll() is not None:
                    process.end()
                    process = None
                if process is None:
                    process = self._process = _Process(self._command, self._pass_on, self._open)
            except OSError as error:
                reason = printable(error.strerror or str(error))
                self._pass_on(
                    Failed(number, f"no process could be started for the model ({reason})", _NO_PROCESS)
                )
                continue
            try:
                process.asked.add(number)
                process.send(asked_to_line(number, asked))
            except OSError:  # it is ending, and may have been taken note of before this was asked
                process.listening.join()
                process.tell_end([number])
        if process is not None:
            process.end()

    def _pass_on(self, told: Told) -> None:
        with self._lock:
            asked = self._open.get(told.number)
            if self._closed or (asked is None and not isinstance(told, Lost)):
                return
            if asked is not None and asked.ends_with(told):
                del self._open[told.number]
            self._tell(told)


class _Open:
    """What was asked and is not answered yet."""

    def __init__(self, asked: Asked) -> None:
        self._kind = type(asked)
        self._rows = set(range(len(asked.options) if isinstance(asked, Question) else 1))

    def ends_with(self, told: Told) -> bool:
        """Whether nothing comes after this."""
        if isinstance(told, Ended):
            self._rows.discard(told.row)
            return not self._rows
        if isinstance(told, Positions):
            return told.found is not None
        return isinstance(told, Failed) or (isinstance(told, Begun) and self._kind is Warm)


class _Process:
    """One process, and the threads that hear it. Raises ``OSError`` if it cannot be started."""

    def __init__(
        self, command: list[str], pass_on: Callable[[Told], None], still_open: Mapping[int, _Open]
    ) -> None:
        self.asked: set[int] = set()
        self._pass_on, self._open = pass_on, still_open
        self._last_words: deque[str] = deque(maxlen=5)
        environment = dict(os.environ)
        let_threads_sleep(environment)
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=environment,
            **_apart(),
        )
        self._errors = threading.Thread(target=self._hear_errors, name="talker errors", daemon=True)
        self._errors.start()
        self.listening = threading.Thread(target=self._listen, name="talker answers", daemon=True)
        self.listening.start()

    def send(self, line: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def end(self) -> None:
        """For the thread that sends; those that hear it close what they hear it by."""
        self.popen.kill()
        assert self.popen.stdin is not None
        with contextlib.suppress(OSError):  # something that was not sent may be left in it
            self.popen.stdin.close()

    def _listen(self) -> None:
        assert self.popen.stdout is not None
        with self.popen.stdout as lines:
            for line in lines:
                if (told := told_from_line(line)) is not None:
                    self._pass_on(told)
        self.popen.wait()
        self._errors.join()
        self.tell_end(sorted(number for number in self.asked if number in self._open))

    def _hear_errors(self) -> None:
        assert self.popen.stderr is not None
        with self.popen.stderr as lines:
            for line in lines:
                if line.strip():
                    self._last_words.append(line.strip())

    def tell_end(self, numbers: Sequence[int]) -> None:
        """Tell that the process has ended, to those who had asked it something."""
        for number in numbers:
            self._pass_on(self._failure(number))
        self._pass_on(Lost())

    def _failure(self, number: int) -> Failed:
        code = self.popen.returncode
        if code is not None and code < 0:
            why = f"it was killed (signal {-code}), perhaps because memory ran out"
        else:
            why = printable(self._last_words[-1], 300) if self._last_words else f"exit code {code}"
        return Failed(number, f"the process that held the model has ended: {why}", _ASK_AGAIN)


def _apart() -> dict[str, Any]:
    """Ctrl+c in the terminal is not meant for it, and on Windows no window opens."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}

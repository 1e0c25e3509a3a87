"""What a run would take, as ``planning`` works it out in another process; light to import."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ysnakes_core
from ysnakes_core.configuration import RunConfig, to_toml


@dataclass(frozen=True)
class StagePlan:
    """Tokens a sequence, sequences a step, and how many of those at once."""

    seq_len: int
    batch_size: int
    micro_batch_size: int


@dataclass(frozen=True)
class RunPlan:
    """``bytes`` at the fullest moment, of the ``limit`` that a step may use of the device's ``free`` memory.

    ``tokens_per_second`` to ``seconds`` are None until they are known. ``problem`` says in a sentence why it
    cannot be trained here, ``hint`` what could. ``failure``: nothing could be worked out, which says nothing
    about the run.
    """

    parameters: int
    device: str
    free: int
    limit: int
    stages: tuple[StagePlan, ...]
    bytes: int
    problem: str = ""
    hint: str = ""
    tokens_per_second: float | None = None
    tokens: float | None = None
    steps: float | None = None
    seconds: float | None = None
    failure: str = ""

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> RunPlan:
        stages = tuple(StagePlan(**stage) for stage in content["stages"])
        return cls(**{**content, "stages": stages})


NO_PLAN = RunPlan(0, "", 0, 0, (), 0, failure="what it would take could not be worked out")
Answer = Callable[[int, RunPlan], None]
Questions = queue.SimpleQueue[tuple[int, RunConfig] | None]

_CODE = "import sys; sys.path.append(sys.argv.pop(1)); from ysnakes_core.runs.planning import main; main()"


class Planner:
    """Asks a process of its own what runs would take. No method waits.

    ``answer(number, plan)`` is called in a thread of the planner: for each question that no newer one
    overtook, without the speed and then with it if it fits.
    """

    def __init__(self, answer: Answer, *, command: list[str] | None = None) -> None:
        """``command``: what to run instead of the planning process of this installation."""
        self._answer = answer
        package = Path(ysnakes_core.__file__).resolve().parent.parent
        self._command = command or [sys.executable, "-P", "-c", _CODE, str(package)]
        self._questions: Questions | None = None  # of the thread that serves them

    def ask(self, number: int, config: RunConfig) -> None:
        """Ask for the plan of ``config``; it takes the place of what was asked before."""
        if self._questions is None:
            self._questions = queue.SimpleQueue()
            serve = threading.Thread(target=self._serve, args=(self._questions,), name="planner", daemon=True)
            serve.start()
        self._questions.put((number, config))

    def close(self) -> None:
        """No further answer is wanted, so none comes and its process ends; a question would start another."""
        if self._questions is not None:
            self._questions.put(None)
            self._questions = None

    def _serve(self, questions: Questions) -> None:
        process: subprocess.Popen[str] | None = None
        asked = _Asked()
        while (question := questions.get()) is not None:
            while not questions.empty() and question is not None:
                question = questions.get()
            if question is None:
                break
            asked.number, config = question
            try:
                if process is None or process.poll() is not None:
                    process = self._start(asked)
                assert process.stdin is not None
                process.stdin.write(json.dumps({"number": asked.number, "config": to_toml(config)}) + "\n")
                process.stdin.flush()
            except OSError:
                self._answer(asked.number, NO_PLAN)
        asked.closed = True
        if process is not None:
            process.kill()

    def _start(self, asked: _Asked) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,  # ctrl+c in the terminal is not meant for it
        )
        threading.Thread(target=self._listen, args=(process, asked), name="plans", daemon=True).start()
        return process

    def _listen(self, process: subprocess.Popen[str], asked: _Asked) -> None:
        assert process.stdout is not None
        answered = 0
        for line in process.stdout:
            try:
                content = json.loads(line)
                number, plan = int(content["number"]), RunPlan.from_json(content["plan"])
            except (ValueError, KeyError, TypeError):
                continue
            answered = number
            if not asked.closed:
                self._answer(number, plan)
        process.wait()
        if answered != asked.number and not asked.closed:
            self._answer(asked.number, NO_PLAN)


@dataclass
class _Asked:
    """What a thread was asked last, and whether anybody still wants to know."""

    number: int = 0
    closed: bool = False

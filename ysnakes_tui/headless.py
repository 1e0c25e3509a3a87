"""Training without the app: what is told of a run's events, as plain lines, as JSON or not at all.

``live_panel`` draws the same on a terminal. All of it gets its time from the events, so it needs no clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol

from ysnakes_core.runs.events import (
    CheckpointEvent,
    CommandEvent,
    EarlyStoppingEvent,
    Event,
    MemoryEvent,
    RollbackEvent,
    RunStartedEvent,
    SampleEvent,
    StageEvent,
    StepEvent,
    ValidationEvent,
    WarningEvent,
    to_json,
)
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.formats import bits, count, duration, size
from ysnakes_tui.output import one_line, put, say, shown

PLAIN_SECONDS = 10.0  # between two lines about steps
SAVING = "saving… (ctrl+c again ends at once; the last checkpoint stays)"
_SMOOTHING = 0.95


class View(Protocol):
    """Someone who is told how a training goes."""

    def preparing(self, what: str, done: int, total: int) -> None:
        """Before the first step: ``what`` is being done, ``done`` of ``total`` (0: unknown) of it."""

    def event(self, event: Event) -> None:
        """Something happened."""

    def saving(self) -> None:
        """A signal came: the run saves and ends. Called from another thread."""

    def close(self) -> None:
        """Nothing more will come."""


class Scoreboard:
    """How a training stands, from its events.

    ``seconds_left`` gives the worker's own estimate, or None before it has one; ``status`` its status, or "".
    """

    def __init__(
        self,
        budget: Budget,
        *,
        best: float | None = None,
        best_step: int | None = None,
        seconds_left: Callable[[], float | None] = lambda: None,
        status: Callable[[], str] = lambda: "",
    ) -> None:
        self.budget, self.seconds_left, self.status = budget, seconds_left, status
        self.best, self.best_step = best, best_step
        self.started: RunStartedEvent | None = None
        self.stage: StageEvent | None = None
        self.last: StepEvent | None = None
        self.validation: ValidationEvent | None = None
        self.early: EarlyStoppingEvent | None = None
        self.memory: Mapping[str, int] = {}
        self._sum, self._weight = 0.0, 0.0

    def take(self, event: Event) -> None:
        match event:
            case RunStartedEvent():
                self.started = event
            case StageEvent():
                self.stage = event
            case StepEvent():
                self.last = event
                if math.isfinite(event.loss):
                    self._sum = _SMOOTHING * self._sum + (1 - _SMOOTHING) * event.loss
                    self._weight = _SMOOTHING * self._weight + (1 - _SMOOTHING)
            case ValidationEvent():
                self.validation = event
                score = event.bits_per_byte
                if math.isfinite(score) and (self.best is None or score < self.best):
                    self.best, self.best_step = event.bits_per_byte, event.step
            case EarlyStoppingEvent():
                self.early, self.best, self.best_step = event, event.best, event.best_step
            case MemoryEvent():
                self.memory = event.bytes

    @property
    def loss(self) -> float | None:
        """The training loss, smoothed (nats per token)."""
        return self._sum / self._weight if self._weight else None

    @property
    def fraction(self) -> float:
        """The part of the budget that is spent, 0 to 1."""
        if self.last is None:
            return 0.0
        if self.budget.unit == "minutes":
            left = self.seconds_left()
            return 0.0 if left is None else min(1.0, max(0.0, 1.0 - left / (60.0 * self.budget.amount)))
        per_epoch = self.started.train_tokens if self.started else 0
        return self.budget.progress(
            steps=self.last.step, tokens=self.last.tokens, seconds=0.0, tokens_per_epoch=per_epoch
        )

    @property
    def memory_in_use(self) -> str:
        """``1.2 GB (peak 1.4 GB)`` and the same of a GPU, or nothing before it is known."""
        used = self.memory.get("rss")
        if used is None:
            return ""
        peak = self.memory.get("peak")
        text = size(used) + (f" (peak {size(peak)})" if peak else "")
        if "cuda_reserved" in self.memory:
            text += f", GPU {size(self.memory['cuda_reserved'])}"
        return text


def news(event: Event, board: Scoreboard) -> list[str]:
    """What is told of an event, in lines that are safe on a terminal; steps are told otherwise."""
    match event:
        case RunStartedEvent():
            return _started(event)
        case StageEvent() if event.count > 1:
            because = f" ({shown(event.reason, 200)})" if event.reason else ""
            shape = f"{event.seq_len} tokens × {event.batch_size} sequences"
            return [f"stage {event.index + 1} of {event.count}: {shape}{because}"]
        case ValidationEvent():
            best = "" if board.best is None else f" (best {bits(board.best)})"
            best = ", the best so far" if board.best_step == event.step else best
            figures = f"loss {event.loss:.4f}, perplexity {event.perplexity:.2f}"
            return [
                f"step {event.step:,}: validation {bits(event.bits_per_byte)} bits per byte{best}; {figures}"
            ]
        case EarlyStoppingEvent() if event.stopping:
            return [f"step {event.step:,}: stopping early: {shown(event.reason, 200)}"]
        case EarlyStoppingEvent() if event.waited:
            return [f"step {event.step:,}: no improvement for {event.waited} of {event.patience} validations"]
        case CheckpointEvent() if event.step:
            return [f"step {event.step:,}: saved {shown(event.name, 60)}{' (best)' if event.best else ''}"]
        case SampleEvent():
            return [
                f"step {event.step:,}: sample “{one_line(event.prompt, 100)}” → {one_line(event.text, 400)}"
            ]
        case WarningEvent():
            hint = [f"  hint: {shown(event.hint, 400)}"] if event.hint else []
            return [f"warning: {shown(event.message, 600)}", *hint]
        case RollbackEvent():
            why = f" ({shown(event.reason, 200)})" if event.reason else ""
            rate = f"learning rate × {event.learning_rate_scale:g}"
            return [f"step {event.step:,}: went back to {shown(event.checkpoint, 60)}{why}; {rate}"]
        case CommandEvent():
            verdict = "" if event.accepted else "refused: "
            return [f"step {event.step:,}: {shown(event.name, 40)}: {verdict}{shown(event.message, 300)}"]
    return []


def _started(event: RunStartedEvent) -> list[str]:
    text = f"{count(event.train_tokens)} training and {count(event.validation_tokens)} validation tokens"
    where = f"{event.device} ({event.precision})" if event.precision else event.device
    again = "" if event.resumed_from is None else f", going on from step {event.resumed_from:,}"
    return [
        f"{shown(event.run, 60)}: {count(event.parameters)} parameters on {shown(where, 60)}, "
        f"vocabulary {event.vocab_size:,}, {text}{again}"
    ]


def step_line(board: Scoreboard) -> str:
    """One line about where training is."""
    step = board.last
    assert step is not None
    left = board.seconds_left()
    parts = [
        f"step {step.step:,}",
        f"{100 * board.fraction:.0f} %",
        *([f"{duration(left)} left"] if left is not None else []),
        f"loss {board.loss:.4f}" if board.loss is not None else f"loss {step.loss}",
        f"learning rate {step.learning_rate:.2g}",
        f"{step.tokens_per_second:,.0f} tokens/s",
        *([f"memory {board.memory_in_use}"] if board.memory else []),
    ]
    return " · ".join(parts)


class PlainView:
    """Lines on stderr: every piece of news, and where training is every ten seconds."""

    def __init__(self, board: Scoreboard, write: Callable[[str], None] = say) -> None:
        self._board, self._write = board, write
        self._told_at = -math.inf
        self._doing = ""

    def preparing(self, what: str, done: int, total: int) -> None:
        if what != self._doing:
            self._doing = what
            self._write(f"{what}…")

    def event(self, event: Event) -> None:
        self._board.take(event)
        for line in news(event, self._board):
            self._write(line)
        if isinstance(event, StepEvent) and abs(event.time - self._told_at) >= PLAIN_SECONDS:
            self._told_at = event.time
            self._write(step_line(self._board))

    def saving(self) -> None:
        self._write(SAVING)

    def close(self) -> None:
        return None


class JsonView:
    """Every event as it is in the log, on stdout."""

    def preparing(self, what: str, done: int, total: int) -> None:
        return None

    def event(self, event: Event) -> None:
        put(to_json(event))

    def saving(self) -> None:
        say(SAVING)

    def close(self) -> None:
        return None


class QuietView:
    """Warnings only, on stderr."""

    def __init__(self, board: Scoreboard, write: Callable[[str], None] = say) -> None:
        self._board, self._write = board, write

    def preparing(self, what: str, done: int, total: int) -> None:
        return None

    def event(self, event: Event) -> None:
        self._board.take(event)
        if isinstance(event, WarningEvent | RollbackEvent):
            for line in news(event, self._board):
                self._write(line)

    def saving(self) -> None:
        self._write(SAVING)

    def close(self) -> None:
        return None

"""What a run's log tells, kept as it stands now: curves, and the events that someone who looks wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ysnakes_core.runs.events import (
    CheckpointEvent,
    CommandEvent,
    EarlyStoppingEvent,
    Event,
    MemoryEvent,
    RollbackEvent,
    RunEndedEvent,
    RunStartedEvent,
    SampleEvent,
    StageEvent,
    StepEvent,
    UnknownEvent,
    ValidationEvent,
    WarningEvent,
    from_object,
)
from ysnakes_core.runs.series import Curves, Series
from ysnakes_core.runs.step_scan import Array, StepRun

MOST_KEPT = 1000  # of each kind of event, the latest

_Kind = TypeVar("_Kind", bound=Event)


@dataclass(frozen=True)
class FollowedCommand:
    """A command from its request on. ``answer`` is None until the worker has answered."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    answer: CommandEvent | None = None


class RunHistory:
    """Takes in a log from its beginning, in pieces of any size, in bounded memory per step.

    Where a resume or a roll-back took steps back, their curves, checkpoints, validations and samples are
    gone; samples that a person asked for stay. Lists are oldest first and hold the latest ``MOST_KEPT``.
    """

    def __init__(self) -> None:
        self._curves = Curves()
        self._forget()

    def _forget(self) -> None:
        """Be as before the first line. ``series`` stays the same object, and so does each of them."""
        self._curves.cut(0)
        self.samples: list[SampleEvent] = []
        self.checkpoints: list[CheckpointEvent] = []
        self.validations: list[ValidationEvent] = []
        self.early_stoppings: list[EarlyStoppingEvent] = []
        self.warnings: list[WarningEvent] = []
        self.rollbacks: list[RollbackEvent] = []
        self.journal: list[Event] = []  # all but steps and memory, what was taken back too
        self.journal_count = 0  # with those that are no longer kept
        self.started: RunStartedEvent | None = None
        self.stage: StageEvent | None = None
        self.memory: MemoryEvent | None = None
        self.damaged_lines = 0  # lines that are no events
        self.unknown_events = 0  # of another version
        self._ended: RunEndedEvent | None = None
        self._commands: dict[str, FollowedCommand] = {}
        self._last_row: dict[str, Any] | None = None

    @property
    def series(self) -> Mapping[str, Series]:
        """``loss``, ``smoothed_loss``, ``validation_loss`` (nats per token), ``validation_bits_per_byte``,
        ``learning_rate``, ``grad_norm``, ``tokens_per_second``; the mapping and the curves stay the same.
        """
        return self._curves.series

    @property
    def last_step(self) -> StepEvent | None:
        """The last one; None also where it was taken back and training has not gone on yet."""
        event = from_object(dict(self._last_row)) if self._last_row is not None else None
        return event if isinstance(event, StepEvent) else None

    @property
    def validation(self) -> ValidationEvent | None:
        """The last one."""
        return self.validations[-1] if self.validations else None

    @property
    def early_stopping(self) -> EarlyStoppingEvent | None:
        """Where it stands since the last validation."""
        return self.early_stoppings[-1] if self.early_stoppings else None

    @property
    def commands(self) -> list[FollowedCommand]:
        """The latest ones, in the order of their requests as far as it is known."""
        return list(self._commands.values())

    @property
    def ended(self) -> RunEndedEvent | None:
        """How the run ended, if nothing began since."""
        return self._ended

    def take(self, found: StepRun | Event | None) -> None:
        """Take in what ``scan`` found, in the order of the log."""
        match found:
            case StepRun():
                self._take_steps(found)
                return
            case None:
                self.damaged_lines += 1
                return
            case MemoryEvent():
                self.memory = found
                return
            case UnknownEvent():
                self.unknown_events += 1
                return
            case RunStartedEvent():
                self.started, self._ended, self.stage = found, None, None
                self._take_back(0 if found.resumed_from is None else found.resumed_from + 1)
            case RollbackEvent():
                self._take_back(found.to_step + 1)
                _keep(self.rollbacks, found)
            case StageEvent():
                self.stage = found
            case ValidationEvent():
                if self._curves.last_step > found.step:
                    self._take_back(found.step + 1)
                self._curves.add_validation(found.step, found.loss, found.bits_per_byte)
                _cut(self.validations, found.step)  # one at the same step takes its place
                _keep(self.validations, found)
            case EarlyStoppingEvent():
                _keep(self.early_stoppings, found)
            case SampleEvent():
                _keep(self.samples, found)
            case CheckpointEvent():
                _keep(self.checkpoints, found)
            case WarningEvent():
                _keep(self.warnings, found)
            case CommandEvent():
                self._take_command(FollowedCommand(found.id, found.name, found.arguments, found))
            case RunEndedEvent():
                self._ended = found
        _keep(self.journal, found)
        self.journal_count += 1

    def _take_steps(self, run: StepRun) -> None:
        for numbers in _rising(run.numbers):
            first = int(numbers[0, 0])
            if self._curves.last_step >= first:  # its reason is in a line that was lost
                self._take_back(first)
            self._curves.add_steps(numbers)
        self._last_row = run.last

    def _take_back(self, step: int) -> None:
        """Forget ``step`` and all after it."""
        self._curves.cut(step)
        if self._last_row is not None and self._last_row["step"] >= step:
            self._last_row = None
        self.samples = [sample for sample in self.samples if sample.step < step or sample.command]
        self.rollbacks = [event for event in self.rollbacks if event.to_step < step]
        _cut(self.checkpoints, step)
        _cut(self.validations, step)
        _cut(self.early_stoppings, step)

    def _take_command(self, command: FollowedCommand) -> None:
        self._commands[command.id] = command
        if len(self._commands) > MOST_KEPT:
            del self._commands[next(iter(self._commands))]


def _keep(events: list[_Kind], event: _Kind) -> None:
    events.append(event)
    if len(events) > MOST_KEPT:
        del events[0]


def _cut(events: list[_Kind], step: int) -> None:
    while events and events[-1].step >= step:
        events.pop()


def _rising(numbers: Array) -> list[Array]:
    """Parts ``(columns, steps)`` of which each one's steps rise."""
    falls = np.flatnonzero(np.diff(numbers[0]) <= 0) + 1
    return np.split(numbers, falls, axis=1) if len(falls) else [numbers]

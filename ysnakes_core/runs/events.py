"""The log of a run, ``events.jsonl``: what each event holds, writing it, and reading it while it grows.

One JSON object a line; every one has ``type``, ``time`` (Unix seconds), ``step`` (optimizer steps done) and
``tokens`` (training tokens seen). The classes below are the schema: a field's name is its key.

- The log is append-only, also over a resume. A line cut off by a crash is closed off by the next append;
  readers pass over it, over unknown types (they come as ``UnknownEvent``) and over unknown fields.
- JSON has no not-a-number: in a field of numbers it is the text ``"NaN"``, ``"Infinity"`` or ``"-Infinity"``
  (which both Python's ``float`` and JavaScript's ``Number`` read), and reads back as a float.
- After a resume or a roll-back some steps stand in the log twice: ``losses_by_step`` keeps what counts.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Event:
    """What every event has."""

    type: ClassVar[str] = ""
    durable: ClassVar[bool] = False  # waits until it is on the disk

    time: float  # Unix seconds
    step: int  # optimizer steps done
    tokens: int  # training tokens seen


@dataclass(frozen=True)
class RunStartedEvent(Event):
    """A worker began or went on with the run."""

    type: ClassVar[str] = "run_started"
    durable: ClassVar[bool] = True

    run: str  # the run's name
    resumed_from: int | None = None  # step of the checkpoint gone on from; null: from the beginning
    parameters: int = 0
    vocab_size: int = 0
    device: str = ""
    precision: str = ""
    train_tokens: int = 0  # tokens in the training text
    validation_tokens: int = 0
    total_steps: int | None = None  # the budget, where it is known in steps
    version: str = ""  # of ysnakes


@dataclass(frozen=True)
class StageEvent(Event):
    """A sequence-length stage began."""

    type: ClassVar[str] = "stage"

    index: int  # from 0
    count: int
    seq_len: int
    batch_size: int
    reason: str = ""  # why the one before ended


@dataclass(frozen=True)
class StepEvent(Event):
    """One optimizer step. A step that was skipped has the loss or gradient norm that was not finite."""

    type: ClassVar[str] = "step"

    loss: float  # nats per token
    learning_rate: float
    grad_norm: float  # before clipping
    tokens_per_second: float
    seq_len: int
    batch_size: int  # sequences


@dataclass(frozen=True)
class ValidationEvent(Event):
    """The validation text was scored."""

    type: ClassVar[str] = "validation"

    loss: float  # nats per token
    perplexity: float
    bits_per_byte: float


@dataclass(frozen=True)
class SampleEvent(Event):
    """A completion by the model as it is. Both texts are the model's or a person's: show them literally."""

    type: ClassVar[str] = "sample"

    prompt: str
    text: str
    command: str = ""  # id of the command that asked for it


@dataclass(frozen=True)
class CheckpointEvent(Event):
    """A checkpoint was saved."""

    type: ClassVar[str] = "checkpoint"
    durable: ClassVar[bool] = True

    name: str
    bits_per_byte: float | None = None  # of the last validation
    best: bool = False  # the best so far


@dataclass(frozen=True)
class MemoryEvent(Event):
    """Bytes by name, as ``training.memory_use.process_memory`` has them: ``rss``, ``peak``, ``available``, ….

    What is no amount of memory, such as the load of the processor, is in ``state.json``.
    """

    type: ClassVar[str] = "memory"

    bytes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class EarlyStoppingEvent(Event):
    """Where early stopping stands after a validation, a resume, a ``snooze`` or a change of its settings."""

    type: ClassVar[str] = "early_stopping"

    waited: int  # validations that were due, without improvement
    patience: int
    min_delta: float  # bits per byte
    best: float | None  # bits per byte of the model that is kept as the run's best
    best_step: int | None  # which may be of a course that was left behind
    target: float | None = None  # bits per byte
    stopping: bool = False
    reason: str = ""
    reference: float | None = None  # bits per byte: what counts as an improvement is ``min_delta`` below it


@dataclass(frozen=True)
class CommandEvent(Event):
    """The worker's answer to a command."""

    type: ClassVar[str] = "command"

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    accepted: bool = True
    message: str = ""  # what was done, or why it was refused


@dataclass(frozen=True)
class WarningEvent(Event):
    """Something a person should know."""

    type: ClassVar[str] = "warning"

    message: str
    hint: str = ""


@dataclass(frozen=True)
class RollbackEvent(Event):
    """Training went back to a checkpoint. ``step`` and ``tokens`` are that one's already."""

    type: ClassVar[str] = "rollback"
    durable: ClassVar[bool] = True

    to_step: int  # where it goes on
    checkpoint: str
    learning_rate_scale: float
    count: int  # roll-backs so far
    reason: str = ""


@dataclass(frozen=True)
class RunEndedEvent(Event):
    """The worker ended in order. ``status``: finished, stopped, paused or failed."""

    type: ClassVar[str] = "run_ended"
    durable: ClassVar[bool] = True

    status: str
    reason: str = ""
    best: float | None = None  # bits per byte
    best_step: int | None = None


@dataclass(frozen=True)
class UnknownEvent(Event):
    """An event of a type (or with values) this version does not know; ``fields`` is the whole object."""

    fields: Mapping[str, Any] = field(default_factory=dict)


_CLASSES: tuple[type[Event], ...] = (
    *(RunStartedEvent, StageEvent, StepEvent, ValidationEvent, SampleEvent, CheckpointEvent, MemoryEvent),
    *(EarlyStoppingEvent, CommandEvent, WarningEvent, RollbackEvent, RunEndedEvent),
)
EVENT_TYPES: dict[str, type[Event]] = {kind.type: kind for kind in _CLASSES}


def to_json(event: Event) -> str:
    """The event as one line of strict JSON (no newline at its end)."""
    content = {"type": event.type, **vars(event)}
    if isinstance(event, UnknownEvent):
        content = dict(event.fields)
    try:
        return _encode(content)
    except ValueError:  # a number that is not finite
        return _encode(_finite(content))


def _encode(content: Mapping[str, Any]) -> str:
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def from_json(line: str | bytes) -> Event | None:
    """The event in a line; ``None`` if the line is no event at all (torn, damaged, no object)."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return from_object(content)


def from_object(content: object) -> Event | None:
    """The event of a decoded JSON object, which it takes over; ``None`` if it is none."""
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        return None
    exact = _exact_kind(content["type"], tuple(content), tuple(map(type, content.values())))
    if exact is not None and _countable(content):
        del content["type"]
        return _built(exact, content)
    kind = EVENT_TYPES.get(content["type"])
    values = None if kind is None or not _countable(content) else _values(kind, content)
    if kind is None or values is None:
        common = _values(UnknownEvent, {**content, "fields": content})
        return _built(UnknownEvent, common) if common is not None and _countable(common) else None
    return _built(kind, values)


def _countable(content: Mapping[str, Any]) -> bool:
    """Whether step and tokens are counts, and all whole numbers fit 64 bits: who shows them relies on it."""
    step, tokens = content.get("step"), content.get("tokens")
    if type(step) is not int or type(tokens) is not int or step < 0 or tokens < 0:
        return False
    return all(type(value) is not int or -(2**63) <= value < 2**63 for value in content.values())


def _built(kind: type[Event], values: dict[str, Any]) -> Event:
    """The event without the cost of a frozen dataclass's constructor: logs have a million of them."""
    event = object.__new__(kind)
    event.__dict__.update(values)
    return event


@functools.lru_cache(maxsize=1024)
def _exact_kind(name: str, keys: tuple[str, ...], types: tuple[type, ...]) -> type[Event] | None:
    """The class whose fields are exactly these keys, all of the right type. A log has few such forms."""
    kind = EVENT_TYPES.get(name)
    if kind is None:
        return None
    given = dict(zip(keys, types, strict=True))
    rows = _schema(name)
    fits = all(given.get(key) in allowed and dict not in allowed for key, allowed, _, _ in rows)
    return kind if fits and len(given) == len(rows) + 1 else None


@functools.cache
def _schema(name: str) -> tuple[tuple[str, frozenset[type], Any, Any], ...]:
    """Each field's key, the exact types it may have, a mapping's item type, its default or ``MISSING``."""
    kind = EVENT_TYPES.get(name, UnknownEvent)
    hints = get_type_hints(kind)
    rows = []
    for f in dataclasses.fields(kind):
        hint, options = hints[f.name], get_args(hints[f.name])
        is_mapping = get_origin(hint) is Mapping
        types: tuple[type, ...] = (dict,) if is_mapping else options or (hint,)
        default = f.default_factory if f.default_factory is not dataclasses.MISSING else f.default
        rows.append((f.name, frozenset(types), options[1] if is_mapping else Any, default))
    return tuple(rows)


def _values(kind: type[Event], content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields' values, checked; ``None`` if one is missing or of the wrong type."""
    values: dict[str, Any] = {}
    for key, types, item, default in _schema(kind.type):
        value = content.get(key, _ABSENT)
        if type(value) not in types:
            if value is _ABSENT:
                value = default() if default is dict else default
            elif float in types:
                value = _as_float(value)
            else:
                return None
            if value is dataclasses.MISSING:
                return None
        elif item is not Any and not all(type(part) is item for part in value.values()):
            return None
        values[key] = value
    return values


_ABSENT = object()


def _as_float(value: object) -> Any:
    """A whole number or the text of a number that is not finite as a float, else ``MISSING``."""
    if type(value) is int and abs(value) < 2**1000:
        return float(value)
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    return dataclasses.MISSING

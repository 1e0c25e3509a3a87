"""What is asked of the process that holds the models, what it tells, and both as lines of JSON; light."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ysnakes_core.completion.history import Part, ReadingChoice
from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.transcript_records import (
    Outcome,
    Token,
    options_from_json,
    options_to_json,
    outcome_from_json,
    outcome_to_json,
    token_to_json,
    tokens_from_json,
)
from ysnakes_core.training.position_curve import ByPosition


@dataclass(frozen=True)
class Question:
    """A prompt for a run's model.

    Attributes:
        run: the run's folder. checkpoint: ``best``, ``latest`` or a name; None: the best, or the latest
            while it trains. It is looked up anew for each question.
        precision: of the weights: ``float32``, ``bfloat16`` or ``int8``.
        history: earlier turns that stand in the context. With one, an empty prompt goes on with its last.
        options: one a row: several are answered at once, in a batch.
        alternatives: likeliest tokens that come with each token.
    """

    run: Path
    prompt: str
    checkpoint: str | None = None
    precision: str = "float32"
    history: tuple[Part, ...] = ()
    reading: ReadingChoice = "auto"
    options: tuple[SamplingOptions, ...] = (SamplingOptions(),)
    alternatives: int = 5


@dataclass(frozen=True)
class Warm:
    """Have a model ready."""

    run: Path
    checkpoint: str | None = None
    precision: str = "float32"


@dataclass(frozen=True)
class ScorePositions:
    """Score a model's validation text by position."""

    run: Path
    checkpoint: str | None = None


Asked = Question | Warm | ScorePositions


@dataclass(frozen=True)
class Loading:
    """The model is being read from the disk."""

    number: int


@dataclass(frozen=True)
class Begun:
    """The model is there. ``notes``: sentences on what was passed over, such as broken checkpoints."""

    number: int
    checkpoint: str
    step: int
    bits_per_byte: float | None
    parameters: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """Further tokens of a row, and how the prompt was read."""

    number: int
    row: int
    tokens: tuple[Token, ...]
    reading: str = ""


@dataclass(frozen=True)
class Ended:
    """A row has come to its end."""

    number: int
    row: int
    outcome: Outcome


@dataclass(frozen=True)
class Failed:
    """Nothing more comes: one sentence of what is wrong, and one of what to do."""

    number: int
    what: str
    hint: str = ""


@dataclass(frozen=True)
class Positions:
    """Scores by position: how far they are (``done``, from 0 to 1), and with 1 what was found."""

    number: int
    found: ByPosition | None
    done: float


@dataclass(frozen=True)
class Lost:
    """The process has ended, with all models it held: it answers no question, and comes after ``Failed``."""

    number: int = 0


Told = Loading | Begun | Written | Ended | Failed | Positions | Lost

_ASKED: Mapping[str, type[Any]] = {"ask": Question, "warm": Warm, "positions": ScorePositions}
_TOLD: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Loading, Begun, Written, Ended, Failed, Positions, Lost)
}


def asked_to_line(number: int, asked: Asked) -> str:
    content = _fields(asked)
    content["run"] = str(asked.run)
    if isinstance(asked, Question):
        content["history"] = [_fields(part) for part in asked.history]
        content["options"] = [options_to_json(options) for options in asked.options]
    kind = next(name for name, kind in _ASKED.items() if kind is type(asked))
    return json.dumps({"do": kind, "number": number, **content})


def asked_from_json(content: dict[str, Any]) -> Asked:
    """What ``asked_to_line`` was given. KeyError, TypeError or ValueError where it is something else."""
    kind = _ASKED[content["do"]]
    values = {name: value for name, value in content.items() if name not in ("do", "number")}
    values["run"] = Path(values["run"])
    if kind is Question:
        values["history"] = tuple(
            Part(**{**part, "answer": tuple(part["answer"])}) for part in values["history"]
        )
        values["options"] = tuple(options_from_json(options) for options in values["options"])
    asked: Asked = kind(**values)
    return asked


def told_to_line(told: Told) -> str:
    content = _fields(told)
    if isinstance(told, Written):
        content["tokens"] = [token_to_json(token) for token in told.tokens]
    elif isinstance(told, Ended):
        content["outcome"] = outcome_to_json(told.outcome)
    elif isinstance(told, Positions):
        content["found"] = None if told.found is None else told.found.to_json()
    return json.dumps({"type": type(told).__name__.lower(), **content})


def told_from_line(line: str) -> Told | None:
    """What ``told_to_line`` was given; None for a line that is something else."""
    try:
        content = json.loads(line)
        kind = _TOLD[content.pop("type")]
        if kind is Written:
            content["tokens"] = tuple(tokens_from_json(content["tokens"]))
        elif kind is Ended:
            content["outcome"] = outcome_from_json(content["outcome"])
        elif kind is Begun:
            content["notes"] = tuple(content["notes"])
        elif kind is Positions and content["found"] is not None:
            content["found"] = ByPosition.from_json(content["found"])
        told: Told = kind(**content)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return told


def _fields(message: Any) -> dict[str, Any]:
    return {field.name: getattr(message, field.name) for field in dataclasses.fields(message)}

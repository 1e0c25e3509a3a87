"""Talking to models that another process holds (``talking_process``); light to import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ysnakes_core.completion.history import Part, ReadingChoice
from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.transcript_records import Outcome, Token


@dataclass(frozen=True)
class Question:
    """A prompt for a run's model.

    Attributes:
        run: the run's folder. checkpoint: ``best``, ``latest`` or a name; None: the best, or the latest
            while it trains. It is looked up anew for each question.
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
    """Scores by position, as far as they are (``done``, from 0 to 1)."""

    number: int
    found: Any
    done: float


Told = Loading | Begun | Written | Ended | Failed | Positions


class Talker:
    """Asks a process of its own, which holds the models. No method waits.

    ``tell`` is called in a thread of the talker, for one thing after another, and must not raise. Each
    question is answered by ``Loading`` (where the model is not held yet), ``Begun``, ``Written`` and an
    ``Ended`` a row; or by ``Failed``, which ends it wherever it stood.
    """

    def __init__(self, tell: Callable[[Told], None], *, command: list[str] | None = None) -> None:
        """``command``: what to run instead of the process of this installation."""
        raise NotImplementedError

    def ask(self, question: Question) -> int:
        """Ask; the number that all answers to it bear. Several at once are interleaved token by token."""
        raise NotImplementedError

    def warm(self, run: Path, checkpoint: str | None = None, precision: str = "float32") -> int:
        """Load a model now, so that its first token comes soon: ``Loading``, then ``Begun``, the last."""
        raise NotImplementedError

    def score_positions(self, run: Path, checkpoint: str | None = None) -> int:
        """Score the validation text by position: ``Positions``, the last with ``done`` = 1."""
        raise NotImplementedError

    def cancel(self, number: int) -> None:
        """End a question; what was made stays, and ``Ended`` still comes for every row."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing further is told, and the process ends; another question would start a new one."""
        raise NotImplementedError

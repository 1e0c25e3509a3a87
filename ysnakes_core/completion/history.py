"""How prompts are read, and the turns that stand before one. Light: what shows transcripts needs it too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reading = Literal["request", "text", "answer"]
ReadingChoice = Literal["auto", "request", "text"]
READING_CHOICES: tuple[ReadingChoice, ...] = ("auto", "request", "text")

REQUEST_BREAK = "\n\n"
"""Text of a ``<start>`` that the model writes itself, between a request it finished and its answer."""


@dataclass(frozen=True)
class Part:
    """One earlier turn that stands in the context.

    Attributes:
        prompt: what a person wrote. reading: how it was read, as ``Summary.reading`` said.
        answer: the model's own tokens, without the last ``<end>``; a ``<start>`` that the model wrote
            itself is among them. Where a person edited it, what they wrote stands there as text.
        ended: whether the model itself wrote ``<end>`` after them.
    """

    prompt: str
    reading: Reading
    answer: tuple[int | str, ...]
    ended: bool

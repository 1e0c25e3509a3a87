"""What a kind of record is made of: what goes into its requests, how they are worded, what comes back."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ysnakes_core.synthesis.catalogs import Entry


class Length(NamedTuple):
    """Words that are asked for."""

    min: int
    max: int


@dataclass(frozen=True)
class Checks:
    """What an answer has to be like; words are counted between spaces."""

    min_words: int
    max_words: int
    must_end_sentence: bool


@dataclass(frozen=True)
class Input:
    """One thing that varies from request to request: a topic, a name, a mood.

    ``choose`` names a field of an earlier input, such as ``name.gender``; then the value is the entry's field
    of that field's value, and the entry has no text of its own.
    """

    name: str
    entries: tuple[Entry, ...]
    choose: str | None
    origin: str  # "catalog topics", "cities.txt" or "" for a list in the kind's own file


@dataclass(frozen=True)
class Kind:
    """A kind of record: blog, wiki, stories, …"""

    name: str
    title: str
    what: str  # one sentence
    length: Length
    options: Mapping[str, float | int]  # Ollama's own names
    checks: Checks
    inputs: tuple[Input, ...]
    requests: tuple[str, ...]  # wordings with slots; one of them stands before <start> in the record
    instructions: str  # told to the teacher after the request, with the same slots; not part of the record
    source: Path | None = None  # the user's own file; None for a kind that comes with the program

    @property
    def combinations(self) -> int:
        """How many different requests it can make, wordings counted."""
        return math.prod(len(each.entries) for each in self.inputs) * len(self.requests)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that decides its requests: another one, and the same index is another text."""
        content = [
            [
                [each.name, each.choose, [[e.text, dict(e.fields)] for e in each.entries]]
                for each in self.inputs
            ],
            self.requests,
            self.instructions,
            self.length,
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

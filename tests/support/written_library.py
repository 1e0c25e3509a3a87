"""Libraries for tests of the app, with records of all sorts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ysnakes_core.synthesis.library import open_library
from ysnakes_core.synthesis.library_records import NewRecord, Record

NOTE = "Note: I made this up."


def a_record(number: int = 0, **more: object) -> NewRecord:
    values: dict[str, object] = {
        "kind": "stories",
        "teacher": "llama3.1",
        "request": f"Tell me of snake {number}.",
        "answer": f"Snake {number} slept in the warm sun. Then it woke up.",
        "key": f"key {number} {more}"[:200],
    }
    return NewRecord(**(values | more))  # type: ignore[arg-type]


def flagged(number: int = 0, **more: object) -> NewRecord:
    """One whose last words the rules marked."""
    answer = f"Snake {number} slept. {NOTE}"
    start = answer.index(NOTE)
    check = {
        "rule": "note",
        "start": start,
        "end": len(answer),
        "action": "strip",
        "why": "Added note: it is",
    }
    return a_record(number, **({"answer": answer, "checks": [check]} | more))


def write(home: Path, records: Sequence[NewRecord]) -> list[int]:
    """Keep records in the library of a home; their ids."""
    with open_library(home / "data") as library:
        return [identity for identity in library.add(records) if identity is not None]


def read(home: Path, identity: int) -> Record:
    with open_library(home / "data") as library:
        return library.record(identity)


def decisions(home: Path, identities: Sequence[int]) -> str:
    """The first letters of what was decided: ``paex``, x for rejected."""
    letters = {"pending": "p", "accepted": "a", "edited": "e", "rejected": "x"}
    return "".join(letters[read(home, identity).decision] for identity in identities)

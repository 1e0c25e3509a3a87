"""What the library keeps of a record, and what one asks it for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.library_connection import LibraryError
from ysnakes_core.text.records import END_MARK, START_MARK, Document

Decision = Literal["pending", "accepted", "rejected", "edited"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
KEPT: tuple[Decision, ...] = ("pending", "accepted", "edited")

Options = Mapping[str, float | int]
Check = Mapping[str, Any]
"""What a rule found: ``rule``, and mostly ``start``, ``end`` (offsets in the answer), ``action``, ``why``."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class NewRecord:
    """A record to be kept. ``request`` is what stands before ``<start>``, ``prompt`` what the teacher was
    sent where that differs. ``key`` is unique in its job. ``tokens`` and ``seconds`` are the teacher's.
    """

    kind: str
    teacher: str
    request: str
    answer: str
    key: str
    prompt: str | None = None
    inputs: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    options: Options = field(default_factory=lambda: _NOTHING)
    model: str = ""
    digest: str = ""
    seed: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    job: int | None = None
    request_index: int | None = None
    checks: Sequence[Check] = ()
    decision: Decision = "pending"
    original: str | None = None  # the teacher's answer, where that is another
    layout: tuple[str, str, str] | None = None  # line breaks before <start>, after it, and before <end>
    source: str = ""


@dataclass(frozen=True)
class Record:
    """A record of the library. Times are Unix seconds; ``original`` is the answer as the teacher wrote it.

    ``sequence`` counts the records of its teacher and kind from 0 and never changes: it says which exported
    file the record is in.
    """

    id: int
    kind: str
    teacher: str
    sequence: int
    decision: Decision
    words: int
    created: float
    changed: float
    model: str
    digest: str
    seed: int | None
    tokens: int | None
    seconds: float | None
    job: int | None
    request_index: int | None
    key: str
    request: str
    answer: str
    original: str
    prompt: str
    inputs: Mapping[str, str]
    options: Options
    checks: tuple[Check, ...]
    layout: tuple[str, str, str] | None
    source: str


@dataclass(frozen=True)
class Verdict:
    """What is to be kept of an answer, what the rules found in it, and what they say of it as a whole."""

    answer: str
    decision: Decision
    checks: Sequence[Check]


Judge = Callable[[str, str, str, str], Verdict]
"""Judges a record, by its teacher, kind, request and answer."""

RECORD_COLUMNS = (
    *(f"records.{name}" for name in ("id", "kind", "teacher", "sequence", "decision", "words", "created")),
    *(f"records.{name}" for name in ("changed", "model", "digest", "seed", "tokens", "seconds", "job")),
    *(f"records.{name}" for name in ("request_index", "key")),
    *(f"texts.{name}" for name in ("request", "answer", "original", "prompt", "inputs", "options")),
    *(f"texts.{name}" for name in ("checks", "layout", "source")),
)


def record_from(row: Sequence[Any]) -> Record:
    """A record from ``RECORD_COLUMNS``. Raises ``LibraryError`` where the file holds something else."""
    (*narrow, request, answer, original, prompt, inputs, options, checks, layout, source) = row
    texts = (narrow[1], narrow[2], narrow[4], narrow[8], narrow[9], narrow[15], request, answer, source)
    if not all(isinstance(text, str) for text in texts) or narrow[4] not in DECISIONS:
        raise LibraryError(f"record {narrow[0]} of the library is damaged", "restore it from a copy")
    found = checks_from(checks)
    values: list[Any] = [
        *narrow,
        request,
        answer,
        answer if original is None else str(original),
        request if prompt is None else str(prompt),
        _mapping(inputs),
        _mapping(options),
        found,
        _layout(layout),
        source,
    ]
    return Record(*values)


@dataclass(frozen=True)
class RecordFilter:
    """Which records: every field that is given must hold; a field with several values takes any of them.

    ``text`` is what a person types into a search field: words, all of which must be in the request or the
    answer, the last one perhaps unfinished; “"two words"” in quotes stand side by side.
    """

    kinds: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    rules: tuple[str, ...] = ()
    flagged: bool | None = None
    job: int | None = None
    text: str = ""


EVERYTHING = RecordFilter()


def storable(text: str) -> str:
    """``text`` without what no text file can hold: NUL is dropped, lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub(lambda match: "" if match[0] == "\0" else "\ufffd", text)


def checked_answer(answer: str) -> str:
    """An answer as it can be kept. Raises ``UsageError`` where it is empty or holds a marker."""
    answer = storable(answer)
    if not answer.strip():
        raise UsageError("the answer is empty", "write something, or reject the record instead")
    if START_MARK in answer or END_MARK in answer:
        raise UsageError(f"the answer contains {START_MARK} or {END_MARK}", "take it out: it ends records")
    return answer


def content_of(request: str, answer: str) -> bytes:
    """SHA-256 of a request and its answer, as the corpus counts them."""
    return bytes.fromhex(Document(request, answer).content_hash)


def to_json(value: Any) -> str:
    if isinstance(value, Mapping):
        value = dict(value)
    elif not isinstance(value, str):
        value = [dict(item) if isinstance(item, Mapping) else item for item in value]
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def checks_from(text: object) -> tuple[Check, ...]:
    """What rules found, from the library's JSON; what makes no sense there is nothing."""
    return tuple(item for item in _list(text) if isinstance(item, dict))


def rules_in(checks: Sequence[Check]) -> list[str]:
    """The ids of the rules that found something, each once."""
    return sorted({str(check["rule"]) for check in checks if "rule" in check})


def _mapping(text: object) -> dict[str, Any]:
    value = _parsed(text)
    return value if isinstance(value, dict) else {}


def _list(text: object) -> list[Any]:
    value = _parsed(text)
    return value if isinstance(value, list) else []


def _parsed(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _layout(text: object) -> tuple[str, str, str] | None:
    value = _list(text)
    if len(value) != 3 or any(part not in ("", "\n", "\r\n") for part in value):
        return None
    return (value[0], value[1], value[2])

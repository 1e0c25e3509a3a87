"""Taking in a log's lines in bulk: the numbers of steps as arrays, everything else as events, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from ysnakes_core.runs.events import Event, from_object

Array = npt.NDArray[np.float64]

STEP_NUMBERS = ("loss", "learning_rate", "grad_norm", "tokens_per_second")
_type_of = itemgetter("type")
_numbers_of = itemgetter("step", *STEP_NUMBERS)
_WIDTH = 1 + len(STEP_NUMBERS)


@dataclass(frozen=True)
class StepRun:
    """Steps that follow one another in a log, not necessarily upwards.

    ``numbers``: ``(1 + len(STEP_NUMBERS), steps)``, the step first. ``last``: the last one's whole object.
    """

    numbers: Array
    last: dict[str, Any]


def scan(block: bytes) -> Iterator[StepRun | Event | None]:
    """What stands in whole lines, each with its newline, in order; ``None`` for a line that is no event.

    A step counts if its number and those of ``STEP_NUMBERS`` are there; its other fields are not looked at.
    """
    rows = decode(block)
    try:
        others = [i for i, kind in enumerate(map(_type_of, rows)) if kind != "step"]
    except (KeyError, TypeError):  # no object, or one without a type
        others = [i for i, row in enumerate(rows) if type(row) is not dict or row.get("type") != "step"]
    for before, after in pairwise([-1, *others, len(rows)]):
        if after - before > 1:
            yield from _steps(rows[before + 1 : after])
        if after < len(rows):
            yield from_object(rows[after])


def decode(block: bytes) -> list[Any]:
    """What stands in whole lines, each with its newline, decoded; ``None`` for what is no JSON."""
    try:  # one call for all of them is much quicker
        rows: list[Any] = orjson.loads(b"[" + block[:-1].replace(b"\n", b",") + b"]")
        if len(rows) == block.count(b"\n"):
            return rows
    except orjson.JSONDecodeError:
        pass
    return [_decode_line(line) for line in block[:-1].split(b"\n")]


def _decode_line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    try:  # takes a little more, such as half of a surrogate pair in a sample
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _steps(rows: list[dict[str, Any]]) -> Iterator[StepRun | Event | None]:
    numbers = _numbers(rows)
    if numbers is not None:
        yield StepRun(numbers, rows[-1])
        return
    good: list[dict[str, Any]] = []
    for row in rows:
        if _numbers([row]) is not None:
            good.append(row)
            continue
        yield from _steps(good) if good else ()
        good = []
        yield from_object(row)
    if good:
        yield from _steps(good)


def _numbers(rows: list[dict[str, Any]]) -> Array | None:
    """As ``StepRun.numbers``; ``None`` if a row lacks one. What is not finite comes as its text."""
    try:
        flat = chain.from_iterable(map(_numbers_of, rows))
        table = np.fromiter(flat, np.float64, _WIDTH * len(rows)).reshape(-1, _WIDTH).T
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    steps = table[0]
    fine = steps.min() >= 0 and steps.max() < 2**63 and bool((steps == np.floor(steps)).all())
    return table if fine else None

"""Taking in a log's lines in bulk: the numbers of steps as arrays, everything else as events, in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import UNSET, UnsetType

from ysnakes_core.runs.events import Event, from_object

Array = npt.NDArray[np.float64]

STEP_NUMBERS = ("loss", "learning_rate", "grad_norm", "tokens_per_second")
_COLUMNS = ("step", *STEP_NUMBERS)
_of_line, _of_object = attrgetter(*_COLUMNS), itemgetter(*_COLUMNS)
_NOT_DECODED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Line(msgspec.Struct, gc=False):
    """What a step has and is looked at, of any line: to decode but this takes a third of the time.

    What is not there is no number to numpy, as ``None`` would be.
    """

    type: str = ""
    step: float | UnsetType | None = UNSET
    loss: float | str | UnsetType | None = UNSET
    learning_rate: float | str | UnsetType | None = UNSET
    grad_norm: float | str | UnsetType | None = UNSET
    tokens_per_second: float | str | UnsetType | None = UNSET


_LINES = msgspec.json.Decoder(_Line)


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
    characters = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(characters == ord("\n"))
    starts = np.concatenate(([0], ends + 1))
    try:  # it would also take several objects in a line, and none
        one_each = (characters[starts[:-1]] == ord("{")).all() and (characters[ends - 1] == ord("}")).all()
        found = _LINES.decode_lines(block) if one_each else []
    except _NOT_DECODED:
        found = []
    if len(found) != len(ends):  # something else stands there
        yield from _scan_objects(decode(block))
        return
    others = [i for i, line in enumerate(found) if line.type != "step"]
    for before, after in pairwise([-1, *others, len(found)]):
        if after - before > 1:
            numbers = _numbers(map(_of_line, found[before + 1 : after]), after - before - 1)
            if numbers is not None:
                yield StepRun(numbers, _decode_line(block[starts[after - 1] : starts[after]]))
            else:
                yield from _steps(decode(block[starts[before + 1] : starts[after]]))
        if after < len(found):
            yield from_object(_decode_line(block[starts[after] : starts[after + 1]]))


def _scan_objects(rows: list[Any]) -> Iterator[StepRun | Event | None]:
    others = [i for i, row in enumerate(rows) if type(row) is not dict or row.get("type") != "step"]
    for before, after in pairwise([-1, *others, len(rows)]):
        if after - before > 1:
            yield from _steps(rows[before + 1 : after])
        if after < len(rows):
            yield from_object(rows[after])


def decode(block: bytes) -> list[Any]:
    """What stands in whole lines, each with its newline, decoded; ``None`` for what is no JSON."""
    return [_decode_line(line) for line in block[:-1].split(b"\n")]


def _decode_line(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except _NOT_DECODED:
        pass
    try:  # takes a little more, such as half of a surrogate pair in a sample
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _steps(rows: list[dict[str, Any]]) -> Iterator[StepRun | Event | None]:
    """Of objects that call themselves steps."""
    numbers = _numbers(map(_of_object, rows), len(rows))
    if numbers is not None:
        yield StepRun(numbers, rows[-1])
        return
    good: list[dict[str, Any]] = []
    for row in rows:
        if _numbers(map(_of_object, [row]), 1) is not None:
            good.append(row)
            continue
        yield from _steps(good) if good else ()
        good = []
        yield from_object(row)
    if good:
        yield from _steps(good)


def _numbers(rows: Iterable[tuple[Any, ...]], count: int) -> Array | None:
    """``count`` rows as ``StepRun.numbers``; ``None`` if one lacks any. What is not finite comes as text."""
    try:
        flat = chain.from_iterable(rows)
        table = np.fromiter(flat, np.float64, len(_COLUMNS) * count).reshape(-1, len(_COLUMNS)).T
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    steps = table[0]
    fine = steps.min() >= 0 and steps.max() < 2**63 and bool((steps == np.floor(steps)).all())
    return table if fine else None

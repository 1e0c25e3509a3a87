"""How well a model does by position in the text: what ``by_position`` finds; light to import.

Two curves over the same documents. ``alone``: every document whole, with a fresh state; a position counts
from the document's beginning. ``on_end``: the documents laid end to end and the state carried through all of
them as if they were one long text; a position counts from where that text begins.

A later band differs from an earlier one also in what its text says: beginnings are harder or easier to guess
than what follows. So each band has, beside its own score, that of the very same tokens read as in training:
each document alone, with no more tokens before them than the trained length. Their ``difference`` is what
carrying the state on did, and nothing else. In the same way ``contexts`` compares the same tokens with more
and less text before them: where that levels off, the state holds all that the model can use.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, TypeVar

FIRST_BAND = 16  # tokens; each band after it reaches twice as far as the one before
LEAST_GROUPS = 8  # pieces of text, taken as independent, from which a bound can be worked out
SURE = 1.96  # standard deviations on either side that hold 95 % of a normal distribution
LITTLE = 0.01  # part of the bits per byte that is not worth more context


@dataclass(frozen=True)
class Band:
    """The tokens at positions ``first`` to ``last``, both counted from 0, both within.

    nats, trained_nats: summed over the tokens, with the state carried and read as in training.
    text_bytes: UTF-8 bytes of the characters that these tokens complete; marks have none.
    documents: how many of them the tokens are of.
    error, difference_error: half the width of a 95 % interval of ``bits_per_byte`` and ``difference``; None
        where there is too little text for one.
    """

    first: int
    last: int
    tokens: int
    text_bytes: int
    documents: int
    nats: float
    trained_nats: float
    error: float | None
    difference_error: float | None

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.nats / max(1, self.tokens)

    @property
    def bits_per_byte(self) -> float | None:
        """All nats of the band over all bytes of the band; None where no token in it completes text."""
        return bits(self.nats, self.text_bytes)

    @property
    def trained(self) -> float | None:
        """Bits per byte of the same tokens read as in training."""
        return bits(self.trained_nats, self.text_bytes)

    @property
    def difference(self) -> float | None:
        """Bits per byte above those of the same tokens read as in training; below 0 is better."""
        return bits(self.nats - self.trained_nats, self.text_bytes)


@dataclass(frozen=True)
class Drift:
    """How much higher a curve's ``difference`` is from ``far`` on than from the trained length to there.

    In bits per byte; ``error`` is half the width of a 95 % interval.
    """

    far: int
    bits_per_byte: float
    error: float


@dataclass(frozen=True)
class Curve:
    """Bands that leave out no position from 0 on. ``starts``: texts that were begun.

    ``within`` and ``beyond`` are all tokens before and from the trained length on; None: there are none.
    ``drift`` is None where nothing lies beyond twice the trained length, or too little to tell.
    """

    bands: tuple[Band, ...]
    starts: int
    within: Band
    beyond: Band | None
    drift: Drift | None

    @property
    def length(self) -> int:
        """Tokens of the longest text."""
        return self.bands[-1].last + 1


@dataclass(frozen=True)
class Context:
    """``tokens`` tokens scored with a fresh state and then at most ``length`` tokens before them.

    They have half of that or more, or everything back to their document's beginning.

    nats, whole_nats: summed over the tokens, so and with all of their documents before them.
    error: half the width of a 95 % interval of ``difference``; None where there is too little text for one.
    """

    length: int
    tokens: int
    text_bytes: int
    nats: float
    whole_nats: float
    error: float | None

    @property
    def bits_per_byte(self) -> float | None:
        return bits(self.nats, self.text_bytes)

    @property
    def difference(self) -> float | None:
        """Bits per byte above those with the whole document before: what a longer context wins."""
        return bits(self.nats - self.whole_nats, self.text_bytes)

    @property
    def is_enough(self) -> bool:
        """Whether more context surely (95 %) wins less than 1 %."""
        whole = bits(self.whole_nats, self.text_bytes)
        if whole is None or self.difference is None or self.error is None:
            return False
        return self.difference + self.error < LITTLE * whole


@dataclass(frozen=True)
class ByPosition:
    """What was found for ``documents`` documents; ``seq_len``: the longest sequence of the training.

    ``on_end`` is None where there is only one document. ``contexts`` double up to the trained length, or to
    where no document is longer.
    """

    seq_len: int
    documents: int
    tokens: int
    text_bytes: int
    alone: Curve
    on_end: Curve | None
    contexts: tuple[Context, ...]
    seconds: float

    @property
    def enough(self) -> Context | None:
        """Where the score levels: the shortest context after which more surely wins less than 1 %.

        None where a longer one may win more, or where there is too little text to tell.
        """
        return next((context for context in self.contexts if context.is_enough), None)

    def to_json(self) -> dict[str, Any]:
        """As JSON, with what can be worked out from it, so that a reader need not."""
        enough = self.enough
        return {
            "seq_len": self.seq_len,
            "documents": self.documents,
            "tokens": self.tokens,
            "bytes": self.text_bytes,
            "alone": _curve_to_json(self.alone),
            "on_end": None if self.on_end is None else _curve_to_json(self.on_end),
            "contexts": [_with(context, "bits_per_byte", "difference") for context in self.contexts],
            "enough": None if enough is None else enough.length,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ByPosition:
        """What ``to_json`` gave. KeyError, TypeError or ValueError where it is something else."""
        on_end = content["on_end"]
        return cls(
            int(content["seq_len"]),
            int(content["documents"]),
            int(content["tokens"]),
            int(content["bytes"]),
            _curve_from_json(content["alone"]),
            None if on_end is None else _curve_from_json(on_end),
            tuple(_only(Context, context) for context in content["contexts"]),
            float(content["seconds"]),
        )


_Kind = TypeVar("_Kind", Band, Context, Drift)
_JSON_NAMES = {"text_bytes": "bytes"}  # as ``ysnakes eval --json`` has it


def bits(nats: float, text_bytes: int) -> float | None:
    """Bits per byte; None where there are no bytes."""
    return nats / math.log(2.0) / text_bytes if text_bytes else None


def _with(item: Band | Context, *derived: str) -> dict[str, Any]:
    stored = {_JSON_NAMES.get(name, name): value for name, value in dataclasses.asdict(item).items()}
    return stored | {name: getattr(item, name) for name in derived}


def _only(kind: type[_Kind], content: dict[str, Any]) -> _Kind:
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(**{name: content[_JSON_NAMES.get(name, name)] for name in names})


def _curve_to_json(curve: Curve) -> dict[str, Any]:
    def band(some: Band) -> dict[str, Any]:
        return _with(some, "loss", "bits_per_byte", "trained", "difference")

    return {
        "starts": curve.starts,
        "within": band(curve.within),
        "beyond": None if curve.beyond is None else band(curve.beyond),
        "drift": None if curve.drift is None else dataclasses.asdict(curve.drift),
        "bands": [band(some) for some in curve.bands],
    }


def _curve_from_json(content: dict[str, Any]) -> Curve:
    beyond, drift = content["beyond"], content["drift"]
    return Curve(
        tuple(_only(Band, band) for band in content["bands"]),
        int(content["starts"]),
        _only(Band, content["within"]),
        None if beyond is None else _only(Band, beyond),
        None if drift is None else _only(Drift, drift),
    )

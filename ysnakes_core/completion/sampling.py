"""From scores to one token: the sampling options and what they do, in one fixed order.

The order is the field's usual one:

1. control tokens that make no sense here are ruled out;
2. **repetition penalty** (CTRL, arXiv 1909.05858, section 4.1, in the form everyone uses since): a token
   among the last ``PENALTY_WINDOW`` *generated* ones has its score divided by the penalty where it is
   positive and multiplied by it where it is negative. The prompt is not counted: its words are the topic;
3. **temperature** divides the scores; 0 means greedy: the best token, the lowest id among equals;
4. **top-k** keeps the k likeliest tokens (0: all);
5. **top-p** keeps the fewest likeliest tokens whose probabilities reach p (arXiv 1904.09751);
6. **min-p** keeps tokens with at least ``min_p`` times the likeliest one's probability (arXiv 2407.01082).

Every filter keeps at least one token. One uniform number then chooses by the inverse of the cumulative
distribution *in the order of ids*: rounding that swaps two near-equal tokens in rank changes nothing, so
a row says the same whatever batch it is in.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ysnakes_core.completion.options import SamplingOptions, fresh_seed
from ysnakes_core.errors import YsnakesError
from ysnakes_core.model.native.choosing import NOT_FINITE, can_choose, choose_one
from ysnakes_core.model.native.library import library

__all__ = [
    "PENALTY_WINDOW",
    "Choice",
    "SamplingOptions",
    "Uniform",
    "choose",
    "distribution",
    "fresh_seed",
    "pick",
]

PENALTY_WINDOW = 64
"""Generated tokens that the repetition penalty looks back on."""

_FIRST_CUT = 256  # likeliest tokens looked at first when only top-p is on: nearly always enough

_NONE: npt.NDArray[np.int64] = np.empty(0, np.int64)
_NONE.flags.writeable = False

FloatArray = npt.NDArray[np.floating[Any]]


class Uniform:
    """Uniform numbers in [0, 1), one a token, that depend on the seed alone.

    Philox's raw words (which numpy promises never to change), so seeds next to each other are independent
    and the n-th number is the same on every machine.
    """

    def __init__(self, seed: int) -> None:
        self._words = np.random.Philox(key=seed)
        self._next: float | None = None

    def __call__(self) -> float:
        number, self._next = self.peek(), None
        return number

    def peek(self) -> float:
        """What the next call gives."""
        if self._next is None:
            self._next = (int(self._words.random_raw()) >> 11) * 2.0**-53
        return self._next


@dataclass(frozen=True)
class Choice:
    """A chosen token. ``probability`` is the model's own, before any option changed it."""

    id: int
    probability: float


def choose(
    logits: FloatArray,
    options: SamplingOptions,
    uniform: Uniform,
    *,
    recent: Collection[int] = (),
    forbidden: Collection[int] = (),
    alternatives: int = 0,
) -> tuple[Choice, list[Choice]]:
    """Choose a token from ``logits (vocab,)``; ``recent`` are generated ids to penalise.

    Also given are so many ``alternatives``: the model's own likeliest tokens, likeliest first, the lower id
    among equals. Raises as ``distribution``.
    """
    native = library()
    penalised = recent if options.repetition_penalty != 1.0 else ()
    top_k = options.top_k if options.temperature else 1
    if native is None or not can_choose(logits, top_k, len(penalised) + len(forbidden), alternatives):
        return _choose(logits, options, uniform, recent, forbidden, alternatives)
    found = choose_one(
        native,
        logits,
        recent=penalised,
        forbidden=forbidden,
        top_k=top_k,
        alternatives=alternatives,
        penalty=options.repetition_penalty,
        temperature=options.temperature,
        top_p=options.top_p,
        min_p=options.min_p,
        uniform=uniform.peek(),
    )
    if isinstance(found, int):
        raise _not_finite() if found == NOT_FINITE else _all_ruled_out()
    if found.left > 1:
        uniform()
    return Choice(found.id, found.probability), [Choice(*other) for other in found.others]


def _choose(
    logits: FloatArray,
    options: SamplingOptions,
    uniform: Uniform,
    recent: Collection[int],
    forbidden: Collection[int],
    alternatives: int,
) -> tuple[Choice, list[Choice]]:
    """``choose`` without the compiled function, which says the same."""
    ids, probabilities = distribution(logits, options, recent=recent, forbidden=forbidden)
    if len(ids) == 1:
        chosen = int(ids[0])
    else:
        cumulative = probabilities.cumsum()
        at = int(cumulative.searchsorted(uniform() * cumulative[-1], side="right"))
        chosen = int(ids[min(at, len(ids) - 1)])
    exponentials = np.exp(logits - logits.max())
    total = exponentials.sum(dtype=np.float64)
    others = _ranked(logits, alternatives) if alternatives else []
    return (
        Choice(chosen, float(exponentials[chosen] / total)),
        [Choice(other, float(exponentials[other] / total)) for other in others],
    )


def pick(
    logits: FloatArray,
    options: SamplingOptions,
    uniform: Uniform,
    *,
    recent: Collection[int] = (),
    forbidden: Collection[int] = (),
) -> Choice:
    """As ``choose``, without alternatives."""
    return choose(logits, options, uniform, recent=recent, forbidden=forbidden)[0]


def distribution(
    logits: FloatArray,
    options: SamplingOptions,
    *,
    recent: Collection[int] = (),
    forbidden: Collection[int] = (),
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The tokens that can be chosen, ids ascending, and their probabilities, which sum to 1.

    Raises :class:`YsnakesError` if a score is not a finite number or every token is forbidden.
    """
    if not (math.isfinite(logits.max()) and math.isfinite(logits.min())):  # a NaN is the largest of all
        raise _not_finite()
    # A temperature never changes an order, but a high one makes weights equal whose scores are not: top-k and
    # top-p rank by the scores. Top-k comes first, so that few are looked at and exponentiated.
    greedy = options.temperature == 0.0
    ids, scores = _candidates(
        logits, options.repetition_penalty, recent, forbidden, 1 if greedy else options.top_k
    )
    if not len(ids):
        raise _all_ruled_out()
    if greedy:
        return ids, np.ones(1)
    with np.errstate(over="ignore", under="ignore"):
        weights = np.exp((scores - scores.max()) / options.temperature)
    if options.top_p < 1.0:
        kept = _nucleus(scores, weights, options.top_p)
        ids, weights = ids[kept], weights[kept]
    kept = np.flatnonzero(weights >= options.min_p) if options.min_p > 0.0 else np.flatnonzero(weights)
    ids, weights = ids[kept], weights[kept]
    return ids, weights / weights.sum()


def _not_finite() -> YsnakesError:
    return YsnakesError(
        "the model's scores are not finite numbers",
        "its weights are damaged or its training diverged: use an earlier checkpoint",
    )


def _all_ruled_out() -> YsnakesError:
    return YsnakesError("every token is ruled out", "allow at least one token")


def _candidates(
    logits: FloatArray, penalty: float, recent: Collection[int], forbidden: Collection[int], top_k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The ``top_k`` best tokens (0: all), ids ascending, after penalty and prohibition; and their scores.

    The scores that are changed are few: they are looked at by themselves, with the best of the others.
    """
    seen, penalised = _NONE, np.empty(0)
    if penalty != 1.0 and recent:
        seen = np.fromiter(set(recent).difference(forbidden), np.int64)
        before = logits[seen].astype(np.float64)
        penalised = np.where(before > 0, before / penalty, before * penalty)
    if not top_k or top_k + len(seen) >= len(logits):
        scores = logits.astype(np.float64)
        scores[seen] = penalised
        scores[list(forbidden)] = -np.inf
        ids = _largest(scores, top_k or len(scores))
        ids = ids[scores[ids] > -np.inf] if forbidden else ids
        return ids, scores[ids]
    others = logits.copy()
    others[seen] = -np.inf
    others[list(forbidden)] = -np.inf
    best = _largest(others, top_k)
    ids = np.concatenate((best[others[best] > -np.inf], seen))
    scores = np.concatenate((logits[ids[: len(ids) - len(seen)]].astype(np.float64), penalised))
    order = ids.argsort()
    ids, scores = ids[order], scores[order]
    kept = _largest(scores, top_k)
    return ids[kept], scores[kept]


def _largest(values: FloatArray, k: int) -> npt.NDArray[np.int64]:
    """Positions, ascending, of the k largest values; among equals the first positions win."""
    n = len(values)
    if k >= n:
        return np.arange(n)
    least = np.partition(values, n - k)[n - k]
    found = np.flatnonzero(values >= least)
    if len(found) == k:
        return found
    equal = np.flatnonzero(values[found] == least)
    return np.delete(found, equal[len(equal) - (len(found) - k) :])


def _ranked(values: FloatArray, k: int) -> list[int]:
    """Positions of the k largest values, the largest first; among equals the first positions win."""
    found = _largest(values, k)
    ranked: list[int] = found[np.argsort(-values[found], kind="stable")].tolist()
    return ranked


def _nucleus(
    scores: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], top_p: float
) -> npt.NDArray[np.int64]:
    """Positions, ascending, of the fewest best scores whose weights sum to ``top_p`` of the whole."""
    wanted = top_p * weights.sum()
    cut = _FIRST_CUT
    while True:
        ranked = np.array(_ranked(scores, cut))
        cumulative = weights[ranked].cumsum()
        if cumulative[-1] >= wanted or cut >= len(weights):
            return np.sort(ranked[: int(cumulative.searchsorted(wanted)) + 1])
        cut *= 4

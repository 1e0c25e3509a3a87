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

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ysnakes_core.completion.options import SamplingOptions, fresh_seed
from ysnakes_core.errors import YsnakesError

__all__ = [
    "PENALTY_WINDOW",
    "Choice",
    "SamplingOptions",
    "Uniform",
    "distribution",
    "fresh_seed",
    "likeliest",
    "pick",
]

PENALTY_WINDOW = 64
"""Generated tokens that the repetition penalty looks back on."""

_FIRST_CUT = 256  # likeliest tokens looked at first when only top-p is on: nearly always enough

FloatArray = npt.NDArray[np.floating[Any]]


class Uniform:
    """Uniform numbers in [0, 1), one a token, that depend on the seed alone.

    Philox's raw words (which numpy promises never to change), so seeds next to each other are independent
    and the n-th number is the same on every machine.
    """

    def __init__(self, seed: int) -> None:
        self._words = np.random.Philox(key=seed)

    def __call__(self) -> float:
        return (int(self._words.random_raw()) >> 11) * 2.0**-53


@dataclass(frozen=True)
class Choice:
    """A chosen token. ``probability`` is the model's own, before any option changed it."""

    id: int
    probability: float


def pick(
    logits: FloatArray,
    options: SamplingOptions,
    uniform: Uniform,
    *,
    recent: Collection[int] = (),
    forbidden: Collection[int] = (),
) -> Choice:
    """Choose a token from ``logits (vocab,)``; ``recent`` are generated ids to penalise. Raises as below."""
    ids, probabilities = distribution(logits, options, recent=recent, forbidden=forbidden)
    if len(ids) == 1:
        chosen = int(ids[0])
    else:
        cumulative = probabilities.cumsum()
        at = int(cumulative.searchsorted(uniform() * cumulative[-1], side="right"))
        chosen = int(ids[min(at, len(ids) - 1)])
    exponentials = np.exp(logits - logits.max())
    return Choice(chosen, float(exponentials[chosen] / exponentials.sum(dtype=np.float64)))


def likeliest(logits: FloatArray, count: int) -> list[Choice]:
    """The ``count`` likeliest tokens of ``logits (vocab,)``, likeliest first, the lower id among equals."""
    ids = _largest(logits, count)
    ids = ids[np.argsort(-logits[ids], kind="stable")]
    exponentials = np.exp(logits - logits.max())
    probabilities = exponentials[ids] / exponentials.sum(dtype=np.float64)
    return [Choice(int(i), float(p)) for i, p in zip(ids, probabilities, strict=True)]


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
    if not np.isfinite(logits).all():
        raise YsnakesError(
            "the model's scores are not finite numbers",
            "its weights are damaged or its training diverged: use an earlier checkpoint",
        )
    scores = logits.astype(np.float64)
    if options.repetition_penalty != 1.0 and recent:
        seen = np.fromiter(set(recent), np.int64)
        before = scores[seen]
        scores[seen] = np.where(
            before > 0, before / options.repetition_penalty, before * options.repetition_penalty
        )
    if forbidden:
        scores[np.fromiter(forbidden, np.int64)] = -np.inf
    best = scores.max()
    if best == -np.inf:
        raise YsnakesError("every token is ruled out", "allow at least one token")
    if options.temperature == 0.0:
        return np.array([scores.argmax()]), np.ones(1)

    # A temperature never changes an order, but a high one makes weights equal whose scores are not: top-k and
    # top-p rank by the scores. Top-k comes first, so that few are exponentiated.
    ids = _largest(scores, options.top_k) if options.top_k else np.arange(len(scores))
    with np.errstate(over="ignore", under="ignore"):
        weights = np.exp((scores[ids] - best) / options.temperature)
    if options.top_p < 1.0:
        kept = _nucleus(scores[ids], weights, options.top_p)
        ids, weights = ids[kept], weights[kept]
    kept = np.flatnonzero(weights >= options.min_p) if options.min_p > 0.0 else np.flatnonzero(weights)
    ids, weights = ids[kept], weights[kept]
    return ids, weights / weights.sum()


def _largest(values: FloatArray, k: int) -> npt.NDArray[np.int64]:
    """Positions, ascending, of the k largest values; among equals the first positions win."""
    n = len(values)
    if k >= n:
        return np.arange(n)
    least = np.partition(values, n - k)[n - k]
    above = np.flatnonzero(values > least)
    equal = np.flatnonzero(values == least)[: k - len(above)]
    return np.sort(np.concatenate((above, equal)))


def _nucleus(
    scores: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], top_p: float
) -> npt.NDArray[np.int64]:
    """Positions, ascending, of the fewest best scores whose weights sum to ``top_p`` of the whole."""
    wanted = top_p * weights.sum()
    cut = _FIRST_CUT
    while True:
        best = _largest(scores, cut)
        ranked = best[np.argsort(-scores[best], kind="stable")]
        cumulative = weights[ranked].cumsum()
        if cumulative[-1] >= wanted or cut >= len(weights):
            return np.sort(ranked[: int(cumulative.searchsorted(wanted)) + 1])
        cut *= 4

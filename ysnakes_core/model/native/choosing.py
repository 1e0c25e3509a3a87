"""A token chosen by the compiled function: the same as ``sampling.choose``, in a tenth of the time."""

from __future__ import annotations

import ctypes
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ysnakes_core.model.native.library import Choice, Library

MOST = 1024  # as in choose.c
NOT_FINITE, RULED_OUT = 1, 2


@dataclass(frozen=True)
class Chosen:
    """What was found: the token, of how many, its probability, and ids and probabilities of the likeliest."""

    id: int
    left: int
    probability: float
    others: list[tuple[int, float]]


def can_choose(scores: npt.NDArray[np.floating[Any]], top_k: int, changed: int, alternatives: int) -> bool:
    """Whether the compiled function takes so many."""
    right = scores.dtype == np.float32 and scores.ndim == 1 and scores.flags.c_contiguous and len(scores) > 0
    return right and 1 <= top_k <= MOST and changed <= MOST and 0 <= alternatives <= MOST


def choose_one(
    library: Library,
    scores: npt.NDArray[np.floating[Any]],
    *,
    recent: Collection[int],
    forbidden: Collection[int],
    top_k: int,
    alternatives: int,
    penalty: float,
    temperature: float,
    top_p: float,
    min_p: float,
    uniform: float,
) -> Chosen | int:
    """The choice, or ``NOT_FINITE`` or ``RULED_OUT``. Raises ``IndexError`` for a token there is not."""
    if not can_choose(scores, top_k, len(recent) + len(forbidden), alternatives):
        raise ValueError("so many tokens cannot be chosen from, or the scores are no row of float32")
    recent_ids = (ctypes.c_int64 * len(recent))(*recent)
    forbidden_ids = (ctypes.c_int64 * len(forbidden))(*forbidden)
    other_ids, other_probabilities = (ctypes.c_int64 * alternatives)(), (ctypes.c_double * alternatives)()
    choice = Choice(
        scores.__array_interface__["data"][0],
        len(scores),
        ctypes.addressof(recent_ids),
        ctypes.addressof(forbidden_ids),
        len(recent),
        len(forbidden),
        top_k,
        alternatives,
        penalty,
        temperature,
        top_p,
        min_p,
        uniform,
        other_ids=ctypes.addressof(other_ids),
        other_probabilities=ctypes.addressof(other_probabilities),
    )
    wrong: int = library.choose(ctypes.addressof(choice))
    if wrong in (NOT_FINITE, RULED_OUT):
        return wrong
    if wrong:
        raise IndexError("there is no score for a token that is to be penalised or ruled out")
    others = list(zip(other_ids[: choice.n_others], other_probabilities[: choice.n_others], strict=True))
    return Chosen(choice.id, choice.left, choice.probability, others)

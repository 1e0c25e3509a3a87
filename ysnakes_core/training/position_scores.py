"""From scored tokens to bands and contexts, each with how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ysnakes_core.training.position_curve import (
    FIRST_BAND,
    LEAST_GROUPS,
    SURE,
    Band,
    Context,
    Curve,
    Drift,
    bits,
)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """Scored tokens: the position each was scored at, which token of the text it is, and its nats."""

    position: Integers
    place: Integers
    nats: Floats

    def between(self, first: int, last: int) -> Samples:
        """Those at the positions ``first`` to ``last``."""
        mask = (self.position >= first) & (self.position <= last)
        return Samples(self.position[mask], self.place[mask], self.nats[mask])

    @staticmethod
    def joined(samples: Sequence[Samples]) -> Samples:
        return Samples(
            np.concatenate([s.position for s in samples]),
            np.concatenate([s.place for s in samples]),
            np.concatenate([s.nats for s in samples]),
        )


@dataclass(frozen=True)
class Scores:
    """What is known of each token of a text, one entry a token, and the length the model was trained on.

    trained: its nats, read as in training. text_bytes: of the characters it completes.
    document, stretch: the document it is of, and the piece of that document.
    """

    trained: Floats
    text_bytes: Integers
    document: Integers
    stretch: Integers
    seq_len: int

    def curve(self, samples: Samples, starts: int) -> Curve:
        """The bands of scored tokens, which have every position from 0 on."""
        last = int(samples.position.max())
        return Curve(
            tuple(self._band(samples, *border) for border in borders(last + 1)),
            starts,
            self._band(samples, 0, min(self.seq_len - 1, last)),
            self._band(samples, self.seq_len, last) if last >= self.seq_len else None,
            self._drift(samples, last),
        )

    def context(self, length: int, whole: Floats, compared: Mask, place: Integers, nats: Floats) -> Context:
        """How the ``compared`` tokens do with so much context.

        Those at ``place`` have ``nats`` with it; for all others it is all there is, and so is ``whole``.
        """
        limited = whole.copy()
        limited[place] = nats
        tokens = np.flatnonzero(compared)
        sizes = self.text_bytes[tokens]
        return Context(
            length,
            len(tokens),
            int(sizes.sum()),
            float(limited[tokens].sum()),
            float(whole[tokens].sum()),
            self._error(_deviations(limited[tokens] - whole[tokens], sizes), tokens),
        )

    def _band(self, samples: Samples, first: int, last: int) -> Band:
        band = samples.between(first, last)
        sizes, trained = self.text_bytes[band.place], self.trained[band.place]
        return Band(
            first,
            last,
            len(band.nats),
            int(sizes.sum()),
            len(np.unique(self.document[band.place])),
            float(band.nats.sum()),
            float(trained.sum()),
            self._error(_deviations(band.nats, sizes), band.place),
            self._error(_deviations(band.nats - trained, sizes), band.place),
        )

    def _drift(self, samples: Samples, last: int) -> Drift | None:
        """Both parts together, for the same document may be in either."""
        far = 2 * self.seq_len
        if last < far:
            return None
        parts = [samples.between(self.seq_len, far - 1), samples.between(far, last)]
        excess = [part.nats - self.trained[part.place] for part in parts]
        sizes = [self.text_bytes[part.place] for part in parts]
        deviations = [-_deviations(excess[0], sizes[0]), _deviations(excess[1], sizes[1])]
        error = self._error(np.concatenate(deviations), *(part.place for part in parts))
        levels = [bits(float(e.sum()), int(s.sum())) for e, s in zip(excess, sizes, strict=True)]
        if levels[0] is None or levels[1] is None or error is None:
            return None
        return Drift(far, levels[1] - levels[0], error)

    def _error(self, deviations: Floats, *parts: Integers) -> float | None:
        """Half of a 95 % interval, in bits per byte, of what the deviations are of; None: too little text.

        Tokens of a document depend on one another, those of different documents are taken not to
        (cluster-robust; Liang and Zeger 1986). Where a part has few documents, their stretches serve.
        """
        for groups in (self.document, self.stretch):
            if min(len(np.unique(groups[part])) for part in parts) >= LEAST_GROUPS:
                _, which = np.unique(np.concatenate([groups[part] for part in parts]), return_inverse=True)
                sums = np.bincount(which, deviations)
                return _half_width(len(sums) / (len(sums) - 1) * float((sums**2).sum()), len(sums) - 1)
        return None


def borders(length: int) -> list[tuple[int, int]]:
    """First and last position of each band of a text of ``length`` tokens."""
    found = [(0, FIRST_BAND - 1)]
    while found[-1][1] < length - 1:
        found.append((found[-1][1] + 1, 2 * found[-1][1] + 1))
    return [(first, min(last, length - 1)) for first, last in found]


def _deviations(nats: Floats, sizes: Integers) -> Floats:
    """What each token adds to the ratio of nats to bytes being other than it is (its linearisation)."""
    size = int(sizes.sum())
    if not size:
        return np.full(len(nats), np.nan)
    deviations: Floats = (nats - nats.sum() / size * sizes) / size
    return deviations


def _half_width(variance: float, freedom: int) -> float | None:
    """Of a 95 % interval, in bits; Student's quantile by its expansion (Abramowitz and Stegun 26.7.5)."""
    first, second = (SURE**3 + SURE) / 4, (5 * SURE**5 + 16 * SURE**3 + 3 * SURE) / 96
    quantile = SURE + first / freedom + second / freedom**2
    return quantile * variance**0.5 / math.log(2.0) if math.isfinite(variance) else None

"""Scores by position as they may be found, without a model."""

from __future__ import annotations

from ysnakes_core.training.position_curve import Band, ByPosition, Context, Curve, Drift
from ysnakes_core.training.position_scores import borders


def written_positions(length: int = 13_866) -> ByPosition:
    """Of documents of up to 177 tokens, and of them end to end, ``length`` tokens: a little better read."""

    def curve(length: int, above: float) -> Curve:
        bands = tuple(
            Band(a, b, 50, 200, 9, 140.0 + 99 / (a + 1), 140.0 - above, 0.02, 0.01)
            for a, b in borders(length)
        )
        beyond = Band(256, length - 1, 50, 200, 9, 140.0, 140.0 - above, 0.02, 0.01) if length > 256 else None
        return Curve(bands, 9, bands[0], beyond, Drift(512, 0.0, 0.001) if beyond else None)

    contexts = (Context(64, 900, 3600, 2600.0, 2500.0, 0.002), Context(128, 900, 3600, 2501.0, 2500.0, 0.002))
    return ByPosition(256, 40, 9000, 36_000, curve(177, 0.0), curve(length, 10.0), contexts, 3.0)

"""Moving about a chart: which part of the horizontal axis is in view, and where the crosshair stands."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ysnakes_tui.widgets.chart_content import Series

View = tuple[float, float]

_LEAST_STEPS = 4.0  # in view where steps are whole
_MOST_ZOOM = 1e6


def zoomed(span: View, view: View | None, factor: float, about: float, *, whole: bool) -> View | None:
    """The view made ``factor`` times narrower, ``about`` staying where it is; None if that is all."""
    low, high = view or span
    least = min(_LEAST_STEPS if whole else (span[1] - span[0]) / _MOST_ZOOM, span[1] - span[0])
    width = max((high - low) / factor, least)
    if width >= (span[1] - span[0]) * (1 - 1e-9):
        return None
    share = min(max((about - low) / (high - low), 0.0), 1.0) if high > low else 0.5
    return within(span, about - share * width, width)


def panned(span: View, view: View, fraction: float) -> View:
    """The view moved by ``fraction`` of its width, not beyond the ends of ``span``."""
    width = view[1] - view[0]
    return within(span, view[0] + fraction * width, width)


def within(span: View, low: float, width: float) -> View:
    """A view of that width that begins at ``low`` or as near to it as ``span`` allows."""
    low = max(min(low, span[1] - width), span[0])
    return low, low + width


def containing(span: View, view: View, x: float) -> View:
    """The view moved as little as needed to have ``x`` in it."""
    low = min(max(view[0], x - (view[1] - view[0])), x)
    return within(span, low, view[1] - view[0])


def nearest(series: Iterable[Series], x: float) -> float | None:
    """The place of the point that is nearest to ``x``; None if there are no points."""
    return min(_around(series, x), key=lambda place: abs(place - x), default=None)


def beyond(series: Iterable[Series], x: float, target: float) -> float | None:
    """The place of the point nearest to ``target`` among those that lie from ``x`` in its direction."""
    every = list(series)
    found = {*_around(every, target), *_around(every, x)}
    ahead = [place for place in found if (place > x if target > x else place < x)]
    return min(ahead, key=lambda place: abs(place - target), default=None)


def _around(series: Iterable[Series], x: float) -> Iterable[float]:
    """The places of each series' points next to ``x`` on both sides, and at it."""
    for one in series:
        if len(one.x):
            left = int(np.searchsorted(one.x, x, side="left"))
            right = int(np.searchsorted(one.x, x, side="right"))
            for index in (left - 1, left, right):
                if 0 <= index < len(one.x):
                    yield float(one.x[index])

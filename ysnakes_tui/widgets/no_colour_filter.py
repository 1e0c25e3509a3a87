"""Without colours, what stood out by its background stands out by reverse video."""

from __future__ import annotations

import functools
from collections.abc import Callable

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

STANDS_OUT = 0.3  # the difference in brightness (0 to 1) to the app's background that means something
_PLAIN = Style.from_color(RichColor.default(), RichColor.default())


class NoColourFilter(LineFilter):
    """``background`` is asked for the background of the app's theme."""

    def __init__(self, background: Callable[[], Color], enabled: bool = True) -> None:
        super().__init__(enabled)
        self._base = background

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        base = self._base()
        return [
            segment
            if segment.control
            else Segment(segment.text, _without_colours(segment.style or Style(), base))
            for segment in segments
        ]


@functools.lru_cache(4096)
def _without_colours(style: Style, base: Color) -> Style:
    plain = style + _PLAIN
    below = style.bgcolor
    if style.reverse or below is None or below.is_default:
        return plain
    if abs(Color.from_rich_color(below).brightness - base.brightness) < STANDS_OUT:
        return plain
    return plain + Style(reverse=True, dim=False)

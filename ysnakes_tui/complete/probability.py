"""How likely a token was, in five bands that can be told apart with colours and without.

Each band has a style of text besides its colour, so that it can be read in any theme, and where there are no
colours; no band is reversed, which is what the cursor is.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from rich.style import Style
from rich.text import Text

LIMITS = (0.05, 0.2, 0.5, 0.9)
NAMES = ("below 5%", "5-20%", "20-50%", "50-90%", "90% and up")
BANDS = len(NAMES)
WRITTEN = BANDS  # stands for text that is not the model's
CLASSES = tuple(f"transcript--band-{band}" for band in range(BANDS))

BAND_CSS = """
    & > .transcript--band-0 { color: $text-error; text-style: bold italic underline; }
    & > .transcript--band-1 { color: $text-warning; text-style: bold underline; }
    & > .transcript--band-2 { color: $text-warning; text-style: underline; }
    & > .transcript--band-3 { color: $foreground; text-style: italic; }
    & > .transcript--band-4 { color: $text-success; text-style: none; }
    & > .transcript--written { color: $text-muted; text-style: dim; }
    &:ansi > .transcript--band-0 { color: ansi_red; }
    &:ansi > .transcript--band-1, &:ansi > .transcript--band-2 { color: ansi_yellow; }
    &:ansi > .transcript--band-3 { color: ansi_default; }
    &:ansi > .transcript--band-4 { color: ansi_green; }
"""


def band_of(probability: float | None) -> int | None:
    """The band, 0 for the least likely; ``WRITTEN`` where there is none; None for what is no probability."""
    if probability is None:
        return WRITTEN
    if not math.isfinite(probability) or not 0 <= probability <= 1.0001:
        return None
    return bisect_right(LIMITS, probability)


def percent(probability: float | None) -> str:
    """``97%``, ``3.1%``, ``0.04%``, ``<0.01%``; ``?`` for what is no probability. At most 6 characters."""
    if probability is None or band_of(probability) is None:
        return "?"
    share = 100 * probability
    if share >= 9.95:
        return f"{share:.0f}%"
    if share >= 0.995:
        return f"{share:.1f}%"
    return f"{share:.2f}%" if share >= 0.01 or share == 0 else "<0.01%"


def legend(looks: tuple[Style, ...], *, width: int) -> Text:
    """What each band looks like, the likeliest first; shorter where it must fit into ``width``."""
    for names in (NAMES, ("<5%", "<20%", "<50%", "<90%", "90%+")):
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        for band in reversed(range(BANDS)):
            if text:
                text.append("  ")
            text.append(names[band], looks[band])
        if text.cell_len <= width:
            break
    return text

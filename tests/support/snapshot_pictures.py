"""Pictures of the screen kept as SVG files, and a comparison with them whose failures read as text."""

from __future__ import annotations

import difflib
import html
import re
from pathlib import Path

from rich.cells import cell_len

_WEB_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_LINE_CLIPS = re.compile(r'\s*<clipPath id="[^"]*-line-\d+">.*?</clipPath>', re.DOTALL)
_TEXT = re.compile(r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>')
_STYLE = re.compile(r"\.(t-r\d+) \{([^}]*)\}")
_CELL_WIDTH = 12.2  # of a picture's units
_MOST_LINES = 60  # of a difference
HOW_TO_RENEW = """Look at the SVG files, in a browser for example. If they are as they should be, keep them:
  YSNAKES_UPDATE_SNAPSHOTS=1 python -m pytest tests/tui/test_snapshots.py"""


def tidied(svg: str) -> str:
    """The picture without fonts from the web, and without what changes all over when one character does."""
    svg = _LINE_CLIPS.sub("", _WEB_FONTS.sub("", svg))
    svg = re.sub(r' clip-path="url\(#[^)]*-line-\d+\)"', "", svg)
    svg = re.sub(r"terminal-\d+", "t", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def lines_of(svg: str) -> list[str]:
    """The text on the screen, line by line."""
    lines: dict[float, str] = {}
    for x, y, text in _TEXT.findall(re.sub(r'<text class="[^"]*-title".*?</text>', "", svg)):
        before = lines.get(float(y), "")
        gap = round(float(x) / _CELL_WIDTH) - cell_len(before)  # of spaces, which are not drawn
        lines[float(y)] = f"{before}{' ' * gap}{html.unescape(text)}"
    return [text.replace("\xa0", " ").rstrip() for _, text in sorted(lines.items())]


def colours_of(svg: str) -> set[str]:
    """Every colour of the screen's text and backgrounds; the window around it is left out."""
    styles = "".join(rules for _, rules in _STYLE.findall(svg))
    screen = svg.partition('clip-path="url(#t-clip-terminal)"')[2]
    assert styles
    assert screen
    return {colour.lower() for colour in re.findall(r"fill[:=]\s*\"?(#[0-9a-fA-F]{6})", styles + screen)}


def difference(kept: Path, svg: str, aside: Path) -> str:
    """What differs between the picture in the file ``kept`` and ``svg``, which is then written ``aside``.

    "" if nothing does.
    """
    before = kept.read_text(encoding="utf-8") if kept.exists() else ""
    if before == svg:
        return ""
    aside.mkdir(parents=True, exist_ok=True)
    (aside / kept.name).write_text(svg, encoding="utf-8", newline="\n")
    what = "is not as it was" if before else "was never looked at and kept"
    texts = (lines_of(before), lines_of(svg))
    if texts[0] == texts[1]:
        what += ": the text is the same, colours or styles are not"
        texts = (before.splitlines(), svg.splitlines())
    shown = list(difflib.unified_diff(*texts, "kept", "now", lineterm="", n=1))
    more = [f"… and {len(shown) - _MOST_LINES} lines more"] if len(shown) > _MOST_LINES else []
    return "\n".join(
        [
            f"{kept.name} {what}.",
            *shown[:_MOST_LINES],
            *more,
            f"  as it was: {kept}" if before else "  it was not there before",
            f"  as it is now: {aside / kept.name}",
        ]
    )

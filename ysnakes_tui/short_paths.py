"""Long paths in what is said, cut in the middle, where a line must not lose its last words."""

from __future__ import annotations

import re

from rich.cells import cell_len

# Three names or more, of which all but the last may have spaces in them.
_NAME = r"[^\\/:;,“”()\s]"
_PATH = re.compile(
    rf"(?:(?<=\s)|(?<=[“(])|^)(?:[A-Za-z]:|~)?(?:[\\/](?:{_NAME}|(?<!\s)[ ](?={_NAME}))+){{2,}}[\\/]{_NAME}+"
)


def shortened(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells: with only the ends of its paths, then without its middle."""
    text = with_short_paths(text, width)
    if cell_len(text) <= width:
        return text
    tail = max(0, 2 * (width - 1) // 3)  # the reason is said last
    end = ""
    for character in reversed(text):
        if cell_len(character + end) > tail:
            break
        end = character + end
    start = ""
    for character in text:
        if cell_len(start + character + end) > width - 1:
            break
        start += character
    return f"{start}…{end}" if width > 0 else ""


def with_short_paths(text: str, width: int) -> str:
    """``text`` with only the ends of its paths where it is wider than ``width`` cells."""
    return _PATH.sub(_ending, text) if cell_len(text) > width else text


def _ending(found: re.Match[str]) -> str:
    names = re.split(r"([\\/])", found[0])
    return "…" + "".join(names[-4:])

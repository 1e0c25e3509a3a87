"""Everything drawn with ASCII characters of the same width, for terminals that lack the others."""

from __future__ import annotations

import functools
import unicodedata

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_STAND_INS = {
    **dict.fromkeys("─━═╌╍┄┅┈┉╴╶╸╺▔▁▂▃", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋▏▎▍▌▐▕▋▊▉╵╷╹╻", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╠╣╦╩╬┏┓┗┛┣┫┳┻╋", "+"),
    **dict.fromkeys("█▇▆▅▄▀■▓▙▛▜▟", "#"),
    **dict.fromkeys("▒░▖▗▘▝▚▞", ":"),
    **dict.fromkeys("●◉•∙◆★", "*"),
    **dict.fromkeys("○◌◐◑◒◓◇☆", "o"),
    **dict.fromkeys("▸▶►→❯›⏵", ">"),
    **dict.fromkeys("◂◀◄←❮‹⏴", "<"),
    **dict.fromkeys("▴▲↑⏶", "^"),
    **dict.fromkeys("▾▼↓⏷", "v"),
    **dict.fromkeys("–—−‐‑", "-"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("‘’‚", "'"),
    **{
        "…": ".",
        "·": "-",
        "×": "x",
        "±": "~",
        "✓": "+",
        "✔": "+",
        "✗": "x",
        "✘": "x",
        "‖": "=",
        "␡": "?",
        "§": "S",
        "⏎": "<",
        "\xa0": " ",
    },
}


class AsciiFilter(LineFilter):
    """Letters lose their accents; what has no stand-in becomes ``?``. Nothing ever moves."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(to_ascii(segment.text), segment.style)
            for segment in segments
        ]


@functools.lru_cache(4096)
def to_ascii(text: str) -> str:
    """``text`` in ASCII, taking as many columns as before."""
    return "".join(character if character.isascii() else _stand_in(character) for character in text)


def _stand_in(character: str) -> str:
    """Its own if it has one, a letter without its accent, or ``?``."""
    known = _STAND_INS.get(character)
    if known is not None:
        return known
    parts = unicodedata.normalize("NFD", character)
    letter, accents = parts[0], parts[1:]
    is_letter = letter.isascii() and letter.isalpha() and all(map(unicodedata.combining, accents))
    return letter if is_letter else "?" * cell_len(character)

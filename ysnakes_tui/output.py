"""stdout is data, stderr is narration: writing to both on any terminal, pipe or encoding.

Nothing here ever fails for a character that the encoding lacks: the signs this program uses have plain
stand-ins, anything else is written as an escape. Text of a model or a file goes through ``shown`` before
it reaches a terminal, so that it cannot steer it.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

_STAND_INS = {
    **{
        "…": "...",
        "·": "-",
        "×": "x",
        "–": "-",
        "—": "-",
        "−": "-",
        "→": "->",
        "▸": ">",
        "✓": "ok",
        "✗": "NO",
        "±": "+-",
        "●": "*",
        "○": "o",
        "◉": "@",
        "│": "|",
        "┤": "|",
        "└": "+",
    },
    **{"“": '"', "”": '"', "‘": "'", "’": "'", "‹": "<", "›": ">", "━": "#", "─": "-", "•": "*", "␡": "^?"},
}
_ERRORS = "ysnakes-stand-in"


def prepare_streams() -> None:
    """Have three streams that take all characters, or bytes, there are. Called once, before anything else."""
    codecs.register_error(_ERRORS, _stand_in)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS if mode == "w" else "surrogateescape")


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_plain(character) for character in missing), error.end


def _plain(character: str) -> str:
    if "\u2400" <= character <= "\u241f":  # the picture of a control character
        return "^" + chr(ord(character) - 0x2400 + 0x40)
    return _STAND_INS.get(character) or character.encode("ascii", "backslashreplace").decode()


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def can_redraw(stream: TextIO) -> bool:
    """Whether lines can be drawn over: a terminal that is not a dumb one."""
    return is_terminal(stream) and os.environ.get("TERM", "") != "dumb"


def has_terminal_for_app() -> bool:
    """Whether keys come from a terminal, and there is one to draw on."""
    # What Textual draws goes to stderr, except on Windows; a dumb terminal cannot show it.
    return is_terminal(sys.stdin) and is_terminal(sys.stdout) and can_redraw(sys.stderr)


def can_color(stream: TextIO) -> bool:
    """Colours: a terminal, and no ``NO_COLOR`` (https://no-color.org: set and not empty)."""
    return can_redraw(stream) and not os.environ.get("NO_COLOR")


def speaks_unicode(stream: TextIO) -> bool:
    """Whether the stream's encoding has this program's signs."""
    try:
        "✓━…".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def shown(text: str, limit: int | None = None, *, keep_lines: bool = False) -> str:
    """Text from outside as a terminal may have it: control characters as visible signs."""
    from ysnakes_core.files import printable  # not needed for --help, which must be quick

    return printable(text, limit, keep_lines=keep_lines)


def one_line(text: str, limit: int) -> str:
    """Text from outside on one line, at most ``limit`` characters."""
    return shown(" ".join(text[: 4 * limit].split()), limit)


def put(text: str = "", *, end: str = "\n") -> None:
    """Data: to stdout, at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def put_json(content: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own; numbers that are not finite become null."""
    put(json.dumps(_finite(content), allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def say(text: str = "", *, end: str = "\n") -> None:
    """Narration: to stderr. If nobody can hear it any more (a closed terminal) that is no reason to fail."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text + end)
        sys.stderr.flush()


def say_error(what: str, hint: str = "") -> None:
    """What is wrong, and what to do about it."""
    label = "\x1b[1;31merror:\x1b[0m" if can_color(sys.stderr) else "error:"
    say(f"{label} {shown(what)}")
    if hint:
        say(f"  hint: {shown(hint)}")


def say_warning(what: str, hint: str = "") -> None:
    say(f"warning: {shown(what)}")
    if hint:
        say(f"  hint: {shown(hint)}")


def drop_stdout() -> None:
    """Send what is still buffered for stdout nowhere: its reader has gone, and that is no error."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)

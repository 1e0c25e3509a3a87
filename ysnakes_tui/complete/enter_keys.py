"""Enter with another key held, in the ways that terminals have of sending it.

With kitty's protocol it arrives as ``shift+enter`` and ``alt+enter``, which is how it is written in the
registry of actions. Without it, terminals send escape and enter for alt+enter (and for shift+enter, where a
person set that up), of which Textual 8 makes an enter; xterm's modifyOtherKeys, which Textual does not know,
becomes keys called ``shift+\\r`` and the like; and ctrl+j is a line feed, as typed since there are terminals.
"""

from __future__ import annotations

from enum import Enum
from typing import cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

_ALT_ENTER = "\x1b\r"


class _Key(Enum):
    ALT_ENTER = "alt+enter"


def know_alt_enter() -> None:
    """Have escape and enter, sent together, be alt+enter."""
    cast("dict[str, object]", ANSI_SEQUENCES_KEYS).setdefault(_ALT_ENTER, (_Key.ALT_ENTER,))


def begins_line(key: str) -> bool:
    """Whether a key of Textual's, which the registry cannot name, begins a new line."""
    return key == "ctrl+j" or key.endswith("\r")

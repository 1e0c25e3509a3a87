"""When Python looks for cycles that nothing refers to any more, in a program that answers keys.

A look at everything there is takes some 0.1 s here: longer than an answer may.
"""

from __future__ import annotations

import gc

NEW_OBJECTS = 2_000  # between two looks at the newest of them; then at five times that, and at all of the new


def put_off() -> None:
    """No look while everything is loaded: nearly all of that stays."""
    gc.disable()


def take_up() -> None:
    """From now on, and only at what is new from now on."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 5, 50)
    gc.enable()

"""The two ways in which text is decoded: the compiled step, and torch alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ysnakes_core.model import decoding, packing
from ysnakes_core.model.decoding import Decoding
from ysnakes_core.model.native import building
from ysnakes_core.model.native.library import Library, level_here, library
from ysnakes_core.model.native_decoding import NativeDecoding

WAYS = ("compiled", "torch")


def compiled_library() -> Library:
    """It must be there where it could be; a test that needs it is skipped where it could not."""
    found = library()
    if found is not None:
        return found
    if building.compiler() is None or level_here() is None:
        pytest.skip("there is no C compiler, or it is of no use on this processor")
    pytest.fail(
        f"the compiled step is not there, but {building.compiler()} is: python -m {building.__name__}"
    )


def decode_by(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all text decoded in one of the ``WAYS``."""
    if way == "compiled":
        compiled_library()
        return
    for module in (decoding, packing):
        monkeypatch.setattr(module, "library", lambda: None)


def change_steps(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """Have a token taken in by ``change(step)`` instead of ``step(decoding, tokens)``, in both ways."""
    for kind in (Decoding, NativeDecoding):
        monkeypatch.setattr(kind, "step", change(kind.step))

"""A training state as strict JSON, exactly: floats by their shortest exact form, bytes as base64.

JSON has no infinities, no not-a-number and no bytes; those are objects with one key:
``{"$float": "inf"}``, ``{"$bytes": "aGk="}``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from ysnakes_core.errors import UsageError

_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_DEEPEST = 50


def encode_state(value: Any, where: str = "state", depth: int = 0) -> Any:
    """``value`` as what ``json`` writes exactly. Raises ``UsageError`` naming what cannot be stored."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):  # numpy's too
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if isinstance(value, bytes | bytearray):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for key in value:
            if not isinstance(key, str) or key.startswith("$"):
                raise UsageError(f"{where} has the key {key!r:.60}", "use text keys that do not start with $")
        return {key: encode_state(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and depth < _DEEPEST:
        return [encode_state(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    raise UsageError(
        f"{where} is a {type(value).__name__}, which cannot be stored exactly",
        "store numbers, texts, bytes, lists and mappings",
    )


def decode_state(value: Any) -> Any:
    """What ``encode_state`` was given (sequences as lists). Raises ``ValueError`` for damaged bytes."""
    if isinstance(value, list):
        return [decode_state(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, content),) = value.items()
        if key == "$float" and content in _FLOATS:
            return _FLOATS[content]
        if key == "$bytes" and isinstance(content, str):
            return base64.b64decode(content, validate=True)
    return {key: decode_state(item) for key, item in value.items()}

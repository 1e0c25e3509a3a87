"""In which numbers the weights are held to complete text. Light: forms and command lines need it too."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Precision = Literal["float32", "bfloat16", "int8"]

PRECISIONS: Mapping[Precision, str] = MappingProxyType(
    {
        "float32": "as trained",
        "bfloat16": "half the memory; scores differ in the third digit",
        "int8": "a quarter of the memory, the fastest for large models; scores differ in the second digit",
    }
)

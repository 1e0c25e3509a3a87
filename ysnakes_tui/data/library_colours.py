"""Colours of the theme, for texts: Rich knows fewer ways of writing them than themes do."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def colour(variables: Mapping[str, str], name: str) -> str:
    """The colour ``name`` of ``App.theme_variables`` as Rich's styles have it; "" for one it cannot show."""
    value = variables.get(name, "")
    if value.startswith("ansi_"):  # one of the terminal's own
        return value.removeprefix("ansi_")
    return value if _HEX.fullmatch(value) else ""

"""Reading the small text and TOML files that users write: kinds, lists, rules."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.files import explain, printable, read_limited


def read_text(path: Path, label: str, max_bytes: int) -> str:
    """A user's small text file. Raises UsageError if it cannot be read, is too large or is not UTF-8."""
    try:
        return read_limited(path, max_bytes).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{label} is not UTF-8 text", "save it as UTF-8") from error
    except OSError as error:
        raise explain(error, path, "read") from error
    except YsnakesError as error:
        raise UsageError(
            f"{label} is no plain file of at most {max_bytes // 1024:,} kB",
            "make it smaller, or move it away",
        ) from error


def read_toml(path: Path, label: str, max_bytes: int) -> dict[str, Any]:
    """A user's small TOML file. Raises UsageError if it cannot be read, is too large or is not TOML."""
    return parse_toml(read_text(path, label, max_bytes), label)


def parse_toml(text: str, label: str) -> dict[str, Any]:
    """TOML from a file that is called ``label``. Raises UsageError."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else printable(str(error), 200)
        raise UsageError(
            f"{label} is not valid TOML: {reason}", "mend that line, or move the file away"
        ) from error

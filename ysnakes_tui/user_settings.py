"""The user's own defaults for new runs: a ``config.toml`` of which every key is optional.

What holds, the later one wins: the program's defaults, the preset, this file, the command line.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from pathlib import Path
from typing import Any

import platformdirs

from ysnakes_core.configuration import (
    DEFAULT_PRESET,
    SECTIONS,
    RunConfig,
    from_toml,
    preset_config,
    to_toml,
    validated,
)
from ysnakes_core.errors import UsageError
from ysnakes_core.files import explain, read_limited
from ysnakes_core.paths import HOME_VARIABLE, home

MAX_BYTES = 2**20


def settings_file() -> Path:
    """``config.toml`` in ``YSNAKES_HOME``, else in the platform's folder for settings; it may not exist."""
    if os.environ.get(HOME_VARIABLE, "").strip():
        return home() / "config.toml"
    return platformdirs.user_config_path("ysnakes", appauthor=False) / "config.toml"


def starting_config(preset: str | None) -> RunConfig:
    """What a new run starts from: ``preset`` (else the file's own, else the usual one) under the file.

    Raises ``UsageError`` that names the file, the key and what is allowed.
    """
    path = settings_file()
    try:
        text = read_limited(path, MAX_BYTES).decode()
    except FileNotFoundError:
        return preset_config(preset or DEFAULT_PRESET)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", "mend it with: ysnakes config edit") from error
    except OSError as error:
        raise explain(error, path, "read") from error
    try:
        given = from_toml(text)
        config = preset_config(preset or given.preset or DEFAULT_PRESET)
        return validated(_with_keys_of(tomllib.loads(text), given, config))
    except UsageError as error:
        raise UsageError(f"in {path}: {error.what}", error.hint) from error


def _with_keys_of(document: dict[str, Any], given: RunConfig, config: RunConfig) -> RunConfig:
    for section in SECTIONS:
        named = {key: getattr(getattr(given, section), key) for key in document.get(section, {})}
        changed: dict[str, Any] = {section: dataclasses.replace(getattr(config, section), **named)}
        config = dataclasses.replace(config, **changed)
    return config


def template() -> str:
    """A file that changes nothing: every key with its meaning, commented out."""
    lines = ["# Your own defaults for new runs. Take the # off a line to set it.", ""]
    for line in to_toml(RunConfig()).splitlines()[2:]:
        is_key = line and not line.startswith(("#", "["))
        lines.append(
            f"# {line}" if is_key else line.replace("# ", "## ", 1) if line.startswith("#") else line
        )
    return "\n".join(lines) + "\n"

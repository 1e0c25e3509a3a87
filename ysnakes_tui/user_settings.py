"""The user's own defaults for new runs, and own keys of the app: a ``config.toml`` with every key optional.

What holds, the later one wins: the program's defaults, the preset, this file, the command line.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.files import explain, read_limited
from ysnakes_core.paths import HOME_VARIABLE, home

if TYPE_CHECKING:
    from ysnakes_tui.keymap import Keymap

MAX_BYTES = 2**20
KEYS = "keys"  # the section with the keys of the app; all others are sections of a run's configuration


def settings_file() -> Path:
    """``config.toml`` in ``YSNAKES_HOME``, else in the platform's folder for settings; it may not exist."""
    if os.environ.get(HOME_VARIABLE, "").strip():
        return home() / "config.toml"
    return platformdirs.user_config_path("ysnakes", appauthor=False) / "config.toml"


def starting_config(preset: str | None) -> RunConfig:
    """What a new run starts from: ``preset`` (else the file's own, else the usual one) under the file.

    Raises ``UsageError`` that names the file, the key and what is allowed.
    """
    text = _read()
    if text is None:
        return preset_config(preset or DEFAULT_PRESET)
    path = settings_file()
    try:
        given = from_toml(_without_keys(text))
        config = preset_config(preset or given.preset or DEFAULT_PRESET)
        return validated(_with_keys_of(tomllib.loads(text), given, config))
    except UsageError as error:
        raise UsageError(f"in {path}: {error.what}", error.hint) from error


def own_keymap() -> Keymap:
    """The keys of the app as the file wants them. What is wrong with them, or with the file, is a warning."""
    from ysnakes_tui.keymap import keymap_from

    warnings: list[str] = []
    table: object = {}
    try:
        table = tomllib.loads(_read() or "").get(KEYS, {})
    except YsnakesError as error:
        warnings.append(str(error))
    except (ValueError, RecursionError) as error:
        warnings.append(f"{settings_file()} is not valid TOML: {error!s:.200}; mend it: ysnakes config edit")
    if not isinstance(table, dict):
        warnings.append(f"{KEYS} is no section: write [{KEYS}] and one line for each action below it")
        table = {}
    keymap = keymap_from(table)
    return dataclasses.replace(keymap, warnings=(*warnings, *keymap.warnings))


def _read() -> str | None:
    """What the file says, None if there is none. Raises ``YsnakesError``."""
    path = settings_file()
    try:
        return read_limited(path, MAX_BYTES).decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", "mend it with: ysnakes config edit") from error
    except OSError as error:
        raise explain(error, path, "read") from error


def _without_keys(text: str) -> str:
    """``text`` (TOML) without the section of keys; as it is where it has none or is no TOML."""
    try:
        if KEYS not in tomllib.loads(text):
            return text
    except (ValueError, RecursionError):
        return text  # whoever reads it says what is wrong
    import tomlkit

    document = tomlkit.parse(text)
    del document[KEYS]
    return tomlkit.dumps(document)


def _with_keys_of(document: dict[str, Any], given: RunConfig, config: RunConfig) -> RunConfig:
    for section in SECTIONS:
        named = {key: getattr(getattr(given, section), key) for key in document.get(section, {})}
        changed: dict[str, Any] = {section: dataclasses.replace(getattr(config, section), **named)}
        config = dataclasses.replace(config, **changed)
    return config


def template() -> str:
    """A file that changes nothing: every key with its meaning, commented out."""
    from ysnakes_core.settings import toml_value
    from ysnakes_tui.actions import ACTIONS

    lines = ["# Your own defaults for new runs. Take the # off a line to set it.", ""]
    for line in to_toml(RunConfig()).splitlines()[2:]:
        is_key = line and not line.startswith(("#", "["))
        lines.append(
            f"# {line}" if is_key else line.replace("# ", "## ", 1) if line.startswith("#") else line
        )
    lines += ["", f"[{KEYS}]", '## keys of the app, one or a list; "" for none: see them with `ysnakes keys`']
    for action in ACTIONS.values():
        keys = toml_value(action.keys[0] if len(action.keys) == 1 else action.keys)
        lines += [f"## {action.title}: {action.help}", f"# {action.id} = {keys}"]
    return "\n".join(lines) + "\n"

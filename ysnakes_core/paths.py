"""Where things live: runs, the library of text, caches and the shipped corpus."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from ysnakes_core.errors import YsnakesError

HOME_VARIABLE = "YSNAKES_HOME"


def _chosen_home() -> Path | None:
    value = os.environ.get(HOME_VARIABLE, "").strip()
    return Path(value).expanduser().absolute() if value else None


def home() -> Path:
    """The folder of everything that is kept: ``YSNAKES_HOME``, else the platform's user data folder."""
    return _chosen_home() or platformdirs.user_data_path("ysnakes", appauthor=False)


def runs_dir(override: Path | None = None) -> Path:
    """The folder with one folder per run: ``override``, else ``runs`` in ``home()``. It may not exist yet."""
    return override.expanduser().absolute() if override is not None else home() / "runs"


def data_dir(override: Path | None = None) -> Path:
    """The folder of the library of text: ``override``, else ``data`` in ``home()``. It may not exist yet."""
    return override.expanduser().absolute() if override is not None else home() / "data"


def transcripts_dir() -> Path:
    """The folder of conversations with models: ``transcripts`` in ``home()``. It may not exist yet."""
    return home() / "transcripts"


def cache_dir() -> Path:
    """The folder of what can be made again: ``cache`` in ``YSNAKES_HOME``, else the platform's own."""
    chosen = _chosen_home()
    return chosen / "cache" if chosen else platformdirs.user_cache_path("ysnakes", appauthor=False)


def shipped_corpus() -> Path:
    """The folder of the corpus that comes with the program, in a checkout or in an installed wheel.

    Raises ``YsnakesError`` if neither is there.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "_training_data", package.parent / "training_data"):
        if candidate.is_dir():
            return candidate
    raise YsnakesError(
        "the corpus that comes with ysnakes is missing from this installation",
        "install ysnakes again, or name your own text: ysnakes train PATH",
    )

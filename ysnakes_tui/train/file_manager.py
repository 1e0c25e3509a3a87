"""Showing a folder in the system's file manager."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable

WAIT_SECONDS = 5.0  # an opener that has not ended by then is the file manager itself


def opener(environment: Mapping[str, str], platform: str = sys.platform) -> str | None:
    """The program that opens a folder here; None where there is none, as on a machine without a screen."""
    if platform == "darwin":
        return "open"
    if platform == "win32":
        return "explorer"
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return None
    return shutil.which("xdg-open")


def open_folder(folder: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Show ``folder``. Takes up to ``WAIT_SECONDS``. Raises ``YsnakesError`` that says where it is."""
    program = opener(environment)
    place = f"the folder is {printable(str(folder))}"
    if program is None:
        raise YsnakesError("there is no file manager here", place)
    try:
        process = subprocess.Popen(
            [program, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise YsnakesError(f"the file manager does not start ({error.strerror or error})", place) from error
    try:
        failed = process.wait(WAIT_SECONDS) != 0 and program != "explorer"  # which always says 1
    except subprocess.TimeoutExpired:
        return
    if failed:
        raise YsnakesError("the file manager could not open it", place)

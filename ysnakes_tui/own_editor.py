"""The person's own editor: which it is, and opening a file in it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ysnakes_core.errors import UsageError, YsnakesError


def open_in(command: Sequence[str], file: Path) -> None:
    """Open a file in an editor, and wait until it is closed.

    Raises ``UsageError`` where the editor cannot be started, and ``YsnakesError`` where it failed.
    """
    try:
        ended = subprocess.run([*command, str(file)], check=False)
    except OSError as error:
        raise UsageError(
            f"the editor {command[0]} cannot be started ({error.strerror})", "set EDITOR to one that can"
        ) from error
    if ended.returncode:
        raise YsnakesError(f"the editor {command[0]} ended with an error", f"the file is {file}")


def own_editor() -> list[str]:
    """The command of $VISUAL or $EDITOR, or of one that is there. Raises ``UsageError`` if none is."""
    for variable in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(os.environ.get(variable, ""), posix=os.name != "nt")
        except ValueError as error:
            raise UsageError(f"{variable} is not a command ({error})", f"set {variable} anew") from error
        if words:
            return words
    for name in ("notepad",) if os.name == "nt" else ("nano", "vi"):
        if shutil.which(name):
            return [name]
    raise UsageError("there is no editor", "set EDITOR to the one you use, for example: export EDITOR=nano")

"""``ysnakes config path|show|edit``."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import typer

from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_tui.failures import guarded
from ysnakes_tui.output import put, say, say_warning


def register(app: typer.Typer) -> None:
    app.command("path")(path)
    app.command("show")(show)
    app.command("edit")(edit)


@guarded
def path() -> int | None:
    """Print where your settings file is."""
    from ysnakes_tui.user_settings import settings_file

    put(str(settings_file()))
    return None


@guarded
def show() -> int | None:
    """Print every setting that a new run starts from, with its meaning, as TOML."""
    from ysnakes_core.configuration import to_toml
    from ysnakes_tui.user_settings import starting_config

    put(to_toml(starting_config(None)), end="")
    return None


@guarded
def edit() -> int | None:
    """Open your settings file in $VISUAL or $EDITOR, and check it afterwards."""
    from ysnakes_core.files import explain, write_atomically
    from ysnakes_tui.user_settings import own_keymap, settings_file, starting_config, template

    file = settings_file()
    command = _editor()
    if not file.exists():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error, file.parent, "make") from error
        write_atomically(file, template())
    try:
        ended = subprocess.run([*command, str(file)], check=False)
    except OSError as error:
        raise UsageError(
            f"the editor {command[0]} cannot be started ({error.strerror})", "set EDITOR to one that can"
        ) from error
    if ended.returncode:
        raise YsnakesError(f"the editor {command[0]} ended with an error", f"the file is {file}")
    starting_config(None)
    warnings = own_keymap().warnings
    for warning in warnings:
        say_warning(warning)
    if not warnings:
        say(f"{file} is in order")
    return None


def _editor() -> list[str]:
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

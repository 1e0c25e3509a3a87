"""``ysnakes config path|show|edit``."""

from __future__ import annotations

import typer

from ysnakes_tui.failures import guarded
from ysnakes_tui.output import put, say, say_warning
from ysnakes_tui.own_editor import open_in, own_editor


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
    command = own_editor()
    if not file.exists():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error, file.parent, "make") from error
        write_atomically(file, template())
    open_in(command, file)
    starting_config(None)
    warnings = own_keymap().warnings
    for warning in warnings:
        say_warning(warning)
    if not warnings:
        say(f"{file} is in order")
    return None

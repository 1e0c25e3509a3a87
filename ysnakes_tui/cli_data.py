"""``ysnakes data``: text to train on, written, curated, kept, and taken out."""

from __future__ import annotations

import typer

from ysnakes_tui import (
    cli_data_check,
    cli_data_decide,
    cli_data_edit,
    cli_data_generate,
    cli_data_kinds,
    cli_data_library,
    cli_data_search,
)


def register(app: typer.Typer) -> None:
    data = typer.Typer(help="Write text to train on, curate it, and keep it.", no_args_is_help=True)
    cli_data_kinds.register(data)
    cli_data_generate.register(data)
    cli_data_library.register(data)
    cli_data_search.register(data)
    cli_data_decide.register(data)
    cli_data_edit.register(data)
    cli_data_check.register(data)
    app.add_typer(data, name="data")

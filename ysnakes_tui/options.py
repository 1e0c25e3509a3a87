"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's name, its folder, or `latest`.", show_default=False)
]
RunsDir = Annotated[
    Path | None,
    typer.Option("--runs-dir", metavar="DIR", help="The folder of the runs.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:N.")]
CheckpointName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="best, latest or a checkpoint's name.  [default: best; while it trains: latest]",
        show_default=False,
    ),
]

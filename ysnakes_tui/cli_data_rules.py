"""Which rules, and what length an answer should have: options of the curating commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.output import shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.curation import Rules

RulesFolder = Annotated[
    Path | None,
    typer.Option("--rules-dir", metavar="DIR", help="The folder of your own rules.", show_default=False),
]
Words = Annotated[
    str,
    typer.Option(
        "--words", metavar="MIN-MAX", help="Words an answer should have, like 80-600.", show_default=False
    ),
]
Examples = Annotated[int, typer.Option("--examples", metavar="N", min=0, help="Examples a rule.")]
_LENGTH = re.compile(r"(\d{0,7})-(\d{0,7})")


def rules_of(folder: Path | None, only: list[str] | None) -> Rules:
    """The rules there are, or only those named. Raises ``UsageError``."""
    from ysnakes_core.errors import UsageError
    from ysnakes_core.synthesis.curation import load_rules

    if folder is not None and not folder.expanduser().is_dir():
        raise UsageError(f"there is no folder {shown(str(folder))}", "name the folder of your rules")
    rules = load_rules(None if folder is None else folder.expanduser())
    for name in only or ():
        if name not in rules.by_id:
            raise UsageError(f"there is no rule “{shown(name, 40)}”", "`ysnakes data check --list` shows all")
    return rules.only(only) if only else rules


def length_of(words: str) -> tuple[int, int] | None:
    """The fewest and the most words that were asked for. Raises ``UsageError``."""
    from ysnakes_core.errors import UsageError

    if not words:
        return None
    found = _LENGTH.fullmatch(words.strip())
    least, most = (int(found[1] or 0), int(found[2] or 0)) if found else (1, 0)
    if found is None or (most and most < least):
        raise UsageError(f"“{shown(words, 40)}” is no number of words", "write it like 80-600, 80- or -600")
    return least, most

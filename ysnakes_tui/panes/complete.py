"""The Complete pane: talking to a model."""

from __future__ import annotations

import shlex

from ysnakes_tui.panes.command_lines import CommandLine, CommandLinesPane
from ysnakes_tui.panes.interface import shell_of


class CompletePane(CommandLinesPane):
    """Says how to talk to a model until one can do it here."""

    def __init__(self) -> None:
        super().__init__(
            "Talk to a model",
            "There is no screen for it here yet. A run that is still training can be talked to as well: its "
            "best checkpoint answers.",
            id="complete",
        )

    def commands(self) -> list[CommandLine]:
        run = shlex.quote(shell_of(self).memory.last_run or "latest")
        return [
            CommandLine(f"ysnakes complete {run}", "a prompt loop; “exit” or ctrl+d leaves"),
            CommandLine(f'ysnakes complete {run} "What is rain?"', "one answer, as it is written"),
            CommandLine(
                f'ysnakes complete {run} "Once upon a time" --temperature 0.5 --seed 7',
                "calmer, and the same each time",
            ),
            CommandLine(f"ysnakes complete {run} --checkpoint latest", "the newest checkpoint, not the best"),
        ]

"""The Train pane: starting, watching and steering training."""

from __future__ import annotations

import shlex

from ysnakes_tui.panes.command_lines import CommandLine, CommandLinesPane
from ysnakes_tui.panes.interface import shell_of


class TrainPane(CommandLinesPane):
    """Says how to train until one can do it here."""

    def __init__(self) -> None:
        super().__init__("Train a model", "There is no screen for it here yet.", id="train")

    def commands(self) -> list[CommandLine]:
        run = shlex.quote(shell_of(self).memory.last_run or "latest")
        return [
            CommandLine(
                "ysnakes train", "a first model in five minutes, on the text that comes with ysnakes"
            ),
            CommandLine("ysnakes plan", "what each size takes on this machine"),
            CommandLine("ysnakes runs list", "all runs, the one last alive first"),
            CommandLine(f"ysnakes runs show {run}", "how far one is"),
            CommandLine(f"ysnakes train --resume {run}", "go on with it"),
        ]

"""From the library to the form of a new run: the text is written to files, and those are filled in."""

from __future__ import annotations

from pathlib import Path

from textual.widget import Widget

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.library import FILE_NAME, open_library
from ysnakes_core.synthesis.library_export import Exported
from ysnakes_tui.panes.interface import shell_of

TEXT_FOLDER = "text"  # in the library's folder, as on the command line


def export_text(folder: Path) -> Exported:
    """Write all that is not rejected to ``text`` in the library's folder. Raises ``YsnakesError``."""
    nothing = UsageError(
        "there is no text to train on yet", "start a job, or import files with: ysnakes data import PATH"
    )
    if not (folder / FILE_NAME).exists():
        raise nothing
    with open_library(folder) as library:
        done = library.export(folder / TEXT_FOLDER)
    if not done.records:
        raise nothing
    return done


def train_on(widget: Widget, folder: Path) -> None:
    """Show the form of a new run with ``folder`` as its text."""
    from ysnakes_tui.panes.train import TrainPane

    shell_of(widget).show_pane("train")
    for pane in widget.app.screen_stack[0].query(TrainPane):
        pane.call_later(pane.new_run_on, str(folder))  # once it is whole, if it was just made

"""What a view of the Data pane asks of the pane: another view, or something that concerns all of them."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from ysnakes_core.synthesis.library_records import EVERYTHING, RecordFilter


@dataclass
class NewJob(Message):
    """Show the form of a new job; ``teacher`` (``builtin``, ``ollama``) is chosen in it, if one is given."""

    teacher: str = ""


class ShowJobs(Message):
    """Show the jobs."""


@dataclass
class ShowLibrary(Message):
    """Go back to the library."""


@dataclass
class Curate(Message):
    """Show the records of ``asked`` one by one, to be decided about."""

    asked: RecordFilter = EVERYTHING


class ShowStatistics(Message):
    """Count what is there."""


class SendToTraining(Message):
    """Write the library's text and open the form of a new run for it."""


class LibraryChanged(Message):
    """Records were added, decided about or changed: the other views are to look again."""

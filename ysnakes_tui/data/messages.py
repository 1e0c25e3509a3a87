"""What a view of the Data pane asks of the pane: another view."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from ysnakes_core.synthesis.library_records import EVERYTHING, RecordFilter


@dataclass
class NewJob(Message):
    """Show the form of a new job; ``teacher`` (``builtin``, ``ollama``) is chosen in it, if one is given."""

    teacher: str = ""


@dataclass
class Curate(Message):
    """Show the records of ``asked`` one by one, to be decided about."""

    asked: RecordFilter = EVERYTHING

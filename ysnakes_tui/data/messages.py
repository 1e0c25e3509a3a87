"""What a view of the Data pane asks of the pane: another view."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass
class NewJob(Message):
    """Show the form of a new job; ``teacher`` (``builtin``, ``ollama``) is chosen in it, if one is given."""

    teacher: str = ""

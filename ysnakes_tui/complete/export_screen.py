"""Writing a turn or a whole transcript to a file: asking for the place, and never writing over anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ysnakes_core.completion.transcript import Transcript
from ysnakes_core.completion.transcript_export import to_json, to_markdown, to_text
from ysnakes_core.errors import UsageError
from ysnakes_core.files import explain, write_new
from ysnakes_tui.train.ask_screen import AskScreen, Field

KINDS = {".md": "Markdown", ".txt": "text", ".json": "JSON"}
_LONGEST_NAME = 40


def export_screen(transcript: Transcript, turn_id: str | None, folder: Path) -> AskScreen:
    """Ends with the path under ``path``; checked, but not written."""
    field = Field(
        "path",
        "A file that is not there yet; its ending says how it is written: .md, .txt or .json",
        str(folder / f"{_file_name(transcript.title)}.md"),
    )
    what = "Export the whole" if turn_id is None else "Export this turn"
    return AskScreen(what, [field], partial(_check))


def place_of(values: Mapping[str, str]) -> Path:
    return Path(values["path"].strip()).expanduser()


def _check(values: Mapping[str, str]) -> None:
    """Raises ``UsageError`` for a place that nothing can be written to."""
    place = place_of(values)
    if place.suffix.lower() not in KINDS:
        raise UsageError("the ending does not say how to write it", "end the name with .md, .txt or .json")
    try:
        is_there, has_folder = place.exists() or place.is_symlink(), place.parent.is_dir()
    except (OSError, ValueError):
        raise UsageError("this is no place for a file", "give another path") from None
    if is_there:
        raise UsageError(
            "there is already a file of that name", "choose another name; nothing is overwritten"
        )
    if not has_folder:
        raise UsageError("there is no such folder", "make it first, or choose another")


def exported(transcript: Transcript, turn_id: str | None, place: Path) -> str:
    """What is to be written."""
    suffix = place.suffix.lower()
    if suffix == ".json":
        return to_json(transcript, turn_id)
    return (to_markdown if suffix == ".md" else to_text)(transcript, turn_id)


def write(place: Path, content: str) -> None:
    """Raises ``YsnakesError`` if it cannot be written, also if there is something by now."""
    try:
        write_new(place, content.encode(errors="replace"))
    except FileExistsError:
        raise UsageError("there is already a file of that name", "choose another name") from None
    except OSError as error:
        raise explain(error, place, "write") from error


def _file_name(title: str) -> str:
    words = re.sub(r"[^\w-]+", "-", title.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    return words or "transcript"

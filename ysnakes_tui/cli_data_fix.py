"""What the curating commands share: reading, showing changes, asking, writing them, going back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.output import can_color, can_redraw, is_terminal, put, put_json, say, say_warning, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.curation.file_edits import FileEdit
    from ysnakes_core.text.reading import Reading

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH", help="Files or folders of .md and .txt text.", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing files.")]
Restore = Annotated[
    bool, typer.Option("--restore", help="Take back the last --fix, to the byte; again goes further back.")
]
_GREEN, _RED, _CYAN, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[36m", "\x1b[0m"
MAX_LINE = 2000  # characters of a line of a diff


def needed(paths: Sequence[Path] | None) -> list[Path]:
    """The paths that were named. UsageError where none were."""
    from ysnakes_core.errors import UsageError

    if not paths:
        raise UsageError("no text was named", "name files or folders that hold .md or .txt text")
    return [path.expanduser() for path in paths]


def read(paths: Sequence[Path]) -> Reading:
    """The documents, with what could not be read told."""
    from ysnakes_core.text.reading import read_documents

    reading = read_documents(paths)
    for problem in reading.problems:
        where = f"{problem.source}, {problem.where}" if problem.where else problem.source
        say_warning(f"{where}: {problem.what}", problem.hint)
    return reading


def progress_of(total: int, doing: str) -> Callable[[int], None] | None:
    """Progress on one line of a terminal; None where there is none."""
    if not can_redraw(sys.stderr) or total < 2000:
        return None
    return lambda done: say(f"\r{doing} {done:,} of {total:,}\x1b[K", end="")


def progress_done(progress: Callable[[int], None] | None) -> None:
    if progress is not None:
        say("\r\x1b[K", end="")


def go_back(paths: Sequence[Path], *, json: bool) -> None:
    """Restore what an earlier --fix changed."""
    from ysnakes_core.synthesis.curation.originals import restore

    for restored in restore(paths):
        if json:
            edited = None if restored.edited is None else str(restored.edited)
            put_json({"type": "restored", "file": str(restored.path), "edited": edited})
            continue
        put(f"restored {shown(str(restored.path))}")
        if restored.edited is not None:
            say_warning(
                f"{shown(restored.path.name)} had been changed since",
                f"that version is kept as {restored.edited}",
            )


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether a person agrees; ``yes``: has agreed. Raises ``UsageError`` where nobody can be asked."""
    from ysnakes_core.errors import UsageError

    if yes:
        return True
    if not is_terminal(sys.stdin):
        raise UsageError(
            "nobody is there to confirm the changes", f"add --yes to {question} without being asked"
        )
    say(f"{question}? [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def fix(edits: Sequence[FileEdit], *, yes: bool, json: bool) -> None:
    """Show the changes, ask, and write them; the originals are kept."""
    from ysnakes_core.synthesis.curation.originals import FOLDER, write_edits

    for edit in edits:
        for change in edit.left:
            say_warning(
                f"{shown(change.document.source)} is one text of prose that would go as a whole "
                f"({', '.join(change.why)}); it is left as it is",
                "remove the file yourself if you agree",
            )
    changing = [edit for edit in edits if edit.after != edit.before]
    if not changing:
        say("there is nothing to change")
        return
    if json:
        for edit in changing:
            put_json(_as_json(edit))
    else:
        for edit in changing:
            put_diff(edit.diff())
    records = sum(len(edit.changes) for edit in changing)
    taken_out = sum(edit.taken_out for edit in changing)
    what = f"{records:,} record{'s' * (records != 1)} in {len(changing):,} file{'s' * (len(changing) != 1)}"
    if taken_out:
        what += f", {taken_out:,} of them taken out"
    if not confirmed(f"change {what}", yes=yes):
        say("nothing was changed")
        return
    write_edits(changing)
    say(f"changed {what}; the originals are in {FOLDER} beside them")
    say("to go back: the same command with --restore in place of --fix")


def put_diff(lines: Iterable[str]) -> None:
    """A diff, with its colours where there are colours."""
    color = can_color(sys.stdout)
    for line in lines:
        text = shown(line, MAX_LINE, keep_lines=True)  # no line of a diff has a break in it
        if color and line.startswith(("+", "-", "@")):
            sign = _GREEN if line[0] == "+" else _RED if line[0] == "-" else _CYAN
            text = f"{sign}{text}{_PLAIN}"
        put(text)


def _as_json(edit: FileEdit) -> dict[str, object]:
    return {
        "type": "change",
        "file": str(edit.path),
        "records": [
            {
                "line": change.document.line,
                "why": list(change.why),
                "rejected": change.answer is None,
                "before": change.document.answer,
                "after": change.answer,
            }
            for change in edit.changes
        ],
    }

"""``ysnakes data edit``: another text for the answer of a record."""

from __future__ import annotations

import contextlib
import difflib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.cli_data_decide import DryRun
from ysnakes_tui.cli_data_filters import DataDir, existing_library
from ysnakes_tui.cli_data_fix import put_diff
from ysnakes_tui.failures import guarded
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import is_terminal, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Library
    from ysnakes_core.synthesis.library_records import Record


def register(app: typer.Typer) -> None:
    app.command("edit")(edit)


@guarded
def edit(
    identity: Annotated[int, typer.Argument(metavar="ID", help="A record's id, as `data search` tells it.")],
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="The new answer.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="PATH",
            help="A file that holds the new answer; - for stdin.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> int | None:
    """Change the answer of a record: to --text, to what is in --file, or in $VISUAL or $EDITOR.

    The teacher's own text is kept beside it, and `ysnakes data undo` goes back.
    """
    from ysnakes_core.errors import UsageError

    if text is not None and file is not None:
        raise UsageError("both --text and --file were given", "give one of them, or none to use an editor")
    with existing_library(data_dir) as library:
        record = library.record(identity)
        if text is not None:
            _change(library, record, text, dry_run=dry_run, json=json)
        elif file is not None:
            _change(library, record, _as_answer(_content(file), record), dry_run=dry_run, json=json)
        else:
            with _in_editor(record) as written:
                _change(library, record, written, dry_run=dry_run, json=json)
    return None


def _change(library: Library, record: Record, answer: str, *, dry_run: bool, json: bool) -> None:
    from ysnakes_core.errors import UsageError
    from ysnakes_core.synthesis.judging import judge_for
    from ysnakes_core.synthesis.library_records import checked_answer, rules_in

    answer = checked_answer(answer)
    if answer == record.answer:
        say("nothing was changed")
        return
    checks = judge_for(mend=False)(record.teacher, record.kind, record.request, answer).checks
    if not dry_run:
        with library.batch():
            if library.record(record.id).answer != record.answer:
                raise UsageError(f"record {record.id} was changed meanwhile", "look at it and edit it again")
            library.edit(record.id, answer, checks=checks)
    rules = rules_in(checks)
    if json:
        put_json(
            {
                "type": "edited",
                "id": record.id,
                "before": record.answer,
                "answer": answer,
                "rules": rules,
                "dry_run": dry_run,
            }
        )
    elif dry_run:
        put_diff(
            difflib.unified_diff(
                record.answer.split("\n"),
                answer.split("\n"),
                f"record {record.id}",
                "edited",
                lineterm="",
                n=2,
            )
        )
    for rule in rules:
        say(f"warning: the rule {shown(rule, 40)} still finds something")
    say(f"would edit record {record.id}" if dry_run else f"edited record {record.id}; to go back: {_BACK}")


_BACK = "ysnakes data undo"


def _content(file: Path) -> str:
    """The text of a file, or of stdin. Raises ``UsageError``."""
    from ysnakes_core.errors import UsageError
    from ysnakes_core.files import explain

    try:
        read = sys.stdin.buffer.read() if str(file) == "-" else file.expanduser().read_bytes()
        return read.decode("utf-8-sig")
    except OSError as error:
        raise explain(error, file, "read") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown(str(file))} is no text in UTF-8", "save it as UTF-8") from error


def _as_answer(content: str, record: Record) -> str:
    """A file's content without what editors add: the last line's end, and Windows' ends of lines."""
    if "\r\n" not in record.answer:
        content = content.replace("\r\n", "\n")
    return content if record.answer.endswith("\n") else content.removesuffix("\n").removesuffix("\r")


@contextlib.contextmanager
def _in_editor(record: Record) -> Iterator[str]:
    """What a person makes of the answer. Where the block fails, what was written is kept and named."""
    from ysnakes_core.errors import UsageError
    from ysnakes_tui.own_editor import open_in, own_editor

    if not is_terminal(sys.stdin):
        raise UsageError("there is no terminal for an editor", "give the new answer with --text or --file")
    command = own_editor()
    folder = Path(tempfile.mkdtemp(prefix="ysnakes-"))
    file = folder / f"record-{record.id}.md"
    try:
        file.write_bytes(record.answer.encode("utf-8"))
        open_in(command, file)
        yield _as_answer(_content(file), record)
    except BaseException:
        with contextlib.suppress(OSError):
            if file.read_bytes() == record.answer.encode("utf-8"):
                shutil.rmtree(folder)
            else:
                say(f"what you wrote is in {file}")
        raise
    shutil.rmtree(folder, ignore_errors=True)

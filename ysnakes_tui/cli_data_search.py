"""``ysnakes data search|show``: finding records, and looking at one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ysnakes_tui.cli_data_filters import (
    Chosen,
    DataDir,
    Decisions,
    Flagged,
    FoundBy,
    Kinds,
    OfJob,
    Teachers,
    existing_library,
    record_table,
)
from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import age, facts
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library_history import Change
    from ysnakes_core.synthesis.library_records import Record


def register(app: typer.Typer) -> None:
    app.command("search")(search)
    app.command("show")(show)


@guarded
def search(
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", help='Words, or "words side by side" in quotes.', show_default=False),
    ] = "",
    kind: Kinds = None,
    decision: Decisions = None,
    teacher: Teachers = None,
    rule: FoundBy = None,
    flagged: Flagged = None,
    job: OfJob = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Show so many at most.")] = 20,
    after: Annotated[
        int, typer.Option(metavar="ID", help="Go on after this record.", show_default=False)
    ] = 0,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> int | None:
    """Find records by what their request or answer says, and by where they come from.

    Without anything to look for it lists them all.
    """
    with existing_library(data_dir) as library:
        asked = Chosen(kind, decision, teacher, rule, flagged, job, text).asked(library)
        found = library.records(asked, limit, after or None)
        total = library.count(asked)
    if json:
        for record in found:
            put_json(_as_json(record))
        return None
    if not found:
        say("nothing was found" + (" after that record" if after and total else ""))
        return None
    for line in record_table(found):
        put(line)
    if total > len(found):
        say(f"{total:,} records in all; the next ones with --after {found[-1].id}")
    return None


@guarded
def show(
    identity: Annotated[int, typer.Argument(metavar="ID", help="A record's id, as `data search` tells it.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> int | None:
    """Show one record, where it comes from, and what was done to it."""
    with existing_library(data_dir) as library:
        record = library.record(identity)
        changes = library.history(identity)
    if json:
        put_json(_as_json(record) | {"history": [vars(change) for change in changes]})
        return None
    rules = ", ".join(sorted({str(check.get("rule", "")) for check in record.checks}))
    made = f"{record.model} {record.digest[:12]}".strip()
    rows = [
        ("record", str(record.id)),
        ("kind", record.kind),
        ("teacher", record.teacher + (f" ({made})" if made and made != record.teacher else "")),
        ("from", record.source),
        ("decision", record.decision + ("" if record.answer == record.original else ", text changed")),
        ("rules", rules),
        ("words", f"{record.words:,}"),
        ("seed", "" if record.seed is None else str(record.seed)),
        ("options", ", ".join(f"{name} {value}" for name, value in record.options.items())),
    ]
    now = time.time()
    rows.extend(("" if number else "changes", _told(change, now)) for number, change in enumerate(changes))
    for line in facts([(name, shown(value, 300)) for name, value in rows if value]):
        put(line)
    put(f"\n{shown(record.request, keep_lines=True)}\n\n{shown(record.answer, keep_lines=True)}")
    return None


def _told(change: Change, now: float) -> str:
    what = f"{change.action} {age(now - change.time)}"
    before = "the text was another" if change.answer is not None else f"it was {change.decision}"
    return f"{what}, taken back since" if change.undone else f"{what}; before, {before}"


def _as_json(record: Record) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name != "layout"}

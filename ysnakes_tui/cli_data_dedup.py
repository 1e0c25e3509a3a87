"""``ysnakes data dedup``: records that say nearly the same as an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.cli_data_fix import (
    Paths,
    Restore,
    Yes,
    fix,
    go_back,
    needed,
    progress_done,
    progress_of,
    read,
)
from ysnakes_tui.failures import guarded
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import one_line, put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.curation.duplicates import DuplicateGroup
    from ysnakes_core.synthesis.curation.file_edits import Change
    from ysnakes_core.text.records import Document

SAME = 0.8
SHOWN_REPEATS = 8
Similar = Annotated[
    float,
    typer.Option(
        "--similar", metavar="X", help="Part of the text two records share, at least: from 0.6 to 1."
    ),
]


def register(app: typer.Typer) -> None:
    app.command("dedup")(dedup)


@guarded
def dedup(
    paths: Paths = None,
    similar: Similar = SAME,
    groups: Annotated[int, typer.Option("--groups", metavar="N", min=0, help="Groups to show; 0: all.")] = 10,
    fix_it: Annotated[bool, typer.Option("--fix", help="Take out all but the first of each group.")] = False,
    yes: Yes = False,
    restore: Restore = False,
    json: AsJson = False,
) -> int | None:
    """Find records whose answers are nearly the same, in groups; --fix keeps the first of each.

    It shows a diff and asks before it writes; the originals are kept beside the files.
    """
    if restore:
        go_back(needed(paths), json=json)
        return None

    from ysnakes_core.synthesis.curation.report import edits

    reading = read(needed(paths))
    kept = list(enumerate(reading.documents))
    found = _groups([document for _, document in kept], similar)
    if fix_it:
        fix(edits(reading, _changes(reading.documents, kept, found)), yes=yes, json=json)
        return None
    if json:
        for group in found:
            put_json(_as_json(group, reading.documents))
    repeated = sum(len(group.repeats) for group in found)
    total = {"type": "total", "records": len(kept), "groups": len(found), "repeats": repeated}
    if json:
        put_json(total)
        return None
    for group in found[: groups or None]:
        _put(group, reading.documents)
    if groups and len(found) > groups:
        put(f"… and {len(found) - groups:,} more groups (--groups 0 shows all)\n")
    put(f"{repeated:,} of {len(kept):,} records repeat an earlier one ({len(found):,} groups)")
    if repeated:
        say("ysnakes data dedup --fix takes them out when you agree")
    return None


def repeats(
    documents: Sequence[Document], kept: Sequence[tuple[int, Document]], similar: float
) -> dict[int, Change]:
    """What to take out of ``documents``, by their places, for ``kept`` to repeat nothing."""
    return _changes(documents, kept, _groups([document for _, document in kept], similar))


def _groups(documents: Sequence[Document], similar: float) -> list[DuplicateGroup]:
    from ysnakes_core.synthesis.curation.duplicates import duplicate_groups

    progress = progress_of(len(documents), "comparing")
    found = duplicate_groups(documents, similar, progress)
    progress_done(progress)
    return found


def _changes(
    documents: Sequence[Document], kept: Sequence[tuple[int, Document]], found: Sequence[DuplicateGroup]
) -> dict[int, Change]:
    from ysnakes_core.synthesis.curation.file_edits import Change

    changes = {}
    for group in found:
        first = kept[group.first][1]
        why = f"repeats {first.source}, line {first.line}"
        for repeat in group.repeats:
            number = kept[repeat.index][0]
            changes[number] = Change(documents[number], None, (why,))
    return changes


def _put(group: DuplicateGroup, documents: Sequence[Document]) -> None:
    first = documents[group.first]
    put(f"{shown(first.source)}:{first.line}: {one_line(first.answer, 100)}")
    for repeat in group.repeats[:SHOWN_REPEATS]:
        document = documents[repeat.index]
        place = f"{shown(document.source)}:{document.line}"
        put(f"  {repeat.overlap:4.0%} {place}: {one_line(document.answer, 90)}")
    if len(group.repeats) > SHOWN_REPEATS:
        put(f"  … and {len(group.repeats) - SHOWN_REPEATS:,} more")
    put()


def _as_json(group: DuplicateGroup, documents: Sequence[Document]) -> dict[str, object]:
    first = documents[group.first]
    return {
        "type": "group",
        "file": first.source,
        "line": first.line,
        "repeats": [
            {
                "file": documents[repeat.index].source,
                "line": documents[repeat.index].line,
                "overlap": round(repeat.overlap, 4),
            }
            for repeat in group.repeats
        ],
    }

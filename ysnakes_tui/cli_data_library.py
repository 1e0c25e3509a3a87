"""``ysnakes data stats|export|import``: how much is in the library, and the way in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.cli_data_filters import DataDir, Decisions, Kinds, decisions_of, existing_library
from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import table
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Tally

_EXPORT_FOLDER = "text"


def register(app: typer.Typer) -> None:
    app.command("stats")(stats)
    app.command("export")(export)
    app.command("import")(import_text)


@guarded
def stats(data_dir: DataDir = None, json: AsJson = False) -> int | None:
    """Show how much there is: records and words by teacher and kind, decisions, and what the rules found."""
    with existing_library(data_dir) as library:
        tallies = library.tally()
        rules = library.count_by("rule")
        lengths = library.lengths(step=100)
        path = library.path
    if json:
        for tally in tallies:
            put_json(vars(tally) | {"type": "tally"})
        put_json({"type": "rules", "records": rules})
        put_json({"type": "lengths", "step": 100, "records": lengths})
        return None
    if not tallies:
        say(f"the library in {shown(str(path))} is empty")
        return None
    for line in _tally_table(tallies):
        put(line)
    if rules:
        put("\nfound by the rules")
        for line in table([("rule", "records"), *((shown(r, 40), f"{n:,}") for r, n in rules.items())], (1,)):
            put(f"  {line}")
    put("\nwords in an answer")
    most = max(lengths.values())
    for words, records in sorted(lengths.items()):
        bar = "#" * max(1, round(40 * records / most))
        put(f"  {words:>6,}–{words + 99:<6,} {records:>9,}  {bar}")
    return None


def _tally_table(tallies: list[Tally]) -> list[str]:
    from ysnakes_core.synthesis.library_records import DECISIONS

    rows = [("teacher", "kind", "records", "words", *DECISIONS)]
    groups: dict[tuple[str, str], list[Tally]] = {}
    for tally in tallies:
        groups.setdefault((tally.teacher, tally.kind), []).append(tally)
    for (teacher, kind), group in [*groups.items(), (("all", ""), tallies)]:
        by_decision = [sum(t.records for t in group if t.decision == decision) for decision in DECISIONS]
        rows.append(
            (
                shown(teacher, 30),
                shown(kind, 30),
                f"{sum(t.records for t in group):,}",
                f"{sum(t.words for t in group):,}",
                *(f"{number:,}" if number else "–" for number in by_decision),
            )
        )
    return table(rows, right=range(2, 4 + len(DECISIONS)))


@guarded
def export(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Where to.  [default: text in --data-dir]", show_default=False),
    ] = None,
    kind: Kinds = None,
    decision: Decisions = None,
    per_file: Annotated[int, typer.Option(metavar="N", min=1, help="Records a file.")] = 1000,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace files that were not written by an export.")
    ] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> int | None:
    """Write the records as the .md files that training reads; those that are rejected are left out.

    A record stays in its file: exporting again changes only what has changed.
    """
    from ysnakes_core import paths
    from ysnakes_core.synthesis.library_records import KEPT

    place = paths.data_dir(data_dir) / _EXPORT_FOLDER if folder is None else folder
    with existing_library(data_dir) as library:
        done = library.export(
            place,
            kinds=tuple(kind or ()),
            decisions=decisions_of(decision) or KEPT,
            per_file=per_file,
            overwrite=overwrite,
        )
    groups = (("written", done.written), ("unchanged", done.unchanged), ("removed", done.removed))
    if json:
        for what, files in groups:
            for path in files:
                put_json({"type": what, "path": str(path)})
        put_json({"type": "exported", "folder": str(done.folder), "records": done.records})
        return None
    for path in done.written:
        put(shown(str(path)))
    counts = ", ".join(f"{len(files)} {what}" for what, files in groups if files)
    say(f"{done.records:,} records in {shown(str(done.folder))}: {counts or 'no files'}")
    if done.records:
        say(f"train on them with: ysnakes train {shown(str(done.folder))}")
    return None


@guarded
def import_text(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, or folders of them.")],
    curate: Annotated[
        bool, typer.Option("--curate", help="Clean and reject by the rules, as generating does.")
    ] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> int | None:
    """Take files of records into the library; what it has already is not taken twice.

    A file's name says who wrote what: llama3.1-blog-0.md.
    """
    from ysnakes_core import paths as places
    from ysnakes_core.synthesis.job_opening import all_kind_names
    from ysnakes_core.synthesis.library import open_library

    judge = None
    if curate:
        from ysnakes_core.synthesis.judging import judge_for

        judge = judge_for()
    with open_library(places.data_dir(data_dir)) as library:
        done = library.import_files(paths, all_kind_names(), judge)
    for problem in done.problems:
        say(f"warning: {shown(str(problem), 400)}")
    if json:
        for file in done.files:
            put_json({"type": "file", **vars(file), "path": str(file.path)})
        put_json({"type": "imported", "added": done.added, "known": done.known})
        return None
    rows = [("file", "teacher", "kind", "added", "known")]
    for file in done.files:
        names = (shown(file.path.name, 60), shown(file.teacher, 30), shown(file.kind, 30))
        rows.append((*names, f"{file.added:,}", f"{file.known:,}"))
    for line in table(rows, right=(3, 4)):
        put(line)
    say(f"{done.added:,} records added, {done.known:,} were there already")
    return None

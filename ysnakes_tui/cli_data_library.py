"""``ysnakes data stats|search|show|export|import``: what is in the library, and the way in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import facts, table
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import one_line, put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Library, Tally
    from ysnakes_core.synthesis.library_records import Decision, Record

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="The folder of the library.", show_default=False),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Only of this kind; may be repeated.", show_default=False),
]
Decisions = Annotated[
    list[str] | None,
    typer.Option(
        "--decision",
        metavar="NAME",
        help="Only pending, accepted, edited or rejected; may be repeated.",
        show_default=False,
    ),
]
_EXPORT_FOLDER = "text"
_PREVIEW = 70


def register(app: typer.Typer) -> None:
    app.command("stats")(stats)
    app.command("search")(search)
    app.command("show")(show)
    app.command("export")(export)
    app.command("import")(import_text)


def existing_library(data_dir: Path | None) -> Library:
    """The library, which must be there. Raises ``UsageError``."""
    from ysnakes_core import paths
    from ysnakes_core.errors import UsageError
    from ysnakes_core.synthesis.library import FILE_NAME, open_library

    folder = paths.data_dir(data_dir)
    if not (folder / FILE_NAME).exists():
        raise UsageError(
            f"there is no library in {folder} yet",
            "make one with: ysnakes data generate KIND, or: ysnakes data import PATH",
        )
    return open_library(folder)


def _decisions(given: list[str] | None) -> tuple[Decision, ...]:
    from ysnakes_core.errors import UsageError
    from ysnakes_core.synthesis.library_records import DECISIONS

    for name in given or ():
        if name not in DECISIONS:
            raise UsageError(
                f"there is no decision “{shown(name, 40)}”", f"choose from: {', '.join(DECISIONS)}"
            )
    return tuple(decision for decision in DECISIONS if decision in (given or ()))


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
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help='Words, or "words side by side" in quotes.')],
    kind: Kinds = None,
    decision: Decisions = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Show so many at most.")] = 20,
    after: Annotated[
        int, typer.Option(metavar="ID", help="Go on after this record.", show_default=False)
    ] = 0,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> int | None:
    """Find records by what their request or answer says."""
    from ysnakes_core.synthesis.library_records import RecordFilter

    asked = RecordFilter(kinds=tuple(kind or ()), decisions=_decisions(decision), text=text)
    with existing_library(data_dir) as library:
        found = library.records(asked, limit, after or None)
        total = library.count(asked)
    if json:
        for record in found:
            put_json(_as_json(record))
        return None
    if not found:
        say("nothing was found" + (" after that record" if after and total else ""))
        return None
    rows = [("id", "kind", "decision", "request", "answer")]
    for record in found:
        texts = (one_line(record.request, _PREVIEW), one_line(record.answer, _PREVIEW))
        rows.append((str(record.id), shown(record.kind, 20), record.decision, *texts))
    for line in table(rows, right=(0,)):
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
        ("changes", ", ".join(c.action + (" (undone)" if c.undone else "") for c in changes)),
    ]
    for line in facts([(name, shown(value, 300)) for name, value in rows if value]):
        put(line)
    put(f"\n{shown(record.request, keep_lines=True)}\n\n{shown(record.answer, keep_lines=True)}")
    return None


def _as_json(record: Record) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name != "layout"}


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
            decisions=_decisions(decision) or KEPT,
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

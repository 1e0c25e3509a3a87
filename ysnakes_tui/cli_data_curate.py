"""``ysnakes data curate``: all rules over the library or over files, and what they say done."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ysnakes_tui import cli_data_dedup
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
    number_of,
)
from ysnakes_tui.cli_data_fix import (
    Paths,
    Restore,
    Yes,
    confirmed,
    fix,
    go_back,
    progress_done,
    progress_of,
    put_diff,
    read,
)
from ysnakes_tui.cli_data_rules import Examples, RulesFolder, Words, length_of, rules_of
from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import table
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import one_line, put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.curation import Rules
    from ysnakes_core.synthesis.judging import Due, Judged
    from ysnakes_core.synthesis.library import Library
    from ysnakes_core.synthesis.library_records import Record, RecordFilter

_AROUND = 60  # characters shown before what a rule found
_EXAMPLE_WIDTH = 150
_SHOWN = 20  # changes that a person sees before being asked


def register(app: typer.Typer) -> None:
    app.command("curate")(curate)


@guarded
def curate(
    paths: Paths = None,
    fix_it: Annotated[
        bool,
        typer.Option("--fix", help="Of the library: strip and reject what the rules say, when you agree."),
    ] = False,
    kind: Kinds = None,
    decision: Decisions = None,
    teacher: Teachers = None,
    rule: FoundBy = None,
    flagged: Flagged = None,
    job: OfJob = None,
    examples: Examples = 3,
    similar: cli_data_dedup.Similar = cli_data_dedup.SAME,
    words: Words = "",
    yes: Yes = False,
    restore: Restore = False,
    rules_dir: RulesFolder = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> int | None:
    """Judge all records of the library again by the rules there are now; --fix does what they say.

    What a rule strips goes, and records that a rule rejects are rejected, where nobody has decided about them
    yet. It shows the changes and asks before it makes them; `ysnakes data undo` takes them back.

    With PATH it works on files: all rules, then what repeats something earlier. It shows a diff and asks
    before it writes; the originals are kept beside the files, and --restore brings them back.
    """
    from ysnakes_core.errors import UsageError

    chosen = Chosen(kind, decision, teacher, rule, flagged, job)
    if paths:
        if not chosen.nothing:
            raise UsageError(
                "options choose records of the library, but files were named",
                "leave out PATH, or --kind and the like",
            )
        _files([path.expanduser() for path in paths], similar, words, rules_dir, yes, restore, json)
        return None
    if restore:
        raise UsageError(
            "--restore is for files, and none were named",
            "changes of the library go back with: ysnakes data undo",
        )
    if words:
        raise UsageError(
            "--words is for files: records of the library have the length of their kind",
            "name files, or leave it out",
        )
    rules = rules_of(rules_dir, None)
    with existing_library(data_dir) as library:
        asked = chosen.asked(library)
        _look(library, rules, asked, examples, json=json)
        if fix_it:
            _mend(library, rules, asked, yes=yes, json=json)
        elif not json and library.count(_undecided_found(asked)):
            say("ysnakes data curate --fix shows what would change, and changes it when you agree")
    return None


# The library.


def _look(library: Library, rules: Rules, asked: RecordFilter, examples: int, *, json: bool) -> None:
    """Note anew what the rules find, and tell it."""
    from dataclasses import replace

    from ysnakes_core.synthesis.judging import flag_library, judge_for

    progress = progress_of(library.count(asked), "judging")
    found = flag_library(library, judge_for(mend=False, rules=rules), _before_flags(asked), progress)
    progress_done(progress)
    counts = library.count_by("rule", asked)
    told = {
        name: library.records(replace(asked, rules=(name,)), examples) if examples else []
        for name in sorted(counts, key=lambda name: -counts[name])
    }
    if json:
        for name, records in told.items():
            put_json(
                {
                    "type": "rule",
                    "rule": name,
                    "title": rules.by_id[name].title if name in rules.by_id else "",
                    "action": _action(rules, name),
                    "records": counts[name],
                    "examples": [_example(record, name) for record in records],
                }
            )
        put_json({"type": "total", "records": found.looked_at, "flagged": found.flagged})
        return
    rows = [("rule", "action", "records")]
    rows += [(shown(name, 40), _action(rules, name), f"{counts[name]:,}") for name in told]
    if len(rows) > 1:
        put("\n".join(table(rows, right=(2,))))
    for name, records in told.items():
        if records:
            looks_for = rules.by_id[name].looks_for if name in rules.by_id else ""
            put(f"\n{shown(name, 40)}: {shown(looks_for, 200)}")
        for record in records:
            put(f"  record {record.id}: {one_line(_example(record, name)['text'], _EXAMPLE_WIDTH)}")
    if len(rows) > 1:
        put()
    put(f"{found.flagged:,} of {number_of(found.looked_at)} have something ({len(rules)} rules)")


def _before_flags(asked: RecordFilter) -> RecordFilter:
    """The filter without what judging itself may change."""
    from dataclasses import replace

    return replace(asked, rules=(), flagged=None)


def _undecided_found(asked: RecordFilter) -> RecordFilter:
    from dataclasses import replace

    return replace(asked, decisions=("pending",), flagged=True)


def _action(rules: Rules, name: str) -> str:
    return rules.by_id[name].action if name in rules.by_id else ""


def _example(record: Record, rule: str) -> dict[str, Any]:
    """What a rule found in a record: the line it is on, from somewhat before it."""
    check = next(check for check in record.checks if check.get("rule") == rule)
    start, end = int(check.get("start", 0)), int(check.get("end", 0))
    if start == end:
        text = record.request
    else:
        begin = max(record.answer.rfind("\n", 0, start) + 1, start - _AROUND)
        stop = record.answer.find("\n", start)
        text = record.answer[begin : stop if stop >= 0 else None]
    return {"record": record.id, "text": text, "why": str(check.get("why", ""))}


def _mend(library: Library, rules: Rules, asked: RecordFilter, *, yes: bool, json: bool) -> None:
    """Show what the rules would change, ask, and change it."""
    from ysnakes_core.synthesis.judging import carry_out, due_changes, judge_for

    progress = progress_of(library.count(asked), "mending")
    due, counts = due_changes(library, judge_for(rules=rules), asked, progress)
    progress_done(progress)
    changing = [one for one in due if one.cleans or one.rejects]
    if not changing:
        say("there is nothing to change")
        done = None
    else:
        _show(library, changing, json=json)
        if confirmed(_what(counts, "clean", "reject"), yes=yes):
            done = carry_out(library, due)
            say(f"{_what(done, 'cleaned', 'rejected')}; to go back: ysnakes data undo")
        else:
            say("nothing was changed")
            done = None
    if json:
        put_json(
            {
                "type": "curated",
                "cleaned": done.cleaned if done else 0,
                "rejected": done.rejected if done else 0,
            }
        )


def _what(counts: Judged, clean: str, reject: str) -> str:
    parts = ((clean, counts.cleaned), (reject, counts.rejected))
    return (
        " and ".join(f"{verb} {number_of(many)}" for verb, many in parts if many) or "no record was changed"
    )


def _show(library: Library, changing: Sequence[Due], *, json: bool) -> None:
    from ysnakes_core.synthesis.library_records import rules_in

    for one in changing if json else changing[:_SHOWN]:
        record = library.record(one.record)
        why = rules_in([check for check in record.checks if check.get("action") != "flag"])
        if json:
            put_json(
                {
                    "type": "change",
                    "record": record.id,
                    "why": why,
                    "rejected": one.rejects,
                    "before": one.answer,
                    "after": None if one.rejects else one.verdict.answer,
                }
            )
        elif one.rejects:
            put(f"record {record.id}, rejected ({', '.join(why)}): {one_line(one.answer, _EXAMPLE_WIDTH)}")
        else:
            before, after = one.answer.split("\n"), one.verdict.answer.split("\n")
            names = f"record {record.id}", f"cleaned ({', '.join(why)})"
            put_diff(difflib.unified_diff(before, after, *names, lineterm="", n=1))
    if not json and len(changing) > _SHOWN:
        put(f"… and {number_of(len(changing) - _SHOWN)} more (--json tells all)")


# Files.


def _files(
    paths: Sequence[Path],
    similar: float,
    words: str,
    rules_dir: Path | None,
    yes: bool,
    restore: bool,
    json: bool,
) -> None:
    if restore:
        go_back(paths, json=json)
        return

    from dataclasses import replace

    from ysnakes_core.synthesis.curation.report import edits, mending, report

    rules, length = rules_of(rules_dir, None), length_of(words)
    reading = read(paths)
    progress = progress_of(len(reading.documents), "checking")
    found = report(reading, rules, examples=0, length=length, progress=progress)
    progress_done(progress)
    changes = mending(reading, found, rules, length)
    kept = []  # what is left is compared, as it will be
    for number, document in enumerate(reading.documents):
        answer = changes[number].answer if number in changes else document.answer
        if answer is not None:
            kept.append((number, replace(document, answer=answer)))
    changes.update(cli_data_dedup.repeats(reading.documents, kept, similar))
    fix(edits(reading, changes), yes=yes, json=json)

"""``ysnakes data check`` and ``ysnakes data curate``: what does not belong in the text, and taking it out."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui import cli_data_dedup
from ysnakes_tui.cli_data_fix import (
    Paths,
    Restore,
    RulesFolder,
    Yes,
    fix,
    go_back,
    needed,
    progress_done,
    progress_of,
    read,
)
from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import size, table
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import one_line, put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.curation import Rules
    from ysnakes_core.synthesis.curation.report import Report

_LENGTH = re.compile(r"(\d{0,7})-(\d{0,7})")
EXAMPLE_WIDTH = 150


def register(app: typer.Typer) -> None:
    app.command("check")(check_text)
    app.command("curate")(curate)
    cli_data_dedup.register(app)


@guarded
def check_text(
    paths: Paths = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="ID", help="Only this rule; may be repeated.", show_default=False),
    ] = None,
    examples: Annotated[int, typer.Option(metavar="N", min=0, help="Examples a rule.")] = 3,
    words: Annotated[
        str,
        typer.Option(metavar="MIN-MAX", help="Words an answer should have, like 80-600.", show_default=False),
    ] = "",
    list_rules: Annotated[bool, typer.Option("--list", help="List the rules, and stop.")] = False,
    fix_it: Annotated[
        bool, typer.Option("--fix", help="Show what would change, ask, and change it.")
    ] = False,
    yes: Yes = False,
    restore: Restore = False,
    rules_dir: RulesFolder = None,
    json: AsJson = False,
) -> int | None:
    """Look for what does not belong in text to train on: refusals, notes, links, cut-off ends and more.

    --fix takes it out: what a rule strips, and whole records that a rule rejects. It shows a diff and asks
    before it writes; the originals are kept beside the files, and --restore brings them back.

    Rules of your own are read from .toml files in the folder `curation` of your ysnakes home, or --rules-dir.
    """
    if restore:
        go_back(needed(paths), json=json)
        return None

    from ysnakes_core.synthesis.curation.report import edits, mending, report

    rules = _rules(rules_dir, rule)
    if list_rules:
        _list(rules, json=json)
        return None
    length = _length(words)
    reading = read(needed(paths))
    progress = progress_of(len(reading.documents), "checking")
    began = time.perf_counter()
    found = report(reading, rules, examples=examples, length=length, progress=progress)
    seconds = time.perf_counter() - began
    progress_done(progress)
    if json:
        _put_json(found, seconds)
    elif not fix_it:
        _put(found)
    if fix_it:
        fix(edits(reading, mending(reading, found, rules, length)), yes=yes, json=json)
    elif not json and found.flagged:
        say("ysnakes data check --fix shows what would change, and changes it when you agree")
    return None


@guarded
def curate(
    paths: Paths = None,
    similar: cli_data_dedup.Similar = cli_data_dedup.SAME,
    words: Annotated[
        str,
        typer.Option(metavar="MIN-MAX", help="Words an answer should have, like 80-600.", show_default=False),
    ] = "",
    yes: Yes = False,
    restore: Restore = False,
    rules_dir: RulesFolder = None,
    json: AsJson = False,
) -> int | None:
    """Check, mend and thin out text in one go: all rules, then what repeats something earlier.

    Shows a diff and asks before it writes; the originals are kept beside the files.
    """
    if restore:
        go_back(needed(paths), json=json)
        return None

    from dataclasses import replace

    from ysnakes_core.synthesis.curation.report import edits, mending, report

    rules, length = _rules(rules_dir, None), _length(words)
    reading = read(needed(paths))
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
    return None


def _rules(folder: Path | None, only: list[str] | None) -> Rules:
    from ysnakes_core.errors import UsageError
    from ysnakes_core.synthesis.curation import load_rules

    if folder is not None and not folder.expanduser().is_dir():
        raise UsageError(f"there is no folder {shown(str(folder))}", "name the folder of your rules")
    rules = load_rules(None if folder is None else folder.expanduser())
    for name in only or ():
        if name not in rules.by_id:
            raise UsageError(f"there is no rule “{shown(name, 40)}”", "`ysnakes data check --list` shows all")
    return rules.only(only) if only else rules


def _length(words: str) -> tuple[int, int] | None:
    from ysnakes_core.errors import UsageError

    if not words:
        return None
    found = _LENGTH.fullmatch(words.strip())
    least, most = (int(found[1] or 0), int(found[2] or 0)) if found else (1, 0)
    if found is None or (most and most < least):
        raise UsageError(f"“{shown(words, 40)}” is no number of words", "write it like 80-600, 80- or -600")
    return least, most


def _list(rules: Rules, *, json: bool) -> None:
    if json:
        for rule in rules:
            put_json(
                {
                    "rule": rule.id,
                    "title": rule.title,
                    "looks_for": rule.looks_for,
                    "action": rule.action,
                    "part": rule.part,
                    "source": None if rule.source is None else str(rule.source),
                }
            )
        return
    rows = [("rule", "action", "looks for")]
    for rule in rules:
        own = f" ({rule.source.name})" if rule.source else ""
        rows.append((rule.id, rule.action, shown(rule.looks_for + own, 200)))
    put("\n".join(table(rows)))


def _put(found: Report) -> None:
    counts = sorted(found.by_rule.values(), key=lambda count: -count.records)
    rows = [("rule", "action", "records", "places")]
    rows += [(c.rule.id, c.rule.action, f"{c.records:,}", f"{c.flags:,}") for c in counts if c.flags]
    if len(rows) > 1:
        put("\n".join(table(rows, right=(2, 3))))
    for count in counts:
        if not count.examples:
            continue
        put(f"\n{count.rule.id}: {shown(count.rule.looks_for, 200)}")
        for example in count.examples:
            put(f"  {shown(example.source)}:{example.line}: {one_line(example.text, EXAMPLE_WIDTH)}")
    if len(rows) > 1:
        put()
    put(
        f"{found.flagged:,} of {found.documents:,} records have something ({size(found.text_bytes)} of text, "
        f"{len(found.by_rule)} rules)"
    )


def _put_json(found: Report, seconds: float) -> None:
    for count in found.by_rule.values():
        put_json(
            {
                "type": "rule",
                "rule": count.rule.id,
                "title": count.rule.title,
                "action": count.rule.action,
                "records": count.records,
                "places": count.flags,
                "examples": [vars(example) for example in count.examples],
            }
        )
    put_json(
        {
            "type": "total",
            "records": found.documents,
            "flagged": found.flagged,
            "bytes": found.text_bytes,
            "seconds": seconds,
        }
    )

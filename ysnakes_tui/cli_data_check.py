"""``ysnakes data check``: what does not belong in text, in files, and taking it out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui import cli_data_curate, cli_data_dedup
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
from ysnakes_tui.cli_data_rules import Examples, RulesFolder, Words, length_of, rules_of
from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import size, table
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import one_line, put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.curation import Rules
    from ysnakes_core.synthesis.curation.report import Report

EXAMPLE_WIDTH = 150


def register(app: typer.Typer) -> None:
    app.command("check")(check_text)
    cli_data_curate.register(app)
    cli_data_dedup.register(app)


@guarded
def check_text(
    paths: Paths = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="ID", help="Only this rule; may be repeated.", show_default=False),
    ] = None,
    examples: Examples = 3,
    words: Words = "",
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

    rules = rules_of(rules_dir, rule)
    if list_rules:
        _list(rules, json=json)
        return None
    length = length_of(words)
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

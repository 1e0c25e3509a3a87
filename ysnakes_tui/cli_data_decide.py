"""``ysnakes data accept|reject|undo``: deciding about records of the library, and taking that back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
    number_of,
    record_table,
)
from ysnakes_tui.cli_data_fix import confirmed
from ysnakes_tui.failures import guarded
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Library
    from ysnakes_core.synthesis.library_history import Change
    from ysnakes_core.synthesis.library_records import Decision

_SHOWN = 20  # records that a person sees of what would be decided
_PAGE = 500
_MOST_UNDONE = 1_000_000
_Verb = Literal["accept", "reject"]
_DECISIONS: dict[_Verb, Decision] = {"accept": "accepted", "reject": "rejected"}

Ids = Annotated[
    list[int] | None,
    typer.Argument(metavar="ID", help="Numbers of records, as `data search` tells them.", show_default=False),
]
Text = Annotated[
    str | None,
    typer.Option("--text", metavar="TEXT", help="Only with these words, as in search.", show_default=False),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, however many they are.")]


def register(app: typer.Typer) -> None:
    app.command("accept")(accept)
    app.command("reject")(reject)
    app.command("undo")(undo)


def _command(verb: _Verb, about: str) -> Callable[..., None]:
    """``accept`` or ``reject``, with ``about`` as its help."""

    def decide(
        ids: Ids = None,
        text: Text = None,
        kind: Kinds = None,
        decision: Decisions = None,
        teacher: Teachers = None,
        rule: FoundBy = None,
        flagged: Flagged = None,
        job: OfJob = None,
        dry_run: DryRun = False,
        yes: Yes = False,
        data_dir: DataDir = None,
        json: AsJson = False,
    ) -> int | None:
        chosen = Chosen(kind, decision, teacher, rule, flagged, job, text)
        _decide(verb, ids, chosen, data_dir, dry_run=dry_run, yes=yes, json=json)
        return None

    decide.__doc__ = about
    return guarded(decide)


accept = _command(
    "accept",
    """Accept records: those of the numbers given, or all that the options choose.

    Options choose among the records that nobody has decided about; --decision chooses others. Where they
    choose several, it says how many and asks. `ysnakes data undo` takes it back.
    """,
)
reject = _command(
    "reject",
    """Reject records: those of the numbers given, or all that the options choose. Exports leave them out.

    Options choose among the records that nobody has decided about; --decision chooses others. Where they
    choose several, it says how many and asks. Nothing is deleted: `ysnakes data undo` takes it back.
    """,
)


def _decide(
    verb: _Verb,
    ids: Sequence[int] | None,
    chosen: Chosen,
    data_dir: Path | None,
    *,
    dry_run: bool,
    yes: bool,
    json: bool,
) -> None:
    decision = _DECISIONS[verb]
    _raise_for_both(ids, chosen)
    with existing_library(data_dir) as library:
        to_decide = _named(library, ids, decision) if ids else _filtered(library, chosen, verb)
        if not to_decide:
            say(f"there is nothing to {verb}: " + ("it is so already" if ids else "no such record is left"))
        elif dry_run:
            _show(library, to_decide, json=json)
            say(f"would {verb} {number_of(len(to_decide))}")
        elif ids or len(to_decide) == 1 or confirmed(f"{verb} {number_of(len(to_decide))}", yes=yes):
            done = _apply(library, to_decide, decision, json=json)
            say(f"{decision} {number_of(len(done))}; to go back: ysnakes data undo")
            if len(done) < len(to_decide):
                say(f"{number_of(len(to_decide) - len(done))} had been decided about meanwhile")
            to_decide = {identity: to_decide[identity] for identity in done}
        else:
            say("nothing was changed")
            to_decide = {}
        if json:
            put_json({"type": "total", "decision": decision, "records": len(to_decide), "dry_run": dry_run})


def _raise_for_both(ids: Sequence[int] | None, chosen: Chosen) -> None:
    from ysnakes_core.errors import UsageError

    if ids and not chosen.nothing:
        raise UsageError("records were named by number and by options too", "give one or the other")


def _named(library: Library, ids: Sequence[int], decision: Decision) -> dict[int, Decision]:
    """The records of these numbers that are not decided so already, with how they are. UsageError."""
    before = {identity: library.record(identity).decision for identity in ids}
    return {identity: now for identity, now in before.items() if now != decision}


def _filtered(library: Library, chosen: Chosen, verb: _Verb) -> dict[int, Decision]:
    """The records that the options choose and that are not decided so already, with how they are."""
    from dataclasses import replace

    from ysnakes_core.errors import UsageError

    if chosen.nothing:
        raise UsageError(
            f"it was not said which records to {verb}",
            "give their numbers, or choose them, for example with --kind, --rule or --decision pending",
        )
    asked = chosen.asked(library)
    found: dict[int, Decision] = {}
    for now in asked.decisions or ("pending",):
        if now != _DECISIONS[verb]:
            found.update(dict.fromkeys(library.ids(replace(asked, decisions=(now,))), now))
    return dict(sorted(found.items()))


def _apply(library: Library, before: dict[int, Decision], decision: Decision, *, json: bool) -> list[int]:
    """Decide, all at once, about those that nobody else has decided about since."""
    from ysnakes_core.synthesis.library_records import RecordFilter

    with library.batch():
        still = {was: set(library.ids(RecordFilter(decisions=(was,)))) for was in set(before.values())}
        done = [identity for identity, was in before.items() if identity in still[was]]
        library.decide(done, decision)
    if json:
        for identity in done:
            put_json({"type": "decided", "id": identity, "decision": decision, "before": before[identity]})
    return done


def _show(library: Library, ids: dict[int, Decision], *, json: bool) -> None:
    if json:
        for identity, was in ids.items():
            put_json({"type": "chosen", "id": identity, "decision": was})
        return
    for line in record_table([library.record(identity) for identity in list(ids)[:_SHOWN]]):
        put(line)
    if len(ids) > _SHOWN:
        put(f"… and {len(ids) - _SHOWN:,} more")


@guarded
def undo(
    times: Annotated[
        int, typer.Argument(metavar="TIMES", min=1, max=_MOST_UNDONE, help="How many changes to take back.")
    ] = 1,
    record: Annotated[
        int | None,
        typer.Option("--record", metavar="ID", help="Only changes of this record.", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> int | None:
    """Take back the last change of the library, or the last few: the latest first, without limit.

    What was decided together is taken back together. Changes made in the app count too.
    """
    steps = records = 0
    with existing_library(data_dir) as library:
        if record is not None:
            library.record(record)  # that there is one
        for _ in range(times):
            changes = library.undo(record)
            if not changes:
                break
            steps += 1
            records += len(changes)
            _tell_undone(library, changes, json=json)
    if json:
        put_json({"type": "total", "undone": steps, "records": records})
    if not steps:
        say("there is nothing to take back")
    elif steps < times:
        say(f"that was all: there {'was one' if steps == 1 else f'were {steps:,}'} to take back")
    return None


def _tell_undone(library: Library, changes: Sequence[Change], *, json: bool) -> None:
    if json:
        for change in changes:
            put_json({"type": "undone", **{k: v for k, v in vars(change).items() if k != "undone"}})
        return
    actions = Counter(shown(change.action, 30) for change in changes)
    if len({change.record for change in changes}) > 1:
        put("; ".join(f"{number_of(many)} no longer {action}" for action, many in actions.items()))
        return
    now = library.record(changes[0].record)
    put(f"record {now.id}: no longer {', '.join(actions)}, {now.decision} again")

"""``ysnakes data kinds``: what can be written, and what a teacher would be asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ysnakes_core.errors import UsageError
from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import facts
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.kinds import Kind

# What the built-in teacher's kinds are; it needs no requests, for it writes both sides of a record itself.
BUILTIN_KINDS = {
    "story": "Small stories about animals and people, with a problem and an end.",
    "sentence": "One to three sentences with given words.",
    "question": "Questions about animals, things, work and the world, with their answers.",
    "explanation": "What something is, in a few simple sentences.",
    "howto": "How to do something, as prose or as a numbered list.",
    "description": "What a place or a person is like.",
    "letter": "Letters from one person to another.",
    "diary": "Pages of a diary.",
    "poem": "A few rhymed couplets.",
    "talk": "Greetings and friendly words.",
}
_MOST_EXAMPLES = 10_000


def register(app: typer.Typer) -> None:
    app.command("kinds")(kinds)


@guarded
def kinds(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One kind, in full.", show_default=False)
    ] = None,
    example: Annotated[int, typer.Option(metavar="N", help="Show N example requests of each kind.")] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed asks for other things.")] = 1,
    json: AsJson = False,
) -> int | None:
    """List the kinds of records that can be written, each with an example request.

    Your own kinds stand beside them: TOML files in the folder that this command names.
    """
    from ysnakes_core.synthesis.kinds import load_kinds, own_kinds_folder

    if not 0 <= example <= _MOST_EXAMPLES:
        raise UsageError(f"--example {example} is out of range", f"give 0 to {_MOST_EXAMPLES:,}")
    found = load_kinds()
    builtin = [one for one in BUILTIN_KINDS if name in (None, one)]
    if name is not None:
        if name not in found and not builtin:
            raise UsageError(
                f"there is no kind {shown(name, 60)}", f"choose one of {', '.join([*found, *BUILTIN_KINDS])}"
            )
        found = {name: found[name]} if name in found else {}
    if json:
        for kind in found.values():
            put_json(_object(kind, example, seed))
        for one in builtin:
            put_json(_builtin_object(one, example, seed))
        return None
    for kind in found.values():
        _tell(kind, example, seed, full=name is not None)
    if builtin:
        put(
            "Of the built-in teacher, which needs no model:"
            if name is None
            else f"{name} of the built-in teacher"
        )
        put()
    for one in builtin:
        _tell_builtin(one, example, seed)
    say(f"your own kinds: {shown(str(own_kinds_folder()))}")
    return None


def _tell(kind: Kind, examples: int, seed: int, *, full: bool) -> None:
    from ysnakes_core.synthesis.kinds import kind_file

    put(f"{kind.name}: {shown(kind.what)}")
    combined = f"{kind.combinations:,} different requests"
    if full:
        inputs = [
            f"{len(each.entries):,} × {each.name} ({each.origin or 'in its file'})" for each in kind.inputs
        ]
        pairs = [
            ("title", shown(kind.title)),
            ("words", f"{kind.length.min} to {kind.length.max}"),
            ("inputs", ", ".join([*inputs, f"{len(kind.requests)} wordings"])),
            ("combined", combined),
            (
                "options",
                ", ".join(f"{key} {value:g}" for key, value in kind.options.items()) or "the model's own",
            ),
            ("checks", ", ".join(_checks(kind))),
            ("file", shown(str(kind_file(kind)))),
        ]
    else:
        origin = "" if kind.source is None else f" · {shown(str(kind.source))}"
        pairs = [("", f"{kind.length.min} to {kind.length.max} words · {combined}{origin}")]
    for line in facts(pairs):
        put(f"  {line.strip()}")
    for text in _examples(kind, examples, seed):
        put(f"  > {shown(text['record_request'])}")
        if full and text["text"] != text["record_request"]:
            sent = text["text"].removeprefix(text["record_request"]).strip()
            put(f"    and to the teacher: {shown(' '.join(sent.split()))}")
    put()


def _checks(kind: Kind) -> Iterator[str]:
    yield f"{kind.checks.min_words} to {kind.checks.max_words} words"
    if kind.checks.must_end_sentence:
        yield "ends with a whole sentence"


def _tell_builtin(name: str, examples: int, seed: int) -> None:
    put(f"{name}: {BUILTIN_KINDS[name]}")
    for request, answer in _builtin_records(name, examples, seed):
        put(f"  > {request}")
        put(f"    {' '.join(answer.split())}")
    put()


def _builtin_records(name: str, count: int, seed: int) -> Iterator[tuple[str, str]]:
    from ysnakes_core.synthesis.builtin import generate

    return generate(name, count, seed)


def _examples(kind: Kind, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """The first requests of a job with this seed, but none twice."""
    from ysnakes_core.synthesis.requests import RequestPlan

    plan = RequestPlan(kind, seed)
    for index in range(min(count, plan.combinations)):
        request = plan.request(index)
        yield {
            "record_request": request.record_request,
            "text": request.text,
            "inputs": dict(request.inputs),
            "seed": request.seed,
        }


def _object(kind: Kind, examples: int, seed: int) -> dict[str, Any]:
    from ysnakes_core.synthesis.kinds import kind_file

    return {
        "kind": kind.name,
        "teacher": "any",
        "title": kind.title,
        "what": kind.what,
        "combinations": kind.combinations,
        "inputs": {each.name: len(each.entries) for each in kind.inputs},
        "wordings": len(kind.requests),
        "min_words": kind.length.min,
        "max_words": kind.length.max,
        "options": dict(kind.options),
        "checks": {
            "min_words": kind.checks.min_words,
            "max_words": kind.checks.max_words,
            "must_end_sentence": kind.checks.must_end_sentence,
        },
        "own": kind.source is not None,
        "file": str(kind_file(kind)),
        "examples": list(_examples(kind, examples, seed)),
    }


def _builtin_object(name: str, examples: int, seed: int) -> dict[str, Any]:
    return {
        "kind": name,
        "teacher": "builtin",
        "what": BUILTIN_KINDS[name],
        "examples": [
            {"record_request": request, "answer": answer}
            for request, answer in _builtin_records(name, examples, seed)
        ],
    }

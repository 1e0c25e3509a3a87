"""The rules of curation, applied to records as they come into the library, or to those that are in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from ysnakes_core.synthesis.curation import Flag, Rules, check, load_rules
from ysnakes_core.synthesis.curation.cleaning import curated
from ysnakes_core.synthesis.kinds import load_kinds
from ysnakes_core.synthesis.library_records import Judge, Record, RecordFilter, Verdict

if TYPE_CHECKING:
    from ysnakes_core.synthesis.kinds import Kind
    from ysnakes_core.synthesis.library import Library

_UNFINISHED = "truncated"
_PAGE = 500


def judge_for(
    kinds: Mapping[str, Kind] | None = None, *, mend: bool = True, rules: Rules | None = None
) -> Judge:
    """What the rules say of a record, with the length and the ending that its kind asks for.

    ``mend``: take out what is to be stripped, and reject what is to be rejected; else only flag. ``kinds``
    and ``rules``: all there are, the user's own among them, if none are given. Raises ``UsageError`` for a
    file of the user's that is wrong.
    """
    known = load_kinds() if kinds is None else kinds
    rules = load_rules() if rules is None else rules

    def judge(kind: str, request: str, answer: str) -> Verdict:
        asked = known.get(kind)
        length = (asked.checks.min_words, asked.checks.max_words) if asked is not None else None

        def shown(flags: list[Flag]) -> list[dict[str, object]]:
            any_end = asked is not None and not asked.checks.must_end_sentence
            return [asdict(flag) for flag in flags if not (any_end and flag.rule == _UNFINISHED)]

        if not mend:
            return Verdict(answer, "pending", shown(check(request, answer, rules=rules, length=length)))
        result = curated(request, answer, rules=rules, length=length)
        if result.answer is None:
            return Verdict(answer, "rejected", shown(list(result.flags)))
        if result.answer == answer:
            return Verdict(answer, "pending", shown(list(result.flags)))
        left = check(request, result.answer, rules=rules, length=length)
        return Verdict(result.answer, "pending", shown(left))

    return judge


@dataclass(frozen=True)
class Judged:
    """What came of judging records of the library."""

    looked_at: int = 0
    rejected: int = 0
    cleaned: int = 0
    flagged: int = 0


def judge_library(
    library: Library, judge: Judge, asked: RecordFilter, told: Callable[[int], None] | None = None
) -> Judged:
    """Judge all records of the filter that nobody has decided about; one ``undo`` takes it back.

    ``told`` is given the number of records looked at so far. Raises ``LibraryError``.
    """
    undecided = replace(asked, decisions=("pending",))
    result = Judged()
    with library.batch():
        after = None
        while page := library.records(undecided, _PAGE, after):
            after = page[-1].id
            for record in page:
                result = _counted(result, _judge_one(library, judge, record))
            if told is not None:
                told(result.looked_at)
    return result


def _judge_one(library: Library, judge: Judge, record: Record) -> Judged:
    verdict = judge(record.kind, record.request, record.answer)
    cleaned = verdict.answer != record.answer
    if cleaned:
        library.edit(record.id, verdict.answer, checks=verdict.checks, action="cleaned")
    elif list(record.checks) != list(verdict.checks):
        library.set_checks([(record.id, verdict.checks)])
    if verdict.decision == "rejected":
        library.decide(record.id, "rejected")
    return Judged(1, int(verdict.decision == "rejected"), int(cleaned), int(bool(verdict.checks)))


def _counted(a: Judged, b: Judged) -> Judged:
    return Judged(
        a.looked_at + b.looked_at, a.rejected + b.rejected, a.cleaned + b.cleaned, a.flagged + b.flagged
    )

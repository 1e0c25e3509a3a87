"""The rules of curation, applied to records as they come into the library, or to those that are in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from ysnakes_core.synthesis.builtin_teacher import NAME as BUILTIN
from ysnakes_core.synthesis.curation import Flag, Rules, check, load_rules
from ysnakes_core.synthesis.curation.cleaning import curated
from ysnakes_core.synthesis.kinds import load_kinds
from ysnakes_core.synthesis.library_records import Check, Judge, Record, RecordFilter, Verdict

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
    every = load_rules() if rules is None else rules
    open_ended = every.without(_UNFINISHED)

    def judge(teacher: str, kind: str, request: str, answer: str) -> Verdict:
        asked = known.get(kind) if teacher != BUILTIN else None  # its kinds are its own, whatever their names
        length = (asked.checks.min_words, asked.checks.max_words) if asked is not None else None
        rules = every if asked is None or asked.checks.must_end_sentence else open_ended
        if not mend:
            return Verdict(answer, "pending", _shown(check(request, answer, rules=rules, length=length)))
        result = curated(request, answer, rules=rules, length=length)
        if result.answer is None:
            return Verdict(answer, "rejected", _shown(result.flags))
        if result.answer == answer:
            return Verdict(answer, "pending", _shown(result.flags))
        left = check(request, result.answer, rules=rules, length=length)
        return Verdict(result.answer, "pending", _shown(left))

    return judge


def _shown(flags: Sequence[Flag]) -> list[Check]:
    return [asdict(flag) for flag in flags]


@dataclass(frozen=True)
class Judged:
    """What came of judging records of the library."""

    looked_at: int = 0
    rejected: int = 0
    cleaned: int = 0
    flagged: int = 0


@dataclass(frozen=True)
class Due:
    """What the rules say of one record that nobody has decided about, as its answer was then."""

    record: int
    answer: str
    verdict: Verdict

    @property
    def rejects(self) -> bool:
        return self.verdict.decision == "rejected"

    @property
    def cleans(self) -> bool:
        return self.verdict.answer != self.answer


def due_changes(
    library: Library, judge: Judge, asked: RecordFilter, told: Callable[[int], None] | None = None
) -> tuple[list[Due], Judged]:
    """Judge all records of the filter that nobody has decided about, and change nothing.

    Gives what would change, be it only what is noted of a record, and the counts. ``told`` is given the
    number of records looked at so far. Raises ``LibraryError``.
    """
    due: list[Due] = []
    counts = Judged()
    for page in _pages(library, replace(asked, decisions=("pending",))):
        for record in page:
            verdict = judge(record.teacher, record.kind, record.request, record.answer)
            one = Due(record.id, record.answer, verdict)
            if one.rejects or one.cleans or list(record.checks) != list(verdict.checks):
                due.append(one)
            counts = _counted(counts, _one(one))
        if told is not None:
            told(counts.looked_at)
    return due, counts


def carry_out(library: Library, due: Sequence[Due]) -> Judged:
    """Change the records as the rules say; one ``undo`` takes it back.

    One that was changed or decided about since is left alone. Raises ``LibraryError``.
    """
    counts = Judged()
    with library.batch():  # others wait to write until it ends: it is short, as all is judged already
        for one in due:
            record = library.record(one.record)
            if record.answer != one.answer or record.decision != "pending":
                continue
            verdict = one.verdict
            if one.cleans:
                library.edit(record.id, verdict.answer, checks=verdict.checks, action="cleaned")
            elif list(record.checks) != list(verdict.checks):
                library.set_checks([(record.id, verdict.checks)])
            if one.rejects:
                library.decide(record.id, "rejected")
            counts = _counted(counts, _one(one))
    return counts


def flag_library(
    library: Library, judge: Judge, asked: RecordFilter, told: Callable[[int], None] | None = None
) -> Judged:
    """Note anew what the rules find in all records of the filter, those that are decided about too.

    ``judge`` is one that does not mend. No text and no decision is changed. Raises ``LibraryError``.
    """
    counts = Judged()
    for page in _pages(library, asked):
        found = [
            (record, judge(record.teacher, record.kind, record.request, record.answer).checks)
            for record in page
        ]
        library.set_checks(
            (record.id, checks) for record, checks in found if list(record.checks) != list(checks)
        )
        flagged = sum(bool(checks) for _, checks in found)
        counts = _counted(counts, Judged(looked_at=len(page), flagged=flagged))
        if told is not None:
            told(counts.looked_at)
    return counts


def _pages(library: Library, asked: RecordFilter) -> Iterator[list[Record]]:
    after = None
    while page := library.records(asked, _PAGE, after):
        after = page[-1].id
        yield page


def _one(due: Due) -> Judged:
    return Judged(1, int(due.rejects), int(due.cleans), int(bool(due.verdict.checks)))


def _counted(a: Judged, b: Judged) -> Judged:
    return Judged(
        a.looked_at + b.looked_at, a.rejected + b.rejected, a.cleaned + b.cleaned, a.flagged + b.flagged
    )

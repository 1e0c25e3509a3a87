"""Taking out of one record what the rules marked in it."""

from __future__ import annotations

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.curation import Flag, cleaned
from ysnakes_core.synthesis.library import Library
from ysnakes_core.synthesis.library_records import Check, Judge, Record


def clean_record(library: Library, record: Record, judge: Judge) -> bool:
    """Take out what the record's checks strip, whatever else they say; whether there was any of it.

    It is a change that can be undone, and no decision. ``judge`` says what is found in what is left. Raises
    ``UsageError`` where nothing would be, and ``LibraryError``.
    """
    text = cleaned(record.answer, [flag for check in record.checks if (flag := _strip(check, record.answer))])
    if text is None:
        raise UsageError("nothing would be left of the answer", "reject the record, or edit it")
    if text == record.answer:
        return False
    checks = judge(record.teacher, record.kind, record.request, text).checks
    library.edit(record.id, text, checks=checks, action="cleaned")
    return True


def _strip(check: Check, answer: str) -> Flag | None:
    """The flag of a check that strips something; None for another, or one that makes no sense."""
    start, end, replacement = check.get("start"), check.get("end"), check.get("replacement", "")
    if check.get("action") != "strip" or not isinstance(start, int) or not isinstance(end, int):
        return None
    if not 0 <= start < end <= len(answer) or not isinstance(replacement, str):
        return None
    return Flag(str(check.get("rule")), start, end, "strip", "", replacement)

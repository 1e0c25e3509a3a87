"""From a filter to SQL: values are always bound, never part of the statement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ysnakes_core.synthesis.library_records import RecordFilter

_WORD_OR_PHRASE = re.compile(r'"([^"]*)"?|(\S+)')
_LETTER = re.compile(r"\w")
MAX_TERMS = 20
MIN_BEGINNING = 3  # letters: fewer begin so many words that finding them would take long


@dataclass(frozen=True)
class Where:
    """``FROM … WHERE …`` with the values it needs; ``order_by`` is the column of a record's id."""

    sql: str
    values: tuple[object, ...]
    order_by: str


def where(asked: RecordFilter, *, after: int | None = None, newest_first: bool = False) -> Where:
    """The records that a filter takes, from the one after ``after`` on in the order of reading."""
    source, identity = "records", "records.id"
    conditions: list[str] = []
    values: list[object] = []
    if asked.text.strip():
        # The index gives ids in order, so that a page needs only as many of them as it shows.
        source, identity = "found CROSS JOIN records ON records.id = found.rowid", "found.rowid"
        conditions.append("found MATCH ?")
        values.append(match_expression(asked.text))
    if after is not None:
        conditions.append(f"{identity} {'<' if newest_first else '>'} ?")
        values.append(after)
    for column, wanted in (
        ("records.kind", asked.kinds),
        ("records.teacher", asked.teachers),
        ("records.decision", asked.decisions),
    ):
        if wanted:
            conditions.append(f"{column} IN ({_marks(wanted)})")
            values.extend(wanted)
    if asked.job is not None:
        conditions.append("records.job = ?")
        values.append(asked.job)
    if asked.rules:
        conditions.append(
            f"EXISTS (SELECT 1 FROM flags WHERE record = records.id AND rule IN ({_marks(asked.rules)}))"
        )
        values.extend(asked.rules)
    if asked.flagged is not None:
        exists = "EXISTS" if asked.flagged else "NOT EXISTS"
        conditions.append(f"{exists} (SELECT 1 FROM flags WHERE record = records.id)")
    sql = f"FROM {source}" + (f" WHERE {' AND '.join(conditions)}" if conditions else "")
    return Where(sql, tuple(values), identity)


def match_expression(text: str) -> str:
    """What a person typed, in the full-text index's language: nothing in it can be an operator.

    The last word may be the beginning of one, if it has ``MIN_BEGINNING`` letters.
    Text without a letter or digit matches nothing.
    """
    terms = []
    unfinished = False
    for match in list(_WORD_OR_PHRASE.finditer(text.replace("\0", " ")))[:MAX_TERMS]:
        words = match[1] if match[1] is not None else match[2]
        if _LETTER.search(words):
            terms.append('"' + words.replace('"', '""') + '"')
            unfinished = match[1] is None and not text[-1:].isspace() and len(words) >= MIN_BEGINNING
    if not terms:
        return '""'
    return " AND ".join(terms) + ("*" if unfinished else "")


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))

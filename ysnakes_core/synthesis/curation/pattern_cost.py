"""How long a pattern can take: its worst case, read from the pattern itself before it is ever used.

``re`` cannot be interrupted, and a pattern such as ``(a+)+b`` takes longer than a life on forty letters. So
a pattern is only accepted if the number of ways in which it can be tried is bounded: the product of what its
repeats may vary by, where an unbounded repeat varies by ``WINDOW`` characters (no pattern ever sees more at
once), times the places where it can begin: one if it starts with ``^``. Possessive repeats (``\\w++``) and
atomic groups never try again, and so count once. Back references are refused.
"""

from __future__ import annotations

import re
from typing import Any

WINDOW = 1000  # characters of one line that a pattern is tried on at once
MOST_WAYS = 5_000_000  # in one window, all places together; at worst a few tenths of a second
MANY_WAYS = 10**12  # from here on it makes no difference
MOST_INSIDE = 50  # ways inside of what is never tried again
MAX_LENGTH = 4000  # characters of a pattern


class PatternRefused(ValueError):
    """The pattern cannot be used; the message says why, in words for whoever wrote it."""


def checked_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """The compiled pattern. PatternRefused where it is no pattern, or could take too long."""
    if len(pattern) > MAX_LENGTH:
        raise PatternRefused(f"it is longer than {MAX_LENGTH:,} characters")
    try:
        compiled = re.compile(pattern, flags)
        ways = _sequence(_parsed(pattern, flags)) * (1 if is_anchored(pattern, flags) else WINDOW)
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternRefused(f"it is not a regular expression ({error})") from None
    if compiled.match(""):
        raise PatternRefused("it matches even where there is nothing")
    if ways > MOST_WAYS:
        raise PatternRefused(
            "it could take very long on some texts: bound its repeats, like .{0,80} in place of .*, "
            "or make them possessive, like \\w++"
        )
    return compiled


def is_anchored(pattern: str, flags: int = 0) -> bool:
    """Whether the pattern can only match at the beginning of a line."""
    parsed = _parsed(pattern, flags)
    return bool(parsed) and str(parsed[0][0]) == "AT" and "BEGINNING" in str(parsed[0][1])


def _parsed(pattern: str, flags: int) -> Any:
    parser: Any = re._parser  # type: ignore[attr-defined]
    return parser.parse(pattern, flags)


def _sequence(items: Any) -> int:
    """Ways to match a run of items: each combines with each."""
    ways = 1
    for operator, argument in items:
        ways = min(ways * _item(str(operator), argument), MANY_WAYS)
    return ways


def _item(operator: str, argument: Any) -> int:
    if operator in ("MAX_REPEAT", "MIN_REPEAT"):
        return _repeat(*argument)
    if operator == "SUBPATTERN":
        return _sequence(argument[-1])
    if operator == "BRANCH":
        return _branches(argument[1])
    if operator in ("ASSERT", "ASSERT_NOT"):
        return _looked_at(argument[1])
    if operator == "ATOMIC_GROUP":
        return _looked_at(argument)
    if operator == "POSSESSIVE_REPEAT":
        return _looked_at(argument[2])
    if operator in ("GROUPREF", "GROUPREF_EXISTS", "GROUPREF_IGNORE"):
        raise PatternRefused("it refers back to what it matched before, which is not supported")
    return 1


def _looked_at(items: Any) -> int:
    """What is tried once and then left alone: no way back into it, but its own inside may be costly."""
    inside = _sequence(items)
    return 1 if inside <= MOST_INSIDE else inside


def _branches(branches: Any) -> int:
    """Only branches that begin with the same letter, or with no letter, can match at one place."""
    by_letter: dict[int | None, int] = {}
    for branch in branches:
        first = branch[0] if len(branch) else None
        letter = int(first[1]) if first is not None and str(first[0]) == "LITERAL" else None
        by_letter[letter] = by_letter.get(letter, 0) + _sequence(branch)
    anything = by_letter.pop(None, 0)
    return anything + max(by_letter.values(), default=0)


def _repeat(least: int, most: int, body: Any) -> int:
    inside = _sequence(body)
    most = min(int(most), WINDOW)
    ways = max(most - least + 1, 1)
    if inside == 1:
        return ways
    # Each round can go in as many ways as the body: (a+)+ and its like.
    for _ in range(min(most, 40)):
        ways = min(ways * inside, MANY_WAYS)
    return ways

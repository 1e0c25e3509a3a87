"""What to do about a teacher that does not answer, said for someone who sits in front of the app."""

from __future__ import annotations

import re

_FOR_THE_APP = (
    (" (or give --pull)", ""),
    (
        "or name another with --host, or write with --teacher builtin, which needs none",
        "or name another host, or choose the built-in teacher, which needs none",
    ),
    ("give --host HOST:PORT, for example --host ", "write HOST:PORT, for example "),
    ("check --host,", "check the host,"),
    ("wait for it, or end that one first", "wait for it, or end it there first"),
)
_COMMAND = re.compile(r"with: (.+?)(?= \(|, or |\Z)")


def in_the_app(hint: str) -> str:
    """A hint that was written for the command line, without its options."""
    for before, after in _FOR_THE_APP:
        hint = hint.replace(before, after)
    return hint


def command_in(hint: str) -> str:
    """The command line that a hint says will mend it; "" if it says none."""
    found = _COMMAND.search(hint)
    return found.group(1) if found else ""

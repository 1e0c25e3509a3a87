"""What curation finds: a flag is one place in an answer, the rule that found it, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Action = Literal["flag", "strip", "reject"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Flag:
    """``start`` and ``end`` are offsets into the answer in characters; 0 and 0 where the request is meant.

    ``strip`` puts ``replacement`` where the flagged text stands: nothing, or the text of a link.
    """

    rule: str
    start: int
    end: int
    action: Action
    why: str
    replacement: str = ""

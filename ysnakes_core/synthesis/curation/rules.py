"""A curation rule as data: what it looks for, where, and what is done about it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from ysnakes_core.synthesis.curation.flags import Action
from ysnakes_core.synthesis.curation.pattern_cost import is_anchored

Part = Literal["answer", "request"]
Where = Literal["anywhere", "start", "end", "edges", "first", "short"]
Unit = Literal["match", "sentence", "tail", "line", "rest"]
PARTS: tuple[Part, ...] = get_args(Part)
WHERES: tuple[Where, ...] = get_args(Where)
UNITS: tuple[Unit, ...] = get_args(Unit)


@dataclass(frozen=True, eq=False)
class Pattern:
    """A regular expression, and what has to be where it looks for it to be worth trying.

    ``words`` are whole words in small letters, of which one has to be there, and one of ``also`` besides;
    ``texts`` are pieces of text of which one has to be there. With none, it is tried on every line.
    ``where`` it looks: in all lines, the first one, the first or the last three (``start``, ``end``), both of
    these (``edges``), or in all lines of an answer that is ``short`` (``LookedAt.short``); lines with nothing
    in them do not count.
    """

    regex: re.Pattern[str]
    words: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    where: Where = "anywhere"

    @cached_property
    def anchored(self) -> bool:
        """Whether it can only match at the beginning of a line."""
        return is_anchored(self.regex.pattern, self.regex.flags)


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule. ``check`` names the function that looks, for what no pattern can say; ``settings`` are its,
    and ``words`` and ``texts`` are what has to be in a text, one of them, for it to look.

    ``unit`` is what is flagged around a match: the match itself, its sentence, the line from that sentence
    on (``tail``), its line, or all the rest of the answer. ``outside_speech`` leaves alone what people in a
    text say. ``keep`` replaces what is stripped by what the pattern's group of that number matched.
    ``unless`` excuses a line that it matches, and ``unless_request`` the answer to a request that it matches.
    """

    id: str
    title: str
    looks_for: str
    action: Action
    part: Part = "answer"
    unit: Unit = "line"
    outside_speech: bool = False
    patterns: tuple[Pattern, ...] = ()
    unless: tuple[re.Pattern[str], ...] = ()
    unless_request: tuple[re.Pattern[str], ...] = ()
    keep: int = 0
    check: str = ""
    settings: Mapping[str, float | str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    source: Path | None = None

    @cached_property
    def why(self) -> str:
        """The reason that a flag of this rule gives."""
        return f"{self.title}: {self.looks_for}"


@dataclass(frozen=True, eq=False)
class Rules:
    """All rules that are looked for together, by their ids."""

    by_id: Mapping[str, Rule]

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)

    def only(self, ids: Collection[str]) -> Rules:
        """Just these rules."""
        return Rules({name: rule for name, rule in self.by_id.items() if name in ids})

    def without(self, *ids: str) -> Rules:
        """All rules but these."""
        return Rules({name: rule for name, rule in self.by_id.items() if name not in ids})

    def acting(self, actions: Mapping[str, Action]) -> Rules:
        """The same rules with other actions for some of them."""
        return Rules(
            {
                name: replace(rule, action=actions[name]) if name in actions else rule
                for name, rule in self.by_id.items()
            }
        )

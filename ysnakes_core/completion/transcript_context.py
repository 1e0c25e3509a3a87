"""Which earlier turns stand in the context of one."""

from __future__ import annotations

from collections.abc import Sequence

from ysnakes_core.completion.history import Part, Reading
from ysnakes_core.completion.transcript_records import Answer, ContextRule, Turn


def parts_before(turn: Turn, before: Sequence[tuple[Turn, Answer]], rule: ContextRule) -> tuple[Part, ...]:
    """Those of the turns ``before`` that stand in the context of ``turn`` under a rule."""
    parts: list[Part] = []
    last: tuple[Turn, Answer] | None = None
    for earlier, answer in before:
        if _begins_afresh(earlier, last, rule):
            parts = []
        parts.append(_part(earlier, answer))
        last = earlier, answer
    return () if _begins_afresh(turn, last, rule) else tuple(parts)


def _begins_afresh(turn: Turn, last: tuple[Turn, Answer] | None, rule: ContextRule) -> bool:
    if last is None:
        return True
    if rule == "carry" or not turn.prompt:  # without a prompt the answer before goes on
        return False
    if rule == "fresh" or turn.reading == "request":
        return True
    return turn.reading == "auto" and read_as(*last) == "request"


def read_as(turn: Turn, answer: Answer) -> Reading:
    """How the prompt of an answer was read; where it ended before that was known, as it was asked to be."""
    if answer.reading:
        return answer.reading
    return "text" if turn.reading == "auto" else turn.reading


def _part(turn: Turn, answer: Answer) -> Part:
    ended = answer.outcome is not None and answer.outcome.reason == "end"
    pieces = tuple(token.text if token.id is None else token.id for token in answer.tokens)
    return Part(turn.prompt, read_as(turn, answer), pieces, ended)

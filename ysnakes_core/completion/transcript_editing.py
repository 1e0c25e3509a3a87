"""What becomes of an answer's tokens where a person edits its text.

The model's own tokens stay up to the first change, with their probabilities; what comes after that is the
person's, as text, even where it is as it was: the model gave it its probabilities after something else.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ysnakes_core.completion.history import REQUEST_BREAK
from ysnakes_core.completion.transcript_records import Answer, Outcome, Token
from ysnakes_core.errors import UsageError
from ysnakes_core.text.tokenizer_file import START_ID

LONGEST = 1_000_000  # characters of a prompt, or of an answer that a person edits


def check_length(what: str, text: str) -> None:
    """Raises ``UsageError`` where a text of a person's is too long."""
    if len(text) > LONGEST:
        raise UsageError(
            f"{what} has {len(text):,} characters, and {LONGEST:,} are the most here",
            "give a shorter one, or a file: ysnakes complete RUN - < FILE",
        )


def edited_answer(before: Answer, text: str, identity: str) -> tuple[Answer, Outcome]:
    """What becomes of an answer whose text a person made ``text``, and its outcome.

    It ended as the one before did, but has no figures: nothing was computed. Raises ``UsageError`` for a
    text that is empty or too long, and for an answer that is still being written.
    """
    check_length("the answer", text)
    if not text:
        raise UsageError("an answer with nothing in it is none", "leave some of it, or have it answered anew")
    if before.outcome is None:
        raise UsageError("this answer is still being written", "wait for it, or stop it with esc")
    tokens = edited_tokens(before.tokens, text)
    outcome = replace(
        before.outcome,
        tokens=sum(token.probability is not None for token in tokens),
        seconds_to_first_token=None,
        tokens_per_second=None,
        problem="",
    )
    made = replace(
        before, id=identity, edited_from=before.id, tokens=tokens, reading=outcome.reading, outcome=None
    )
    return made, outcome


def edited_tokens(tokens: Sequence[Token], text: str) -> list[Token]:
    """An answer whose text a person made ``text``.

    A ``<start>`` of the model's own stays where nothing before it was changed, or nothing from it on.
    """
    kept = _kept(tokens, text)
    begin = sum(len(token.text) for token in tokens[:kept])
    found = list(tokens[:kept])
    for end, mark in _marks_left(tokens[kept:], text[begin:]):
        after = begin + end
        before = after - len(mark.text)
        found += _written(text[sum(len(token.text) for token in found) : before])
        found.append(mark)
    return found + _written(text[sum(len(token.text) for token in found) :])


def _kept(tokens: Sequence[Token], text: str) -> int:
    """How many tokens stay: up to a place where a word ends, so that the rest has tokens of its own."""
    kept = at = 0
    for number, token in enumerate(tokens, 1):
        if not text.startswith(token.text, at):
            break
        at += len(token.text)
        if _may_end(token, text[at : at + 1]):
            kept = number
    return kept


def _may_end(token: Token, following: str) -> bool:
    if not token.text:  # a part of a character, or of what comes after it
        return False
    if token.id == START_ID or not following:
        return True
    return following.isspace() and not token.text[-1].isspace()


def _marks_left(tokens: Sequence[Token], text: str) -> Iterator[tuple[int, Token]]:
    """Each ``<start>`` in what was not changed at the end, with the place in ``text`` where it ends."""
    before = "".join(token.text for token in tokens)
    pairs = zip(reversed(before), reversed(text), strict=False)
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    at = 0
    for token in tokens:
        at += len(token.text)
        if token.id == START_ID and at - len(REQUEST_BREAK) >= len(before) - same:
            yield len(text) - (len(before) - at), Token(REQUEST_BREAK, START_ID, None)


def _written(text: str) -> list[Token]:
    return [Token(text, None, None)] if text else []

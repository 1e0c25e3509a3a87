"""What a transcript looks like as blocks of its view: titles, notes, and what is being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ysnakes_core.completion.transcript import Answer, Transcript, Turn
from ysnakes_tui.complete.conversation import Conversation, Exchange
from ysnakes_tui.complete.transcript_view import Block
from ysnakes_tui.formats import bits

PROMPT, ANSWER, NOTE = "p:", "a:", "n:"
_READINGS = {
    "request": "read as a request",
    "text": "read as the beginning of a text",
    "answer": "read as the beginning of an answer",
}
_ENDS = {
    "end": "<end>",
    "max_tokens": "full length",
    "stop": "stopped",
    "cancelled": "cancelled",
    "failed": "broken off",
    "interrupted": "not finished",
}


def blocks_of(transcript: Transcript, conversation: Conversation, now: float) -> list[Block]:
    """All that is shown of the path. ``now`` is of the conversation's clock."""
    found: list[Block] = []
    waiting = {exchange.turn: exchange for exchange in conversation.open(transcript)}
    for turn, answer in transcript.path():
        found += _of_prompt(transcript, turn, answer)
        open_exchange = waiting.get(turn.id)
        if open_exchange is not None and not open_exchange.answers:
            found.append(Block(f"{NOTE}{turn.id}", "note", waiting_title(open_exchange), waiting=True))
        elif answer is not None:
            found += of_answer(turn, answer, conversation, now)
        if (failed := conversation.failed.get(turn.id)) is not None:
            found.append(Block(f"{NOTE}{turn.id}", "note", "It did not answer", _sentences(failed)))
    return found


def _of_prompt(transcript: Transcript, turn: Turn, answer: Answer | None) -> list[Block]:
    if not turn.prompt:
        return []
    reading = answer.reading if answer is not None else ""
    told = _READINGS.get(reading, "" if turn.reading == "auto" else f"to be read as {turn.reading}")
    title = _joined("you", told, place_of(transcript.siblings(turn.id), turn, "version"))
    return [Block(f"{PROMPT}{turn.id}", "prompt", title, turn.prompt)]


def of_answer(turn: Turn, answer: Answer, conversation: Conversation, now: float) -> list[Block]:
    """An answer with what is to be said of it."""
    notes = list(conversation.notes.get(answer.id, ()))
    outcome = answer.outcome
    if outcome is not None and outcome.unknown_characters:
        count = outcome.unknown_characters
        what = "1 character of it is unknown" if count == 1 else f"{count:,} characters of it are unknown"
        notes.append(f"{what} to the tokenizer and left out.")
    if outcome is not None and outcome.unknown_before:
        count = outcome.unknown_before
        what = "1 character is unknown" if count == 1 else f"{count:,} characters are unknown"
        notes.append(f"Of the edited answer before it, {what} to the tokenizer and left out.")
    if outcome is not None and outcome.problem:
        notes.append(outcome.problem)
    title = title_of(turn, answer, conversation.exchange_of(answer.id), now)
    found = [
        Block(f"{ANSWER}{answer.id}", "answer", title, tokens=tuple(answer.tokens), waiting=outcome is None)
    ]
    if notes:
        found.append(Block(f"{NOTE}{answer.id}", "note", "", "\n".join(notes)))
    return found


def title_of(turn: Turn, answer: Answer, exchange: Exchange | None, now: float) -> str:
    """Who answered, how quickly, and how it ended; or that a person edited it."""
    if answer.edited_from:
        return _joined(
            f"edited by you, written first by {answer.run}, step {answer.step:,}",
            place_of(turn.answers, answer, "answer"),
            _carried(answer),
        )
    score = "" if answer.bits_per_byte is None else f"{bits(answer.bits_per_byte)} bits/byte"
    weights = "" if answer.precision == "float32" else answer.precision
    return _joined(
        f"{answer.run}, step {answer.step:,}",
        place_of(turn.answers, answer, "answer"),
        _went(answer, exchange, now),
        _carried(answer),
        weights,
        score,
    )


def untitled(blocks: Sequence[Block]) -> list[Block]:
    """The same without titles, for where those stand elsewhere."""
    return [replace(block, title="") for block in blocks]


def short_title(
    answer: Answer, exchange: Exchange | None, now: float, *, by_seed: bool
) -> tuple[str, str, str]:
    """What sets answers side by side apart: their seeds or models; how quickly they go; how they ended."""
    outcome = answer.outcome
    if answer.edited_from:
        return f"{answer.run}, step {answer.step:,}", "edited by you", ""
    seed = answer.options.seed if outcome is None else outcome.seed
    who = _seed(seed) if by_seed else f"{answer.run}, step {answer.step:,}"
    pace = exchange.pace(now) if exchange is not None else None
    pace = outcome.tokens_per_second if outcome is not None else pace
    ended = "" if outcome is None else _ENDS.get(outcome.reason, outcome.reason)
    return who, _joined(counted(len(answer.tokens)), _pace(pace), sep=", "), ended


def _carried(answer: Answer) -> str:
    if not answer.carried:
        return ""
    return "after 1 turn" if answer.carried == 1 else f"after {answer.carried:,} turns"


def _went(answer: Answer, exchange: Exchange | None, now: float) -> str:
    outcome = answer.outcome
    if outcome is None:
        pace = exchange.pace(now) if exchange is not None else None
        first = ""
        if exchange is not None and exchange.first_at is not None:
            first = first_after(exchange.first_at - exchange.asked_at)
        return _joined(counted(len(answer.tokens)), _pace(pace), first, sep=", ")
    first = "" if outcome.seconds_to_first_token is None else first_after(outcome.seconds_to_first_token)
    numbers = _joined(counted(outcome.tokens), _pace(outcome.tokens_per_second), first, sep=", ")
    return _joined(numbers, _ENDS.get(outcome.reason, outcome.reason), _seed(outcome.seed))


def _seed(seed: int | None) -> str:
    return "" if seed is None else f"seed {seed}"


def counted(tokens: int) -> str:
    return "1 token" if tokens == 1 else f"{tokens:,} tokens"


def first_after(seconds: float) -> str:
    return f"first after {1000 * seconds:,.0f} ms" if seconds < 10 else f"first after {seconds:,.0f} s"


def _pace(tokens_per_second: float | None) -> str:
    return "" if tokens_per_second is None else f"{tokens_per_second:,.0f}/s"


def place_of(among: Sequence[object], one: object, what: str) -> str:
    """``answer 2 of 3``; nothing where there is one only."""
    places = [place for place, each in enumerate(among, 1) if each is one]
    return f"{what} {places[0]} of {len(among)}" if len(among) > 1 and places else ""


def waiting_title(exchange: Exchange) -> str:
    """What is said of an answer that has not begun."""
    return "reading the model" if exchange.stage == "loading" else "reading what you wrote"


def _sentences(exchange: Exchange) -> str:
    what = f"{exchange.problem[:1].upper()}{exchange.problem[1:]}."
    return f"{what}\n{exchange.hint[:1].upper()}{exchange.hint[1:]}".strip()


def _joined(*parts: str, sep: str = " · ") -> str:
    return sep.join(part for part in parts if part)

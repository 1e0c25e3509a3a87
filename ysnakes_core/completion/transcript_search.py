"""Finding transcripts: what they are about, and where in them something was said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ysnakes_core.completion.transcript import Transcript

_AROUND = 40  # characters on either side of what was found
_TOKENS = b'{"type":"tokens"'
_ANSWER = re.compile(rb'"answer":"([0-9a-z]{1,40})"')


@dataclass(frozen=True)
class Found:
    """Where a query occurs, with the text around it on one line; ``answer`` None: in the prompt.

    ``at`` is its first character in the text.

    Lead the path there with ``choose_answer`` or ``choose_turn``. Texts must be made printable.
    """

    turn: str
    answer: str | None
    before: str
    match: str
    after: str
    at: int


@dataclass(frozen=True)
class Listed:
    """One line of a list of transcripts. ``found``: None without a query, or where only the title has it."""

    id: str
    title: str
    created: float
    changed: float
    turns: int
    runs: tuple[str, ...]
    found: Found | None = None


@dataclass(frozen=True)
class Scanned:
    """What is listed of a transcript, and its texts: (turn, answer or None, text), in the order they came."""

    title: str
    created: float
    changed: float
    turns: int
    runs: tuple[str, ...]
    texts: tuple[tuple[str, str | None, str], ...]

    @property
    def size(self) -> int:
        """Characters of text."""
        return sum(len(text) for _, _, text in self.texts)


def scan(transcript_id: str, lines: Iterable[bytes], change_in: Callable[[bytes], Any]) -> Scanned:
    """What a transcript's lines say, without its tokens where an answer's whole text is there too."""
    transcript = Transcript(transcript_id)
    texts: dict[str, str] = {}
    unended: dict[bytes, list[bytes]] = {}  # lines of tokens, by answer
    for line in lines:
        if line.startswith(_TOKENS) and (answer := _ANSWER.search(line, 0, 200)) is not None:
            unended.setdefault(answer[1], []).append(line)
            continue
        change = change_in(line)
        if transcript.take_over(change) and change["type"] == "ended":
            unended.pop(change["answer"].encode(), None)
            if isinstance(text := change.get("text"), str):
                texts[change["answer"]] = text
    for rest in unended.values():
        for line in rest:
            transcript.take_over(change_in(line))
    return Scanned(
        transcript.title,
        transcript.created,
        transcript.changed,
        sum(1 for _ in transcript.turns()),
        tuple(dict.fromkeys(answer.run for turn in transcript.turns() for answer in turn.answers)),
        tuple(_texts(transcript, texts)),
    )


def _texts(transcript: Transcript, known: dict[str, str]) -> Iterator[tuple[str, str | None, str]]:
    for turn in transcript.turns():
        yield turn.id, None, turn.prompt
        for answer in turn.answers:
            yield turn.id, answer.id, known.get(answer.id) or answer.text


def search(transcript_id: str, scanned: Scanned, query: str) -> Listed | None:
    """The transcript as it is listed for a query; None where it does not occur."""
    found = None
    words = query.split()
    if words:
        pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
        found = next(filter(None, (_find(pattern, *text) for text in scanned.texts)), None)
        if found is None and not pattern.search(scanned.title):
            return None
    return Listed(
        transcript_id, scanned.title, scanned.created, scanned.changed, scanned.turns, scanned.runs, found
    )


def _find(pattern: re.Pattern[str], turn: str, answer: str | None, text: str) -> Found | None:
    place = pattern.search(text)
    if place is None:
        return None
    first, last = place.span()
    before, after = text[max(0, first - _AROUND) : first], text[last : last + _AROUND]
    return Found(turn, answer, _one_line(before), _one_line(place[0]), _one_line(after), first)


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)

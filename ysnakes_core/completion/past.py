"""What stands in a model's context before a prompt: earlier turns as one stream of tokens.

Documents are ``<end> request <start> answer <end>`` and so on (see ``reading.py``). A turn that is read as
text goes on where the one before stopped, in the same document; a request, and whatever follows the
model's own ``<end>``, begins a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ysnakes_core.completion.history import Part, Reading
from ysnakes_core.errors import UsageError
from ysnakes_core.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class Past:
    """Earlier turns as tokens.

    Attributes:
        ids: everything up to the last answer's last token, without the ``<end>`` after it.
        marks: lengths of ``ids`` at which a context may have been kept, ascending, the whole last.
        ended: whether the model itself wrote ``<end>`` after ``ids``.
        reading: of the last turn; ``answer``: its tokens.
        unknown: characters of that answer, where a person edited it, that the tokenizer cannot hold.
    """

    ids: tuple[int, ...] = ()
    marks: tuple[int, ...] = ()
    ended: bool = True
    reading: Reading = "text"
    answer: tuple[int, ...] = ()
    unknown: int = 0

    @property
    def new_document(self) -> tuple[int, ...]:
        """``ids`` and the ``<end>`` that stands before a document."""
        return (*self.ids, Tokenizer.end_id)


def past_of(tokenizer: Tokenizer, history: Sequence[Part]) -> Past:
    """The tokens of earlier turns. A turn without a prompt goes on with the answer before it.

    Raises ``UsageError`` for tokens that are none of this tokenizer's.
    """
    ids: list[int] = []
    marks: list[int] = []
    ended = True
    answer: list[int] = []
    for part in history:
        ids += opening(tokenizer, part.prompt, part.reading, after=bool(ids), ended=ended)
        marks.append(len(ids))
        answer = _tokens_of(tokenizer, part.answer)
        ids += answer
        marks += [len(ids) - 1, len(ids)]  # the last token of an answer was chosen, but not yet taken in
        ended = part.ended
    if not history:
        return Past()
    last = history[-1]
    kept = tuple(sorted({mark for mark in marks if mark > 0}))
    written = (text for text in last.answer if isinstance(text, str))
    unknown = sum(tokenizer.dropped(text).total() for text in written)
    return Past(tuple(ids), kept, ended, last.reading, tuple(answer), unknown)


def _tokens_of(tokenizer: Tokenizer, answer: Sequence[int | str]) -> list[int]:
    """An answer as tokens; a person's text in it never becomes a mark."""
    found: list[int] = []
    for piece in answer:
        if isinstance(piece, str):
            found += tokenizer.encode(piece)
        elif 0 <= piece < tokenizer.vocab_size:
            found.append(piece)
        else:
            raise UsageError(
                f"an earlier answer has a token {piece} that this model does not know", "begin anew after it"
            )
    return found


def opening(tokenizer: Tokenizer, prompt: str, reading: Reading, *, after: bool, ended: bool) -> list[int]:
    """The tokens of a prompt with the marks before and after it.

    ``after``: something stands before it. ``ended``: an ``<end>`` belongs between.
    """
    start, end = tokenizer.start_id, tokenizer.end_id
    ids = tokenizer.encode(prompt)
    if not ids:
        return [] if after else [end]
    if reading == "request":
        return [end, *(tokenizer.encode(prompt.strip()) or ids), start]
    if reading == "answer":
        return [end, start, *ids]
    return ids if after and not ended else [end, *ids]

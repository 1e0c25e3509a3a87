"""Training and validation: decided document by document, by what the document says.

A document's side is a hash of its own content, so it stays when files are added, renamed or put in
another order. Near-duplicates form a group that is decided as one, by its member with the smallest
hash: adding a near-duplicate of a document can change that document's side, adding anything else cannot.
Three cases depend on the collection as a whole: a group that holds more of the documents than validation
should goes to training; where most documents are one group, only copies are held together in it; and where
chance leaves a side empty, one group is moved there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ysnakes_core.errors import DataError, UsageError
from ysnakes_core.text.near_duplicates import group_near_duplicates
from ysnakes_core.text.records import Document

LONG_PROSE = 65_536  # characters; longer prose is decided block by block, not as a whole
BLOCK = 16_384  # characters of such a block
SMALLEST_BLOCK = 200  # characters of a block where there is but one document

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Piece:
    """A document, or a block of one: consecutive blocks on the same side are joined again."""

    document: Document
    parent: int


def split_documents(
    documents: Sequence[Document], validation_fraction: float, progress: Progress | None = None
) -> tuple[list[Document], list[Document]]:
    """Documents to train on and documents to validate on, each in the order given.

    About ``validation_fraction`` of the documents are kept for validation, at least one on each side. One
    single document of prose is split at its paragraphs. With a fraction of 0 all are to train on.
    DataError where the text is too small to keep some for validation; UsageError for another fraction.
    """
    if not 0.0 <= validation_fraction < 1.0:
        raise UsageError(
            f"a validation fraction of {validation_fraction} cannot be", "choose one from 0 up to 0.9"
        )
    if not documents:
        raise DataError("there are no documents to train on", "add text")
    if validation_fraction == 0.0:
        return list(documents), []
    pieces = [
        _Piece(block, parent)
        for parent, document in enumerate(documents)
        for block in _blocks(document, BLOCK if len(document.answer) > LONG_PROSE else None)
    ]
    if len({piece.document.content_hash for piece in pieces}) == 1:
        pieces = [
            _Piece(block, 0)
            for block in _blocks(documents[0], _block_size(documents[0], validation_fraction))
        ]
        if len(pieces) < 2:
            raise DataError(
                "the text is too small to keep a part of it for validation",
                "add text, or set validation_fraction to 0",
            )
    kept = _for_validation([piece.document for piece in pieces], validation_fraction, progress)
    return (
        _joined([piece for piece, validation in zip(pieces, kept, strict=True) if not validation], pieces),
        _joined([piece for piece, validation in zip(pieces, kept, strict=True) if validation], pieces),
    )


def _for_validation(documents: list[Document], fraction: float, progress: Progress | None) -> list[bool]:
    """Whether each document is kept for validation; at least one is and one is not."""
    total = len(documents)
    report = None if progress is None else (lambda done: progress(done, total))
    groups = group_near_duplicates((f"{d.request or ''}\n{d.answer}" for d in documents), total, report)
    if progress is not None:
        progress(total, total)
    members = _held_together(documents, groups.tolist())
    drawn = [_draw(min(documents[index].content_hash for index in group)) for group in members]
    ordered = sorted(range(len(members)), key=lambda number: (drawn[number], number))
    validation = {
        number
        for number, group in enumerate(members)
        if drawn[number] < fraction and (len(group) == 1 or len(group) <= fraction * total)
    }
    if not validation:
        small = [number for number in ordered if len(members[number]) <= total / 2]
        validation = set((small or ordered)[:1])
    elif len(validation) == len(members):
        validation.discard(ordered[-1])
    chosen = {index for number in validation for index in members[number]}
    return [index in chosen for index in range(total)]


def _held_together(documents: list[Document], groups: list[int]) -> list[list[int]]:
    """The indices that are decided as one: near-duplicates, or at least copies, or at the least blocks."""
    members: dict[str, list[int]] = {}
    size = Counter(groups)
    for index, (document, group) in enumerate(zip(documents, groups, strict=True)):
        most_are_alike = size[group] > len(documents) / 2
        members.setdefault(document.content_hash if most_are_alike else str(group), []).append(index)
    if len(members) == 1:  # the blocks of a text that only repeats itself
        return [[index] for index in range(len(documents))]
    return list(members.values())


def _draw(content_hash: str) -> float:
    """A number in [0, 1) for a content hash."""
    digest = hashlib.sha256(b"validation:" + content_hash.encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _block_size(document: Document, fraction: float) -> int | None:
    if document.request is not None:
        return None
    return min(BLOCK, max(SMALLEST_BLOCK, int(len(document.answer) * fraction / 2)))


def _blocks(document: Document, size: int | None) -> list[Document]:
    """Prose in blocks of about ``size`` characters, cut at paragraphs if it can be; nothing is lost."""
    if size is None or document.request is not None:
        return [document]
    text = document.answer
    blocks: list[Document] = []
    begin, line = 0, document.line
    while begin < len(text):
        end = _cut(text, begin + size, begin + 2 * size)
        if len(text) - end < size // 2:
            end = len(text)
        block = text[begin:end]
        blocks.append(Document(None, block, document.source, line))
        begin, line = end, line + block.count("\n")
    return blocks


def _cut(text: str, low: int, high: int) -> int:
    """The first good place to cut at or after ``low``: a blank line, a line break, a sentence, a space."""
    for mark in ("\n\n", "\n\r\n", "\n", ". ", " "):
        found = text.find(mark, low, high)
        if found >= 0:
            return found + len(mark)
    return min(high, len(text))


def _joined(pieces: list[_Piece], everything: list[_Piece]) -> list[Document]:
    """The documents of one side, with blocks that follow each other in their document made one again."""
    place = {id(piece): index for index, piece in enumerate(everything)}
    runs: list[list[_Piece]] = []
    for piece in pieces:
        if runs:
            last = runs[-1][-1]
            if last.parent == piece.parent and place[id(last)] + 1 == place[id(piece)]:
                runs[-1].append(piece)
                continue
        runs.append([piece])
    return [
        run[0].document
        if len(run) == 1
        else Document(
            None,
            "".join(piece.document.answer for piece in run),
            run[0].document.source,
            run[0].document.line,
        )
        for run in runs
    ]

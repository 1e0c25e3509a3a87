"""From files to encoded training and validation streams: read, split, encode once, keep."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ysnakes_core.errors import DataError, YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.text.reading import Reading, read_documents
from ysnakes_core.text.records import Document, Problem
from ysnakes_core.text.split import split_documents
from ysnakes_core.text.token_stream import (
    SUFFIX,
    TokenStream,
    forget_old_streams,
    make_stream,
    read_stream,
    write_stream,
)
from ysnakes_core.text.tokenizer_base import Tokenizer

__all__ = [
    "Corpus",
    "Reading",
    "TokenStream",
    "encode_documents",
    "prepare_corpus",
    "read_documents",
    "split_documents",
]

BATCH_CHARACTERS = 2**21  # text encoded at once, and so between two reports of progress
ATTEMPTS = 4

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Corpus:
    """Encoded text of both sides. ``hash`` is of the text and its split, not of the tokenizer."""

    train: TokenStream
    validation: TokenStream
    hash: str
    problems: list[Problem]


def prepare_corpus(
    reading_or_paths: Reading | Sequence[Path],
    tokenizer: Tokenizer,
    validation_fraction: float,
    *,
    cache_dir: Path,
    progress: Progress | None = None,
) -> Corpus:
    """Read (unless it is read), split and encode; streams encoded before come from ``cache_dir``.

    ``progress`` is called with a stage ("splitting", "encoding training text", "encoding validation
    text"), the part done and the whole: documents for the first, bytes for the others. Documents are in
    the order of their content hashes, so names and order of files change nothing. DataError where there
    is no usable text or too little of it for validation.
    """
    tell: Progress = progress or (lambda stage, done, total: None)
    reading = reading_or_paths if isinstance(reading_or_paths, Reading) else read_documents(reading_or_paths)
    problems = list(reading.problems)
    documents = _usable(reading.documents, tokenizer, problems)
    train, validation = split_documents(
        documents, validation_fraction, lambda done, total: tell("splitting", done, total)
    )
    ordered = [sorted(side, key=lambda document: document.content_hash) for side in (train, validation)]
    hashes = [_hash_of(document.content_hash for document in side) for side in ordered]
    streams = [
        _stream(
            cache_dir / f"{_hash_of((tokenizer.hash, content))}{SUFFIX}",
            side,
            tokenizer,
            partial(tell, f"encoding {name} text"),
        )
        for name, side, content in zip(("training", "validation"), ordered, hashes, strict=True)
    ]
    return Corpus(streams[0], streams[1], _hash_of(hashes), problems)


def encode_documents(
    documents: Sequence[Document], tokenizer: Tokenizer, progress: Callable[[int, int], None] | None = None
) -> TokenStream:
    """The documents, in the order given, as a stream in memory. ``progress``: bytes done, bytes in all."""
    return make_stream(_encoded(documents, tokenizer, progress), tokenizer.end_id, tokenizer.vocab_size)


def _stream(
    path: Path,
    documents: Sequence[Document],
    tokenizer: Tokenizer,
    progress: Callable[[int, int], None],
) -> TokenStream:
    """The documents' stream from the cache, written there first where it is missing or broken."""
    stream = read_stream(path)
    attempts = 0
    while stream is None and attempts < ATTEMPTS:
        write_stream(path, _encoded(documents, tokenizer, progress), tokenizer.end_id, tokenizer.vocab_size)
        forget_old_streams(path.parent)
        stream = read_stream(path)  # gone again only if someone else tidies up at this very moment
        attempts += 1
    if stream is None:
        raise YsnakesError(
            f"the encoded text cannot be read back from {printable(str(path))}",
            "check the disk, or set YSNAKES_HOME to a folder on another one",
        )
    return stream


def _encoded(
    documents: Sequence[Document], tokenizer: Tokenizer, progress: Callable[[int, int], None] | None
) -> Iterator[tuple[list[int], int]]:
    """Token ids and text bytes of each document, encoded a batch at a time."""
    total = sum(document.text_bytes for document in documents)
    done = 0
    for batch in _batches(documents):
        for document, ids in zip(batch, tokenizer.encode_records(batch), strict=True):
            yield ids, document.text_bytes - _dropped_bytes(_dropped(document, tokenizer))
            done += document.text_bytes
        if progress is not None:
            progress(done, total)


def _batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += len(document.answer) + len(document.request or "")
        if characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _usable(documents: Sequence[Document], tokenizer: Tokenizer, problems: list[Problem]) -> list[Document]:
    """The documents of which the tokenizer leaves something; what it drops is told as a problem."""
    usable: list[Document] = []
    lost: Counter[str] = Counter()
    for document in documents:
        dropped = _dropped(document, tokenizer)
        lost += dropped
        if _dropped_bytes(dropped) < document.text_bytes:
            usable.append(document)
        else:
            problems.append(
                Problem(
                    document.source,
                    f"line {document.line}",
                    "no character of it is in the tokenizer's alphabet",
                    "use the bpe tokenizer",
                )
            )
    if lost:
        most = ", ".join(
            f"{printable(character)!r} {count:,} times" for character, count in lost.most_common(5)
        )
        problems.append(
            Problem(
                "the text",
                "",
                f"{lost.total():,} characters that are not in the tokenizer's alphabet are left out ({most})",
                "use the bpe tokenizer to keep them",
            )
        )
    if not usable:
        raise DataError("the tokenizer knows no character of the text", "use the bpe tokenizer")
    return usable


def _dropped(document: Document, tokenizer: Tokenizer) -> Counter[str]:
    return tokenizer.dropped(document.request or "") + tokenizer.dropped(document.answer)


def _dropped_bytes(dropped: Counter[str]) -> int:
    return sum(len(character.encode("utf-8", "surrogatepass")) * n for character, n in dropped.items())


def _hash_of(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
        digest.update(b"\n")
    return digest.hexdigest()

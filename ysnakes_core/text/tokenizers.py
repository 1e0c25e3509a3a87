"""The tokenizers: training one from documents, and loading one from its ``tokenizer.json``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ysnakes_core.errors import DataError, UsageError
from ysnakes_core.text.byte_pairs import BytePairTokenizer, byte_pairs_from_json, train_byte_pairs
from ysnakes_core.text.records import Document
from ysnakes_core.text.tokenizer_base import StreamDecoder, Tokenizer
from ysnakes_core.text.tokenizer_file import read_json, refuse
from ysnakes_core.text.word_training import train_words, words_from_json
from ysnakes_core.text.words import WordTokenizer

__all__ = [
    "BytePairTokenizer",
    "StreamDecoder",
    "Tokenizer",
    "WordTokenizer",
    "load_tokenizer",
    "train_tokenizer",
]

KINDS = ("bpe", "word")
MIN_VOCAB_SIZE = 300
MAX_TRAINING_CHARACTERS = 200_000_000  # enough to know any language's pieces; keeps training short


def train_tokenizer(documents: Iterable[Document], kind: str = "bpe", vocab_size: int = 4096) -> Tokenizer:
    """Learn a tokenizer of at most ``vocab_size`` entries; the order of the documents plays no part.

    UsageError for an unknown kind or a vocabulary under 300; DataError where there is no text.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no tokenizer {kind!r}", f"choose one of: {', '.join(KINDS)}")
    if vocab_size < MIN_VOCAB_SIZE:
        raise UsageError(
            f"a vocabulary of {vocab_size} is too small", f"choose at least {MIN_VOCAB_SIZE} entries"
        )
    ordered = sorted(documents, key=lambda document: document.content_hash)
    if not ordered:
        raise DataError("there is no text to learn a tokenizer from", "name files or folders with text")
    train = train_words if kind == "word" else train_byte_pairs
    return train(_texts(ordered), vocab_size)


def _texts(documents: Iterable[Document]) -> Iterator[str]:
    """Requests and answers, apart (a piece never crosses a marker), up to the limit."""
    left = MAX_TRAINING_CHARACTERS
    for document in documents:
        for text in (document.request, document.answer):
            if text:
                yield text[:left]
                left -= len(text)
        if left <= 0:
            return


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in a ``tokenizer.json``. DataError where it is missing, broken or not ours."""
    content = read_json(path)
    model = content.get("model")
    kind = model.get("type") if isinstance(model, dict) else None
    if kind == "BPE":
        return byte_pairs_from_json(content, path)
    if kind == "WordLevel":
        return words_from_json(content, path)
    raise refuse(path, "its model is neither BPE nor WordLevel")

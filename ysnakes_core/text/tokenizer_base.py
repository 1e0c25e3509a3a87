"""What every tokenizer here can do, whatever its kind."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from ysnakes_core.files import write_atomically
from ysnakes_core.text.records import END_MARK, START_MARK, Document
from ysnakes_core.text.tokenizer_file import END_ID, START_ID


class StreamDecoder(Protocol):
    """Turns ids into text one by one; what all calls return together is ``decode`` of all the ids."""

    def push(self, token_id: int) -> str:
        """The text that this id completes: never half a character, perhaps nothing yet."""

    def flush(self) -> str:
        """What was held back; the decoder is then as new."""


class Tokenizer(ABC):
    """Text to ids and back. Two ids are control tokens that no text ever becomes.

    ``json`` is the canonical ``tokenizer.json`` (it loads with the ``tokenizers`` library) and ``hash``
    its SHA-256 in hex, so ``sha256sum tokenizer.json`` shows the same.
    """

    kind: ClassVar[str]
    start_id = START_ID
    end_id = END_ID

    def __init__(self, json: str, vocab_size: int) -> None:
        self.json = json
        self.vocab_size = vocab_size
        self.hash = hashlib.sha256(json.encode("utf-8")).hexdigest()

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The text's ids, none of them a control token, even where the text spells one."""

    @abstractmethod
    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """``encode`` of each text, in parallel where the kind allows it."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, control tokens left out; ValueError for an id not in the vocabulary."""

    @abstractmethod
    def decoder(self) -> StreamDecoder:
        """A decoder for ids that come one by one."""

    @abstractmethod
    def dropped(self, text: str) -> Counter[str]:
        """The characters of the text that encoding leaves out, with how often each occurs."""

    def label(self, token_id: int) -> str:
        """What one token is, by itself: its text, or a name where it stands for none; ValueError as above."""
        if token_id in (self.end_id, self.start_id):
            return END_MARK if token_id == self.end_id else START_MARK
        return self.decode([token_id])

    def encode_record(self, record: Document) -> list[int]:
        """Request, ``<start>``, answer; or the prose alone; without the ``<end>`` marks around it."""
        return self.encode_records([record])[0]

    def encode_records(self, records: Sequence[Document]) -> list[list[int]]:
        """``encode_record`` of each, in parallel where the kind allows it."""
        texts = [text for record in records for text in (record.request, record.answer) if text is not None]
        encoded = iter(self.encode_batch(texts))
        return [
            next(encoded) if record.request is None else [*next(encoded), self.start_id, *next(encoded)]
            for record in records
        ]

    def save(self, path: Path) -> None:
        """Write the canonical ``tokenizer.json``, atomically."""
        write_atomically(path, self.json)

    @staticmethod
    def load(path: Path) -> Tokenizer:
        """The tokenizer in a ``tokenizer.json``. DataError where it is missing, broken or not ours."""
        from ysnakes_core.text.tokenizers import load_tokenizer  # the kinds are built on this module

        return load_tokenizer(path)


def without_surrogates(text: str) -> str:
    """Lone surrogates (from file names or arguments that were not UTF-8) as U+FFFD; other text as it is."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text

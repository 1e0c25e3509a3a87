"""The ``bpe`` tokenizer: byte-level byte pair encoding, lossless on any text.

Model and trainer are the ``tokenizers`` library's. Control tokens are kept out of text three times over:
the library is told to read their spelling as ordinary text, the pre-tokenizer never lets ``<``, a word
and ``>`` share a piece, and a file with a merge that spells one is refused.
"""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers

from ysnakes_core.text.records import END_MARK, START_MARK
from ysnakes_core.text.tokenizer_base import StreamDecoder, Tokenizer, without_surrogates
from ysnakes_core.text.tokenizer_file import (
    canonical_json,
    check_components,
    checked_vocabulary,
    control_tokens,
    refuse,
)

# Pieces that merges never cross: a word with the one character before it (a space, a quote, a bracket)
# and its contraction; single digits; punctuation with the line breaks after it; line breaks; spaces.
PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+(?:['’]\p{L}+)?"
    r"| ?\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)
MAX_TRAINED_TOKEN = 48  # characters; longer ones would be rulers and other ornaments

_TEMPLATE: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": control_tokens(),
    "normalizer": None,
    "pre_tokenizer": {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
        ],
    },
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
    "model": {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
    },
}


def _byte_alphabet() -> dict[str, int]:
    """The printable character that stands for each byte in byte-level vocabularies (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


class BytePairTokenizer(Tokenizer):
    """Byte-level BPE behind the interface of ``Tokenizer``."""

    kind = "bpe"

    def __init__(self, tokens: Sequence[str], merges: Sequence[tuple[str, str]]) -> None:
        content = dict(_TEMPLATE)
        content["model"] = _TEMPLATE["model"] | {
            "vocab": {token: token_id for token_id, token in enumerate(tokens)},
            "merges": [list(pair) for pair in merges],
        }
        super().__init__(canonical_json(content), len(tokens))
        self._library = tokenizers.Tokenizer.from_str(self.json)
        self._library.encode_special_tokens = True  # their spelling in a text is text
        alphabet = _byte_alphabet()
        self._bytes = [
            b"" if token in (END_MARK, START_MARK) else bytes(alphabet[character] for character in token)
            for token in tokens
        ]

    def encode(self, text: str) -> list[int]:
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        encodings = self._library.encode_batch_fast(
            [without_surrogates(text) for text in texts], add_special_tokens=False
        )
        return [encoding.ids for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join([self.token_bytes(token_id) for token_id in ids]).decode("utf-8", errors="replace")

    def decoder(self) -> StreamDecoder:
        return _ByteDecoder(self)

    def label(self, token_id: int) -> str:
        content = self.token_bytes(token_id)
        try:
            return content.decode("utf-8") or super().label(token_id)
        except UnicodeDecodeError:  # a part of a character
            return "".join(f"\\x{byte:02x}" for byte in content)

    def dropped(self, text: str) -> Counter[str]:
        return Counter()

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes a token stands for; none for a control token."""
        if not 0 <= token_id < self.vocab_size:
            raise ValueError(f"there is no token {token_id} in a vocabulary of {self.vocab_size}")
        return self._bytes[token_id]


class _ByteDecoder:
    """Holds back the bytes of a character until the last one is there."""

    def __init__(self, tokenizer: BytePairTokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token_id: int) -> str:
        return self._utf8.decode(self._tokenizer.token_bytes(token_id))

    def flush(self) -> str:
        text = self._utf8.decode(b"", final=True)
        self._utf8.reset()
        return text


def train_byte_pairs(texts: Iterable[str], vocab_size: int) -> BytePairTokenizer:
    """Learn at most ``vocab_size`` tokens (256 bytes and the two control tokens among them).

    The result depends on how often each piece occurs and not on the order of the texts: pieces are
    counted, and pairs that are equally frequent are merged in the order of their ids.
    """
    library = tokenizers.Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[AddedToken(mark, special=True, normalized=False) for mark in (END_MARK, START_MARK)],
        initial_alphabet=sorted(_byte_alphabet()),
        max_token_length=MAX_TRAINED_TOKEN,
        show_progress=False,
    )
    library.encode_special_tokens = True  # while counting, too
    library.train_from_iterator((without_surrogates(text) for text in texts), trainer)
    model = json.loads(library.to_str())["model"]
    vocabulary: dict[str, int] = model["vocab"]
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    return BytePairTokenizer(tokens, [(left, right) for left, right in model["merges"]])


def byte_pairs_from_json(content: Mapping[str, Any], path: Path | str) -> BytePairTokenizer:
    """The tokenizer in a parsed ``tokenizer.json``; DataError where anything in it is not as expected."""
    tokens = checked_vocabulary(content, path)
    check_components(content, _TEMPLATE, path)
    alphabet = _byte_alphabet()
    if not alphabet.keys() <= set(tokens):
        raise refuse(path, "it has no token for some of the 256 bytes")
    if any(not alphabet.keys() >= set(token) for token in tokens[2:]):
        raise refuse(path, "a token in it does not stand for bytes")
    return BytePairTokenizer(tokens, _checked_merges(content["model"].get("merges"), set(tokens[2:]), path))


def _checked_merges(merges: object, tokens: set[str], path: Path | str) -> list[tuple[str, str]]:
    """Merges whose parts and results are ordinary tokens, so none can spell a control token."""
    if not isinstance(merges, list):
        raise refuse(path, "it has no merges")
    checked: list[tuple[str, str]] = []
    for merge in merges:
        match merge:
            case [str(left), str(right)] if {left, right, left + right} <= tokens:
                checked.append((left, right))
            case _:
                raise refuse(path, "a merge in it is not a pair of its tokens that makes a third")
    return checked

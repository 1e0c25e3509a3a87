"""The ``word`` tokenizer: words with case marks, rare words by character, whitespace kept.

A text is cut into units: a word, a digit or a run of punctuation, each with the one space before it;
runs of line breaks; other spaces. Frequent units have tokens; other units are written with the tokens of
their parts, in the end of their characters. Words are in small letters, with three marks before them:
``<capital>``: the next token's first letter is a capital; ``<capitals>``: the next token is in capitals,
and so are the tokens of letters that follow it directly; ``<join>``: the next token is without its space,
and no case lasts beyond this point. Characters without a token are dropped, and counted by ``dropped``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ysnakes_core.text.records import END_MARK, START_MARK
from ysnakes_core.text.tokenizer_base import StreamDecoder, Tokenizer
from ysnakes_core.text.tokenizer_file import canonical_json, control_tokens
from ysnakes_core.text.word_case import LETTER, Case, fold, parts, small, with_case

CAPITAL, CAPITALS, JOIN = 2, 3, 4
RESERVED = (END_MARK, START_MARK, "<capital>", "<capitals>", "<join>")

PATTERN = (
    rf" ?{LETTER}+"
    rf"|(?<={LETTER})['’](?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])(?!\w)"
    r"| ?\d"
    r"| ?(?:[^\w\s]|_)+[\r\n]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)
UNIT = re.compile(PATTERN)

_LETTERS = re.compile(rf"{LETTER}+\Z")
WORD = re.compile(rf" ?['’]?{LETTER}+\Z")
_MARK_OF = {Case.AS_IS: [], Case.CAPITAL: [CAPITAL], Case.CAPITALS: [CAPITALS]}
_REMEMBERED_UNITS = 500_000
LONGEST_RUN = 16  # characters of punctuation or whitespace that one token may have

TEMPLATE: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": control_tokens(),
    "normalizer": None,
    "pre_tokenizer": {
        "type": "Split",
        "pattern": {"Regex": PATTERN},
        "behavior": "Isolated",
        "invert": False,
    },
    "post_processor": None,
    "decoder": {"type": "Fuse"},
    "model": {"type": "WordLevel", "unk_token": "<unknown>"},
}


class WordTokenizer(Tokenizer):
    """Words and case marks behind the interface of ``Tokenizer``."""

    kind = "word"

    def __init__(self, tokens: Sequence[str]) -> None:
        content = dict(TEMPLATE)
        content["model"] = TEMPLATE["model"] | {
            "vocab": {token: token_id for token_id, token in enumerate(tokens)}
        }
        super().__init__(canonical_json(content), len(tokens))
        self._texts = list(tokens)
        self._ids = {token: n for n, token in enumerate(tokens) if n >= len(RESERVED)}
        self._remembered: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        unknown = {character for character in set(text) if not self.knows(character)}
        if unknown:
            text = text.translate({ord(character): None for character in unknown})
        ids: list[int] = []
        remembered = self._remembered
        for unit in UNIT.findall(text):
            unit_ids = remembered.get(unit)
            if unit_ids is None:
                unit_ids = self._unit(unit)
                if len(remembered) >= _REMEMBERED_UNITS:
                    remembered.clear()
                remembered[unit] = unit_ids
            ids += unit_ids
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        return [self.encode(text) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        decoder = _WordDecoder(self)
        return "".join([decoder.push(token_id) for token_id in ids])

    def decoder(self) -> StreamDecoder:
        return _WordDecoder(self)

    def label(self, token_id: int) -> str:
        return self.token_text(token_id)

    def dropped(self, text: str) -> Counter[str]:
        return Counter({c: text.count(c) for c in sorted(set(text)) if not self.knows(c)})

    def knows(self, character: str) -> bool:
        """Whether a character survives encoding."""
        return character in self._ids or small(character) in self._ids

    def token_text(self, token_id: int) -> str:
        """The text of a token, before any case mark; a mark's or control token's own name."""
        if not 0 <= token_id < self.vocab_size:
            raise ValueError(f"there is no token {token_id} in a vocabulary of {self.vocab_size}")
        return self._texts[token_id]

    def _unit(self, unit: str) -> list[int]:
        if not WORD.match(unit):
            return self._run(unit)
        spaced = unit.startswith(" ")
        word = unit[spaced:]
        folded = fold(word)
        if folded is not None:
            known = self._known(*folded, spaced)
            if known is not None:
                return known
        space = [self._ids[" "]] if spaced else []
        if word[0] in "'’":
            return [*space, self._ids[word[0]], *self._unit(word[1:])]
        pieces = parts(word)
        if len(pieces) == 1:
            return space + self._spelt(word)
        ids: list[int] = []
        in_capitals = False
        for number, piece in enumerate(pieces):
            piece_ids = self._piece(piece, spaced and number == 0)
            if in_capitals and piece_ids[0] not in (CAPITAL, CAPITALS, JOIN):
                ids.append(JOIN)
            ids += piece_ids
            in_capitals = CAPITALS in piece_ids
        return ids

    def _piece(self, piece: str, spaced: bool) -> list[int]:
        """A part of a word: all of it in one case."""
        folded = fold(piece)
        known = None if folded is None else self._known(*folded, spaced)
        if known is not None:
            return known
        return [self._ids[" "], *self._spelt(piece)] if spaced else self._spelt(piece)

    def _known(self, lower: str, case: Case, spaced: bool) -> list[int] | None:
        """A word that has a token, perhaps only with or only without the space before it."""
        mark = _MARK_OF[case]
        with_space, without = self._ids.get(f" {lower}"), self._ids.get(lower)
        if spaced:
            if with_space is not None:
                return [*mark, with_space]
            return None if without is None else [self._ids[" "], *mark, without]
        if without is not None:
            return [*mark, without]
        return None if with_space is None else [JOIN, *mark, with_space]

    def _spelt(self, piece: str) -> list[int]:
        """A word by its characters."""
        folded = fold(piece)
        if folded is not None and all(character in self._ids for character in folded[0]):
            lower, case = folded
            return [*_MARK_OF[case], *(self._ids[character] for character in lower)]
        ids: list[int] = []
        for character in piece:
            own = self._ids.get(character)
            ids += [own] if own is not None else [CAPITAL, self._ids[small(character)]]
        return ids

    def _run(self, unit: str) -> list[int]:
        """Anything but a word: the longest tokens first, single characters in the end."""
        ids: list[int] = []
        begin = 0
        while begin < len(unit):
            end = min(len(unit), begin + LONGEST_RUN)
            while end > begin + 1 and unit[begin:end] not in self._ids:
                end -= 1
            ids += self._character(unit[begin]) if end == begin + 1 else [self._ids[unit[begin:end]]]
            begin = end
        return ids

    def _character(self, character: str) -> list[int]:
        own = self._ids.get(character)
        return [own] if own is not None else [CAPITAL, self._ids[small(character)]]


class _WordDecoder:
    """Applies marks to the tokens that follow them."""

    def __init__(self, tokenizer: WordTokenizer) -> None:
        self._tokenizer = tokenizer
        self._case = Case.AS_IS
        self._lasting = False  # the case holds for tokens of letters that follow directly
        self._join = False

    def push(self, token_id: int) -> str:
        text = self._tokenizer.token_text(token_id)
        if token_id < len(RESERVED):
            self._case, self._lasting = Case.AS_IS, False
            if token_id in (CAPITAL, CAPITALS):
                self._case = Case(token_id - CAPITAL + Case.CAPITAL)
            else:
                self._join = token_id == JOIN
            return ""
        if self._join:
            text = text[1:] if len(text) > 1 and text[0] == " " else text
            self._join = False
        if self._lasting and not _LETTERS.match(text):
            self._case, self._lasting = Case.AS_IS, False
        text = with_case(text, self._case)
        if self._case is Case.CAPITALS:
            self._lasting = True
        else:
            self._case = Case.AS_IS
        return text

    def flush(self) -> str:
        self._case, self._lasting, self._join = Case.AS_IS, False, False
        return ""

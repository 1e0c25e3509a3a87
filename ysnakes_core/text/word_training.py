"""Learning the ``word`` tokenizer's alphabet and tokens from text, and reading them back from a file."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ysnakes_core.text.tokenizer_file import check_components, checked_vocabulary, refuse
from ysnakes_core.text.word_case import fold, parts, small
from ysnakes_core.text.words import LONGEST_RUN, RESERVED, TEMPLATE, UNIT, WORD, WordTokenizer

ALPHABET_SHARE = 0.5  # at most this part of the vocabulary is single characters
_FIRST_SYMBOL = 0x2000  # arrows, ornaments and emoji lie beyond; ° © ® before it

# In the alphabet whatever the text is: ASCII, Latin-1's small letters and signs, and typographic marks.
_ALWAYS = (
    "\t\n\r"
    + "".join(map(chr, range(0x20, 0x7F)))
    + "".join(map(chr, range(0xA0, 0x100)))
    + "ıłœšžğşćčěńřůőűąęāēīōū–—‘’“”„…•€′″−×"
)


def train_words(texts: Iterable[str], vocab_size: int) -> WordTokenizer:
    """Learn at most ``vocab_size`` tokens: the alphabet, then the units that shorten the text most.

    Counts decide, and the units' own order where they are equal, so the order of the texts plays no part.
    """
    units: Counter[str] = Counter()
    for text in texts:
        units.update(UNIT.findall(text))
    characters: Counter[str] = Counter()
    folded: Counter[str] = Counter()
    for unit, count in units.items():
        for character in unit:
            characters[small(character)] += count
        for candidate in _candidates(unit):
            folded[candidate] += count
    alphabet = _alphabet(characters, vocab_size)
    known = set(alphabet)
    gains = _gains(Counter({unit: n for unit, n in folded.items() if known.issuperset(unit)}))
    ranked = sorted(gains, key=lambda unit: (-gains[unit], unit))
    room = vocab_size - len(RESERVED) - len(alphabet)
    return WordTokenizer(
        [*RESERVED, *alphabet, *sorted(ranked[:room], key=lambda unit: (-folded[unit], unit))]
    )


def words_from_json(content: Mapping[str, Any], path: Path | str) -> WordTokenizer:
    """The tokenizer in a parsed ``tokenizer.json``; DataError where anything in it is not as expected."""
    tokens = checked_vocabulary(content, path)
    check_components(content, TEMPLATE, path)
    if tokens[: len(RESERVED)] != list(RESERVED):
        raise refuse(path, f"its first tokens are not {', '.join(RESERVED)}")
    texts = tokens[len(RESERVED) :]
    alphabet = {text for text in texts if len(text) == 1}
    if " " not in alphabet:
        raise refuse(path, "it has no token for a space")
    for text in texts:
        whole_unit = len(text) == 1 or UNIT.fullmatch(text) or (text[0] in "'’" and WORD.match(text))
        if not whole_unit or any(small(character) != character for character in text):
            raise refuse(path, "a token in it is neither a character nor a word in small letters")
        if not alphabet.issuperset(text):
            raise refuse(path, "a token in it has a character that is not in its alphabet")
    return WordTokenizer(tokens)


def _candidates(unit: str) -> list[str]:
    """What a unit would be looked up as: itself in small letters, or its parts."""
    if not WORD.match(unit):
        return [unit] if 1 < len(unit) <= LONGEST_RUN else []
    spaced = unit.startswith(" ")
    word = unit[spaced:]
    whole = fold(word)
    if whole is not None:
        return [" " * spaced + whole[0]]
    found = [fold(piece) for piece in parts(word)]
    return [" " * (spaced and n == 0) + piece[0] for n, piece in enumerate(found) if piece is not None]


def _gains(counts: Counter[str]) -> dict[str, int]:
    """Tokens that an entry for each unit saves in the text.

    A word without an entry is spelt; but the rarer of a word's two forms (with and without the space
    before it) costs only one token more than its own entry would, because the other form can stand in.
    """
    gains: dict[str, int] = {}
    for unit, count in counts.items():
        if count < 2 or len(unit) < 2:
            continue
        other = unit[1:] if unit.startswith(" ") else f" {unit}"
        rarer = (counts[other], other) > (count, unit) and len(other) > 1
        gains[unit] = count if rarer else count * (len(unit) - 1)
    return gains


def _alphabet(characters: Counter[str], vocab_size: int) -> list[str]:
    """Characters with tokens of their own, capitals that fold left out."""
    always = dict.fromkeys(small(character) for character in _ALWAYS if not _is_left_out(character))
    seen = sorted(
        (character for character in characters if character not in always and not _is_left_out(character)),
        key=lambda character: (-characters[character], character),
    )
    room = max(0, int(vocab_size * ALPHABET_SHARE) - len(always))
    return [*always, *seen[:room]]


def _is_left_out(character: str) -> bool:
    """Emoji and other ornaments, invisible format characters, control characters but \\t, \\n and \\r."""
    category = unicodedata.category(character)
    if category == "So":
        return ord(character) >= _FIRST_SYMBOL
    return (category[0] == "C" and character not in "\t\n\r") or 0xFE00 <= ord(character) <= 0xFE0F

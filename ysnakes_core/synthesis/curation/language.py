"""Telling languages apart: by script where it is another one, else by the small words of each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ysnakes_core.synthesis.curation.looked_at import LookedAt, Span

FEWEST_WORDS = 20  # with fewer, nothing is said about the language of a text in Latin letters
_MUCH_FOREIGN = 0.15  # of all words; prose has 0.3 to 0.5 of its own language
_FOREIGN_KINDS = 6  # different small words of other languages that make it worth counting

# Greek, Cyrillic, Hebrew, Arabic, the scripts of India and South-East Asia, Chinese, Japanese, Korean.
_OTHER_SCRIPT = re.compile(
    "[\u0370-\u03ff\u0400-\u058f\u0590-\u07ff\u0900-\u1cff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af]"
)
# Letters of these scripts begin with other bytes in UTF-8 (and so do a few rare ones).
_USUAL_BYTES = bytes(code for code in range(256) if code < 0xCD or code == 0xE2 or code > 0xED)
_RUN = re.compile(rf"{_OTHER_SCRIPT.pattern}(?:[\W\d]{{0,3}}+{_OTHER_SCRIPT.pattern})*+")
MANY_SIGNS = 8  # of another script in one go; single words of it are at home in any text


@cache
def _small_words() -> dict[str, frozenset[bytes]]:
    content = tomllib.loads(Path(__file__).with_name("languages.toml").read_text(encoding="utf-8"))
    return {name: frozenset(word.encode() for word in words.split()) for name, words in content.items()}


@cache
def foreign_words() -> frozenset[bytes]:
    """The small words of all languages but English."""
    lists = _small_words()
    foreign = frozenset().union(*(words for name, words in lists.items() if name != "english"))
    return foreign - lists["english"]


def other_script(looked: LookedAt) -> Iterator[Span]:
    """Runs of ``MANY_SIGNS`` and more signs that are of no Latin script."""
    if looked.text.isascii():
        return
    if not looked.data.translate(None, _USUAL_BYTES):
        return
    for run in _RUN.finditer(looked.plain):
        if len(_OTHER_SCRIPT.findall(run[0])) >= MANY_SIGNS:
            yield run.span()


def other_language(looked: LookedAt) -> Iterator[tuple[Span, str]]:
    """Paragraphs that are in another language than English, and which."""
    if len(foreign_words() & looked.seen) < _FOREIGN_KINDS:
        return
    for begin, end in looked.lines():
        paragraph = LookedAt(looked.plain[begin:end])
        name = language_of(paragraph.words)
        if name not in ("", "english"):
            yield (begin, end), name


def language_of(words: list[bytes]) -> str:
    """The language of some words in small letters; "" where that is not clear."""
    if len(words) < FEWEST_WORDS:
        return ""
    lists = _small_words()
    shares = {name: sum(word in small for word in words) / len(words) for name, small in lists.items()}
    best = max(shares, key=lambda name: shares[name])
    if best == "english" or (shares[best] >= _MUCH_FOREIGN and shares[best] > 2 * shares["english"]):
        return best
    return ""

"""An answer made ready for looking: its words, its lines, and its text with one kind of quotation mark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar, overload

EDGE_LINES = 3  # at the beginning of a text, and at its end
SHORT_WORDS = 60  # a text of so many and no more than three lines is short
LONG_SENTENCE = 2000  # characters before and after a place in which its sentence is looked for

# Apostrophes stay in words, and so do all letters beyond ASCII.
_WORD_BYTES = bytes(
    code
    if 97 <= code <= 122 or 48 <= code <= 57 or code == 39 or code >= 0x80
    else 10
    if code in b"\n.!?"
    else 32
    for code in range(256)
)
_BETWEEN_WORDS = tuple(sign.encode() for sign in "–—…•")
_ALIKE = (("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'), ("\xa0", " "), ("\r", " "))
_SPEAKER = re.compile(r"[\s*_]{0,4}[A-Z][\w .'()-]{0,30}\*{0,2}:\*{0,2} ")
_NO_SPEAKER = re.compile(
    r"[\s*_]{0,4}(?:[\w']++ ){0,2}(?:note|disclaimer|p\.?s\.?|sources?|references?|credits?)\b", re.I
)
_SENTENCE_END = re.compile(r"[.!?…]{1,4}[\"')\]*_]{0,4}(?=\s|$)")

Span = tuple[int, int]
_Value = TypeVar("_Value")


class _once(Generic[_Value]):
    """``functools.cached_property`` without its lock, which costs more than most of what is kept here."""

    def __init__(self, make: Callable[[Any], _Value]) -> None:
        self.make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> _once[_Value]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> _Value: ...

    def __get__(self, instance: object | None, owner: type) -> _Value | _once[_Value]:
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.make(instance)
        return value


class LookedAt:
    """One text and what is worked out about it, each thing when it is first needed.

    Offsets into ``plain`` and ``low`` are offsets into ``text``. Words are in small letters, as UTF-8.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.seen: frozenset[bytes] = frozenset()  # those of its words that anything asks about
        plain = text
        if not text.isascii() or "\r" in text:
            for mark, usual in _ALIKE:
                plain = plain.replace(mark, usual)
        self.plain = plain
        low = plain.lower()
        # A few letters (İ) get longer by it.
        self.low = low if len(low) == len(plain) else "".join(c.lower()[:1] for c in plain)

    @_once
    def data(self) -> bytes:
        """``low`` as UTF-8, with blanks for the signs beyond ASCII that stand between words."""
        data = self.low.encode("utf-8", "replace")
        if not self.low.isascii():
            for sign in _BETWEEN_WORDS:
                if sign in data:
                    data = data.replace(sign, b"   ")
        return data

    @_once
    def spaced(self) -> bytes:
        """``data`` with nothing but words in it: sentences end in line breaks, all else is blanks."""
        return self.data.translate(_WORD_BYTES)

    @_once
    def parts(self) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """The words of the first lines, of what lies between, and of the last lines.

        A short text has nothing between, and all its words are in both of the others.
        """
        data, spaced = self.data, self.spaced
        head = _after_lines(data)
        tail = _before_lines(data, head)
        if tail <= head:
            words = spaced.split()
            return words, [], words
        return spaced[:head].split(), spaced[head:tail].split(), spaced[tail:].split()

    @_once
    def words(self) -> list[bytes]:
        """All words, in their order."""
        head, between, tail = self.parts
        return head if head is tail else [*head, *between, *tail]

    @_once
    def n_words(self) -> int:
        head, between, tail = self.parts
        return len(head) if head is tail else len(head) + len(between) + len(tail)

    def lines(self) -> Iterator[Span]:
        """All lines that have something in them, without the white space around them."""
        begin = 0
        for line in self.plain.split("\n"):
            rest = line.lstrip()
            if rest:
                yield begin + len(line) - len(rest), begin + len(line.rstrip())
            begin += len(line) + 1

    def line_at(self, position: int) -> Span:
        """The line of a position, without the white space around it."""
        begin = self.plain.rfind("\n", 0, position) + 1
        end = self.plain.find("\n", position)
        return self._trimmed(begin, len(self.plain) if end < 0 else end)

    @_once
    def first_lines(self) -> tuple[Span, ...]:
        """The first three lines."""
        found: list[Span] = []
        begin = 0
        while begin < len(self.plain) and len(found) < EDGE_LINES:
            end = self.plain.find("\n", begin)
            end = len(self.plain) if end < 0 else end
            if begin < end:
                span = self._trimmed(begin, end)
                if span[0] < span[1]:
                    found.append(span)
            begin = end + 1
        return tuple(found)

    @_once
    def last_lines(self) -> tuple[Span, ...]:
        """The last three lines, in the order of the text."""
        found: list[Span] = []
        end = len(self.plain)
        while end > 0 and len(found) < EDGE_LINES:
            begin = self.plain.rfind("\n", 0, end) + 1
            if begin < end:
                span = self._trimmed(begin, end)
                if span[0] < span[1]:
                    found.append(span)
            end = begin - 1
        return tuple(reversed(found))

    @_once
    def short(self) -> bool:
        """Whether there is so little of it that a refusal may be all it is."""
        return self.n_words <= SHORT_WORDS and self.first_lines == self.last_lines

    def in_speech(self, position: int) -> bool:
        """Whether somebody in the text says it: inside quotation marks, or after a speaker's name."""
        begin = self.plain.rfind("\n", 0, position) + 1
        if self.plain.count('"', begin, position) % 2:
            return True
        return bool(_SPEAKER.match(self.plain, begin)) and not _NO_SPEAKER.match(self.plain, begin)

    def sentence_at(self, begin: int, end: int) -> Span:
        """The sentence, or sentences, of a span inside one line."""
        line_begin, line_end = self.line_at(begin)
        start = line_begin = max(line_begin, begin - LONG_SENTENCE)
        line_end = max(end, min(line_end, end + LONG_SENTENCE))
        for found in _SENTENCE_END.finditer(self.plain, line_begin, begin):
            start = found.end()
        while start < begin and self.plain[start].isspace():
            start += 1
        after = _SENTENCE_END.search(self.plain, max(end - 1, begin), line_end)
        return start, max(end, after.end() if after else line_end)

    def _trimmed(self, begin: int, end: int) -> Span:
        line = self.plain[begin:end]
        rest = line.lstrip()
        return end - len(rest), begin + max(len(line.rstrip()), len(line) - len(rest))


def _after_lines(data: bytes) -> int:
    """Where the first lines end that have something in them."""
    at, lines = 0, 0
    while lines < EDGE_LINES:
        end = data.find(b"\n", at)
        if end < 0:
            return len(data)
        lines += not data[at:end].isspace() and end > at
        at = end + 1
    return at


def _before_lines(data: bytes, least: int) -> int:
    """Where the last lines begin that have something in them; ``least`` if that comes to lie before it."""
    at, lines = len(data), 0
    while lines < EDGE_LINES:
        begin = data.rfind(b"\n", least, at) + 1
        if begin == 0:
            return least
        lines += not data[begin:at].isspace() and at > begin
        at = begin - 1
    return at + 1


def is_one_word(text: str) -> bool:
    """Whether ``LookedAt.words`` can have this text, in small letters, among them."""
    return LookedAt(text).words == [text.encode("utf-8", "replace")]

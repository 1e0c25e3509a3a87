"""What no pattern can say: length, unfinished ends, repetition, language, echoes, and wrappings.

Each check yields what it found in an answer; the rule of ``rules.toml`` that names it says what that means.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import eq

from ysnakes_core.synthesis.curation.language import other_language, other_script
from ysnakes_core.synthesis.curation.looked_at import LookedAt

Settings = Mapping[str, float | str]


@dataclass(frozen=True)
class Asked:
    """What was asked for: the request, and the fewest and most words of its answer (0: any number)."""

    request: str = ""
    least: int = 0
    most: int = 0


@dataclass(frozen=True)
class Finding:
    """A place in the answer, and details for whoever reads the flag."""

    start: int
    end: int
    details: str = ""


Check = Callable[[LookedAt, Asked, Settings], Iterator[Finding]]

_CLOSERS = "\"'”’»)]}*_`>~|"
_ENDS = ".!?…。！？؟।"
_ITEM = re.compile(r"(?:[*+•·>|#–-]|\d{1,3}[.)]|[A-Za-z][.)] |\(?\d{0,2}:\d\d|[*_]{2})")
_SECOND_SENTENCE = re.compile(r"[a-z]{4}[.!?][\"')]{0,2} [A-Z]\w*(?: \w|')")
_WORD = re.compile(r"\w+(?:['’]\w+)?")
LONG_LINE = 8  # words; a shorter last line without a full stop is a title, a signature or the like


@cache
def _split(words: str) -> frozenset[str]:
    return frozenset(words.split())


def too_short(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    least = asked.least or int(settings["least"])
    count = looked.n_words
    if count < least:
        yield Finding(0, len(looked.text), f"{count} words where at least {least} were wanted")


def too_long(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    count = looked.n_words
    if asked.most and count > asked.most:
        yield Finding(0, len(looked.text), f"{count} words where at most {asked.most} were wanted")


def truncated(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    """An end in the middle of a sentence; lists, headings, short last lines and directions are none."""
    text = looked.plain
    end = len(text.rstrip())
    if not end or text[end - 1] in _ENDS or text[end - 1] in _CLOSERS:
        return
    begin, _ = looked.line_at(end - 1)
    line = text[begin:end]
    last = line[-1]
    if not (last.isalnum() or last in ",;:-–—("):
        return  # an emoji, a note of music, a sign of the writer's own
    words = _WORD.findall(line)
    left_open = last in ",;:(–—" or (
        last.isalpha() and bool(words) and words[-1].lower() in _split(str(settings["left_open"]))
    )
    if not left_open:
        if len(words) < LONG_LINE and not _ITEM.match(line):
            return
        if _ITEM.match(line) and not _SECOND_SENTENCE.search(line) and not _items_end(text, begin):
            return
    start, _ = looked.sentence_at(end - 1, end)
    yield Finding(start, end)


def _items_end(text: str, begin: int) -> bool:
    """Whether the items of a list before its last one, which begins at ``begin``, all end in a full stop."""
    items = 0
    for line in reversed(text[:begin].splitlines()):
        if not _ITEM.match(line.strip()) or line.strip().endswith("**"):
            break
        if line.rstrip()[-1] not in _ENDS:
            return False
        items += 1
    return items > 0


_AT_ENDS = str.maketrans(".!?", "\n\n\n")
PIECE = 32  # characters that a loop repeats to the letter
SOMEWHAT_EARLIER = 160  # characters before the end, where a loop may have come to its end
FEW_LETTERS = 16  # a shorter sentence may well come back
REPEATS = 4  # times that a sentence or a piece has to be there
MUCH = 0.04  # of all sentences, in a long text
NEAR = 2000  # characters before and after within which a piece has to come back
STUTTERS = 12  # words that are the same as the last but one, in one go
EVERY = 10  # words that are compared before all are


def loop(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    """The same sentence again and again, or an end that goes round in circles."""
    low = looked.low
    sentences = [piece for piece in looked.spaced.split(b"\n") if len(piece) >= FEW_LETTERS]
    if len(set(sentences)) <= len(sentences) - REPEATS + 1:
        pieces = (piece.strip() for piece in low.translate(_AT_ENDS).split("\n"))
        times = Counter(piece for piece in pieces if len(piece) >= FEW_LETTERS and not _is_layout(piece))
        for piece, count in times.most_common(1):
            if count >= max(REPEATS, MUCH * len(sentences)):
                yield _repeated(low, piece, 0, len(low))
                return
    stop = len(low.rstrip())
    for end in (stop, stop - SOMEWHAT_EARLIER, stop // 2):
        piece = low[end - PIECE : end] if end >= PIECE else ""
        around = (max(0, end - NEAR), end + NEAR)
        if piece and low.count(piece, *around) >= REPEATS and not _is_layout(piece):
            yield _repeated(low, piece, *around)
            return
    words = looked.words
    if any(map(eq, words[::EVERY], words[2::EVERY])) and sum(map(eq, words, words[2:])) >= STUTTERS:
        yield from _stuttered(looked)


def _is_layout(piece: str) -> bool:
    """Directions of a script, list markers, ingredients: they come back without being a loop."""
    piece = piece.strip()
    return piece[:1] in "[(*|#-+•" or not any(letter.isalpha() for letter in piece)


def _repeated(low: str, piece: str, begin: int, end: int) -> Finding:
    again = low.find(piece, low.find(piece, begin, end) + 1, end)
    return Finding(again, low.rfind(piece, begin, end) + len(piece), f"{low.count(piece, begin, end)} times")


def _stuttered(looked: LookedAt) -> Iterator[Finding]:
    """One word, or two, over and over."""
    words = looked.words
    run = 0
    for number in range(2, len(words)):
        run = run + 1 if words[number] == words[number - 2] else 0
        if run >= STUTTERS:
            piece = b" ".join(words[number - 1 : number + 1]).decode("utf-8", "replace")
            begin = looked.low.find(piece)
            yield Finding(max(begin, 0), len(looked.text), f"“{piece}” over and over")
            return


def echo(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    """The answer says what the request says and nothing else."""
    if abs(len(asked.request) - len(looked.text)) > 200 or not asked.request:
        return
    if _WORD.findall(asked.request.lower()) == _WORD.findall(looked.low) != []:
        yield Finding(0, len(looked.text))


def request_repeated(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    """The first line of a longer answer is the request again."""
    request = asked.request.strip()
    if len(request) < 4 or request[:4].lower() not in looked.low[:200] or len(looked.first_lines) < 2:
        return
    begin, end = looked.first_lines[0]
    if end - begin > len(request) + 40:
        return
    words = _WORD.findall(request.lower())
    if len(words) >= 4 and _WORD.findall(looked.low[begin:end]) == words:
        yield Finding(begin, end)


def thinking(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    """What a model wrote for itself before it answered; all up to its end, wherever it began."""
    for name in ("think", "thinking", "thought", "reasoning"):
        close = f"</{name}>"
        end = looked.low.rfind(close)
        if end >= 0:
            begin = looked.low.find(f"<{name}>")
            yield Finding(begin if 0 <= begin < end else 0, end + len(close))
            return
        begin = looked.low.find(f"<{name}>")
        if begin >= 0:
            yield Finding(begin, len(looked.text), "without an end")
            return


def wrapped(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    """One pair of quotation marks, or of code fences, around all of the answer."""
    text = looked.plain
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if end - begin < 3:
        return
    if text[begin] == '"' and text[end - 1] == '"' and text.count('"') == 2:
        yield Finding(begin, begin + 1)
        yield Finding(end - 1, end)
    elif text.startswith("```", begin) and text.endswith("```", begin, end) and text.count("```") == 2:
        yield Finding(*looked.line_at(begin))
        yield Finding(*looked.line_at(end - 1))


def wrong_language(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    """Paragraphs in another language, or a run of signs that are no Latin letters."""
    for start, end in other_script(looked):
        yield Finding(start, end, "another script")
    for (start, end), name in other_language(looked):
        yield Finding(start, end, name.capitalize())


_HEADING_LINE = re.compile(r"\s{0,3}(?:#{1,6} |[*_]{2}[^*_\n]{1,80}[*_]{2}:?$)")
_REFERENCE_HEADING = re.compile(
    r"[\s#*_>-]{0,8}(?:(references?(?: list)?|bibliography|works cited|further reading|external links"
    r"|see also|suggested reading|sources and further reading|sources (?:cited|used))"
    r"|sources?|citations?|footnotes|links)[\s*_:]{0,6}$",
    re.IGNORECASE,
)
_LISTED = re.compile(r"(?:[*+•-]|\[?\d{1,3}[.\])]{1,2}) ?\S")
_REFERENCE = re.compile(
    r"(?:[*+•-] ?|\[?\d{1,3}[.\])]{1,2} ?)?+(?:[\"\[(<]|https?:|www\.|for (?:more|further)|see\b"
    r"|.{0,200}(?:\b(?:1[5-9]|20)\d\d\b|\bpp?\. ?\d|https?:|www\.))",
    re.IGNORECASE,
)


def references(looked: LookedAt, asked: Asked, settings: Settings) -> Iterator[Finding]:
    """A heading such as “References”, and the entries under it."""
    lines = list(looked.lines())
    for number, (begin, end) in enumerate(lines):
        heading = _REFERENCE_HEADING.match(looked.plain, begin, end) if end - begin <= 60 else None
        if heading is None:
            continue
        last = end
        for entry in lines[number + 1 :]:
            listed = heading[1] is not None and _LISTED.match(looked.plain, *entry)
            if _HEADING_LINE.match(looked.plain, *entry) or not (
                listed or _REFERENCE.match(looked.plain, *entry)
            ):
                break
            last = entry[1]
        # A heading over prose is about sources of another kind: those of a river, say.
        if last > end or number + 1 == len(lines):
            yield Finding(begin, last)


CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        too_short,
        too_long,
        truncated,
        loop,
        echo,
        request_repeated,
        thinking,
        wrapped,
        wrong_language,
        references,
    )
}

"""The rule pass: all rules over one answer.

Most answers have nothing to find, so the pass begins with what is cheap and rules nearly everything out:
one cut into words, whose set is compared with the words that patterns need, and a search for a few pieces of
text. Only lines that have one of them are then looked at by a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ysnakes_core.synthesis.curation.computed import CHECKS, Asked
from ysnakes_core.synthesis.curation.flags import Flag
from ysnakes_core.synthesis.curation.language import foreign_words
from ysnakes_core.synthesis.curation.looked_at import LookedAt, Span
from ysnakes_core.synthesis.curation.pattern_cost import WINDOW
from ysnakes_core.synthesis.curation.rule_files import shipped_rules
from ysnakes_core.synthesis.curation.rules import Part, Pattern, Rule, Rules

OVERLAP = 200  # characters that two windows of one long line share
MOST_FLAGS = 200  # of one pattern in one text
MOST_MATCHES = 2000  # of one pattern in one text, those in speech included


def check(
    request: str | None,
    answer: str,
    *,
    rules: Rules | None = None,
    length: tuple[int, int] | None = None,
) -> list[Flag]:
    """What the rules find in an answer, in the order of the text.

    ``rules`` are the shipped ones if none are given; ``length`` is the fewest and the most words that were
    asked for (0: any number). A request of None says that the text is prose that nobody asked for.
    """
    least, most = length or (0, 0)
    return _checker(shipped_rules() if rules is None else rules).flags(
        answer, Asked(request or "", least, most)
    )


@lru_cache(maxsize=16)
def _checker(rules: Rules) -> _Checker:
    return _Checker(rules)


@dataclass(frozen=True, eq=False)
class _Look:
    """One pattern of one rule, and where in the order of rules it stands."""

    rank: int
    rule: Rule
    pattern: Pattern


class _Checker:
    """Rules made ready for looking."""

    def __init__(self, rules: Rules) -> None:
        looks: dict[Part, list[_Look]] = {"answer": [], "request": []}
        for rank, rule in enumerate(rules):
            looks[rule.part].extend(_Look(rank, rule, pattern) for pattern in rule.patterns)
        self.answer = _Looks(looks["answer"], [rule for rule in rules if rule.check])
        self.request = _Looks(looks["request"], [])
        self.ending = frozenset(rule.id for rule in rules if rule.unit == "rest" or rule.check == "thinking")

    def _before_the_end(self, found: list[Flag]) -> list[Flag]:
        """Without what was found in text that is no part of the answer: after its end, or before it."""
        gone = [(flag.start, flag.end) for flag in found if flag.rule in self.ending]
        return [
            flag
            for flag in found
            if flag.rule in self.ending
            or not any(begin <= flag.start and flag.end <= end for begin, end in gone)
        ]

    def flags(self, answer: str, asked: Asked) -> list[Flag]:
        found = list(self.answer.flags(LookedAt(answer), asked))
        if any(flag.rule in self.ending for flag in found):
            found = self._before_the_end(found)
        if asked.request and self.request.may_find(asked.request):
            seen = {flag.rule: flag for flag in self.request.flags(LookedAt(asked.request), Asked())}
            found.extend(Flag(flag.rule, 0, 0, flag.action, flag.why) for flag in seen.values())
        found.sort(key=lambda flag: (flag.start, flag.end))
        return found


class _Looks:
    """Patterns and computed checks, found by the words and pieces of text that they need."""

    def __init__(self, looks: list[_Look], computed: list[Rule]) -> None:
        self.by_rank = {look.rank: look.rule for look in looks}
        self.computed = [(rule, CHECKS[rule.check], _encoded(rule.words), rule.texts) for rule in computed]
        wanted = foreign_words() if computed else frozenset()
        wanted = wanted.union(*(words for _, _, words, _ in self.computed))
        self.anywhere = _ByWord([look for look in looks if look.pattern.where == "anywhere"])
        self.first = _ByWord([look for look in looks if look.pattern.where in ("first", "start", "edges")])
        self.last = _ByWord([look for look in looks if look.pattern.where in ("end", "edges")])
        self.short = _ByWord([look for look in looks if look.pattern.where == "short"])
        self.words = wanted.union(self.anywhere.words, self.first.words, self.last.words, self.short.words)
        self.by_text = _ByText(looks)
        self.always = [look for look in looks if not look.pattern.words and not look.pattern.texts]

    def may_find(self, text: str) -> bool:
        """Whether it is worth a look at a short text at all."""
        if self.computed or self.words or self.always:
            return True
        low = text.lower() if text.isascii() else LookedAt(text).low
        return any(needed in low for needed in self.by_text.texts)

    def flags(self, looked: LookedAt, asked: Asked) -> Iterator[Flag]:
        at_head = at_tail = frozenset[bytes]()
        if self.words:
            # The words of each part are gone through once, for all patterns together.
            head, between, tail = looked.parts
            at_head = self.words.intersection(head)
            at_tail = at_head if tail is head else self.words.intersection(tail)
            looked.seen = at_head.union(self.words.intersection(between), at_tail)
        for rule, computed, words, texts in self.computed:
            if (words or texts) and words.isdisjoint(looked.seen):
                for text in texts:
                    if text in looked.low:
                        break
                else:
                    continue
            for finding in computed(looked, asked, rule.settings):
                why = f"{rule.why} ({finding.details})" if finding.details else rule.why
                yield Flag(rule.id, finding.start, finding.end, rule.action, why)
        places: dict[int, list[tuple[Span, str]]] = {}
        for look, lines in self._worth_trying(looked, at_head, at_tail):
            if look.rule.unless_request and _excused(look.rule, asked.request):
                continue
            for place in _matches(look, looked, lines):
                places.setdefault(look.rank, []).append(place)
        for rank, found in places.items():
            rule = self.by_rank[rank]
            for (begin, end), kept in _apart(found):
                yield Flag(rule.id, begin, end, rule.action, rule.why, kept)

    def _worth_trying(
        self, looked: LookedAt, at_head: frozenset[bytes], at_tail: frozenset[bytes]
    ) -> Iterator[tuple[_Look, Iterable[Span]]]:
        """Patterns with the lines on which they may match."""
        yield from self.anywhere.with_lines(looked.seen, looked)
        yield from self.first.with_lines(at_head, looked, "first_lines")
        yield from self.last.with_lines(at_tail, looked, "last_lines")
        if looked.short:
            yield from self.short.with_lines(at_head, looked, "first_lines")
        for look, text in self.by_text.found(looked.low):
            yield look, _lines_for(look, looked, (text,))
        for look in self.always:
            yield look, _lines_for(look, looked, ())


class _ByWord:
    """The patterns that look at one part of a text, by the words that they need there."""

    def __init__(self, looks: list[_Look]) -> None:
        self.looks: dict[bytes, list[tuple[_Look, frozenset[bytes]]]] = {}
        self.also: dict[_Look, frozenset[bytes]] = {}
        self.texts: dict[bytes, str] = {}
        for look in looks:
            pattern = look.pattern
            if not pattern.words:
                continue
            self.texts.update((word.encode(), word) for word in (*pattern.words, *pattern.also))
            also = self.also[look] = _encoded(pattern.also)
            for word in pattern.words:
                self.looks.setdefault(word.encode(), []).append((look, also))
        self.triggers = frozenset(self.looks)
        self.words = frozenset(self.texts)

    def with_lines(
        self, seen: frozenset[bytes], looked: LookedAt, which: str = ""
    ) -> Iterator[tuple[_Look, Iterable[Span]]]:
        """Each pattern with the lines, among ``which`` or all, that have the words it needs."""
        hits = self.triggers & seen
        if not hits:
            return
        if which:
            yield from self._in_few_lines(hits, seen, looked, which)
            return
        needed: dict[_Look, list[str]] = {}
        for word in hits:
            for look, also in self.looks[word]:
                if not also or not also.isdisjoint(seen):
                    needed.setdefault(look, []).append(self.texts[word])
        for look, words in needed.items():
            some = _lines_with(words, looked)
            if look.pattern.also:
                some = _having(look.pattern.also, looked.low, some)
            if some:
                yield look, some

    def _in_few_lines(
        self, hits: frozenset[bytes], seen: frozenset[bytes], looked: LookedAt, which: str
    ) -> Iterator[tuple[_Look, Iterable[Span]]]:
        """The same, each word looked for once in these lines: as bits, one for each line that has it."""
        worth = [
            (look, word)
            for word in hits
            for look, also in self.looks[word]
            if not also or not also.isdisjoint(seen)
        ]
        if not worth:
            return
        lines: tuple[Span, ...] = getattr(looked, which)
        places: dict[bytes, int] = {}

        def lines_of(word: bytes) -> int:
            found = places.get(word)
            if found is None:
                found, text = 0, self.texts[word]
                for number, (begin, end) in enumerate(lines):
                    if looked.low.find(text, begin, end) >= 0:
                        found |= 1 << number
                places[word] = found
            return found

        needed: dict[_Look, int] = {}
        for look, word in worth:
            needed[look] = needed.get(look, 0) | lines_of(word)
        for look, having in needed.items():
            if look.pattern.where == "first":
                having &= 1
            if having and look.pattern.also:
                having_also = 0
                for other in self.also[look] & seen:
                    having_also |= lines_of(other)
                having &= having_also
            if having:
                yield look, [line for number, line in enumerate(lines) if having >> number & 1]


def _having(words: Iterable[str], low: str, lines: Iterable[Span]) -> list[Span]:
    """The lines in which one of these words, or a longer one that has it, is."""
    some = []
    for begin, end in lines:
        for word in words:
            if low.find(word, begin, end) >= 0:
                some.append((begin, end))
                break
    return some


class _ByText:
    """The patterns that need a piece of text, by a rare sign in it and by the text."""

    def __init__(self, looks: list[_Look]) -> None:
        self.ascii: dict[str, list[tuple[str, _Look]]] = {}
        self.other: dict[str, list[tuple[str, _Look]]] = {}
        self.texts = tuple({text for look in looks for text in look.pattern.texts})
        for look in looks:
            for text in look.pattern.texts:
                signs = self.ascii if text.isascii() else self.other
                signs.setdefault(_rare_sign(text), []).append((text, look))

    def found(self, low: str) -> Iterator[tuple[_Look, str]]:
        for signs in (self.ascii,) if low.isascii() else (self.ascii, self.other):
            for sign, texts in signs.items():
                if sign in low:
                    for text, look in texts:
                        if text in low:
                            yield look, text


def _encoded(words: Iterable[str]) -> frozenset[bytes]:
    return frozenset(word.encode() for word in words)


def _rare_sign(text: str) -> str:
    """A sign that is in the text and in few others, to look for first; "" where it has none."""
    usual = " .,:;-'\"!?"
    return next((sign for sign in text if not (sign.isascii() and sign.isalnum()) and sign not in usual), "")


def _lines_for(look: _Look, looked: LookedAt, needed: tuple[str, ...]) -> Iterable[Span]:
    """The lines that a pattern without needed words looks at."""
    where = look.pattern.where
    if where == "short":
        return looked.first_lines if looked.short else ()
    if where == "anywhere":
        return _lines_with(needed, looked) if needed else looked.lines()
    first = () if where == "end" else looked.first_lines[: 1 if where == "first" else None]
    return sorted({*first, *(looked.last_lines if where in ("end", "edges") else ())})


def _lines_with(needed: Iterable[str], looked: LookedAt) -> list[Span]:
    lines: set[Span] = set()
    for text in needed:
        at = looked.low.find(text)
        while at >= 0:
            line = looked.line_at(at)
            lines.add(line)
            at = looked.low.find(text, max(line[1], at + 1))
    return sorted(lines)


def _matches(look: _Look, looked: LookedAt, lines: Iterable[Span]) -> Iterator[tuple[Span, str]]:
    """What the pattern finds, widened to the rule's unit, and what of it is kept."""
    rule, found, tried = look.rule, 0, 0
    for begin, end in lines:
        excused: bool | None = None
        for match in _tried(look.pattern, looked.plain, looked.plain.rfind("\n", 0, begin) + 1, end):
            tried += 1
            if tried > MOST_MATCHES:
                return
            if rule.outside_speech and looked.in_speech(_first_letter(match)):
                continue
            if excused is None:
                excused = any(other.search(looked.plain, begin, end) for other in rule.unless)
            if excused:
                break
            yield _widened(rule, looked, match.start(), match.end()), match[rule.keep] if rule.keep else ""
            found += 1
            if found >= MOST_FLAGS:
                return


def _excused(rule: Rule, request: str) -> bool:
    return any(pattern.search(request, 0, WINDOW) for pattern in rule.unless_request)


def _first_letter(match: re.Match[str]) -> int:
    """Where in the text the words of a match begin: a pattern may take marks before them along."""
    found = match[0]
    return match.start() + next((at for at, sign in enumerate(found) if sign.isalnum()), 0)


def _tried(pattern: Pattern, text: str, begin: int, end: int) -> Iterable[re.Match[str]]:
    """Matches in one line, looked at through windows where it is long."""
    if pattern.anchored:
        match = pattern.regex.match(text, begin, min(end, begin + WINDOW))
        return () if match is None else (match,)
    if end - begin <= WINDOW:
        return pattern.regex.finditer(text, begin, end)
    return _in_windows(pattern.regex, text, begin, end)


def _in_windows(regex: re.Pattern[str], text: str, begin: int, end: int) -> Iterator[re.Match[str]]:
    while True:
        stop = min(begin + WINDOW, end)
        yield from regex.finditer(text, begin, stop)
        if stop == end:
            return
        begin = stop - OVERLAP


def _widened(rule: Rule, looked: LookedAt, begin: int, end: int) -> Span:
    unit = rule.unit
    if unit == "match":
        return begin, end
    if unit == "line":
        return looked.line_at(begin)
    if unit == "rest":
        return begin, len(looked.text)
    # A pattern may take along the end of the sentence before.
    while begin < end and looked.plain[begin] in " .!?,;–-":
        begin += 1
    start, stop = looked.sentence_at(begin, end)
    return (start, stop) if unit == "sentence" else (start, looked.line_at(begin)[1])


def _apart(places: list[tuple[Span, str]]) -> Iterator[tuple[Span, str]]:
    """The same places without what lies in another or runs on from one."""
    last: tuple[Span, str] | None = None
    for (begin, end), kept in sorted(places, key=lambda place: (place[0][0], -place[0][1])):
        if last is not None and begin < last[0][1]:
            last = ((last[0][0], max(end, last[0][1])), last[1])
            continue
        if last is not None:
            yield last
        last = ((begin, end), kept)
    if last is not None:
        yield last

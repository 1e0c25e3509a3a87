"""The wordings of requests: text with slots, and articles that agree with what fills them.

``{topic}`` is filled with the value of that name, ``{Topic}`` with its first letter in upper case. ``{a
topic}`` and ``{A topic}`` put the right article before it. ``{event.when}`` is a field of a value. As in
Markdown, a line break is a space, and an empty line starts a new paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SLOT = re.compile(r"\{(?:([aA]) )?([A-Za-z][A-Za-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)\}")
_PARAGRAPHS = re.compile(r"\n\s*\n")

# Words whose first letter does not tell their first sound.
_CONSONANT_SOUND = re.compile(
    r"uni[cfloqstv]|us[aeu]|ut(?:ah|en|er|il|op)|ur(?:a[ln]|in|ugu)|uk(?:[ru]|\b)|ubiq|ufo|ugan|uyg|eu|ewe|one\b|once"
)
_VOWEL_SOUND = re.compile(r"hour|heir|honest|honou?r|[fhlmnrsx](?:-|\b)")
_READ_BY_LETTER = re.compile(r"(?!NASA|NATO|RAM|ROM|LAN|SIM)[FHLMNRSX](?:[A-Z]{1,3}\b|\d)")  # an MRI scan
_VOWEL_NUMBER = re.compile(r"8|1[18](?!\d)")


def slots(text: str) -> tuple[str, ...]:
    """The names of all slots, in order, without repeats; a field counts as ``value.field``.

    Raises ValueError, with the reason, for a brace that is no slot's.
    """
    rest = _SLOT.sub("", text)
    if "{" in rest or "}" in rest:
        raise ValueError("has a { or } that is no slot; write {name}, {a name} or {name.field}")
    return tuple(dict.fromkeys(_plain(match[2]) for match in _SLOT.finditer(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every slot filled, and no spaces doubled. Raises KeyError for a slot without a value."""

    def filled(slot: re.Match[str]) -> str:
        name = _plain(slot[2])
        value = values[name]
        if name != slot[2]:
            value = value[:1].upper() + value[1:]
        return f"{slot[1]}{'n' if takes_an(value) else ''} {value}" if slot[1] else value

    paragraphs = (" ".join(part.split()) for part in _PARAGRAPHS.split(_SLOT.sub(filled, text)))
    return "\n\n".join(part for part in paragraphs if part)


def takes_an(text: str) -> bool:
    """Whether ``an``, not ``a``, goes before this text."""
    word = text.lstrip("“‘\"'(")
    if _READ_BY_LETTER.match(word) or _VOWEL_NUMBER.match(word):
        return True
    lower = word.lower()
    if _CONSONANT_SOUND.match(lower):
        return False
    return lower.startswith(tuple("aeiouáéíóúöåø")) or _VOWEL_SOUND.match(lower) is not None


def _plain(name: str) -> str:
    return name[0].lower() + name[1:]

"""Pasted text as text alone, whatever stands in it; light.

A terminal marks the beginning and the end of what is pasted. Of an escape in between, Textual 8 makes keys,
and then the line ends that follow send what stands in a field, or the letters are commands. So escapes are
taken out before Textual reads them, with all else that steers a terminal but tabs and line ends; on Windows,
too, where its driver has the same parser: whether a terminal does so itself is not relied on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.message import Message

_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class PasteParser(XTermParser):
    """Textual's, for which a paste is one text until the terminal says that it ends."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._cleaner = PasteCleaner()

    def feed(self, data: str) -> Iterable[Message]:
        cleaned = self._cleaner.feed(data)
        return super().feed(cleaned) if cleaned or not data else ()  # without any it is the end of all

    def tick(self) -> Iterable[Message]:
        for message in super().tick():
            self._cleaner.forget()  # what had come of a mark is keys now, as its rest would be
            yield message


class PasteCleaner:
    """Takes out of pastes what steers a terminal; they and their marks may come in any parts."""

    def __init__(self) -> None:
        self._inside = False
        self._begun = ""  # of a mark: of one that begins a paste it is passed on, of one that ends it, kept

    def feed(self, text: str) -> str:
        """What is to be read of it now."""
        found = []
        while text:
            mark = BRACKETED_PASTE_END if self._inside else BRACKETED_PASTE_START
            known = len(self._begun)
            text, self._begun = self._begun + text, ""
            at = text.find(mark)
            if at < 0:
                self._begun = _beginning(text, mark)
                part, text = text, ""
            else:
                part, text = text[: at + len(mark)], text[at + len(mark) :]
            if self._inside:
                kept = part[: len(part) - len(self._begun if at < 0 else mark)]
                found.append(_STEERING.sub("", kept) + (mark if at >= 0 else ""))
            else:
                found.append(part[known:])
            self._inside ^= at >= 0
        return "".join(found)

    def forget(self) -> None:
        """What has come of a mark was none."""
        if not self._inside:
            self._begun = ""


def _beginning(text: str, mark: str) -> str:
    """What stands at the end of ``text`` and may be the beginning of ``mark``."""
    lengths = range(min(len(mark) - 1, len(text)), 0, -1)
    return next((mark[:length] for length in lengths if text.endswith(mark[:length])), "")

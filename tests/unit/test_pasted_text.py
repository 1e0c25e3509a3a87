"""What is pasted into the terminal is text, however it comes and whatever stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from ysnakes_tui.pasted_text import PasteCleaner, PasteParser

BEGIN, END = "\x1b[200~", "\x1b[201~"
PASTED = "one \x1b[31mred\rtwo\nthr\tee\x00\x7f\x9b2J\x1b[200~ \x1bOP\x1b"
CLEANED = "one [31mred\rtwo\nthr\tee2J[200~ OP"


def read(*parts: str) -> list[object]:
    """What comes of it, a word for each key and a text for each paste."""
    parser = PasteParser()
    found: list[object] = []
    for part in parts:
        for message in parser.feed(part):
            if isinstance(message, events.Paste):
                found.append((message.text,))
            else:
                assert isinstance(message, events.Key)
                found.append(message.key)
    return found


def test_a_paste_is_one_text_and_no_keys_wherever_it_is_broken() -> None:
    whole = f"a{BEGIN}{PASTED}{END}\x1b[A{BEGIN}{END}b"
    wanted = ["a", (CLEANED,), "up", ("",), "b"]
    assert read(whole) == wanted
    assert read(*whole) == wanted
    for place in range(1, len(whole)):
        assert read(whole[:place], whole[place:]) == wanted


@given(st.text(alphabet=st.sampled_from("\x1b[201~a\r\x00"), max_size=40), st.data())
def test_whatever_is_pasted_no_escape_is_left_of_it(text: str, data: st.DataObject) -> None:
    text = text.replace(END, "")
    cleaner = PasteCleaner()
    whole = f"x\x1b{BEGIN}{text}{END}\x1b[200"
    place = data.draw(st.integers(0, len(whole)))
    said = cleaner.feed(whole[:place]) + cleaner.feed(whole[place:])
    if END not in (text + END)[:-1]:  # the text does not end with a part of the mark that makes it one
        inner = text.replace("\x1b", "").replace("\x00", "")
        assert said == f"x\x1b{BEGIN}{inner}{END}\x1b[200"


@given(st.lists(st.text(alphabet=st.sampled_from("\x1b[20~aé"), max_size=9)))
def test_what_is_typed_is_passed_on_at_once(parts: list[str]) -> None:
    cleaner = PasteCleaner()
    for part in parts:
        assert cleaner.feed(part) == part or BEGIN in "".join(parts)


def test_an_escape_that_stayed_alone_begins_no_paste(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("textual._parser.get_time", lambda: now)
    parser = PasteParser()
    assert list(parser.feed("\x1b")) == []
    now = 9.0
    (escape,) = parser.tick()
    assert isinstance(escape, events.Key)
    assert escape.key == "escape"
    keys = [each.key for each in parser.feed("[200~\x1b[A") if isinstance(each, events.Key)]
    assert keys[-1] == "up"

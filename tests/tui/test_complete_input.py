"""The field in which one writes to a model: lines, pastes, and what was said earlier."""

from __future__ import annotations

from pathlib import Path

import pytest
from complete_app import TalkApp, a_run, drive
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser

from ysnakes_tui.complete.prompt_history import MOST, PromptHistory, keep_prompt, read_prompts

HOSTILE = "[red]x[/] \x1b[2J\x1b]0;owned\x07‮evil\r\nsecond <end> line\ttab"


def test_several_lines_are_sent_as_they_are(home: Path) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        await d.write("one")
        before = d.talk.field.size.height
        await d.press("ctrl+l", "ctrl+l", "ctrl+l")
        await d.write("two")
        assert d.talk.field.text == "one\n\n\ntwo"
        await d.until(lambda: d.talk.field.size.height == before + 3)
        await d.press("enter")
        await d.answered()
        assert d.path[-1][0].prompt == "one\n\n\ntwo"
        await d.until(lambda: d.talk.field.size.height == before)

    drive(test, home)


# As terminals send it: kitty's protocol, escape and enter together, xterm's modifyOtherKeys, a line feed.
@pytest.mark.parametrize(
    "sent",
    ["\x1b[13;2u", "\x1b[13;3u", "\x1b\r", "\x1b[27;2;13~", "\x1b[27;3;13~", "\n", "\x1b[106;5u", "\x0c"],
)
def test_a_new_line_is_begun_with_what_people_try(home: Path, sent: str) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        await d.write("one")
        parser = XTermParser()
        for event in [*parser.feed(sent), *parser.feed("")]:
            d.app.post_message(event)
        await d.until(lambda: d.talk.field.text == "one\n")
        await d.write("two")
        assert d.talk.field.text == "one\ntwo"
        assert d.transcript.is_empty
        await d.press("enter")
        await d.until(lambda: not d.transcript.is_empty)

    drive(test, home)


def test_what_is_pasted_is_literal_and_sends_nothing(home: Path) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        d.app.post_message(events.Paste(HOSTILE))
        await d.until(lambda: d.talk.field.text)
        assert d.transcript.is_empty
        assert "\x1b" not in d.screen
        await d.sees("[red]x[/]", "second <end> line")
        await d.press("enter")
        await d.answered()
        assert d.path[-1][0].prompt.replace("\r\n", "\n") == HOSTILE.replace("\r\n", "\n")
        assert "\x1b" not in d.screen

    drive(test, home)


def test_pages_of_the_transcript_are_turned_while_one_writes(home: Path) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        d.talk.field.put("\n".join(f"slowly {n}" for n in range(40)))
        await d.press("enter")
        await d.until(lambda: d.path and d.path[-1][1] is not None and len(d.answer.tokens) == 3)
        await d.until(lambda: d.talk.view.is_at_end)
        await d.write("more")
        await d.press("pageup")
        await d.until(lambda: not d.talk.view.is_at_end)
        await d.press("pagedown")
        await d.until(lambda: d.talk.view.is_at_end)
        assert d.talk.is_writing
        assert (d.place, d.talk.field.text) == ("prompt", "more")
        d.talk.field.put("\n".join("ab" for _ in range(40)))
        await d.press("pageup")  # of what is written, where not all of it can be seen
        assert d.talk.view.is_at_end
        assert d.talk.field.cursor_location[0] < 39

    drive(test, home)


def test_earlier_prompts_come_back_over_sessions(home: Path) -> None:
    a_run(home)

    async def first(d: TalkApp) -> None:
        await d.said("one")
        await d.write("two")
        await d.press("ctrl+l")
        await d.said("lines")
        await d.until(lambda: len(read_prompts(home / "prompts.jsonl")) == 2)

    async def second(d: TalkApp) -> None:
        await d.until(lambda: d.path)
        await d.write("a draft")
        await d.press("up")
        assert d.talk.field.text == "two\nlines"
        await d.press("up")  # within the text, to its first line
        assert d.talk.field.text == "two\nlines"
        await d.press("up")
        assert d.talk.field.text == "one"
        await d.press("up")
        assert d.talk.field.text == "one"
        await d.press("down", "down")
        assert d.talk.field.text == "a draft"

    drive(first, home)
    drive(second, home)


@given(st.lists(st.text(), max_size=8), st.lists(st.booleans(), max_size=30), st.text())
def test_going_back_and_forth_loses_nothing(prompts: list[str], moves: list[bool], draft: str) -> None:
    history = PromptHistory()
    kept: list[str] = []
    for prompt in prompts:
        if history.add(prompt):
            kept.append(prompt)
    shown, place = draft, len(kept)
    for back in moves:
        found = history.before(shown) if back else history.after(shown)
        place = max(0, place - 1) if back else min(len(kept), place + 1)
        shown = found if found is not None else shown
        assert shown == [*kept, draft][place]


def test_a_long_file_is_shortened_and_a_strangers_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "prompts.jsonl"
    for number in range(40):
        keep_prompt(file, f"{number} " + "x" * 40_000)
    assert file.stat().st_size < 2**21
    assert read_prompts(file)[-1].startswith("39 ")
    keep_prompt(file, "y" * 2**17)
    assert read_prompts(file)[-1].startswith("39 ")
    file.write_bytes(b'{"a": 1}\n"fine"\n\xff\xfe\n["x"]\n3\n' + b"[" * 3000 + b'\n"torn')
    assert read_prompts(file) == ["fine"]
    file.write_text("".join(f'"{n}"\n' for n in range(2 * MOST)))
    assert read_prompts(file) == [str(n) for n in range(MOST, 2 * MOST)]

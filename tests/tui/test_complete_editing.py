"""Answers that a person changes in the app: kept beside the model's own, said to be theirs, gone on from."""

from __future__ import annotations

from pathlib import Path

import pytest
from complete_app import TalkApp, a_run, drive

from ysnakes_core.completion.transcript_store import TranscriptStore


@pytest.fixture(autouse=True)
def run(home: Path) -> None:
    a_run(home)


async def change(d: TalkApp, place: int, typed: str = " and more") -> None:
    """Add something to the answer of a turn, and keep it."""
    await d.press("escape")
    answer = d.path[place][1]
    assert answer is not None
    d.talk.view.select(f"a:{answer.id}")
    await d.press("e")
    assert d.talk.field.text == answer.text
    await d.write(typed)
    await d.press("enter")


def test_an_answer_is_changed_and_the_models_own_stays(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        own = await d.said("What is rain?")
        await d.said("What is snow?")
        await d.press("escape", "k", "k", "e")
        await d.sees("the answer of turn 1 of 2: enter keeps yours beside it (esc leaves it)", "Keep")
        await d.write(" and more")
        await d.press("enter")
        assert [turn.prompt for turn, _ in d.path] == ["What is rain?"]
        assert (d.answer.text, d.answer.edited_from) == (f"{own.text} and more", own.id)
        await d.sees("edited by you, written first by quiet-cobra, step 40 · answer 2 of 2", "7.11 and more")
        assert d.talk.view.selected == f"a:{d.answer.id}"
        assert (d.place, d.talk.field.text) == ("transcript", "")
        await d.press("[")
        await d.until(lambda: len(d.path) == 2)
        assert d.path[0][1] is own
        await d.press("]")
        await d.until(lambda: len(d.path) == 1)

    drive(test, home)
    (listed,) = TranscriptStore(home / "transcripts").list("and more")
    kept = TranscriptStore(home / "transcripts").open(listed.id).path()[0][1]
    assert kept is not None
    assert kept.edited_from
    assert kept.text.endswith("7.11 and more")


def test_the_next_turn_stands_on_it_and_says_what_is_unknown_of_it(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("Once upon a time")
        await change(d, 0, " ☃☃")
        await d.press("enter")
        assert (await d.said("and then")).text.startswith("after 1 changed, as auto:")
        await d.sees(
            "Of the edited answer before it, 2 characters are unknown to the tokenizer and left out."
        )
        assert (await d.said("and on")).text.startswith("after 2, as auto:")
        assert d.screen.count("are unknown") == 1

    drive(test, home, size=(120, 40))


def test_it_goes_on_right_there(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("What is rain?")
        await d.said("What is snow?")
        await change(d, 0)
        await d.press("c")
        await d.answered()
        assert [turn.prompt for turn, _ in d.path] == ["What is rain?", ""]
        assert d.answer.text.startswith("after 1 changed,")

    drive(test, home)


def test_what_was_not_changed_and_what_is_left_is_no_edit(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.write("a draft")
        await d.press("escape", "e", "enter")
        assert d.talk.field.text == "a draft"
        await d.press("e")
        await d.write("x")
        await d.press("up")  # within the text; what was said earlier is not put in its place
        assert d.talk.field.text.endswith("7.11x")
        await d.press("escape")
        assert (d.talk.field.text, d.talk.is_editing) == ("a draft", False)
        assert len(d.path[0][0].answers) == 1

    drive(test, home)


def test_nothing_of_it_is_sent_to_a_model(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.press("escape", "e", "f5", "f6", "f7")
        assert (d.talk.side, len(d.app.screen_stack), d.talk.is_busy) == (None, 1, False)
        d.talk.field.put("")
        await d.press("enter")
        await d.notified("an answer with nothing in it is none")
        assert d.talk.is_editing
        assert len(d.path[0][0].answers) == 1

    drive(test, home)


def test_another_transcript_is_not_changed_by_it(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.press("escape", "n")
        await d.said("two")
        await d.press("escape", "e", "f12")
        await d.until(lambda: len(d.pane.transcripts._found) == 2)
        await d.press("down", "enter")
        await d.until(lambda: d.path[0][0].prompt == "one")
        assert (d.talk.is_editing, d.talk.field.text) == (False, "")

    drive(test, home)


def test_it_is_said_beside_other_answers_and_token_by_token(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await change(d, 0)
        await d.press("f7")
        await d.until(lambda: bool(d.app.screen.query("#runs")))
        await d.press("enter")
        await d.until(lambda: d.talk.side is not None and len(d.talk.side.views) == 2)
        await d.answered()
        await d.sees("edited by you", "and more")
        await d.press("escape")
        await d.until(lambda: d.talk.side is None)
        await d.press("[", "a")
        await d.until(lambda: d.talk.has_alternatives)
        await d.press("end")
        await d.sees("Yours, not the model's choice.")

    drive(test, home, size=(120, 40))

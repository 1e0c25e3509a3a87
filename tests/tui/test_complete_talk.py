"""Talking to a model in the app: asking, cancelling, editing, branches, and what goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from complete_app import TalkApp, a_run, drive
from textual.widgets._toast import Toast

from ysnakes_core.completion.transcript_store import TranscriptStore


@pytest.fixture(autouse=True)
def run(home: Path) -> None:
    a_run(home)


def test_what_is_typed_is_answered_and_kept(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        answer = await d.said("What is rain?")
        await d.sees("you · read as a request", "What is rain?", "after 0, as auto: 7.1 7.2")
        await d.sees("quiet-cobra, step 40", "12 tokens, 850/s, first after 12 ms", "seed 7", "<end>")
        assert (answer.run, answer.checkpoint, answer.step) == ("quiet-cobra", "step-00000040", 40)
        assert d.talk.field.text == ""
        await d.until(lambda: [each.title for each in d.store.list()] == ["What is rain?"])

    drive(test, home)
    (listed,) = _store(home).list()
    kept = _store(home).open(listed.id).path()
    assert [(turn.prompt, answer is not None and len(answer.tokens)) for turn, answer in kept] == [
        ("What is rain?", 12)
    ]


def test_it_goes_on_where_one_left(home: Path) -> None:
    async def first(d: TalkApp) -> None:
        await d.said("Once upon a time")

    async def second(d: TalkApp) -> None:
        await d.sees("Once upon a time", "after 0, as auto: 7.1")
        answer = await d.said(" there was")
        assert answer.text.startswith("after 1, as auto:")
        assert answer.carried == 1
        await d.sees("after 1 turn")

    drive(first, home)
    drive(second, home, size=(120, 40))
    assert len(_store(home).list()) == 1


def test_texts_carry_on_and_requests_begin_afresh(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        assert (await d.said("Once upon a time")).text.startswith("after 0,")
        assert (await d.said("and then")).text.startswith("after 1,")
        assert (await d.said("What is rain?")).text.startswith("after 2,")  # how it is read is not known yet
        assert (await d.said("What is snow?")).text.startswith("after 0,")

    drive(test, home)


def test_esc_cancels_and_keeps(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("write slowly")
        await d.until(lambda: d.path and d.path[-1][1] is not None and len(d.answer.tokens) == 3)
        await d.sees("after 0, as auto: 7.1 7.2", "esc stops", "writing", "3 of 200 tokens")
        assert d.talk.is_writing
        await d.press("escape")
        await d.answered()
        await d.sees("after 0, as auto: 7.1 7.2", "cancelled")
        assert d.answer.outcome is not None
        assert d.answer.outcome.reason == "cancelled"
        assert d.place == "prompt"  # it was for the answer alone

    drive(test, home)


def test_what_has_not_begun_can_be_cancelled_too(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("reading")
        await d.sees("reading the model")
        assert d.talk.status().state == "loading"
        await d.press("escape")
        await d.answered()
        assert d.path[-1][1] is None
        assert (await d.said("again")).text  # in its place: the turn has no answer
        assert len(d.path) == 1

    drive(test, home)


def test_while_it_writes_one_can_type_but_not_send(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("write slowly")
        await d.until(lambda: d.talk.is_busy)
        await d.ask("more")
        await d.notified("still being written")
        assert d.talk.field.text == "more"
        assert len(d.path) == 1

    drive(test, home)


def test_an_empty_prompt_is_one_sentence(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.write("  ")
        await d.press("enter")
        await d.notified("nothing is written yet")
        assert d.transcript.is_empty

    drive(test, home)


def test_messages_leave_the_field_and_the_line_of_the_model_to_be_seen(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.press("enter")
        await d.sees("nothing is written yet", "quiet-cobra · best: step 40", "> ask something", "Send")
        await d.until(lambda: d.app.screen.query(Toast))
        assert d.app.screen.query_one(Toast).region.bottom <= d.talk.query_one("#model-line").region.y
        d.app.action_show_train()
        await d.until(lambda: d.app.screen.query_one(Toast).region.bottom == d.app.size.height - 2)

    drive(test, home)


def test_the_last_answer_goes_on(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("What is rain?")
        await d.press("escape", "c")
        await d.answered()
        assert len(d.path) == 2
        assert d.answer.text.startswith("after 1,")
        assert d.screen.count("you ·") == 1

    drive(test, home)


def test_answering_again_leaves_the_other_answers(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        first = await d.said("What is rain?")
        await d.press("f5")
        await d.answered()
        await d.press("escape", "r")
        await d.answered()
        turn = d.path[0][0]
        assert len(turn.answers) == 3
        assert d.answer is turn.answers[2]
        await d.sees("answer 3 of 3")
        await d.press("]")
        await d.sees("answer 1 of 3")
        assert d.answer is first
        await d.press("[", "[")
        await d.sees("answer 2 of 3")

    drive(test, home)


def test_any_turn_is_edited_and_gone_on_from(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.said("two")
        await d.press("escape")
        d.talk.view.select(f"p:{d.path[0][0].id}")
        await d.press("e")
        await d.sees("another turn 1 of 2")
        assert d.talk.field.text == "one"
        await d.write(" more")
        await d.press("enter")
        await d.answered()
        assert [turn.prompt for turn, _ in d.path] == ["one more"]
        await d.sees("version 2 of 2")
        await d.press("escape")
        d.talk.view.select(f"p:{d.path[0][0].id}")
        await d.press("[")
        await d.until(lambda: [turn.prompt for turn, _ in d.path] == ["one", "two"])

    drive(test, home)


def test_an_edit_can_be_left(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.press("f8")
        assert d.talk.field.text == "one"
        await d.press("escape")
        assert (d.talk.field.text, d.talk.editing, d.place) == ("", "", "prompt")
        await d.said("two")
        assert [turn.prompt for turn, _ in d.path] == ["one", "two"]

    drive(test, home)


def test_a_branch_goes_on_otherwise_from_the_same_answer(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        for prompt in ("one", "two", "three"):
            await d.said(prompt)
        await d.press("escape")
        d.talk.view.select(f"p:{d.path[0][0].id}")
        await d.press("b")
        await d.sees("another turn 2 of 3")
        await d.said("other")
        assert [turn.prompt for turn, _ in d.path] == ["one", "other"]
        assert d.answer.text.startswith("after 1,")
        await d.press("escape")
        d.talk.view.select(f"p:{d.path[1][0].id}")
        await d.press("]")
        await d.until(lambda: [turn.prompt for turn, _ in d.path] == ["one", "two", "three"])

    drive(test, home)


def test_without_another_branch_that_is_said(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.press("escape", "]")
        await d.notified("no other branch")

    drive(test, home)


def test_letters_are_text_in_the_field_and_keys_in_the_transcript(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.write("qvr?:1")
        assert d.talk.field.text == "qvr?:1"
        footer = d.screen.splitlines()[-1]
        assert "F5 Again" in footer
        assert " q " not in footer
        await d.press("escape")
        assert d.place == "transcript"
        await d.sees("r Again", "q Quit")
        await d.press("i")
        assert d.place == "prompt"
        await d.press("escape", "enter")
        assert d.place == "prompt"
        await d.press("escape", "k")
        assert d.talk.view.selected == f"p:{d.path[0][0].id}"
        await d.press("j")
        assert d.talk.view.selected == f"a:{d.answer.id}"

    drive(test, home)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("fail", ("It did not answer", "The checkpoint step-00000040 is damaged.", "Choose another one")),
        ("die", ("It did not answer", "MemoryError: no room for the", "Ask again")),
        ("fall", ("after 0, as auto: 7.1", "the computer has no memory left", "broken off")),
    ],
)
def test_what_goes_wrong_is_said_where_the_answer_would_stand(
    home: Path, prompt: str, words: tuple[str, ...]
) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask(prompt)
        await d.sees(*words)
        await d.answered()
        assert (await d.said("and now")).outcome is not None

    drive(test, home)


def test_unknown_characters_are_counted(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("a snowman ☃☃")
        await d.sees("2 characters of it are unknown to the tokenizer and left out.")

    drive(test, home)


def test_a_broken_checkpoint_that_was_passed_over_is_said(home: Path) -> None:
    a_run(home, "broken-one", 50)

    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.sees("step-00000099 is broken, so the one before answers")

    drive(test, home, last_run="broken-one")


def test_a_new_transcript_is_begun_and_the_old_one_kept(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("one")
        await d.press("escape", "n")
        assert d.transcript.is_empty
        assert d.place == "prompt"
        await d.said("two")
        await d.until(lambda: {each.title for each in d.store.list()} == {"one", "two"})

    drive(test, home)


def test_leaving_while_it_writes_keeps_what_was_made(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("write slowly")
        await d.until(lambda: d.path and d.path[-1][1] is not None and len(d.answer.tokens) == 3)

    drive(test, home)
    (listed,) = _store(home).list()
    ((turn, answer),) = _store(home).open(listed.id).path()
    assert turn.prompt == "write slowly"
    assert answer is not None
    assert answer.text == "after 0, as auto: 7.1 7.2"
    assert answer.outcome is not None
    assert answer.outcome.reason == "cancelled"


def _store(home: Path) -> TranscriptStore:
    return TranscriptStore(home / "transcripts")

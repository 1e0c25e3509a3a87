"""Transcripts: turns, answers and branches, what stands in a turn's context, and what they are written as."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcripts import answered, any_transcript, content

from ysnakes_core.completion.history import Part
from ysnakes_core.completion.transcript import Outcome, Token, Transcript, Turn
from ysnakes_core.completion.transcript_editing import LONGEST
from ysnakes_core.errors import UsageError
from ysnakes_core.text.records import Document, parse_documents
from ysnakes_core.text.tokenizer_file import START_ID


def prompts(transcript: Transcript) -> list[str]:
    return [turn.prompt for turn, _ in transcript.path()]


@pytest.fixture
def transcript() -> Transcript:
    """Three requests with an answer each."""
    made = Transcript()
    for i in range(3):
        answered(made, made.add_turn(f"What is {i}?"), f"It is {i}.")
    return made


def turn_at(transcript: Transcript, place: int) -> Turn:
    return transcript.path()[place][0]


# --- branches ---


def test_turns_follow_one_another(transcript: Transcript) -> None:
    assert prompts(transcript) == ["What is 0?", "What is 1?", "What is 2?"]
    assert [answer.text for _, answer in transcript.path() if answer] == ["It is 0.", "It is 1.", "It is 2."]


def test_an_edited_turn_is_a_branch_and_the_old_one_can_be_returned_to(transcript: Transcript) -> None:
    old = turn_at(transcript, 1)
    new = transcript.edit_turn(old.id, "What is one?")
    assert prompts(transcript) == ["What is 0?", "What is one?"]
    assert transcript.siblings(new.id) == [old, new]
    answered(transcript, new, "One is one.")
    transcript.add_turn("And then?")
    transcript.choose_turn(old.id)
    assert prompts(transcript) == ["What is 0?", "What is 1?", "What is 2?"]
    transcript.choose_turn(new.id)
    assert prompts(transcript) == ["What is 0?", "What is one?", "And then?"]


def test_the_first_turn_can_be_edited_too(transcript: Transcript) -> None:
    transcript.edit_turn(turn_at(transcript, 0).id, "What is nought?")
    assert prompts(transcript) == ["What is nought?"]
    assert transcript.title == "What is nought?"


def test_what_follows_belongs_to_the_answer_that_it_follows(transcript: Transcript) -> None:
    first, answer = transcript.path()[0]
    assert answer is not None
    other = answered(transcript, first, "Nothing at all.")
    assert transcript.path() == [(first, other)]
    transcript.choose_answer(first.id, answer.id)
    assert len(transcript.path()) == 3
    assert transcript.turn(first.id).answers == [answer, other]


def test_choosing_what_is_far_off_the_path_leads_it_there(transcript: Transcript) -> None:
    far = turn_at(transcript, 2)
    transcript.edit_turn(turn_at(transcript, 0).id, "Something else")
    transcript.choose_turn(far.id)
    assert transcript.path()[-1][0] == far
    transcript.edit_turn(turn_at(transcript, 0).id, "And again")
    edited = transcript.edit_turn(far.id, "What is two?")
    assert transcript.path()[-1] == (edited, None)
    assert prompts(transcript) == ["What is 0?", "What is 1?", "What is two?"]


def test_a_turn_after_one_without_an_answer_stands_beside_it(transcript: Transcript) -> None:
    lost = transcript.add_turn("Are you there?")
    again = transcript.add_turn("Hello?")
    assert transcript.siblings(again.id) == [lost, again]
    assert len(transcript.path()) == 4


def test_what_is_not_there_is_said(transcript: Transcript) -> None:
    other = Transcript().add_turn("x")
    first, second = transcript.path()[0], transcript.path()[1]
    assert second[1] is not None
    for wrong in (
        lambda: transcript.edit_turn(other.id, "y"),
        lambda: transcript.choose_answer(first[0].id, second[1].id),
        lambda: transcript.answer(other.id),
        lambda: transcript.add_turn("x" * (LONGEST + 1)),
    ):
        before = content(transcript)
        with pytest.raises(UsageError):
            wrong()
        assert content(transcript) == before


# --- titles ---


def test_a_title_is_the_beginning_of_the_first_prompt_until_it_is_named() -> None:
    transcript = Transcript()
    assert transcript.title == ""
    transcript.add_turn("Tell me\n\n   all about " + "snakes " * 100)
    assert transcript.title.startswith("Tell me all about snakes")
    assert len(transcript.title) <= 80
    transcript.rename("Of\nsnakes")
    assert transcript.title == "Of snakes"
    transcript.rename("")
    assert transcript.title.startswith("Tell me")


# --- what stands in the context ---


def test_requests_begin_afresh_and_texts_go_on() -> None:
    transcript = Transcript()
    answered(transcript, transcript.add_turn("What is it?"), "A snake.", reading="request")
    request = transcript.add_turn("And that?", "auto")
    assert transcript.history_before(request.id) == ()
    story = transcript.edit_turn(request.id, "Once", "text")
    assert len(transcript.history_before(story.id)) == 1, "as a text it goes on after the request"
    answered(transcript, story, " upon a time", reading="text", reason="max_tokens")
    more = transcript.add_turn(" there was", "auto")
    assert [part.prompt for part in transcript.history_before(more.id)] == ["What is it?", "Once"]
    assert transcript.history_before(transcript.edit_turn(more.id, "What now?", "request").id) == ()


def test_a_part_is_what_the_model_was_handed_and_wrote(transcript: Transcript) -> None:
    transcript.set_context("carry")
    last = turn_at(transcript, 1)
    assert transcript.history_before(last.id) == (Part("What is 0?", "request", (13, 13, 12), True),)
    cut = answered(transcript, last, "It", reason="cancelled")
    after = transcript.add_turn("x")
    assert transcript.history_before(after.id)[-1] == Part("What is 1?", "request", (12,), False)
    assert cut.carried == 1


def test_the_rule_is_chosen(transcript: Transcript) -> None:
    last = transcript.add_turn("And now?")
    transcript.set_context("carry")
    assert len(transcript.history_before(last.id)) == 3
    transcript.set_context("fresh")
    assert transcript.history_before(last.id) == ()


def test_without_a_prompt_the_answer_before_goes_on_whatever_the_rule_is(transcript: Transcript) -> None:
    transcript.set_context("fresh")
    on = transcript.add_turn("")
    assert [part.prompt for part in transcript.history_before(on.id)] == ["What is 2?"]


# --- properties ---


@given(st.data())
def test_whatever_is_done_the_path_is_a_path(data: st.DataObject) -> None:
    transcript = any_transcript(data, Transcript())
    path = transcript.path()
    parents = [None, *(answer.id if answer else "?" for _, answer in path[:-1])]
    assert [turn.parent for turn, _ in path] == parents[: len(path)]
    assert bool(path) != transcript.is_empty
    for turn in transcript.turns():
        assert len(transcript.history_before(turn.id)) <= len(transcript.path_before(turn.id))
        transcript.choose_turn(turn.id)
        assert turn in [on_path for on_path, _ in transcript.path()]


@given(st.data())
def test_its_changes_make_it_again(data: st.DataObject) -> None:
    transcript = any_transcript(data, Transcript())
    for changes in (transcript.unsaved(), list(transcript.changes())):
        again = Transcript(transcript.id)
        changes = json.loads(json.dumps(changes))
        assert all(again.take_over(change) for change in changes)
        assert not changes or content(again) == content(transcript)


@given(st.data())
def test_any_part_of_its_changes_makes_a_transcript(data: st.DataObject) -> None:
    changes = any_transcript(data, Transcript()).unsaved()
    again = Transcript("again")
    for change in changes:
        if data.draw(st.booleans()):
            again.take_over(change)
    content(again)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_what_is_damaged_is_passed_over_whole(data: st.DataObject) -> None:
    transcript = any_transcript(data, Transcript())
    change = json.loads(json.dumps(data.draw(st.sampled_from([*transcript.changes()]))))
    damaged = dict(change)
    for key in data.draw(st.lists(st.sampled_from(sorted(change)), min_size=1, max_size=2)):
        damaged[key] = data.draw(json_values)
    before = content(transcript)
    if not transcript.take_over(damaged):
        assert content(transcript) == before
    assert not transcript.take_over(data.draw(json_values))
    for turn in transcript.turns():
        for answer in turn.answers:
            assert all(0 <= (token.probability or 0) <= 1 for token in answer.tokens)
            assert answer.edited_from or all(token.probability is not None for token in answer.tokens)
            answer.options.variants(2)
    content(transcript)
    transcript.to_markdown()


# --- exports ---


def test_text_is_what_the_model_read_and_wrote_and_can_be_trained_on(transcript: Transcript) -> None:
    answered(transcript, transcript.add_turn("Last?"), "Cut", reason="max_tokens")
    text = transcript.to_text()
    documents, problems = parse_documents(text, "here")
    assert documents[:3] == [Document(f"What is {i}?", f"It is {i}.", "here", 1 + 2 * i) for i in range(3)]
    assert [problem.what for problem in problems] == ["<start> without <end>"], "as the model did not end it"
    one = transcript.to_text(turn_at(transcript, 1).id)
    assert one == "What is 1?<start>It is 1.<end>\n"


def test_text_that_went_on_is_one_text() -> None:
    transcript = Transcript()
    answered(transcript, transcript.add_turn("Once ", "text"), "upon a time", reading="text", reason="stop")
    answered(transcript, transcript.add_turn(" there was", "text"), " a snake.", reading="text")
    answered(transcript, transcript.add_turn("New", "request"), "Yes.", reading="request")
    assert transcript.to_text() == "Once upon a time there was a snake.<end>\n\nNew<start>Yes.<end>\n"


def test_marks_are_those_of_the_model_and_not_those_that_are_spelled_out() -> None:
    transcript = Transcript()
    turn = transcript.add_turn("Does <end> end it?", "text")
    answer = transcript.add_answer(turn.id, run="r", checkpoint="c", step=1)
    transcript.write(
        answer.id,
        [Token(" No", 9, 0.5), Token("\n\n", START_ID, 0.5), Token("<start> is text.", 8, 0.5)],
        "text",
    )
    assert transcript.to_text() == "Does ‹end› end it? No<start>‹start› is text.\n"


def test_markdown_says_how_a_prompt_was_read_and_what_answered(transcript: Transcript) -> None:
    transcript.set_context("carry")
    turn = transcript.add_turn("Go on")
    answered(transcript, turn, "and on", reading="text", reason="cancelled")
    markdown = transcript.to_markdown()
    assert "Read as a request: the model was handed `<end>` prompt `<start>`." in markdown
    assert "## 4. Prompt" in markdown
    assert "`quiet-cobra`, `step-00000040`, 1.900 bits per byte" in markdown
    assert "3 earlier turns stood before it" in markdown
    assert "seed 7" in markdown
    one = transcript.to_markdown(turn.id)
    assert "## 4. Prompt" in one
    assert "## 1. Prompt" not in one


def test_no_text_can_break_out_of_its_fence_or_steer_a_terminal() -> None:
    transcript = Transcript()
    turn = transcript.add_turn("````\n# Not a heading\x1b[2J")
    answered(transcript, turn, "```\n<script>x</script>\n`````")
    markdown = transcript.to_markdown()
    assert "\x1b" not in markdown + transcript.to_text()
    lines = markdown.splitlines()
    outside, fence = [], ""
    for line in lines:
        if not fence and line.startswith("```"):
            fence = line.removesuffix("text")
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    assert not fence
    assert not any("script" in line or "heading" in line for line in outside if not line.startswith("# "))


@given(st.data())
def test_json_holds_every_text_exactly(data: st.DataObject) -> None:
    transcript = any_transcript(data, Transcript())
    exported = json.loads(transcript.to_json())
    path = transcript.path()
    assert [turn["prompt"] for turn in exported["turns"]] == prompts(transcript)
    for turn, (_, answer) in zip(exported["turns"], path, strict=True):
        assert (turn["answer"] is None) == (answer is None)
        if answer is not None:
            assert [token["id"] for token in turn["answer"]["tokens"]] == [
                token.id for token in answer.tokens
            ]
            assert turn["answer"]["text"] == answer.text
    transcript.to_text()


def test_an_answer_that_is_ended_takes_no_more(transcript: Transcript) -> None:
    turn, answer = transcript.path()[0]
    assert answer is not None
    with pytest.raises(ValueError, match="ended"):
        transcript.write(answer.id, [Token("more", 3, 0.5)])
    assert answer.text == "It is 0."
    assert turn.answers == [answer]


def test_how_a_prompt_was_read_is_known_before_the_answer_ends() -> None:
    transcript = Transcript()
    answer = transcript.add_answer(transcript.add_turn("x").id, run="r", checkpoint="c", step=1)
    assert answer.reading == ""
    transcript.write(answer.id, [Token("y", 3, 0.5)], "answer")
    assert answer.reading == "answer"
    assert answer.outcome is None
    transcript.end(answer.id, Outcome("answer", "stop", 3))
    assert answer.outcome == Outcome("answer", "stop", 3)

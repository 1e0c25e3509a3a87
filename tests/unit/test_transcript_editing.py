"""Answers that a person changes: what stays of the model's, what is theirs, and that it is said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcripts import answered, content, texts

from ysnakes_core.completion.history import REQUEST_BREAK
from ysnakes_core.completion.transcript import Answer, Token, Transcript
from ysnakes_core.completion.transcript_editing import LONGEST, edited_tokens
from ysnakes_core.errors import UsageError
from ysnakes_core.text.tokenizer_file import START_ID


def model_tokens(*words: str) -> list[Token]:
    return [
        Token(word, START_ID if word.endswith(REQUEST_BREAK) else 10 + number, 0.5)
        for number, word in enumerate(words)
    ]


def pieces(tokens: list[Token]) -> list[str | int]:
    """A model's tokens by their ids, a person's as text."""
    return [token.text if token.id is None else token.id for token in tokens]


words = st.lists(st.sampled_from(["a", " b", "c", "", "\n", " ", " dé", f"e{REQUEST_BREAK}"]), max_size=8)


@given(words, st.text("ab cd\n", max_size=12) | texts, st.integers(0, 20), st.integers(0, 20))
def test_the_text_is_the_persons_and_what_comes_before_the_change_the_models(
    before: list[str], put: str, first: int, last: int
) -> None:
    tokens = model_tokens(*before)
    old = "".join(before)
    text = old[:first] + put + old[max(first, last) :]
    found = edited_tokens(tokens, text)
    assert "".join(token.text for token in found) == text
    own = [token.probability is not None for token in found]
    kept = sum(own)
    assert own == [True] * kept + [False] * (len(found) - kept)
    assert found[:kept] == tokens[:kept]
    assert {token.id for token in found[kept:]} <= {None, START_ID}
    assert edited_tokens(found, text)[:kept] == tokens[:kept]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The cat sat down", [10, 11, 12, " down"]),
        ("The cat sat", [10, 11, 12]),
        ("The cat", [10, 11]),
        ("The dog sat", [10, " dog sat"]),
        ("The catsat", [10, " catsat"]),
        ("The cat  sat", [10, 11, "  sat"]),
        ("A cat sat", ["A cat sat"]),
    ],
)
def test_a_models_word_stays_whole_or_not_at_all(text: str, left: list[str | int]) -> None:
    assert pieces(edited_tokens(model_tokens("The", " cat", " sat"), text)) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f" rain?{REQUEST_BREAK}Water, cold.", [10, START_ID, "Water, cold."]),
        (f" snow?{REQUEST_BREAK}Water.", [" snow?", START_ID, "Water."]),
        (f" snow?{REQUEST_BREAK}Ice.", [f" snow?{REQUEST_BREAK}Ice."]),
        (" rain. Water.", [" rain. Water."]),
    ],
)
def test_a_mark_of_the_models_own_stays_where_one_side_of_it_is_as_it_was(
    text: str, left: list[str | int]
) -> None:
    assert pieces(edited_tokens(model_tokens(" rain", f"?{REQUEST_BREAK}", "Water."), text))[-3:] == (
        left if left[0] != 10 else [10, START_ID, "Water, cold."]
    )


# --- in a transcript ---


@pytest.fixture
def transcript() -> Transcript:
    made = Transcript()
    answered(made, made.add_turn("Once", "text"), " upon a time", reading="text", reason="max_tokens")
    answered(made, made.add_turn(" there was", "text"), " a fox", reading="text")
    return made


def answer_at(transcript: Transcript, place: int) -> Answer:
    answer = transcript.path()[place][1]
    assert answer is not None
    return answer


def test_an_edited_answer_is_a_branch_and_the_models_own_stays(transcript: Transcript) -> None:
    own = answer_at(transcript, 0)
    before = own.text
    edited = transcript.edit_answer(own.id, " upon a hill")
    assert answer_at(transcript, 0) is edited
    assert (edited.text, edited.edited_from) == (" upon a hill", own.id)
    assert len(transcript.path()) == 1
    assert (own.text, own.edited_from) == (before, "")
    transcript.choose_answer(own.turn, own.id)
    assert len(transcript.path()) == 2


def test_the_next_turn_stands_on_it(transcript: Transcript) -> None:
    edited = transcript.edit_answer(answer_at(transcript, 0).id, " upon a hill")
    (part,) = transcript.history_before(transcript.add_turn("", "text").id)
    assert "".join(piece for piece in part.answer if isinstance(piece, str)) in edited.text
    assert part.answer[-1:] == (" hill",) or part.answer == (edited.text,)
    assert (part.prompt, part.ended) == ("Once", False)


def test_an_answer_that_is_off_the_path_leads_it_there(transcript: Transcript) -> None:
    far = answer_at(transcript, 1)
    transcript.edit_turn(transcript.path()[0][0].id, "Never")
    edited = transcript.edit_answer(far.id, " a bear")
    assert answer_at(transcript, 1) is edited


def test_it_has_no_figures_and_what_is_left_of_the_models_is_counted(transcript: Transcript) -> None:
    own = answer_at(transcript, 1)
    outcome = transcript.edit_answer(own.id, "Nothing of it").outcome
    assert outcome is not None
    assert own.outcome is not None
    assert (outcome.tokens, outcome.seconds_to_first_token, outcome.tokens_per_second) == (0, None, None)
    assert (outcome.reason, outcome.seed) == (own.outcome.reason, own.outcome.seed)


def test_what_is_as_it_was_is_no_edit(transcript: Transcript) -> None:
    own = answer_at(transcript, 0)
    before = content(transcript)
    assert transcript.edit_answer(own.id, own.text) is own
    assert content(transcript) == before


def test_what_cannot_be_an_answer_is_said_and_changes_nothing(transcript: Transcript) -> None:
    own = answer_at(transcript, 0)
    turn = transcript.add_turn("More")
    unfinished = transcript.add_answer(turn.id, run="r", checkpoint="c", step=1)
    before = content(transcript)
    for answer, text in ((own, ""), (own, "x" * (LONGEST + 1)), (unfinished, "x")):
        with pytest.raises(UsageError):
            transcript.edit_answer(answer.id, text)
        assert content(transcript) == before


def test_every_export_says_that_a_person_edited_it(transcript: Transcript) -> None:
    last = answer_at(transcript, 1)
    for exported in (transcript.to_text(), transcript.to_markdown()):
        assert "edited" not in exported
    transcript.edit_answer(last.id, " a bear")
    assert transcript.to_text() == "Once upon a time there was a bear‹edited by a person›<end>\n"
    markdown = transcript.to_markdown()
    assert "### 2. Answer, edited by a person" in markdown
    assert "### 1. Answer\n" in markdown
    assert "a person changed what was written by this model: `quiet-cobra`" in markdown
    turns = json.loads(transcript.to_json())["turns"]
    assert [turn["answer"]["edited_by_a_person"] for turn in turns] == [False, True]
    assert [token["probability"] for token in turns[1]["answer"]["tokens"]][-1] is None


def test_an_edit_says_so_in_the_changes_and_a_persons_text_is_nowhere_else(transcript: Transcript) -> None:
    edited = transcript.edit_answer(answer_at(transcript, 0).id, " upon a hill")
    changes = list(transcript.changes())
    again = Transcript(transcript.id)
    assert all(again.take_over(json.loads(json.dumps(change))) for change in changes)
    assert again.answer(edited.id) == edited
    forged = Transcript(transcript.id)
    taken = [
        forged.take_over({name: value for name, value in change.items() if name != "edited_from"})
        for change in changes
    ]
    refused = [change["type"] for change, was in zip(changes, taken, strict=True) if not was]
    assert refused == ["tokens"]
    assert forged.answer(edited.id).text == ""


@pytest.mark.parametrize("token", [["x", None, 0.5], ["x", -1, None], ["x", None], [None, None, None]])
def test_what_is_neither_a_token_nor_a_persons_text_is_passed_over(
    transcript: Transcript, token: list[object]
) -> None:
    edited = transcript.edit_answer(answer_at(transcript, 0).id, " upon a hill")
    again = Transcript(transcript.id)
    for change in transcript.changes():
        if change["type"] != "ended" or change["answer"] != edited.id:
            assert again.take_over(change)
    assert not again.take_over({"type": "tokens", "time": 1.0, "answer": edited.id, "tokens": [token]})
    assert again.answer(edited.id).text == edited.text

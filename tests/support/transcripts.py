"""Transcripts for tests: by hand, and any at all."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.transcript import Answer, Outcome, Token, Transcript, Turn

# What a person may paste and a model may write, lone surrogates and marks spelled out among it.
texts = st.one_of(
    st.text(max_size=12), st.sampled_from(["<end>", "a\ud800b", "```", "x<start>y\n", "\x1b[2J"])
)
probabilities = st.floats(0, 1)
tokens = st.builds(
    Token,
    texts,
    st.integers(0, 2**20),
    probabilities,
    st.lists(st.tuples(texts, probabilities), max_size=3).map(tuple),
)
options = st.builds(
    SamplingOptions,
    max_tokens=st.integers(1, 9),
    temperature=st.floats(0, 3),
    seed=st.none() | st.integers(0, 2**63 - 1),
    stop=st.lists(texts.filter(bool), max_size=2).map(tuple),
)
outcomes = st.builds(
    Outcome,
    st.sampled_from(["request", "text", "answer"]),
    st.sampled_from(["end", "max_tokens", "stop", "cancelled", "failed"]),
    st.none() | st.integers(0, 2**63 - 1),
    seconds_to_first_token=st.none() | st.floats(0, 1e6),
    problem=texts,
)
readings = st.sampled_from(["auto", "request", "text"])


def any_transcript(data: st.DataObject, transcript: Transcript, most: int = 12) -> Transcript:
    """Do anything at all that can be done, up to ``most`` times."""
    for _ in range(data.draw(st.integers(0, most))):
        do_anything(data, transcript)
    return transcript


def do_anything(data: st.DataObject, transcript: Transcript) -> None:
    turns = list(transcript.turns())
    answers = [answer for turn in turns for answer in turn.answers]
    writing = [answer for answer in answers if answer.outcome is None]
    acts = ["add", "rename", "context"]
    acts += ["edit", "answer", "answer", "choose turn"] if turns else []
    acts += ["choose answer"] if answers else []
    acts += ["write", "write", "end"] if writing else []
    ended = [answer for answer in answers if answer.outcome is not None]
    acts += ["edit answer"] if ended else []
    act = data.draw(st.sampled_from(acts))
    if act == "add":
        transcript.add_turn(data.draw(texts), data.draw(readings))
    elif act == "edit":
        transcript.edit_turn(data.draw(st.sampled_from(turns)).id, data.draw(texts))
    elif act == "answer":
        turn = data.draw(st.sampled_from(turns))
        carried = len(transcript.history_before(turn.id))
        transcript.add_answer(
            turn.id,
            run=data.draw(texts),
            checkpoint="step-00000010",
            step=10,
            bits_per_byte=data.draw(st.none() | st.floats(0, 99)),
            options=data.draw(options),
            carried=carried,
        )
    elif act == "choose turn":
        transcript.choose_turn(data.draw(st.sampled_from(turns)).id)
    elif act == "choose answer":
        answer = data.draw(st.sampled_from(answers))
        transcript.choose_answer(answer.turn, answer.id)
    elif act == "write":
        reading = data.draw(st.sampled_from(["", "request", "text"]))
        transcript.write(
            data.draw(st.sampled_from(writing)).id, data.draw(st.lists(tokens, max_size=3)), reading
        )
    elif act == "end":
        transcript.end(data.draw(st.sampled_from(writing)).id, data.draw(outcomes))
    elif act == "edit answer":
        before = data.draw(st.sampled_from(ended))
        text = data.draw(texts)
        cut = data.draw(st.integers(0, len(before.text)))
        transcript.edit_answer(before.id, (before.text[:cut] + text) or "x")
    elif act == "rename":
        transcript.rename(data.draw(texts))
    else:
        transcript.set_context(data.draw(st.sampled_from(["auto", "carry", "fresh"])))


def content(transcript: Transcript) -> Any:
    """All that can be told of a transcript, to be compared."""
    turns = list(transcript.turns())
    return (
        transcript.id,
        transcript.title,
        transcript.context,
        transcript.created,
        turns,
        transcript.path(),
        [transcript.siblings(turn.id) for turn in turns],
        [transcript.chosen_answer(turn.id) for turn in turns],
        [transcript.history_before(turn.id) for turn in turns],
    )


def answered(
    transcript: Transcript, turn: Turn, text: str, *, reading: str = "request", reason: str = "end"
) -> Answer:
    """The turn, answered with a token a word."""
    answer = transcript.add_answer(
        turn.id,
        run="quiet-cobra",
        checkpoint="step-00000040",
        step=40,
        bits_per_byte=1.9,
        carried=len(transcript.history_before(turn.id)),
    )
    words = [word + " " for word in text.split(" ")[:-1]] + text.split(" ")[-1:]
    transcript.write(answer.id, [Token(word, 10 + len(word), 0.5) for word in words], reading)
    transcript.end(answer.id, Outcome(reading, reason, seed=7, tokens=len(words)))  # type: ignore[arg-type]
    return answer

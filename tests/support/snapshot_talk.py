"""A talk with a model, the same on every machine and day."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from complete_app import a_run
from snapshot_runs import NOW
from written_positions import written_positions

from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.transcript import Outcome, Token, Transcript
from ysnakes_core.completion.transcript_store import TranscriptStore
from ysnakes_core.runs.talking import Begun, Ended, Positions, Question, Talker, Told, Written

TALK = "0123456789abcdef"  # the transcript that is gone on with
RAIN = "Rain is water that falls from clouds. **Snow** is rain that froze:\n\n- it is white\n- it is cold"
STORIES = (
    " it looked at the sky and asked the sun for a story. One day it was late, so the snake told one.",
    " it slept until the stone was cold. Then it went to look for another one, and never came back.",
    " it counted the drops of rain, up to seven, which was all it knew.",
)
HOSTILE = "[red]x[/] \x1b[2J\x1b]0;owned\x07\u202eevil\u202c 日本語"


def tokens_of(text: str) -> tuple[Token, ...]:
    """Words, some of them unlikely."""
    words = [word for word in text.replace(" ", "\0 ").replace("\n", "\0\n").split("\0") if word]
    chances = itertools.cycle((0.97, 0.31, 0.62, 0.02, 0.93, 0.12))
    return tuple(
        Token(
            word, n, chance, ((word, chance), (" cloud", 0.5 * (1 - chance)), (" stone", 0.2 * (1 - chance)))
        )
        for n, (word, chance) in enumerate(zip(words, chances, strict=False))
    )


def _say(
    transcript: Transcript,
    prompt: str,
    text: str,
    *,
    reading: str,
    seed: int = 7,
    turn: str = "",
    **more: int,
) -> str:
    turn = turn or transcript.add_turn(prompt, "auto").id
    answer = transcript.add_answer(
        turn,
        run="quiet-cobra",
        checkpoint="step-00000080",
        step=80,
        bits_per_byte=2.0125,
        options=SamplingOptions(),
        carried=more.pop("carried", 0),
    )
    transcript.write(answer.id, tokens_of(text), reading)
    tokens = len(answer.tokens)
    outcome = Outcome(
        reading, "end", seed, 6, tokens=tokens, seconds_to_first_token=0.041, tokens_per_second=512.0, **more
    )  # type: ignore[arg-type]
    transcript.end(answer.id, outcome)
    return turn


def written_talk(home: Path) -> None:
    """A run that can be talked to, and three transcripts."""
    a_run(home, "quiet-cobra", 40, 80, 120)
    a_run(home, "amber-viper", 300)
    numbers = itertools.count()
    for age, identity in ((7200.0, "a" * 16), (86_400.0 * 3, "b" * 16), (60.0, TALK)):
        transcript = Transcript(
            identity, now=lambda age=age: NOW - age, new_id=lambda: f"{next(numbers):016x}"
        )  # type: ignore[misc]
        if identity == TALK:
            _talk(transcript)
        else:
            _say(transcript, f"A walk in the mountains {identity[0]}", STORIES[1], reading="text")
        TranscriptStore(home / "transcripts", now=lambda: NOW).save(transcript)


def _talk(transcript: Transcript) -> None:
    _say(transcript, "What is rain? ☃", RAIN, reading="request", unknown_characters=1)
    turn = _say(
        transcript, "A small snake lived under a warm stone. Each morning", STORIES[0], reading="text"
    )
    _say(transcript, "", STORIES[1], reading="text", seed=8, turn=turn)
    _say(transcript, HOSTILE, HOSTILE, reading="text", carried=1)


def edited_talk(home: Path) -> None:
    """The same, where a person changed the end of an answer, and the model went on from there."""
    written_talk(home)
    store = TranscriptStore(home / "transcripts", now=lambda: NOW)
    transcript = store.open(TALK)
    answer = transcript.path()[1][1]
    assert answer is not None
    transcript.edit_answer(answer.id, answer.text.replace("never came back", "came back with a [b]fox[/b]"))
    _say(transcript, "", STORIES[2], reading="text", carried=1, unknown_before=1)
    store.save(transcript)


class FixedTalker(Talker):
    """Says the same of every model, at once."""

    def __init__(self, tell: Callable[[Told], None], *, command: list[str] | None = None) -> None:
        super().__init__(tell, command=["nothing is started"])
        self._say_it, self._next = tell, itertools.count(1)

    def _begun(self, number: int) -> Begun:
        return Begun(number, "step-00000080", 80, 2.0125, 1_000_000)

    def warm(self, run: Path, checkpoint: str | None = None, precision: str = "float32") -> int:
        number = next(self._next)
        self._say_it(self._begun(number))
        return number

    def ask(self, question: Question) -> int:
        number = next(self._next)
        self._say_it(self._begun(number))
        for row, options in enumerate(question.options):
            tokens = tokens_of(STORIES[row % len(STORIES)])
            self._say_it(Written(number, row, tokens, "text"))
            outcome = Outcome("text", "end", options.seed or 7, 6, 0, len(tokens), 0.041, 512.0)
            self._say_it(Ended(number, row, outcome))
        return number

    def score_positions(self, run: Path, checkpoint: str | None = None) -> int:
        number = next(self._next)
        self._say_it(self._begun(number))
        self._say_it(Positions(number, written_positions(), 1.0))
        return number

    def cancel(self, number: int) -> None:
        """There is nothing to end."""

    def close(self) -> None:
        """There is no process."""

"""Questions to models and what comes of them, written into transcripts. No widgets, and nothing waits."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from ysnakes_core.completion.options import SamplingOptions, fresh_seed
from ysnakes_core.completion.transcript import Answer, Outcome, Token, Transcript
from ysnakes_core.runs.talking import Begun, Ended, Failed, Loading, Question, Told, Written
from ysnakes_tui.complete.models import ModelChoice, ModelRun, same_tokens

Stage = Literal["asked", "loading", "writing", "ended", "failed"]
_LARGEST_SEED = 2**63 - 1
OTHER_TOKENS = "It begins afresh: the turns before were written by a model with other tokens."


class Asked(Protocol):
    """What is needed of a ``Talker``."""

    def ask(self, question: Question) -> int: ...

    def cancel(self, number: int) -> None: ...


@dataclass
class Exchange:
    """A question, and how far its answers are: one a row, each in the transcript from ``Begun`` on.

    Of the turns before, those stand in its context (``carried``) that follow the last one with an answer of a
    model with other tokens. ``asked_at`` and ``first_at`` (of the first token) are seconds of the
    conversation's clock.
    """

    number: int
    transcript: Transcript
    turn: str
    model: ModelChoice
    precision: str
    options: tuple[SamplingOptions, ...]
    carried: int
    asked_at: float
    stage: Stage = "asked"
    answers: list[Answer] = field(default_factory=list)
    first_at: float | None = None
    notes: list[str] = field(default_factory=list)
    begins_afresh: bool = False  # for the model before had other tokens
    problem: str = ""
    hint: str = ""

    @property
    def is_open(self) -> bool:
        return self.stage not in ("ended", "failed")

    @property
    def tokens(self) -> int:
        """Of all its answers."""
        return sum(len(answer.tokens) for answer in self.answers)

    def pace(self, now: float) -> float | None:
        """Tokens a second since the first one; None before there are enough to say."""
        if self.first_at is None or now <= self.first_at or self.tokens <= len(self.options):
            return None
        return (self.tokens - len(self.options)) / (now - self.first_at)


@dataclass
class News:
    """What a message changed: further tokens of an answer, or more than that."""

    exchange: Exchange
    answer: Answer | None = None
    tokens: Sequence[Token] = ()
    is_first: bool = False


class Conversation:
    """Holds the exchanges of a session. ``clock`` gives seconds."""

    def __init__(self, talker: Asked, runs_folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._talker, self._folder, self._clock = talker, runs_folder, clock
        self._exchanges: dict[int, Exchange] = {}
        self.notes: dict[str, list[str]] = {}  # by the answer that they are about
        self.failed: dict[str, Exchange] = {}  # the last one of each turn, where it left no answer

    @property
    def now(self) -> float:
        """Seconds of its clock."""
        return self._clock()

    def ask(
        self,
        transcript: Transcript,
        turn_id: str,
        model: ModelChoice,
        runs: tuple[ModelRun, ...],
        *,
        options: Sequence[SamplingOptions],
        precision: str,
    ) -> Exchange:
        """Ask a model to answer a turn; ``options``: one for each answer.

        Seeds are drawn here where they are not given: an answer that is broken off has its own, too.
        """
        options = tuple(map(seeded, options))
        turn = transcript.turn(turn_id)
        all_before, path = transcript.history_before(turn_id), transcript.path_before(turn_id)
        before = [answer for _, answer in path[len(path) - len(all_before) :]]
        own = itertools.takewhile(lambda answer: same_tokens(runs, answer.run, model.run), reversed(before))
        history = all_before[len(all_before) - sum(1 for _ in own) :]
        question = Question(
            self._folder / model.run,
            turn.prompt,
            model.checkpoint or None,
            precision,
            history,
            turn.reading,
            options,
        )
        number = self._talker.ask(question)
        exchange = Exchange(
            *(number, transcript, turn_id, model, precision, options, len(history), self._clock()),
            begins_afresh=bool(all_before) and not history,
        )
        self._exchanges[number] = exchange
        self.failed.pop(turn_id, None)
        return exchange

    def open(self, transcript: Transcript | None = None) -> Iterator[Exchange]:
        """What is not answered yet: of a transcript, or of all."""
        for exchange in self._exchanges.values():
            if exchange.is_open and (transcript is None or exchange.transcript is transcript):
                yield exchange

    def cancel(self, transcript: Transcript | None = None) -> bool:
        """End what is being written; whether there was any. What was made stays."""
        found = list(self.open(transcript))
        for exchange in found:
            self._talker.cancel(exchange.number)
        return bool(found)

    def break_off(self, transcript_id: str = "") -> list[Transcript]:
        """End the answers of a transcript, or all, right where they are; nothing is heard of them any more.

        The transcripts that they stand in.
        """
        found = [each for each in self.open() if transcript_id in ("", each.transcript.id)]
        for exchange in found:
            self._talker.cancel(exchange.number)
            self._end_all(exchange, "cancelled", "")
            exchange.stage = "ended"
        return [exchange.transcript for exchange in found]

    def exchange_of(self, answer_id: str) -> Exchange | None:
        """The exchange that is writing an answer; None if none is."""
        return next((each for each in self.open() if any(a.id == answer_id for a in each.answers)), None)

    # What the talker tells.

    def take(self, told: Told) -> News | None:
        """Take in what came; None if it is about nothing that is open here."""
        exchange = self._exchanges.get(told.number)
        if exchange is None or not exchange.is_open:
            return None
        if isinstance(told, Loading):
            exchange.stage = "loading"
        elif isinstance(told, Begun):
            self._begin(exchange, told)
        elif isinstance(told, Written) and told.row < len(exchange.answers):
            return self._write(exchange, told)
        elif isinstance(told, Ended) and told.row < len(exchange.answers):
            self._end(exchange, exchange.answers[told.row], told.outcome)
        elif isinstance(told, Ended) and not exchange.answers:  # cancelled before it had begun
            exchange.stage = "ended"
        elif isinstance(told, Failed):
            self._fail(exchange, told)
        return News(exchange)

    def _begin(self, exchange: Exchange, told: Begun) -> None:
        exchange.stage = "writing"
        exchange.notes += told.notes
        for options in exchange.options:
            answer = exchange.transcript.add_answer(
                exchange.turn,
                run=exchange.model.run,
                checkpoint=told.checkpoint,
                step=told.step,
                bits_per_byte=told.bits_per_byte,
                options=options,
                precision=exchange.precision,
                carried=exchange.carried,
            )
            exchange.answers.append(answer)
            if exchange.notes:
                self.notes[answer.id] = list(exchange.notes)
        if len(exchange.answers) > 1:
            exchange.transcript.choose_answer(exchange.turn, exchange.answers[0].id)

    def _write(self, exchange: Exchange, told: Written) -> News:
        answer = exchange.answers[told.row]
        exchange.transcript.write(answer.id, told.tokens, told.reading)
        is_first = len(answer.tokens) == len(told.tokens)
        if exchange.first_at is None and told.tokens:
            exchange.first_at = self._clock()
        return News(exchange, answer, told.tokens, is_first)

    def _end(self, exchange: Exchange, answer: Answer, outcome: Outcome) -> None:
        if answer.outcome is None:
            exchange.transcript.end(answer.id, outcome)
            anyway = answer.reading == "request" and exchange.transcript.context == "auto"
            if exchange.begins_afresh and not anyway:
                self.notes.setdefault(answer.id, []).append(OTHER_TOKENS)
        if all(each.outcome is not None for each in exchange.answers):
            exchange.stage = "ended"

    def _fail(self, exchange: Exchange, told: Failed) -> None:
        exchange.stage, exchange.problem, exchange.hint = "failed", told.what, told.hint
        self._end_all(exchange, "failed", f"{told.what}. {told.hint}".strip())
        if not exchange.answers:
            self.failed[exchange.turn] = exchange

    def _end_all(self, exchange: Exchange, reason: Literal["cancelled", "failed"], problem: str) -> None:
        asked = exchange.transcript.turn(exchange.turn).reading
        for answer in exchange.answers:
            if answer.outcome is None:
                reading = answer.reading or ("text" if asked == "auto" else asked)
                seed, tokens = answer.options.seed, len(answer.tokens)
                outcome = Outcome(reading, reason, seed, tokens=tokens, problem=problem)
                exchange.transcript.end(answer.id, outcome)


def seeded(options: SamplingOptions) -> SamplingOptions:
    """The options with a seed, drawn if they have none."""
    return options if options.seed is not None else replace(options, seed=fresh_seed())


def following(answers: Sequence[Answer], options: SamplingOptions) -> SamplingOptions:
    """The options with the seed after the largest of some answers: for more of the same."""
    outcomes = [answer.outcome for answer in answers if answer.outcome is not None]
    seeds = [outcome.seed for outcome in outcomes if outcome.seed is not None]
    if not seeds:
        return seeded(options)
    return replace(options, seed=(max(seeds) + 1) % (_LARGEST_SEED + 1))

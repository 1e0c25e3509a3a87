"""Answering in the talking process: several questions at once, token by token, and scores beside them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.pieces import Piece
from ysnakes_core.completion.row import Summary
from ysnakes_core.completion.transcript_records import Outcome, Token
from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.runs.preparation import prepare_text
from ysnakes_core.runs.talking_desk import Desk, Job
from ysnakes_core.runs.talking_messages import (
    Begun,
    Ended,
    Failed,
    Loading,
    Positions,
    Question,
    ScorePositions,
    Written,
)
from ysnakes_core.runs.talking_models import Held, Models
from ysnakes_core.training.by_position import score_by_position, trained_length

WRITE_EVERY = 0.03  # seconds between two messages on one question: the screen is drawn less often
PROGRESS_EVERY = 0.1  # seconds


def serve(desk: Desk) -> None:
    """Answer what comes to the desk, for ever."""
    server = _Server(desk)
    while True:
        server.turn()


class Answering:
    """One question on its way. ``clock`` gives seconds."""

    def __init__(
        self,
        job: Job,
        question: Question,
        completer: Completer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        rows = len(question.options)
        self.job, self._clock = job, clock
        self._stream = completer.stream_batch(
            [question.prompt] * rows,
            question.options,
            reading=question.reading,
            history=question.history,
            alternatives=question.alternatives,
        )
        self._going = list(range(rows))
        self._unsaid: list[list[Piece]] = [[] for _ in range(rows)]
        self._silent = set(range(rows))  # rows of which nothing was said yet
        self._said = clock()
        job.while_working(self._stream.cancel)

    def advance(self) -> None:
        """Compute a little, and say what is to be said by now: the first token of a row at once."""
        for row, piece in self._stream.step() or ():
            self._unsaid[row].append(piece)
        if not self.job.kept:
            self.job.kept = any(summary.tokens for summary in self._stream.summaries)
        ended = [row for row in self._going if self._stream.has_ended(row)]
        if self._clock() - self._said >= WRITE_EVERY:
            self.say_all()
        for row in [*self._silent, *ended]:
            self._say(row)
        for row in ended:
            self._going.remove(row)
            self.job.tell(Ended(self.job.number, row, _outcome(self._stream.summaries[row])))

    def say_all(self) -> None:
        """Say what is written and not said yet."""
        for row in range(len(self._unsaid)):
            self._say(row)
        self._said = self._clock()

    def _say(self, row: int) -> None:
        if tokens := tuple(map(_token, self._unsaid[row])):  # between steps, each finds the caches cold
            self._unsaid[row] = []
            self._silent.discard(row)
            reading = self._stream.summaries[row].reading
            self.job.tell(Written(self.job.number, row, tokens, reading))


class _Server:
    """Who is being answered, and with which models."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._models = Models()
        self._answering: list[Answering] = []

    def turn(self) -> None:
        """Begin what has come, and bring everyone who is being answered a little further."""
        for job in self._desk.take(wait=not self._answering):
            if not job.over:
                self._or_say_why_not(job, partial(self._begin, job))
        for answering in self._answering:
            self._or_say_why_not(answering.job, answering.advance)
        self._answering = [answering for answering in self._answering if not answering.job.over]

    def _or_say_why_not(self, job: Job, work: Callable[[], None]) -> None:
        try:
            work()
            return
        except YsnakesError as error:
            failed = Failed(job.number, error.what, error.hint)
        except OSError as error:
            failed = Failed(job.number, f"it could not be read: {printable(str(error), 300)}", "ask again")
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "allocate" not in str(error):
                raise
            failed = Failed(
                job.number,
                "there is not enough memory for this model",
                "close other programs, or hold its weights in bfloat16 or int8",
            )
        for answering in self._answering:
            if answering.job is job:
                answering.say_all()
        job.tell(failed)

    def _begin(self, job: Job) -> None:
        asked = job.asked
        held = self._models.get(
            asked.run,
            asked.checkpoint,
            "float32" if isinstance(asked, ScorePositions) else asked.precision,
            partial(self._say_loading, job),
        )
        opened = held.opened
        job.tell(
            Begun(
                job.number,
                opened.checkpoint,
                opened.step,
                opened.bits_per_byte,
                opened.model.n_parameters(),
                tuple(opened.notes),
            )
        )
        if isinstance(asked, Question):
            if not job.over:
                self._answering.append(Answering(job, asked, held.completer))
        elif isinstance(asked, ScorePositions):
            scoring = threading.Thread(target=self._or_say_why_not, args=(job, partial(_score, job, held)))
            scoring.daemon = True
            scoring.start()
        else:
            job.finish()
            if held.fresh and self._desk.is_empty:  # the first time everything takes longer
                options = SamplingOptions(max_tokens=4, seed=0)
                held.completer.complete("Once upon a time there was", options, alternatives=5)

    def _say_loading(self, job: Job) -> None:
        for answering in self._answering:
            answering.say_all()
        job.tell(Loading(job.number))


def _score(job: Job, held: Held) -> None:
    last = time.monotonic()

    def progress(done: float) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_EVERY:
            last = time.monotonic()
            job.tell(Positions(job.number, None, done))

    job.tell(Positions(job.number, None, 0.0))
    opened = held.opened
    _, corpus = prepare_text(held.run, opened.config, lambda what, done, total: None)
    found = score_by_position(
        opened.model,
        opened.tokenizer,
        corpus.validation,
        trained_length(opened.config.training),
        progress=progress,
        interrupted=lambda: job.over,
    )
    if found is not None:
        job.tell(Positions(job.number, found, 1.0))
        job.finish()


def _token(piece: Piece) -> Token:
    alternatives = tuple((other.text, _short(other.probability)) for other in piece.alternatives)
    return Token(piece.text, piece.id, _short(piece.probability), alternatives)


def _short(probability: float) -> float:
    """Four digits: more are never shown, and the sum of rounded parts may be above 1."""
    return min(1.0, float(f"{probability:.4g}"))


def _outcome(summary: Summary) -> Outcome:
    return Outcome(
        summary.reading,
        summary.reason,
        summary.seed,
        summary.prompt_tokens,
        summary.unknown_characters,
        summary.tokens,
        summary.seconds_to_first_token,
        summary.tokens_per_second,
        unknown_before=summary.unknown_before,
    )

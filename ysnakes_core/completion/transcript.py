"""A conversation with models that branches: turns follow answers, and nothing that was said is ever lost.

Each turn follows an answer (or nothing), and has any number of answers. Editing a turn makes another that
follows the same answer; answering again adds an answer. Of those beside each other one is chosen, and the
chosen ones from the first turn on are the path: what is shown, and what is gone on from.

Every change is a small JSON object, and a transcript is what its changes make of an empty one; so what is in
memory and what is read from a file (see ``transcript_store``) cannot differ. Light: no torch, no numpy.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ysnakes_core.completion import transcript_export
from ysnakes_core.completion.history import Part, ReadingChoice
from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.transcript_context import parts_before, read_as
from ysnakes_core.completion.transcript_editing import check_length, edited_answer
from ysnakes_core.completion.transcript_records import (
    Answer,
    ContextRule,
    NotOurs,
    Outcome,
    Reason,
    Token,
    Turn,
    amount,
    answer_from_json,
    answer_to_json,
    identity,
    outcome_from_json,
    outcome_to_json,
    reading_of,
    rule_of,
    text_of,
    token_to_json,
    tokens_from_json,
    turn_from_json,
    turn_to_json,
    whole,
)
from ysnakes_core.errors import UsageError

__all__ = ["Answer", "ContextRule", "Outcome", "Reason", "Token", "Transcript", "Turn", "new_id"]

FORMAT = 1
LONGEST_TITLE = 80
_TOKENS_A_LINE = 200  # so that reading a line takes a moment only

Change = dict[str, Any]


def new_id() -> str:
    """An id that no other program ever makes."""
    return secrets.token_hex(8)


class Transcript:
    """One conversation. Not for several threads at once.

    Attributes:
        context: whether turns see those before: ``carry``, ``fresh`` (never), or ``auto``: a text goes on,
            a request begins afresh, as in what the model was trained on.
        created, changed: Unix seconds.
    """

    def __init__(
        self,
        identity: str | None = None,
        *,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = new_id,
    ) -> None:
        """An empty one. ``now`` gives Unix seconds, ``new_id`` ids of turns and answers."""
        self._now, self._new_id = now, new_id
        self.id = identity or new_id()
        self.created = self.changed = now()
        self.context: ContextRule = "auto"
        self._title = ""
        self._turns: dict[str, Turn] = {}
        self._answers: dict[str, Answer] = {}
        self._children: dict[str | None, list[Turn]] = {}  # by the answer they follow
        self._chosen_turn: dict[str | None, Turn] = {}  # by the answer it follows
        self._chosen_answer: dict[str, Answer] = {}  # by its turn
        self._unsaved: list[Change] = []
        self._begun = False

    # What it holds.

    @property
    def title(self) -> str:
        """As it was named, or else the beginning of the first prompt."""
        if self._title:
            return self._title
        first = next((turn.prompt for turn, _ in self.path() if turn.prompt.strip()), "")
        words = " ".join(first[: 10 * LONGEST_TITLE].split())
        return words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1] + "…"

    @property
    def is_empty(self) -> bool:
        return not self._turns

    def turn(self, turn_id: str) -> Turn:
        """Raises ``UsageError`` if there is none of that id."""
        if (turn := self._turns.get(turn_id)) is None:
            raise UsageError("this turn is not in the transcript", "choose another")
        return turn

    def answer(self, answer_id: str) -> Answer:
        """Raises ``UsageError`` if there is none of that id."""
        if (answer := self._answers.get(answer_id)) is None:
            raise UsageError("this answer is not in the transcript", "choose another")
        return answer

    def turns(self) -> Iterator[Turn]:
        """All turns, also those that are not on the path, oldest first."""
        return iter(self._turns.values())

    def path(self) -> list[tuple[Turn, Answer | None]]:
        """What is shown: the chosen turns from the first on, each with its chosen answer.

        Only the last may be without one.
        """
        found: list[tuple[Turn, Answer | None]] = []
        turn = self._chosen_turn.get(None)
        while turn is not None:
            answer = self._chosen_answer.get(turn.id)
            found.append((turn, answer))
            turn = None if answer is None else self._chosen_turn.get(answer.id)
        return found

    def path_before(self, turn_id: str) -> list[tuple[Turn, Answer]]:
        """The turns that one follows, first to last, each with the answer that led to it."""
        found: list[tuple[Turn, Answer]] = []
        parent = self.turn(turn_id).parent
        while parent is not None:
            answer = self._answers[parent]
            turn = self._turns[answer.turn]
            found.append((turn, answer))
            parent = turn.parent
        return found[::-1]

    def siblings(self, turn_id: str) -> list[Turn]:
        """The turns that follow the same answer, itself among them, oldest first."""
        return list(self._children[self.turn(turn_id).parent])

    def chosen_answer(self, turn_id: str) -> Answer | None:
        return self._chosen_answer.get(self.turn(turn_id).id)

    def history_before(self, turn_id: str) -> tuple[Part, ...]:
        """The earlier turns that stand in the context of a turn, for ``Question.history``.

        With an empty prompt the answer before goes on, so it is there whatever the rule is.
        """
        return parts_before(self.turn(turn_id), self.path_before(turn_id), self.context)

    # What is done with it.

    def add_turn(self, prompt: str, reading: ReadingChoice = "auto") -> Turn:
        """A turn after the end of the path; where that has no answer yet, beside it."""
        path = self.path()
        if not path:
            return self._new_turn(None, prompt, reading)
        turn, answer = path[-1]
        return self._new_turn(turn.parent if answer is None else answer.id, prompt, reading)

    def edit_turn(self, turn_id: str, prompt: str, reading: ReadingChoice | None = None) -> Turn:
        """A turn beside another, with its own prompt, chosen; the other stays as a branch."""
        turn = self.turn(turn_id)
        return self._new_turn(turn.parent, prompt, reading or turn.reading)

    def _new_turn(self, parent: str | None, prompt: str, reading: ReadingChoice) -> Turn:
        check_length("the prompt", prompt)
        turn = Turn(self._new_id(), parent, prompt, reading)
        self._change("turn", turn_to_json(turn))
        if parent is not None:
            self.choose_turn(turn.id)  # the turns before, too, where an edited one was not on the path
        return self._turns[turn.id]

    def add_answer(
        self,
        turn_id: str,
        *,
        run: str,
        checkpoint: str,
        step: int,
        bits_per_byte: float | None = None,
        options: SamplingOptions | None = None,
        precision: str = "float32",
        carried: int = 0,
    ) -> Answer:
        """A further answer to a turn, chosen and empty as yet: go on with ``write`` and ``end``."""
        answer = Answer(
            self._new_id(),
            self.turn(turn_id).id,
            run,
            checkpoint,
            step,
            bits_per_byte,
            options or SamplingOptions(),
            precision,
            carried,
        )
        self._change("answer", answer_to_json(answer))
        return self._answers[answer.id]

    def write(self, answer_id: str, tokens: Sequence[Token], reading: str = "") -> None:
        """Further tokens of an answer, and how its prompt was read if that is known."""
        answer = self.answer(answer_id)
        content: Change = {"answer": answer.id, "at": len(answer.tokens)}
        if reading and not answer.reading:
            content["reading"] = reading
        self._change("tokens", {**content, "tokens": [token_to_json(token) for token in tokens]})

    def end(self, answer_id: str, outcome: Outcome) -> None:
        """An answer has come to its end; its text is kept beside the tokens, for those who search."""
        self._change("ended", _ending(self.answer(answer_id), outcome))

    def edit_answer(self, answer_id: str, text: str) -> Answer:
        """An answer beside another, with a person's text, chosen; the same one if its text is the same.

        See ``transcript_editing`` for which of its tokens stay. Raises ``UsageError`` for one without text.
        """
        before = self.answer(answer_id)
        if text == before.text:
            self.choose_answer(before.turn, before.id)
            return before
        made, outcome = edited_answer(before, text, self._new_id())
        self.choose_turn(before.turn)
        self._change("answer", answer_to_json(made))
        self.write(made.id, made.tokens, made.reading)
        self.end(made.id, outcome)
        return self._answers[made.id]

    def choose_turn(self, turn_id: str) -> None:
        """Lead the path through a turn."""
        for turn, answer in self.path_before(turn_id):
            self._choose(turn, answer)
        self._choose(self.turn(turn_id), None)

    def choose_answer(self, turn_id: str, answer_id: str) -> None:
        """Lead the path through an answer of a turn. Raises ``UsageError`` if it is of another."""
        answer = self.answer(answer_id)
        if answer.turn != turn_id:
            raise UsageError("this answer belongs to another turn", "choose one of its own")
        self.choose_turn(turn_id)
        self._choose(self.turn(turn_id), answer)

    def _choose(self, turn: Turn, answer: Answer | None) -> None:
        if self._chosen_turn.get(turn.parent) is not turn:
            self._change("chosen", {"turn": turn.id})
        if answer is not None and self._chosen_answer.get(turn.id) is not answer:
            self._change("chosen", {"turn": turn.id, "answer": answer.id})

    def rename(self, title: str) -> None:
        """Another title; without one it is the beginning of the first prompt again."""
        self._change("title", {"title": " ".join(title.split())[:LONGEST_TITLE]})

    def set_context(self, rule: ContextRule) -> None:
        """Whether turns see those before; answers that are there stay as they are."""
        if rule != self.context:
            self._change("context", {"context": rule})

    # What it leaves: its changes.

    def unsaved(self) -> list[Change]:
        """The changes that are in no file yet."""
        return list(self._unsaved)

    def saved(self, count: int) -> None:
        """The first ``count`` of those are in a file now."""
        del self._unsaved[:count]

    def to_markdown(self, turn_id: str | None = None) -> str:
        """The path, or one turn; see ``transcript_export``, also for the other two."""
        return transcript_export.to_markdown(self, turn_id)

    def to_text(self, turn_id: str | None = None) -> str:
        return transcript_export.to_text(self, turn_id)

    def to_json(self, turn_id: str | None = None) -> str:
        return transcript_export.to_json(self, turn_id)

    def changes(self) -> Iterator[Change]:
        """Changes that make this of an empty transcript."""
        yield self._beginning()
        when = {"time": self.changed}
        for turn in list(self._turns.values()):
            yield {"type": "turn", **when, **turn_to_json(turn)}
            for answer in list(turn.answers):
                yield {"type": "answer", **when, **answer_to_json(answer)}
                reading = {"reading": answer.reading} if answer.reading else {}
                for at in range(0, max(1, len(answer.tokens)), _TOKENS_A_LINE):
                    tokens = [token_to_json(token) for token in answer.tokens[at : at + _TOKENS_A_LINE]]
                    where = {"answer": answer.id, "at": at, **reading}
                    yield {"type": "tokens", **when, **where, "tokens": tokens}
                if answer.outcome is not None:
                    yield {"type": "ended", **when, **_ending(answer, answer.outcome)}
        for turn in list(self._chosen_turn.values()):
            yield {"type": "chosen", **when, "turn": turn.id}
        for answer in list(self._chosen_answer.values()):
            yield {"type": "chosen", **when, "turn": answer.turn, "answer": answer.id}
        yield {"type": "title", **when, "title": self._title}
        yield {"type": "context", **when, "context": self.context}

    def take_over(self, change: Any) -> bool:
        """Make a change that a file holds; False if it is none, or not one that can be made here."""
        try:
            self._apply(change)
        except NotOurs:
            return False
        self._begun = True
        return True

    def close_off(self) -> None:
        """Answers that nobody here writes are not finished: for one that was just read from a file."""
        for answer in self._answers.values():
            if answer.outcome is None:
                reading = read_as(self._turns[answer.turn], answer)
                seed, tokens = answer.options.seed, len(answer.tokens)
                answer.outcome = Outcome(reading, "interrupted", seed, tokens=tokens)

    def _change(self, kind: str, content: Mapping[str, Any]) -> None:
        change = {"type": kind, "time": self._now(), **content}
        self._apply(change)
        if not self._begun:
            self._begun = True
            self._unsaved.append(self._beginning())
        self._unsaved.append(change)

    def _beginning(self) -> Change:
        return {"type": "transcript", "time": self.created, "format": FORMAT, "id": self.id}

    def _apply(self, change: Any) -> None:
        """Raises ``NotOurs`` with nothing changed."""
        if not isinstance(change, dict):
            raise NotOurs("not an object")
        kind, when = change.get("type"), amount(change.get("time"))
        if kind == "turn":
            self._take_turn(turn_from_json(change))
        elif kind == "answer":
            self._take_answer(answer_from_json(change))
        elif kind == "tokens":
            answer, tokens = self._known_answer(change), tokens_from_json(change.get("tokens"))
            if answer.outcome is not None:
                raise NotOurs("it has ended")
            if not answer.edited_from and any(token.probability is None for token in tokens):
                raise NotOurs("a person's text in what a model wrote")
            # Those that are there already were written twice: alone, and with all the rest as it stood then.
            known = max(0, len(answer.tokens) - whole(change["at"])) if "at" in change else 0
            answer.reading = reading_of(change["reading"]) if "reading" in change else answer.reading
            answer.tokens += tokens[known:]
        elif kind == "ended":
            answer, outcome = self._known_answer(change), outcome_from_json(change.get("outcome"))
            answer.outcome, answer.reading = outcome, outcome.reading
        elif kind == "chosen":
            self._take_choice(change)
        elif kind == "title":
            self._title = text_of(change.get("title"), LONGEST_TITLE)
        elif kind == "context":
            self.context = rule_of(change.get("context"))
        elif kind == "transcript":
            self.created = self.created if when is None else when
        else:
            raise NotOurs("of a kind that we do not know")
        self.changed = self.changed if when is None else when

    def _take_turn(self, turn: Turn) -> None:
        if turn.id in self._turns or (turn.parent is not None and turn.parent not in self._answers):
            raise NotOurs("it is there already, or follows nothing that is")
        self._turns[turn.id] = self._chosen_turn[turn.parent] = turn
        self._children.setdefault(turn.parent, []).append(turn)

    def _take_answer(self, answer: Answer) -> None:
        if answer.id in self._answers or answer.turn not in self._turns:
            raise NotOurs("it is there already, or belongs to no turn")
        self._answers[answer.id] = self._chosen_answer[answer.turn] = answer
        self._turns[answer.turn].answers.append(answer)

    def _take_choice(self, change: Change) -> None:
        turn = self._turns.get(identity(change.get("turn")))
        if turn is None:
            raise NotOurs("no such turn")
        if "answer" in change:
            answer = self._known_answer(change)
            if answer.turn != turn.id:
                raise NotOurs("an answer of another turn")
            self._chosen_answer[turn.id] = answer
        else:
            self._chosen_turn[turn.parent] = turn

    def _known_answer(self, change: Change) -> Answer:
        answer = self._answers.get(identity(change.get("answer")))
        if answer is None:
            raise NotOurs("no such answer")
        return answer


def _ending(answer: Answer, outcome: Outcome) -> Change:
    return {"answer": answer.id, "outcome": outcome_to_json(outcome), "text": answer.text}

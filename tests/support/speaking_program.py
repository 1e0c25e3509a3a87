"""A program that speaks as the process does that holds the models, without one: what it says is known.

An answer has twelve tokens, unless it is to have fewer. Token n of one with seed s is `` s.n``; the first
says how many turns stand before, whether a person changed the last one's answer, and how the prompt is to be
read. What stands in the prompt makes it do otherwise:

* ``slowly``: it waits after three tokens until it is cancelled;
* ``reading``: it says that it reads the model, and waits until it is cancelled;
* ``fail``: it fails before it begins; ``fall``: after three tokens; ``die``: the process ends.

The run ``late-reader`` cannot be read before it is asked something.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ysnakes_core.completion.transcript_records import Outcome, Token
from ysnakes_core.runs.talking_messages import (
    Begun,
    Ended,
    Failed,
    Loading,
    Question,
    Told,
    Written,
    asked_from_json,
    told_to_line,
)

MOST = 12
COMMAND = [sys.executable, str(Path(__file__).resolve())]


def tell(told: Told) -> None:
    print(told_to_line(told), flush=True)


def begun(number: int, run: Path, checkpoint: str | None) -> Begun:
    folder = run / "checkpoints"
    name = checkpoint or "best"
    if name in ("best", "latest"):
        name = (folder / name).read_text()
    notes = ("step-00000099 is broken, so the one before answers",) if run.name == "broken-one" else ()
    return Begun(number, name, int(name[5:]), 2.5, 1_000_000, notes)


def token(text: str, number: int) -> Token:
    chance = 0.9 if number % 3 else 0.03
    return Token(text, number, chance, ((text, chance), (" other", 0.05)))


def tokens_of(question: Question, row: int) -> list[Token]:
    options = question.options[row]
    seed = 7 if options.seed is None else options.seed
    changed = " changed" if persons_text(question) else ""
    first = f"after {len(question.history)}{changed}, as {question.reading}:"
    words = [first, *(f" {seed}.{n}" for n in range(1, min(options.max_tokens, MOST)))]
    return [token(word, n) for n, word in enumerate(words)]


def persons_text(question: Question) -> str:
    """What a person wrote of the answer before."""
    pieces = question.history[-1].answer if question.history else ()
    return "".join(piece for piece in pieces if isinstance(piece, str))


def outcome(question: Question, row: int, reason: str, tokens: int) -> Outcome:
    seed = question.options[row].seed
    reading = "request" if question.prompt.endswith("?") else "text"
    unknown = question.prompt.count("☃")
    before = persons_text(question).count("☃")
    figures = (7 if seed is None else seed, 5, unknown, tokens, 0.012, 850.0)
    return Outcome(reading, reason, *figures, unknown_before=before)  # type: ignore[arg-type]


def answer(number: int, question: Question) -> bool:
    """Answer; whether it is over, not to be cancelled later."""
    prompt = question.prompt
    if "die" in prompt:
        print("MemoryError: no room for the model", file=sys.stderr, flush=True)
        sys.exit(3)
    if "fail" in prompt:
        tell(Failed(number, "the checkpoint step-00000040 is damaged", "choose another one"))
        return True
    if "reading" in prompt:
        tell(Loading(number))
        return False
    tell(begun(number, question.run, question.checkpoint))
    waits = "slowly" in prompt or "fall" in prompt
    for row in range(len(question.options)):
        tokens = tokens_of(question, row)[: 3 if waits else None]
        reading = "request" if prompt.endswith("?") else "text"
        for each in tokens:
            tell(Written(number, row, (each,), reading))
        if not waits:
            reason = "end" if len(tokens) == MOST else "max_tokens"
            tell(Ended(number, row, outcome(question, row, reason, len(tokens))))
    if "fall" in prompt:
        tell(Failed(number, "the computer has no memory left", "close something"))
    return "slowly" not in prompt


def main() -> None:
    waiting: dict[int, Question] = {}
    for line in sys.stdin:
        content = json.loads(line)
        number = content["number"]
        if content["do"] == "cancel":
            question = waiting.pop(number, None)
            for row in range(len(question.options)) if question is not None else ():
                tell(Ended(number, row, outcome(question, row, "cancelled", 3)))  # type: ignore[arg-type]
        elif content["do"] == "warm":
            asked = asked_from_json(content)
            tell(Loading(number))
            if asked.run.name == "late-reader":
                tell(Failed(number, "its file is damaged", "choose another one"))
            else:
                tell(begun(number, asked.run, asked.checkpoint))
        elif content["do"] == "ask":
            question = asked_from_json(content)  # type: ignore[assignment]
            assert isinstance(question, Question)
            if not answer(number, question):
                waiting[number] = question


if __name__ == "__main__":
    main()

"""A turn or the path of a transcript as Markdown, as text or as JSON, honest about what the model was handed.

A base model continues text. Where a prompt was read as a request it was handed ``<end> prompt <start>``, and
an ``<end>`` after an answer is there only if the model itself wrote it. So the text form is what the model
read and wrote, marks and all, in the form of training text; a mark that a person or the model spelled out
in letters stands there as ‹start› or ‹end›. An answer that a person edited says so in every form.
In Markdown and text, characters that steer a terminal or hide text are made visible; in JSON they are
escaped, so it holds every text exactly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ysnakes_core.completion.transcript_records import (
    Answer,
    Turn,
    options_to_json,
    outcome_to_json,
)
from ysnakes_core.files import printable
from ysnakes_core.text.records import END_MARK, START_MARK
from ysnakes_core.text.tokenizer_file import START_ID

if TYPE_CHECKING:
    from ysnakes_core.completion.transcript import Transcript

_REASONS = {
    "end": "the model ended it itself",
    "max_tokens": "cut off after the most tokens that were asked for",
    "stop": "cut off before a stop string",
    "cancelled": "cancelled",
    "failed": "broke off",
    "interrupted": "not finished",
}
_READINGS = {
    "request": f"a request: the model was handed {END_MARK} prompt {START_MARK}",
    "text": "a text's beginning, which the model goes on with",
    "answer": f"an answer's beginning, after a {START_MARK}, which the model goes on with",
}
_EDITED = "‹edited by a person›"  # behind such an answer, where all is text
_FENCE = re.compile("`{3,}")
_SPELLED = re.compile(f"{START_MARK}|{END_MARK}")


def to_markdown(transcript: Transcript, turn_id: str | None = None) -> str:
    """Headings, what each answer was made with, and every text as it stands, in fences that it cannot end."""
    title = printable(transcript.title) or "Untitled"
    blocks = [f"# {_escaped(title)}"] if turn_id is None else []
    for number, (turn, answer) in _numbered(transcript, turn_id):
        blocks.append(f"## {number}. Prompt")
        if answer is not None and answer.reading:
            blocks.append(f"Read as {_code_marks(_READINGS[answer.reading])}.")
        blocks.append(_fenced(turn.prompt) if turn.prompt else "*(nothing: the text before goes on)*")
        if answer is None:
            blocks.append("*(no answer)*")
        else:
            edited = ", edited by a person" if answer.edited_from else ""
            facts = "\n".join(_facts(answer))
            blocks += [f"### {number}. Answer{edited}", _fenced(answer.text), facts]
    return "\n\n".join(blocks) + "\n"


def to_text(transcript: Transcript, turn_id: str | None = None) -> str:
    """What the model read and wrote, with the marks; where a context began afresh, after an empty line."""
    text = ""
    marked = False  # the text ends with <end>
    for turn, answer in _chosen(transcript, turn_id):
        if text and (answer is None or not answer.carried):
            text, marked = text.rstrip("\n") + "\n\n", True
        reading = "" if answer is None else answer.reading
        if reading == "request":
            text += (
                ("" if not text or marked else f"{END_MARK}\n") + _spelled(turn.prompt.strip()) + START_MARK
            )
        elif reading == "answer":
            text += START_MARK + _spelled(turn.prompt)
        else:
            text += _spelled(turn.prompt)
        marked = False
        if answer is not None:
            text += _written(answer) + (_EDITED if answer.edited_from else "")
            if answer.outcome is not None and answer.outcome.reason == "end":
                text, marked = f"{text}{END_MARK}\n", True
    return text if text.endswith("\n") else text + "\n"


def to_json(transcript: Transcript, turn_id: str | None = None) -> str:
    """Everything that is known of it, as one JSON object."""
    content = {
        "title": transcript.title,
        "created": transcript.created,
        "changed": transcript.changed,
        "context": transcript.context,
        "turns": [_turn_to_json(turn, answer) for turn, answer in _chosen(transcript, turn_id)],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _chosen(transcript: Transcript, turn_id: str | None) -> Sequence[tuple[Turn, Answer | None]]:
    if turn_id is None:
        return transcript.path()
    return [(transcript.turn(turn_id), transcript.chosen_answer(turn_id))]


def _numbered(
    transcript: Transcript, turn_id: str | None
) -> Sequence[tuple[int, tuple[Turn, Answer | None]]]:
    """With each turn's place on its path, from 1."""
    first = 1 if turn_id is None else 1 + len(transcript.path_before(turn_id))
    return list(enumerate(_chosen(transcript, turn_id), first))


def _facts(answer: Answer) -> list[str]:
    """A list of what the answer was made with and how it ended."""
    score = "" if answer.bits_per_byte is None else f", {answer.bits_per_byte:.3f} bits per byte"
    weights = "" if answer.precision == "float32" else f", weights in {printable(answer.precision, 20)}"
    options = answer.options
    sampling = [f"temperature {options.temperature:g}"]
    sampling += [f"top-k {options.top_k}"] if options.top_k else []
    sampling += [f"top-p {options.top_p:g}"] if options.top_p < 1 else []
    sampling += [f"min-p {options.min_p:g}"] if options.min_p else []
    penalty = options.repetition_penalty
    sampling += [f"repetition penalty {penalty:g}"] if penalty != 1 else []
    first = "a person changed what was written by this " if answer.edited_from else ""
    facts = [
        f"- {first}model: {_code(answer.run)}, {_code(answer.checkpoint)}{score}{weights}",
        f"- sampling: {', '.join(sampling)}",
    ]
    if answer.carried:
        facts.append(f"- context: {answer.carried} earlier turn{'s' * (answer.carried > 1)} stood before it")
    if (outcome := answer.outcome) is not None:
        facts[1] += "" if outcome.seed is None else f", seed {outcome.seed}"
        if outcome.unknown_characters:
            facts.append(f"- left out of the prompt: {outcome.unknown_characters:,} unknown characters")
        if count := outcome.unknown_before:
            facts.append(f"- left out of the edited answer before it: {count:,} unknown characters")
        why = f" ({_escaped(printable(outcome.problem, 300))})" if outcome.problem else ""
        tokens = sum(token.probability is not None for token in answer.tokens)
        own = " of the model's own are left" if answer.edited_from else ""
        facts.append(f"- {tokens:,} tokens{own}; {_REASONS[outcome.reason]}{why}")
    else:
        facts.append(f"- {len(answer.tokens):,} tokens so far")
    return facts


def _turn_to_json(turn: Turn, answer: Answer | None) -> dict[str, Any]:
    return {
        "prompt": turn.prompt,
        "asked_as": turn.reading,
        "answers": len(turn.answers),
        "answer": None if answer is None else _answer_to_json(answer),
    }


def _answer_to_json(answer: Answer) -> dict[str, Any]:
    return {
        "run": answer.run,
        "checkpoint": answer.checkpoint,
        "step": answer.step,
        "bits_per_byte": answer.bits_per_byte,
        "precision": answer.precision,
        "options": options_to_json(answer.options),
        "read_as": answer.reading or None,
        "earlier_turns_in_context": answer.carried,
        "edited_by_a_person": bool(answer.edited_from),
        "text": answer.text,
        "outcome": None if answer.outcome is None else outcome_to_json(answer.outcome),
        "tokens": [
            {
                "text": token.text,
                "id": token.id,
                "probability": token.probability,
                "alternatives": [{"text": text, "probability": p} for text, p in token.alternatives],
            }
            for token in answer.tokens
        ],
    }


def _written(answer: Answer) -> str:
    """An answer's text with the marks that the model itself wrote in it."""
    parts, rest = [], ""
    for token in answer.tokens:
        if token.id == START_ID:  # the line breaks that stand for it are no text of the model's
            parts += [_spelled(rest + token.text.rstrip("\n")), START_MARK]
            rest = ""
        else:
            rest += token.text
    return "".join([*parts, _spelled(rest)])


def _spelled(text: str) -> str:
    """Text, in which what looks like a mark is none."""
    shown = printable(text, keep_lines=True)
    return _SPELLED.sub(lambda found: f"‹{found[0][1:-1]}›", shown)


def _fenced(text: str) -> str:
    longest = max((len(found) for found in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{printable(text, keep_lines=True)}\n{fence}"


def _code(text: str) -> str:
    return "`" + printable(text, 100).replace("`", "'") + "`"


def _code_marks(text: str) -> str:
    return _SPELLED.sub(lambda found: f"`{found[0]}`", text)


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|!~&])", r"\\\1", text)

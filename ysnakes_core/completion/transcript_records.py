"""What a transcript consists of, and how that is written as JSON and read back from a file of anyone's.

Reading checks every value: whatever stands in a file, what comes out has the types and ranges said here, or
it is :class:`NotOurs`. Texts are kept as they are, so they must be made printable before they are shown.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ysnakes_core.completion.history import READING_CHOICES, Reading, ReadingChoice
from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.errors import UsageError

Reason = Literal["end", "max_tokens", "stop", "cancelled", "failed", "interrupted"]
ContextRule = Literal["auto", "carry", "fresh"]
CONTEXT_RULES: tuple[ContextRule, ...] = get_args(ContextRule)

_IDENTITY = re.compile(r"[0-9a-z]{1,40}")
_LARGEST = 2**63 - 1
_LONGEST_NAME = 1000
_LONGEST_PROBLEM = 10_000


class NotOurs(ValueError):
    """A line that no version of ours wrote, or one that was damaged."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of an answer; or, where ``id`` is None, text that a person put there.

    Attributes:
        text: what became readable with it, sometimes empty. id: the token.
        probability: the model's own, before any sampling option changed it; None for what the model did not
            choose to stand there.
        alternatives: texts and probabilities of the likeliest tokens at this place, likeliest first.
    """

    text: str
    id: int | None
    probability: float | None
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How an answer went; see ``row.Summary``, which it has the figures from.

    Attributes:
        reason: beside the reasons there: ``failed`` (``problem`` says why), and ``interrupted`` where
            the file tells of no end: the app ended before the answer did, or another one still writes it.
        seed: with it and the same options, the same text comes again; None where nobody told it.
        unknown_characters: of the prompt, that the tokenizer cannot hold and dropped.
        unknown_before: of the answer before, where a person edited it.
    """

    reading: Reading
    reason: Reason
    seed: int | None
    prompt_tokens: int = 0
    unknown_characters: int = 0
    tokens: int = 0
    seconds_to_first_token: float | None = None
    tokens_per_second: float | None = None
    problem: str = ""
    unknown_before: int = 0


@dataclass
class Answer:
    """What a model wrote to a turn. ``outcome`` is None while it is being written.

    One that a person edited has the model, options and outcome of what it was made of, without the figures.

    Attributes:
        edited_from: id of the answer that a person made it of; "" for one that a model wrote.
        reading: how the prompt was read; "" until that is known.
        carried: earlier turns that stood in its context.
    """

    id: str
    turn: str
    run: str
    checkpoint: str
    step: int
    bits_per_byte: float | None
    options: SamplingOptions
    precision: str = "float32"
    carried: int = 0
    reading: Reading | Literal[""] = ""
    edited_from: str = ""
    tokens: list[Token] = field(default_factory=list)
    outcome: Outcome | None = None

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


@dataclass
class Turn:
    """What a person wrote, and what was answered, first to last.

    Attributes:
        parent: id of the answer that it follows; None where it is a first turn.
        reading: as it was chosen; how it was read is said by each answer. ``prompt`` may be empty: then the
            answer before goes on, or a text begins.
    """

    id: str
    parent: str | None
    prompt: str
    reading: ReadingChoice
    answers: list[Answer] = field(default_factory=list)


def token_to_json(token: Token) -> list[Any]:
    """The shortest form: ``[text, id, probability]``, with alternatives as a fourth if there are any.

    A person's text is ``[text, null, null]``.
    """
    content: list[Any] = [token.text, token.id, token.probability]
    if token.alternatives:
        content.append([list(alternative) for alternative in token.alternatives])
    return content


def tokens_from_json(content: Any) -> list[Token]:
    """Tokens in the form of ``token_to_json``. There may be very many, so this is written to be quick."""
    if type(content) is not list:
        raise NotOurs("no tokens")
    try:
        return [
            Token(
                _text(text),
                None if number is share is None else _id(number),
                None if share is None else _share(share),
                tuple(map(_alternative, *rest)) if rest else (),
            )
            for text, number, share, *rest in content
        ]
    except (TypeError, ValueError) as error:
        raise NotOurs("not a token") from error


def _alternative(content: Any) -> tuple[str, float]:
    text, share = content
    return sys.intern(_text(text)), _share(share)  # the same few texts come again and again


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    raise NotOurs("not a text")


def _id(value: Any) -> int:
    if type(value) is int and 0 <= value <= _LARGEST:
        return value
    raise NotOurs("not an id")


def _share(value: Any) -> float:
    if (type(value) is float or type(value) is int) and 0 <= value <= 1:
        return float(value)
    raise NotOurs("not a probability")


def options_to_json(options: SamplingOptions) -> dict[str, Any]:
    return {**vars(options), "stop": list(options.stop)}


def options_from_json(content: Any) -> SamplingOptions:
    """Options by their names; those that are missing are as usual, those that we do not know are left out."""
    known = {f.name for f in dataclasses.fields(SamplingOptions)}
    values = {name: value for name, value in mapping(content).items() if name in known}
    if isinstance(stop := values.get("stop"), list):
        values["stop"] = tuple(stop)
    try:
        return SamplingOptions(**values)
    except (UsageError, TypeError) as error:
        raise NotOurs("not sampling options") from error


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    return dict(vars(outcome))


def outcome_from_json(content: Any) -> Outcome:
    values = mapping(content)
    seed = values.get("seed")
    return Outcome(
        reading=reading_of(values.get("reading")),
        reason=_one_of(values.get("reason"), get_args(Reason)),
        seed=None if seed is None else whole(seed),
        prompt_tokens=whole(values.get("prompt_tokens", 0)),
        unknown_characters=whole(values.get("unknown_characters", 0)),
        tokens=whole(values.get("tokens", 0)),
        seconds_to_first_token=amount(values.get("seconds_to_first_token")),
        tokens_per_second=amount(values.get("tokens_per_second")),
        problem=text_of(values.get("problem", ""), _LONGEST_PROBLEM),
        unknown_before=whole(values.get("unknown_before", 0)),
    )


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """All but its tokens and outcome, which come later."""
    edited = {"edited_from": answer.edited_from} if answer.edited_from else {}
    return {
        **edited,
        "id": answer.id,
        "turn": answer.turn,
        "run": answer.run,
        "checkpoint": answer.checkpoint,
        "step": answer.step,
        "bits_per_byte": answer.bits_per_byte,
        "options": options_to_json(answer.options),
        "precision": answer.precision,
        "carried": answer.carried,
    }


def answer_from_json(content: Mapping[str, Any]) -> Answer:
    return Answer(
        id=identity(content.get("id")),
        turn=identity(content.get("turn")),
        run=text_of(content.get("run"), _LONGEST_NAME),
        checkpoint=text_of(content.get("checkpoint"), _LONGEST_NAME),
        step=whole(content.get("step")),
        bits_per_byte=amount(content.get("bits_per_byte")),
        options=options_from_json(content.get("options")),
        precision=text_of(content.get("precision", "float32"), _LONGEST_NAME),
        carried=whole(content.get("carried", 0)),
        edited_from=identity(content["edited_from"]) if "edited_from" in content else "",
    )


def turn_to_json(turn: Turn) -> dict[str, Any]:
    """All but its answers, which come later."""
    return {"id": turn.id, "parent": turn.parent, "prompt": turn.prompt, "reading": turn.reading}


def turn_from_json(content: Mapping[str, Any]) -> Turn:
    parent = content.get("parent")
    return Turn(
        id=identity(content.get("id")),
        parent=None if parent is None else identity(parent),
        prompt=text_of(content.get("prompt")),
        reading=_one_of(content.get("reading"), READING_CHOICES),
    )


def identity(value: Any) -> str:
    if not isinstance(value, str) or not _IDENTITY.fullmatch(value):
        raise NotOurs("not an id")
    return value


def text_of(value: Any, longest: int | None = None) -> str:
    if not isinstance(value, str) or (longest is not None and len(value) > longest):
        raise NotOurs("not a text")
    return value


def whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise NotOurs("not a whole number")
    return value


def amount(value: Any) -> float | None:
    """A number, not negative and finite, or None."""
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= sys.float_info.max:
        raise NotOurs("not an amount")
    return float(value)


def reading_of(value: Any) -> Reading:
    reading: Reading = _one_of(value, get_args(Reading))
    return reading


def rule_of(value: Any) -> ContextRule:
    rule: ContextRule = _one_of(value, CONTEXT_RULES)
    return rule


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotOurs("not an object")
    return value


def _one_of(value: Any, choices: Sequence[Any]) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise NotOurs(f"none of {', '.join(choices)}")
    return value

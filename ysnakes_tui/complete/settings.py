"""The settings of the Complete pane: what the fields of the drawer mean, and how they are kept."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from ysnakes_core.completion.history import READING_CHOICES, ReadingChoice
from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.presets import PRESETS
from ysnakes_core.completion.transcript_records import (
    CONTEXT_RULES,
    ContextRule,
    NotOurs,
    options_from_json,
    options_to_json,
)
from ysnakes_core.errors import UsageError

Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
OWN = "own"  # what is no preset
MOST_VARIANTS = 8
KEPT = "complete.settings"  # in the memory's layout

_OF_PRESET = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")


@dataclass(frozen=True)
class TalkSettings:
    """``context`` is that of the transcript, and of those begun after it; ``variants`` how many at once."""

    options: SamplingOptions = field(default_factory=SamplingOptions)
    reading: ReadingChoice = "auto"
    context: ContextRule = "auto"
    precision: Precision = "float32"
    variants: int = 3

    @property
    def preset(self) -> str:
        """The preset whose choice of tokens this is; ``own`` if it is none."""
        same = (
            each.name
            for each in PRESETS
            if all(getattr(each.options, name) == getattr(self.options, name) for name in _OF_PRESET)
        )
        return next(same, OWN)

    def with_preset(self, name: str) -> TalkSettings:
        """Choosing tokens as a preset does; length, seed and the rest stay."""
        chosen = next(each.options for each in PRESETS if each.name == name)
        changes: dict[str, Any] = {each: getattr(chosen, each) for each in _OF_PRESET}
        return replace(self, options=replace(self.options, **changes))

    def to_text(self) -> str:
        return json.dumps({**vars(self), "options": options_to_json(self.options)})

    @classmethod
    def from_text(cls, text: str) -> TalkSettings:
        """What ``to_text`` wrote; the usual settings where it is anything else."""
        try:
            content = json.loads(text)
            found = cls(
                options_from_json(content["options"]),
                content["reading"],
                content["context"],
                content["precision"],
                content["variants"],
            )
        except (ValueError, KeyError, TypeError, NotOurs, RecursionError):
            return cls()
        choices = (
            found.reading in READING_CHOICES,
            found.context in CONTEXT_RULES,
            found.precision in PRECISIONS,
            type(found.variants) is int and 2 <= found.variants <= MOST_VARIANTS,
        )
        return found if all(choices) else cls()


# The fields of the drawer: their names, what they are for, and what their texts mean.

NAMES: dict[str, str] = {
    "preset": "preset",
    "temperature": "temperature",
    "top_k": "top-k",
    "top_p": "top-p",
    "min_p": "min-p",
    "repetition_penalty": "repetition",
    "max_tokens": "length",
    "seed": "seed",
    "stop": "stop at",
    "variants": "variants",
    "reading": "read as",
    "context": "context",
    "precision": "weights in",
}
TEXTS = tuple(name for name in NAMES if name not in ("preset", "reading", "context", "precision"))
HELP: dict[str, str] = {
    "preset": "A name for the five settings below it.",
    "temperature": "Below 1 it keeps to what is likely, above 1 it strays; 0 takes the likeliest token.",
    "top_k": "Only that many of the likeliest tokens; 0 for all.",
    "top_p": "Only the likeliest tokens that make up this share; 1 for all.",
    "min_p": "Only tokens at least this fraction as likely as the likeliest; 0 for all.",
    "repetition_penalty": "Above 1, tokens that were just written become less likely; 1 leaves them.",
    "max_tokens": "The most tokens of an answer.",
    "seed": "The same seed gives the same text. Empty: another one each time.",
    "stop": "Texts at which it stops, with | between them; \\n is a new line. It stops at <end> anyway.",
    "variants": f"How many answers are written side by side: 2 to {MOST_VARIANTS}.",
    "reading": "auto: the model judges. request: it answers. text: it goes on from what you wrote.",
    "context": "auto: texts carry on from the turns before, requests begin afresh. Or always one of them.",
    "precision": "float32 is exact; bfloat16 and int8 take less memory and may be faster.",
}


def texts_of(settings: TalkSettings) -> dict[str, str]:
    """What stands in the fields."""
    options = settings.options
    return {
        **{name: f"{getattr(options, name):g}" for name in ("temperature", "top_p", "min_p")},
        "repetition_penalty": f"{options.repetition_penalty:g}",
        "top_k": str(options.top_k),
        "max_tokens": str(options.max_tokens),
        "seed": "" if options.seed is None else str(options.seed),
        "stop": " | ".join(map(_escaped, options.stop)),
        "variants": str(settings.variants),
    }


def read_texts(settings: TalkSettings, texts: Mapping[str, str]) -> tuple[TalkSettings, dict[str, str]]:
    """The settings as the fields say, and what is wrong, by field; what is wrong stays as it was."""
    errors: dict[str, str] = {}
    for name, text in texts.items():
        try:
            settings = _READERS[name](settings, text.strip(" "))
        except UsageError as error:
            errors[name] = f"{error.hint[:1].upper()}{error.hint[1:]}."
        except ValueError:
            errors[name] = f"Give a {'whole ' if name in _WHOLE else ''}number."
    return settings, errors


def _number(name: str) -> Callable[[TalkSettings, str], TalkSettings]:
    def read(settings: TalkSettings, text: str) -> TalkSettings:
        plain = text.replace(",", "").replace("_", "")
        value: Any = int(plain) if name in _WHOLE else float(plain)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("not a number")
        changes = {name: value}
        return replace(settings, options=replace(settings.options, **changes))

    return read


def _seed(settings: TalkSettings, text: str) -> TalkSettings:
    seed = int(text.replace(",", "")) if text else None
    return replace(settings, options=replace(settings.options, seed=seed))


def _stop(settings: TalkSettings, text: str) -> TalkSettings:
    stop = tuple(_meant(part.strip(" ")) for part in text.split("|") if part.strip(" "))
    return replace(settings, options=replace(settings.options, stop=stop))


def _variants(settings: TalkSettings, text: str) -> TalkSettings:
    count = int(text)
    if not 2 <= count <= MOST_VARIANTS:
        raise UsageError(f"{count} variants", f"give a whole number from 2 to {MOST_VARIANTS}")
    return replace(settings, variants=count)


_WHOLE = frozenset(("top_k", "max_tokens", "seed", "variants"))
_READERS: dict[str, Callable[[TalkSettings, str], TalkSettings]] = {
    **{name: _number(name) for name in (*_OF_PRESET, "max_tokens")},
    "seed": _seed,
    "stop": _stop,
    "variants": _variants,
}
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "|": "\\p", " ": "\\s"}


def _escaped(text: str) -> str:
    """A stop string as it is typed; a space at its ends would be lost otherwise."""
    inner = text.strip(" ")
    before = len(text) - len(text.lstrip(" "))
    after = len(text) - before - len(inner)
    shown = "".join(_ESCAPES[c] if c in _ESCAPES and c != " " else c for c in inner)
    return f"{_ESCAPES[' '] * before}{shown}{_ESCAPES[' '] * after}"


def _meant(text: str) -> str:
    meanings = {shown[1]: character for character, shown in _ESCAPES.items()}
    found, characters = [], iter(text)
    for character in characters:
        following = next(characters, "") if character == "\\" else ""
        found.append(meanings.get(following, character + following) if character == "\\" else character)
    return "".join(found)


def chosen(settings: TalkSettings, name: str, value: str) -> TalkSettings:
    """The settings with another value of one of the choices."""
    if name == "preset":
        return settings if value == OWN else settings.with_preset(value)
    return replace(settings, **{name: cast(Any, value)})

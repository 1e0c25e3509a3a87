"""A kind's TOML file, read and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ysnakes_core.errors import UsageError
from ysnakes_core.files import printable
from ysnakes_core.synthesis.own_text import parse_toml, read_text
from ysnakes_core.synthesis.recipe import Checks, Input, Kind, Length
from ysnakes_core.synthesis.recipe_fields import Fields
from ysnakes_core.synthesis.recipe_inputs import Room, read_inputs
from ysnakes_core.synthesis.wording import slots

MAX_BYTES = 256 * 1024
_MAX_WORDINGS = 200
_MAX_WORDS = 20_000
_KEYS = ("title", "what", "requests", "instructions", "length", "options", "checks", "inputs")
_LENGTH_SLOTS = ("min_words", "max_words")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

# Ollama's options, and the range each may be set in.
_OPTIONS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "temperature": (0, 5),
        "top_p": (0, 1),
        "top_k": (0, 100_000),
        "min_p": (0, 1),
        "typical_p": (0, 1),
        "num_predict": (1, 100_000),
        "num_ctx": (256, 1_000_000),
        "repeat_last_n": (-1, 100_000),
        "repeat_penalty": (0, 5),
        "presence_penalty": (-5, 5),
        "frequency_penalty": (-5, 5),
    }
)
_WHOLE_OPTIONS = ("top_k", "num_predict", "num_ctx", "repeat_last_n")


def read_own(path: Path, room: Room) -> Kind:
    """The kind in a user's file. Raises UsageError that names the file, the key and what to do."""
    label = printable(str(path))
    if not _NAME.fullmatch(path.stem):
        raise UsageError(
            f"{label}: the file's name, which is the kind's, has more than small letters, digits and dashes",
            "rename it, for example to fan-fiction.toml (at most 40 characters)",
        )
    return parse(read_text(path, label, MAX_BYTES), path.stem, label, room, source=path)


def parse(text: str, name: str, label: str, room: Room, source: Path | None = None) -> Kind:
    """The kind in a file's text; lists that it names are read beside ``source``."""
    fields = Fields(label, parse_toml(text, label))
    fields.only(_KEYS)
    inputs = read_inputs(fields.inner("inputs"), source.parent if source else None, room)
    for each in inputs:
        if each.name in _LENGTH_SLOTS:
            raise fields.wrong(
                f"inputs.{each.name}", "has a name that stands for the length", "name it otherwise"
            )
    requests = fields.texts("requests")
    if len(requests) > _MAX_WORDINGS:
        raise fields.wrong("requests", "has too many wordings", f"keep {_MAX_WORDINGS} at most")
    if len(set(requests)) < len(requests):
        raise fields.wrong("requests", "has the same wording twice", "leave one of them out")
    instructions = fields.text("instructions", default="")
    told = _check_slots(fields, "instructions", instructions, inputs)
    for number, wording in enumerate(requests):
        named = _check_slots(fields, f"requests[{number}]", wording, inputs)
        for each in inputs:
            if each.name not in (*named, *told):
                raise fields.wrong(
                    f"requests[{number}]",
                    f"does not use {{{each.name}}}, so that different combinations would ask the same",
                    "use every input in every wording, or in the instructions",
                )
    length = _length(fields.inner("length"))
    return Kind(
        name=name,
        title=fields.text("title"),
        what=fields.text("what"),
        length=length,
        options=_options(fields.inner("options")),
        checks=_checks(fields.inner("checks"), length),
        inputs=inputs,
        requests=requests,
        instructions=instructions,
        source=source,
    )


def _check_slots(fields: Fields, key: str, wording: str, inputs: Sequence[Input]) -> tuple[str, ...]:
    """The wording's slots, each of which must have a value."""
    try:
        named = slots(wording)
    except ValueError as error:
        raise fields.wrong(key, str(error), "for a name: {name}") from error
    known = {*_LENGTH_SLOTS, *(each.name for each in inputs)}
    for each in inputs:
        known |= {f"{each.name}.{field}" for field in each.entries[0].fields}
    for slot in named:
        if slot not in known:
            usable = ", ".join(f"{{{one}}}" for one in sorted(known))
            raise fields.wrong(key, f"uses {{{slot}}}, which no input is", f"use {usable}")
    return named


def _length(fields: Fields) -> Length:
    fields.only(("min", "max"))
    least = fields.whole("min", 1, _MAX_WORDS)
    return Length(least, fields.whole("max", least, _MAX_WORDS))


def _options(fields: Fields) -> Mapping[str, float | int]:
    if "seed" in fields.table:
        raise fields.wrong("seed", "is set for every record by itself", "leave it out; a job has --seed")
    fields.only(_OPTIONS)
    found: dict[str, float | int] = {}
    for key in fields.table:
        least, most = _OPTIONS[key]
        whole = key in _WHOLE_OPTIONS
        found[key] = fields.whole(key, int(least), int(most)) if whole else fields.number(key, least, most)
    return MappingProxyType(found)


def _checks(fields: Fields, length: Length) -> Checks:
    """Unless said otherwise, an answer may be half as short and twice as long as was asked for."""
    fields.only(("min_words", "max_words", "must_end_sentence"))
    least = fields.whole("min_words", 0, 2 * _MAX_WORDS, default=length.min // 2)
    most = fields.whole("max_words", max(1, least), 2 * _MAX_WORDS, default=max(2 * length.max, least))
    return Checks(least, most, fields.flag("must_end_sentence", default=True))

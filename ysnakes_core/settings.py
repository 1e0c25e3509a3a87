"""What one setting is: a dataclass field with a meaning, a type and allowed values; checks, parsing, TOML."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, get_type_hints

from ysnakes_core.errors import UsageError

LARGEST_NUMBER = 2**63 - 1  # TOML's own limit for whole numbers
_SUFFIXES = {"k": 10**3, "m": 10**6, "g": 10**9}
_NUMBER = re.compile(r"([+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?)\s*([kmg]?)", re.IGNORECASE)
_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def setting(
    default: Any,
    meaning: str,
    *,
    choices: tuple[str, ...] = (),
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A dataclass field that carries its meaning (with its unit) and its allowed values, ends included."""
    metadata = {"meaning": meaning, "choices": choices, "low": low, "high": high}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One key of one section, as ``describe`` finds it in the section's dataclass."""

    section: str
    key: str
    type: Any  # bool, int, float, str or tuple[str, ...]
    default: Any
    meaning: str
    choices: tuple[str, ...]
    low: float | None
    high: float | None

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}"

    @property
    def allowed(self) -> str:
        """What may be given, in words: ``a whole number, at least 1``."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
        word = words.get(self.type, "a list of texts")
        low, high = (None if bound is None else f"{bound:g}" for bound in (self.low, self.high))
        if low is not None and high is not None:
            return f"{word} from {low} to {high}"
        if low is not None:
            return f"{word}, at least {low}"
        return word if high is None else f"{word}, at most {high}"

    def refused(self, value: object) -> UsageError:
        shown = repr(value)
        shown = shown if len(shown) <= 80 else shown[:79] + "…"
        return UsageError(f"{self.name} cannot be {shown}", f"give {self.allowed} ({self.meaning})")

    def check(self, value: Any) -> Any:
        """``value`` in the setting's own type (a whole number serves as a float), or ``UsageError``."""
        if self.type is float and type(value) is int:
            try:
                value = float(value)
            except OverflowError:
                raise self.refused(value) from None
        if type(value) is list:
            value = tuple(value)
        expected = self.type if isinstance(self.type, type) else tuple
        if type(value) is not expected or not self._fits(value):
            raise self.refused(value)
        return value

    def _fits(self, value: Any) -> bool:
        """Whether a value of the right type is one of those allowed."""
        if self.choices and value not in self.choices:
            return False
        if isinstance(value, bool):
            return True
        if isinstance(value, int | float):
            low = -LARGEST_NUMBER if self.low is None else self.low
            high = LARGEST_NUMBER if self.high is None else self.high
            return low <= value <= high  # not a number is never within bounds
        texts = (value,) if isinstance(value, str) else value
        return all(type(text) is str and _storable(text) for text in texts)

    def parse(self, text: str) -> Any:
        """The value that ``text`` of a command line stands for, checked; ``UsageError`` if it is none.

        Whole numbers may be written ``1_000``, ``1k``, ``2M``, ``1.5k`` or ``1e6``; truth as true, false,
        yes, no, on or off; lists as ``a,b`` or, for texts with commas, ``["a", "b"]``.
        """
        return self.check(self._parsed(text))

    def _parsed(self, text: str) -> Any:
        if self.type is str:
            return text
        bare = text.strip()
        if self.type is bool:
            if bare.lower() not in _BOOLEANS:
                raise self.refused(text)
            return _BOOLEANS[bare.lower()]
        if self.type in (int, float):
            return self._number(bare)
        if bare.startswith("["):
            try:
                return tomllib.loads(f"value = {bare}")["value"]
            except (ValueError, RecursionError):
                raise self.refused(text) from None
        return [part.strip() for part in text.split(",") if part.strip()]

    def _number(self, text: str) -> int | float:
        match = _NUMBER.fullmatch(text)
        if match is None or len(text) > 60:
            raise self.refused(text)
        digits, factor = match[1].replace("_", ""), _SUFFIXES.get(match[2].lower(), 1)
        if re.fullmatch(r"[+-]?\d+", digits):
            return int(digits) * factor
        number = float(digits) * factor
        if self.type is int and number.is_integer():  # infinity is no integer
            return round(number)
        return number


def _storable(text: str) -> bool:
    """Whether ``text`` can be written as UTF-8: lone surrogates (undecodable file names) cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def describe(section: str, kind: type) -> dict[str, Setting]:
    """The settings of a section's dataclass by key, in order."""
    return _described(section, kind)


@functools.cache
def _described(section: str, kind: type) -> dict[str, Setting]:
    hints = get_type_hints(kind)
    return {
        f.name: Setting(section, f.name, hints[f.name], f.default, **f.metadata)
        for f in dataclasses.fields(kind)
    }


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint for an unknown name: the one it resembles, else all there are."""
    names = list(known)
    close = difflib.get_close_matches(name[:100], names, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"choose one of: {', '.join(names)}"


def find_setting(name: str, sections: Mapping[str, type]) -> Setting:
    """The setting that ``section.key``, or ``key`` where only one section has it, names.

    Raises ``UsageError`` for an unknown or an ambiguous name.
    """
    known = {section: describe(section, kind) for section, kind in sections.items()}
    section, dot, key = name.rpartition(".")
    if dot:
        if section not in known:
            raise UsageError(f"there is no section {section[:60]!r} of settings", nearest(section, known))
        if key not in known[section]:
            close = difflib.get_close_matches(key[:100], known[section], n=1, cutoff=0.5)
            elsewhere = [f"{other}.{key}" for other in known if key in known[other]]
            names = (
                [f"{section}.{close[0]}"]
                if close
                else elsewhere or [f"{section}.{k}" for k in known[section]]
            )
            hint = f"did you mean {names[0]}?" if len(names) == 1 else f"choose one of: {', '.join(names)}"
            raise UsageError(f"there is no setting {name[:100]!r}", hint)
        return known[section][key]
    owners = [section for section in known if key in known[section]]
    if len(owners) == 1:
        return known[owners[0]][key]
    if owners:
        raise UsageError(
            f"the setting {key!r} stands in more than one section",
            f"say which: {' or '.join(f'{owner}.{key}' for owner in owners)}",
        )
    if key in known:
        raise UsageError(
            f"{key!r} is a section, not a setting",
            f"choose one of: {', '.join(f'{key}.{k}' for k in known[key])}",
        )
    every = {k: f"{section}.{k}" for section in known for k in known[section]}
    close = difflib.get_close_matches(key[:100], every, n=1, cutoff=0.5)
    hint = f"did you mean {every[close[0]]}?" if close else "`ysnakes config show` lists every setting"
    raise UsageError(f"there is no setting {name[:100]!r}", hint)


def toml_value(value: Any) -> str:
    """``value`` (bool, int, float, str or a sequence of str) as TOML that reads back as the same value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return '"' + "".join(_toml_character(character) for character in value) + '"'
    return "[" + ", ".join(toml_value(item) for item in value) + "]"


def _toml_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"


def section_toml(section: str, value: Any) -> str:
    """A section's table: every key with its meaning and what it may be as a comment above it."""
    lines = [f"[{section}]"]
    for key, entry in describe(section, type(value)).items():
        allowed = "" if entry.type in (bool, str) and not entry.choices else f" ({entry.allowed})"
        lines += [f"# {entry.meaning}{allowed}", f"{key} = {toml_value(getattr(value, key))}"]
    return "\n".join(lines) + "\n"


def section_from_table(section: str, kind: type, table: object) -> Any:
    """The section's dataclass from a TOML table; missing keys have their defaults. Raises ``UsageError``."""
    if not isinstance(table, dict):
        raise UsageError(f"{section} is no section but {table!r:.60}", f"write it as a table: [{section}]")
    known = describe(section, kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise UsageError(f"there is no setting {f'{section}.{key}'[:100]!r}", nearest(key, known))
        values[key] = known[key].check(value)
    return kind(**values)

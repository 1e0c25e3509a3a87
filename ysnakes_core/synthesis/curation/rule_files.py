"""Reading rules from TOML: the shipped ones, and the user's own beside them.

A file of rules has ``[[rule]]`` tables; ``rules.toml`` in this folder is the example to follow. Required of
each: ``id``, ``title``, ``looks_for``, ``action`` and at least one of ``phrases`` (plain text, whole words,
any case) or ``patterns`` (regular expressions, any case). Optional: ``unit``, ``outside_speech``, ``where``,
``unless``, ``unless_request``, ``keep``, ``part``, ``words``. A ``[pieces]`` table names parts of patterns,
used as ``{name}``.
An ``[actions]`` table changes what other rules do: ``"flag"``, ``"strip"``, ``"reject"`` or ``"off"``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ysnakes_core import paths
from ysnakes_core.errors import UsageError
from ysnakes_core.files import printable
from ysnakes_core.synthesis.curation.computed import CHECKS
from ysnakes_core.synthesis.curation.flags import ACTIONS, Action
from ysnakes_core.synthesis.curation.looked_at import is_one_word
from ysnakes_core.synthesis.curation.pattern_cost import PatternRefused, checked_pattern
from ysnakes_core.synthesis.curation.rules import PARTS, UNITS, WHERES, Pattern, Rule, Rules
from ysnakes_core.synthesis.own_text import read_toml

MAX_FILE_BYTES = 2**20
MAX_RULES = 500

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PIECE = re.compile(r"\{([a-z_]+)\}")
_TEXT_KEYS = ("id", "title", "looks_for", "action", "part", "unit", "where", "check")
_LIST_KEYS = ("phrases", "patterns", "words", "also", "texts", "unless", "unless_request")
_KEYS = frozenset((*_TEXT_KEYS, *_LIST_KEYS, "outside_speech", "exact_case", "keep", "settings"))
_Choice = TypeVar("_Choice", bound=str)


def own_rules_folder() -> Path:
    """Where a user's rules are looked for."""
    return paths.home() / "curation"


@cache
def shipped_rules() -> Rules:
    """The rules that come with the program."""
    rules, _ = _read(Path(__file__).with_name("rules.toml"), own=False)
    return Rules({rule.id: rule for rule in rules})


def load_rules(own_folder: Path | None = None) -> Rules:
    """The shipped rules and those in the user's folder, whose files are read in the order of their names.

    A user's rule with a shipped rule's id takes its place. UsageError names the file, the rule and the key.
    """
    folder = own_rules_folder() if own_folder is None else own_folder
    by_id = dict(shipped_rules().by_id)
    actions: dict[str, tuple[str, Path]] = {}
    seen: dict[str, Path] = {}
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except FileNotFoundError:
        files = []
    except OSError as error:
        raise UsageError(
            f"the folder of rules {printable(str(folder))} cannot be read ({_reason(error)})",
            "check its permissions",
        ) from None
    for path in files:
        rules, changes = _read(path, own=True)
        for rule in rules:
            if rule.id in seen:
                raise _error(
                    path, rule.id, f"is also in {printable(seen[rule.id].name)}", "give it another id"
                )
            seen[rule.id] = path
            by_id[rule.id] = rule
        actions.update({name: (action, path) for name, action in changes.items()})
    for name, (_, path) in actions.items():
        if name not in by_id:
            raise UsageError(
                f"{printable(str(path))}, [actions]: there is no rule “{printable(name, 40)}”",
                "`ysnakes data check --list` shows all rules",
            )
    off = [name for name, (action, _) in actions.items() if action == "off"]
    changed: dict[str, Action] = {
        name: _choice(path, "[actions]", name, action, ACTIONS)
        for name, (action, path) in actions.items()
        if action != "off"
    }
    return Rules(by_id).acting(changed).without(*off)


def _read(path: Path, *, own: bool) -> tuple[list[Rule], dict[str, str]]:
    content = read_toml(path, printable(str(path)), MAX_FILE_BYTES)
    unknown = sorted(set(content) - {"rule", "pieces", "actions"})
    if unknown:
        raise _error(
            path, "", f"has the unknown key {printable(unknown[0], 40)}", "rules are [[rule]] tables"
        )
    tables, pieces, actions = content.get("rule", []), content.get("pieces", {}), content.get("actions", {})
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _error(path, "", "has a rule that is no table", "write [[rule]] above each rule")
    if len(tables) > MAX_RULES:
        raise _error(path, "", f"has more than {MAX_RULES} rules", "leave some of them out")
    for what, table in (("[pieces]", pieces), ("[actions]", actions)):
        if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
            raise _error(path, "", f"has {what} that are not text", 'write them as name = "text"')
    reader = _TableReader(path, pieces, own)
    rules = [reader.rule(number, table) for number, table in enumerate(tables, 1)]
    doubled = sorted(rule.id for rule in rules if sum(other.id == rule.id for other in rules) > 1)
    if doubled:
        raise _error(path, doubled[0], "is there twice", "give one of them another id")
    return rules, actions


class _TableReader:
    """Turns the tables of one file into rules."""

    def __init__(self, path: Path, pieces: Mapping[str, str], own: bool) -> None:
        self.path = path
        self.pieces = pieces
        self.own = own

    def rule(self, number: int, table: dict[str, Any]) -> Rule:
        name = table.get("id", "")
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise _error(
                self.path,
                f"number {number}",
                "has no id that can be used",
                'give it one of small letters, digits and dashes, like id = "no-recipes"',
            )
        unknown = sorted(set(table) - _KEYS)
        if unknown:
            raise _error(
                self.path,
                name,
                f"has the unknown key {printable(unknown[0], 40)}",
                f"the keys are {', '.join(sorted(_KEYS))}",
            )
        check = self._text(name, table, "check", "")
        if check and (self.own or check not in CHECKS):
            raise _error(self.path, name, "has a check, which only shipped rules have", "write a pattern")
        patterns = () if check else self._patterns(name, table)
        if not check and not patterns:
            raise _error(self.path, name, "looks for nothing", "give it phrases or patterns, a list of texts")
        keep = table.get("keep", 0)
        groups = min((pattern.regex.groups for pattern in patterns), default=0)
        if not isinstance(keep, int) or isinstance(keep, bool) or not 0 <= keep <= groups:
            raise _error(self.path, name, "has a keep that is no group of every pattern", "number a group")
        settings = table.get("settings", {})
        if not isinstance(settings, dict) or (settings and self.own):
            raise _error(self.path, name, "has settings, which only shipped checks have", "leave them out")
        return Rule(
            id=name,
            title=self._text(name, table, "title"),
            looks_for=self._text(name, table, "looks_for"),
            action=self._choice(name, table, "action", ACTIONS, None),
            part=self._choice(name, table, "part", PARTS, "answer"),
            unit=self._choice(name, table, "unit", UNITS, "line"),
            outside_speech=self._truth(name, table, "outside_speech"),
            patterns=patterns,
            unless=self._excuses(name, table, "unless"),
            unless_request=self._excuses(name, table, "unless_request"),
            keep=keep,
            check=check,
            settings=settings,
            words=self._small(name, table, "words") if check else (),
            texts=self._small(name, table, "texts") if check else (),
            source=self.path if self.own else None,
        )

    def _excuses(self, name: str, table: Mapping[str, Any], key: str) -> tuple[re.Pattern[str], ...]:
        return tuple(self._compiled(name, text, key) for text in self._list(name, table, key))

    def _patterns(self, name: str, table: dict[str, Any]) -> tuple[Pattern, ...]:
        where = self._choice(name, table, "where", WHERES, "anywhere")
        words, also, texts = (self._small(name, table, key) for key in ("words", "also", "texts"))
        flags = 0 if self._truth(name, table, "exact_case") else re.IGNORECASE
        found = []
        for phrase in self._list(name, table, "phrases"):
            if not phrase.strip():
                raise _error(self.path, name, "has an empty phrase", "leave it out")
            spelled = r"\s{1,3}".join(re.escape(word) for word in phrase.split())
            before = r"\b" if phrase[0].isalnum() else ""
            after = r"\b" if phrase.rstrip()[-1].isalnum() else ""
            regex = self._compiled(name, f"{before}{spelled}{after}", "phrases", flags)
            found.append(Pattern(regex, texts=(max(phrase.lower().split(), key=len),), where=where))
        for entry in self._table_list(name, table):
            if isinstance(entry, str):
                regex = self._compiled(name, entry, "patterns", flags)
                found.append(Pattern(regex, words, also, texts, where))
                continue
            unknown = sorted(set(entry) - {"regex", "words", "also", "texts", "where"})
            if unknown:
                raise _error(
                    self.path,
                    name,
                    f"has a pattern with the unknown key {printable(unknown[0], 40)}",
                    "a pattern has regex, words, also, texts and where",
                )
            found.append(
                Pattern(
                    self._compiled(name, self._text(name, entry, "regex"), "patterns", flags),
                    self._small(name, entry, "words") or words,
                    self._small(name, entry, "also") or also,
                    self._small(name, entry, "texts") or texts,
                    self._choice(name, entry, "where", WHERES, where),
                )
            )
        return tuple(found)

    def _compiled(self, name: str, pattern: str, key: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
        missing = [piece for piece in _PIECE.findall(pattern) if piece not in self.pieces]
        if missing:
            raise _error(
                self.path, name, f"uses the piece {{{missing[0]}}}, which is not in [pieces]", "add it there"
            )
        whole = _PIECE.sub(lambda match: f"(?>{self.pieces[match[1]]})", pattern)
        try:
            return checked_pattern(whole, flags | re.MULTILINE)
        except PatternRefused as refused:
            raise _error(
                self.path, name, f"has {key} that cannot be used: {printable(pattern, 60)}", str(refused)
            ) from None

    def _text(self, name: str, table: Mapping[str, Any], key: str, default: str | None = None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise _error(self.path, name, f"needs {key}", f'write {key} = "some text"')
        return value

    def _truth(self, name: str, table: Mapping[str, Any], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            raise _error(self.path, name, f"has {key} that is neither true nor false", f"write {key} = true")
        return value

    def _choice(
        self,
        name: str,
        table: Mapping[str, Any],
        key: str,
        choices: Sequence[_Choice],
        default: _Choice | None,
    ) -> _Choice:
        return _choice(self.path, name, key, table.get(key, default), choices)

    def _list(self, name: str, table: Mapping[str, Any], key: str) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise _error(self.path, name, f"has {key} that is no list of texts", f'write {key} = ["…"]')
        return value

    def _small(self, name: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        found = tuple(text.lower() for text in self._list(name, table, key))
        for text in found if key != "texts" else ():
            if not is_one_word(text):
                raise _error(
                    self.path, name, f"has {key}, but “{printable(text, 40)}” is no single word", "use texts"
                )
        return found

    def _table_list(self, name: str, table: Mapping[str, Any]) -> list[Any]:
        value = table.get("patterns", [])
        if not isinstance(value, list) or not all(isinstance(item, str | dict) and item for item in value):
            raise _error(self.path, name, "has patterns that are no list", "write patterns = ['…']")
        return value


def _choice(path: Path, name: str, key: str, value: Any, choices: Sequence[_Choice]) -> _Choice:
    for choice in choices:
        if value == choice:
            return choice
    shown = printable(str(value), 40) if value is not None else "nothing"
    raise _error(path, name, f"has {shown} for {key}", f"choose {', '.join(choices)}")


def _error(path: Path, rule: str, what: str, hint: str) -> UsageError:
    place = printable(str(path)) + (f", rule {printable(rule, 40)}" if rule else "")
    return UsageError(f"{place}: {what}", hint)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

"""Keys: how people write them, what Textual calls them, which ones hold, and what is wrong with a choice.

A person's own keys are the table ``[keys]`` in the settings file: ``pause = "p"``, ``zoom_in = ["+", "="]``,
``snooze = ""`` for no key at all. Nothing here needs Textual, so that ``ysnakes keys`` is quick.
"""

from __future__ import annotations

import difflib
import functools
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from ysnakes_core.files import printable
from ysnakes_tui.actions import ACTIONS, CONTEXTS, enclosing

_NAMED = frozenset(
    (
        *("space", "enter", "escape", "tab", "backspace", "delete", "insert", "home", "end"),
        *("pageup", "pagedown", "up", "down", "left", "right"),
        *(f"f{number}" for number in range(1, 25)),
    )
)
_MODIFIERS = ("ctrl", "alt", "shift", "super")
_OTHER_NAMES = {"esc": "escape", "return": "enter", "pgup": "pageup", "pgdn": "pagedown", "del": "delete"}
# Where Textual departs from Unicode's names of characters.
_TEXTUAL_NAMES = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_SAME_AS = {"ctrl+h": "backspace", "ctrl+i": "tab", "ctrl+m": "enter", "ctrl+j": "enter", "ctrl+[": "escape"}
# What a terminal multiplexer takes for itself unless it is told otherwise.
_TAKEN = {
    "ctrl+b": "tmux and zellij",
    "ctrl+a": "screen",
    **{f"ctrl+{letter}": "zellij" for letter in "gptnsoq"},
    **{f"alt+{key}": "zellij" for key in "nfhjklip+-=[]"},
    **{f"alt+{key}": "zellij" for key in ("left", "right", "up", "down")},
}
PREFIXES = ("ctrl+b", "ctrl+a", "ctrl+g")
_MOVES = ("tab", "shift+tab")
_SHORT = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn", "delete": "del", "insert": "ins"}
_ARROWS = {"left": "←", "right": "→", "up": "↑", "down": "↓"}


def normal(key: str) -> str | None:
    """A key in the one way it is written here (``ctrl+p``, ``N``, ``f1``), or None if it is no key."""
    if key == " ":
        return "space"
    before, last = _split(key.strip())
    modifiers = {part.strip().lower() for part in before}
    if len(last) != 1:
        last = _OTHER_NAMES.get(last.lower(), last.lower())
    if not modifiers <= set(_MODIFIERS) or not (last in _NAMED or (len(last) == 1 and last.isprintable())):
        return None
    if len(last) == 1 and modifiers == {"shift"}:
        return last.upper() if last.isalpha() else None  # what it would be depends on the keyboard
    if len(last) == 1 and modifiers:
        last = last.lower()
    return "+".join([*(name for name in _MODIFIERS if name in modifiers), last])


def _split(key: str) -> tuple[list[str], str]:
    """The modifiers and the key itself, which may be ``+``."""
    if key.endswith("+"):
        before = key[:-1].removesuffix("+")
        return before.split("+") if before else [], "+"
    *modifiers, last = key.split("+")
    return modifiers, last.strip()


@functools.cache
def textual_name(key: str) -> str:
    """What Textual calls a ``normal`` key: ``+`` is ``plus``, ``:`` is ``colon``."""
    modifiers, last = _split(key)
    if len(last) == 1 and not last.isalnum():
        name = unicodedata.name(last, last).lower().replace("-", "_").replace(" ", "_")
        last = _TEXTUAL_NAMES.get(name, name)
    return "+".join([*modifiers, last])


def shown_key(key: str, *, ascii: bool = False) -> str:
    """A ``normal`` key as the footer, the help and the tables show it."""
    modifiers, last = _split(key)
    last = _SHORT.get(last, last.upper() if last in _NAMED and last[0] == "f" else last)
    return "+".join([*modifiers, last if ascii else _ARROWS.get(last, last)])


@dataclass(frozen=True)
class Keymap:
    """The keys that hold for every action, as ``normal`` writes them, and what is to be said about them."""

    keys: Mapping[str, tuple[str, ...]]
    warnings: tuple[str, ...] = ()

    def of(self, action: str) -> tuple[str, ...]:
        return self.keys.get(action, ())

    def names(self, action: str) -> tuple[str, ...]:
        """The action's keys under Textual's names."""
        return tuple(textual_name(key) for key in self.of(action))


def usual_keymap() -> Keymap:
    return keymap_from({})


def keymap_from(table: Mapping[str, object]) -> Keymap:
    """The keys that hold where a person's own ``[keys]`` are ``table``; what is wrong becomes a warning.

    A key that a person chose is taken away from any action that had it as its usual key and could be meant
    at the same place; of two chosen ones the first in the registry keeps it.
    """
    warnings: list[str] = []
    own: dict[str, tuple[str, ...]] = {}
    for name, value in table.items():
        if name not in ACTIONS:
            close = difflib.get_close_matches(name[:60], ACTIONS, n=1)
            hint = f"did you mean {close[0]}?" if close else "`ysnakes keys` lists them all"
            warnings.append(f"there is no action called {printable(name, 40)}: {hint}")
            continue
        chosen, wrong = _read_keys(name, value)
        warnings += wrong
        if chosen is not None:
            own[name] = chosen
    for name in ACTIONS:
        new = [key for key in own.get(name, ()) if key not in _usual(name)]
        warnings += [warning for key in new if (warning := _unwise(name, key))]
    keys = {name: own.get(name, _usual(name)) for name in ACTIONS}
    warnings += _settle(keys, own)
    for name in ("quit", "palette", "help"):
        if not keys[name]:
            rescue = "ctrl+c twice" if name == "quit" else "a click on the last line of the screen"
            title = ACTIONS[name].title
            warnings.append(f"nothing is left to press for “{title}” ({name}), but there is {rescue}")
    return Keymap(keys, tuple(warnings))


def _usual(name: str) -> tuple[str, ...]:
    return tuple(key for text in ACTIONS[name].keys if (key := normal(text)) is not None)


def _read_keys(name: str, value: object) -> tuple[tuple[str, ...] | None, list[str]]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(key, str) for key in given):
        example = f'{name} = "p" or {name} = ["p", "f6"]'
        return None, [f"the keys of {name} are not a text or a list of texts: write {example}"]
    keys: list[str] = []
    wrong: list[str] = []
    for text in given:
        if text == "":
            continue
        key = normal(text)
        if key is None:
            wrong.append(
                f"{printable(text, 30)!r} (for {name}) is no key: write a character, f1 to f24, space, "
                "enter, home or the like, with ctrl+, alt+ or shift+ before it"
            )
        elif key not in keys:
            keys.append(key)
    return (None if wrong and not keys else tuple(keys)), wrong


def _unwise(name: str, key: str) -> str | None:
    """Why a chosen key may not do what is hoped for."""
    title = f"{ACTIONS[name].title} ({name})"
    if key in _SAME_AS:
        return f"{key} for {title}: most terminals send the same for {_SAME_AS[key]}, so it may not work"
    if key in _TAKEN:
        return f"{key} for {title}: inside {_TAKEN[key]} it does not reach the app unless you unbind it there"
    if key in _MOVES:
        return f"{key} for {title}: it already moves between the parts of the screen, which goes first"
    if key == "ctrl+c" and name != "copy_selection":
        return f"{key} for {title}: it copies selected text, which goes first"
    return None


def _settle(keys: dict[str, tuple[str, ...]], own: Mapping[str, object]) -> list[str]:
    """Take keys away from ``keys`` until none means two things at one place; say which."""
    warnings = []
    order = [*(name for name in ACTIONS if name in own), *(name for name in ACTIONS if name not in own)]
    for place, winner in enumerate(order):
        for loser in order[place + 1 :]:
            shared = [key for key in keys[loser] if key in keys[winner]]
            if not shared or not _meet(winner, loser):
                continue
            keys[loser] = tuple(key for key in keys[loser] if key not in shared)
            left = f"keeps {', '.join(keys[loser])}" if keys[loser] else "has no key left"
            warnings.append(
                f"{', '.join(shared)} would be both {_place(winner)} and {_place(loser)}: it does the first, "
                f"and {loser} {left}"
            )
    return warnings


def _place(name: str) -> str:
    action = ACTIONS[name]
    return f"“{action.title}” ({name}, {CONTEXTS[action.context].title.lower()})"


def _meet(one: str, other: str) -> bool:
    """Whether two actions can hold at the same place."""
    first, second = ACTIONS[one].context, ACTIONS[other].context
    return first in enclosing(second) or second in enclosing(first)

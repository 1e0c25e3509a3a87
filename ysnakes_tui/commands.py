"""What the command palette lists: everything in the registry, found by its name or by what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from textual.fuzzy import FuzzySearch

from ysnakes_tui.actions import ACTIONS, CONTEXTS, Action

# What the palette itself is for, and keys that mean nothing chosen from a list.
_LEFT_OUT = ("palette", "back", "copy_selection", "crosshair_left", "crosshair_right")
_ABOUT = 0.3  # the score of an action that is found by what it does


@dataclass(frozen=True)
class Command:
    """An action, whether it is ``possible`` now, and which places of its title were found."""

    action: Action
    possible: bool
    matched: tuple[int, ...] = ()

    @property
    def help(self) -> str:
        if self.possible:
            return self.action.help
        return f"{self.action.help} ({CONTEXTS[self.action.context].title.lower()}; not possible now)"


def all_commands(can_perform: Callable[[str], bool | None]) -> list[Command]:
    """What is possible now comes first, and of that what belongs to the pane."""
    commands = [
        Command(action, bool(can_perform(action.id)))
        for action in ACTIONS.values()
        if action.id not in _LEFT_OUT
    ]
    return sorted(commands, key=lambda command: (not command.possible, command.action.context == "app"))


def matching(commands: Sequence[Command], query: str) -> list[Command]:
    """Those that a query finds, the best first; all of them where there is none."""
    query = query.strip()
    if not query:
        return list(commands)
    search = FuzzySearch()
    found: list[tuple[float, Command]] = []
    for command in commands:
        by_title, places = search.match(query, command.action.title)
        score = max(by_title, _ABOUT if _is_about(command.action, query) else 0.0)
        if score > 0:
            command = Command(command.action, command.possible, tuple(places))
            found.append((score if command.possible else 0.1 * score, command))
    return [command for _, command in sorted(found, key=lambda each: -each[0])]


def _is_about(action: Action, query: str) -> bool:
    """Whether every word of the query begins a word of what the action does. Two letters say too little."""
    words = action.help.lower().split() + action.id.split("_")
    return len(query) > 2 and all(_begins_one(part, words) for part in query.lower().split())


def _begins_one(part: str, words: Iterable[str]) -> bool:
    return any(word.startswith(part) for word in words)

"""The command palette: everything in the registry, found by its name or by what it does."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from rich.markup import escape
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from ysnakes_tui.actions import ACTIONS, CONTEXTS, Action
from ysnakes_tui.keymap import shown_key

if TYPE_CHECKING:
    from ysnakes_tui.app import YsnakesApp

# What the palette itself is for, and keys that mean nothing chosen from a list.
_LEFT_OUT = ("palette", "back", "copy_selection", "crosshair_left", "crosshair_right")


class ActionCommands(Provider):
    """What the pane can do now comes first; what is not possible now is there to be found, and says so."""

    @property
    def _shell(self) -> YsnakesApp:
        return cast("YsnakesApp", self.app)

    def _actions(self) -> Iterator[tuple[Action, bool]]:
        def order(action: Action) -> tuple[bool, bool]:
            return not self._shell.can_perform(action.id), action.context == "app"

        for action in sorted(ACTIONS.values(), key=order):
            if action.id not in _LEFT_OUT:
                yield action, bool(self._shell.can_perform(action.id))

    def _prompt(self, action: Action, title: Content, possible: bool) -> Content:
        keys = " ".join(shown_key(key) for key in self._shell.keymap.of(action.id))
        return Content.assemble(
            title if possible else title.stylize("dim"), "  ", (keys, "$footer-key-foreground")
        )

    def _help(self, action: Action, possible: bool) -> str:
        where = "" if possible else f" ({CONTEXTS[action.context].title.lower()}; not possible now)"
        return escape(action.help + where)

    async def discover(self) -> Hits:
        for action, possible in self._actions():
            yield DiscoveryHit(
                self._prompt(action, Content(action.title), possible),
                partial(self._shell.perform_later, action.id),
                text=action.title,
                help=self._help(action, possible),
            )

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, possible in self._actions():
            by_title = matcher.match(action.title)
            score = max(by_title, 0.3 if _is_about(action, query) else 0.0)
            if score > 0:
                title = matcher.highlight(action.title) if by_title else Content(action.title)
                yield Hit(
                    score if possible else 0.1 * score,
                    self._prompt(action, title, possible),
                    partial(self._shell.perform_later, action.id),
                    text=action.title,
                    help=self._help(action, possible),
                )


def _is_about(action: Action, query: str) -> bool:
    """Whether every word of the query begins a word of what the action does. Two letters say too little."""
    words = action.help.lower().split() + action.id.split("_")
    return len(query) > 2 and all(any(w.startswith(part) for w in words) for part in query.lower().split())

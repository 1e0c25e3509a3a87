"""``ysnakes keys``: every key of the app, as it holds for you."""

from __future__ import annotations

import sys

import typer

from ysnakes_tui.failures import guarded
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import put, put_json, say_warning, speaks_unicode


def register(app: typer.Typer) -> None:
    app.command("keys")(keys)


@guarded
def keys(json: AsJson = False) -> int | None:
    """List what one can do in the app, and the keys for it.

    Change them in the section [keys] of your settings: ysnakes config edit
    """
    from ysnakes_tui.actions import ACTIONS, CONTEXTS, actions_of
    from ysnakes_tui.formats import table
    from ysnakes_tui.keymap import shown_key
    from ysnakes_tui.user_settings import own_keymap

    keymap = own_keymap()
    for warning in keymap.warnings:
        say_warning(warning)
    if json:
        for action in ACTIONS.values():
            put_json(
                {
                    "id": action.id,
                    "context": action.context,
                    "keys": keymap.of(action.id),
                    "usual_keys": action.keys,
                    "title": action.title,
                    "help": action.help,
                }
            )
        return None
    plain = not speaks_unicode(sys.stdout)
    shown = [(context, actions_of(context.name)) for context in CONTEXTS.values()]
    rows = [("keys", "name", "what it does")]
    for _, actions in shown:
        for action in actions:
            keys = " ".join(shown_key(key, ascii=plain) for key in keymap.of(action.id))
            rows.append((keys or "-", action.id, f"{action.title}: {action.help}"))
    lines = iter(table(rows))
    put(next(lines))
    for context, actions in shown:
        put(f"\n{context.title}")
        for _ in actions:
            put(next(lines))
    return None

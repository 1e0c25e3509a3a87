"""What a person sees of the app."""

from __future__ import annotations

from textual.app import App


def screen_text(app: App[None]) -> str:
    """All that is on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def notes_of(app: App[None]) -> list[str]:
    """What was notified and has not gone yet: title and message."""
    return [f"{note.title} {note.message}" for note in app._notifications]

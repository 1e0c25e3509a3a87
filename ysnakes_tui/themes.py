"""The app's own colours, and what the terminal it runs in can show."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

from textual.color import Color
from textual.theme import Theme

DARK, LIGHT = "snake-dark", "snake-light"

SNAKE_DARK = Theme(
    name=DARK,
    primary="#7ed491",
    secondary="#66c2b8",
    accent="#f0c05a",
    warning="#f0c05a",
    error="#ff8a80",
    success="#7ed491",
    foreground="#dfe8e0",
    background="#0d1411",
    surface="#131c18",
    panel="#1d2a23",
    dark=True,
    variables={
        "border": "#7ed491",
        "border-blurred": "#35483d",
        "block-cursor-background": "#7ed491",
        "block-cursor-foreground": "#0d1411",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#2c4035",
        "block-cursor-blurred-foreground": "#dfe8e0",
        "input-selection-background": "#7ed491 35%",
        "button-color-foreground": "#0d1411",
        "scrollbar": "#35483d",
        "scrollbar-background": "#131c18",
        "footer-key-foreground": "#f0c05a",
        "text-muted": "#9fb3a5",
    },
)
SNAKE_LIGHT = Theme(
    name=LIGHT,
    primary="#1b6b3a",
    secondary="#1a6169",
    accent="#8a5300",
    warning="#8a5300",
    error="#b3261e",
    success="#1b6b3a",
    foreground="#1b261f",
    background="#fbfaf4",
    surface="#f3f3ea",
    panel="#e6eadd",
    dark=False,
    variables={
        "border": "#1b6b3a",
        "border-blurred": "#b9c4b4",
        "block-cursor-background": "#1b6b3a",
        "block-cursor-foreground": "#fbfaf4",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#d3dccb",
        "block-cursor-blurred-foreground": "#1b261f",
        "input-selection-background": "#1b6b3a 25%",
        "button-color-foreground": "#fbfaf4",
        "scrollbar": "#b9c4b4",
        "scrollbar-background": "#f3f3ea",
        "footer-key-foreground": "#8a5300",
        "text-muted": "#55645a",
    },
)
OWN_THEMES = (SNAKE_DARK, SNAKE_LIGHT)


def fitting_theme(environment: Mapping[str, str]) -> str:
    """The theme to start with where none was chosen: light where the terminal says that it is light."""
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if background in ("7", "15") else DARK


def background_of(theme: Theme) -> Color:
    """What lies under everything; black where the terminal decides."""
    return Color.parse(theme.background) if theme.background and not theme.ansi else Color(0, 0, 0)


def colours_wanted(environment: Mapping[str, str]) -> bool:
    """https://no-color.org: a ``NO_COLOR`` that is not empty means no colours."""
    return not environment.get("NO_COLOR")


def draws_unicode(environment: Mapping[str, str], encoding: str) -> bool:
    """Whether the terminal is likely to draw more than ASCII.

    ``YSNAKES_ASCII`` decides if it is set. Otherwise the locale does where it is stated, else the
    ``encoding`` that Python found for stdout.
    """
    wish = environment.get("YSNAKES_ASCII", "").strip().lower()
    if wish:
        return wish in ("0", "no", "false", "off")
    if os.name != "nt":
        for variable in ("LC_ALL", "LC_CTYPE", "LANG"):
            if stated := environment.get(variable, ""):
                return "utf" in stated.lower()
    return "utf" in encoding.lower()


def only_ascii(wish: bool | None, kept: str, environment: Mapping[str, str], stream: TextIO | None) -> bool:
    """Whether to draw with ASCII alone: as asked for now, else as was kept (yes, no, auto), else as fits."""
    if wish is not None:
        return wish
    if kept in ("yes", "no"):
        return kept == "yes"
    return not draws_unicode(environment, getattr(stream, "encoding", None) or "")


def draws_braille(environment: Mapping[str, str]) -> bool:
    """The Linux console's fonts have blocks, but no braille."""
    return environment.get("TERM") != "linux"

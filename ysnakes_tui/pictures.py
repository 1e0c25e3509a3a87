"""Pictures of the screen."""

from __future__ import annotations

import time
from pathlib import Path

from ysnakes_core.files import write_atomically


def write_picture(picture: str, folder: Path) -> Path:
    """Write an SVG into ``folder``, named after the time; where it is. Raises ``YsnakesError``."""
    place = folder / time.strftime("ysnakes-%Y%m%d-%H%M%S.svg")
    write_atomically(place, picture)
    return place

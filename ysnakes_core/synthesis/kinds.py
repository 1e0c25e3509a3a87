"""The kinds of records a teacher can be asked for: those that come with the program and the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

from ysnakes_core import paths
from ysnakes_core.errors import UsageError
from ysnakes_core.files import explain, printable
from ysnakes_core.synthesis.recipe import Checks, Input, Kind, Length
from ysnakes_core.synthesis.recipe_file import parse, read_own
from ysnakes_core.synthesis.recipe_inputs import Room

__all__ = ["SHIPPED", "Checks", "Input", "Kind", "Length", "kind_file", "load_kinds", "own_kinds_folder"]

SHIPPED = (
    "blog",
    "wiki",
    "scripts",
    "sentences",
    "synonyms",
    "stories",
    "eli5",
    "howto",
    "slice-of-life",
    "textbook",
    "sentiment",
)
_MAX_OWN = 100


def own_kinds_folder() -> Path:
    """Where the user's own kinds are looked for: ``kinds`` in ``home()``. It may not exist."""
    return paths.home() / "kinds"


def load_kinds(own_folder: Path | None = None) -> dict[str, Kind]:
    """All kinds by name, the shipped ones first, then the user's own by name.

    The user's own are the ``.toml`` files in ``own_folder`` (which must then exist), else in
    ``own_kinds_folder()``. Raises UsageError that names the file and the key that is wrong, and what to do.
    """
    kinds = {name: _shipped(name) for name in SHIPPED}
    room = Room()
    for path in _own_files(own_folder):
        if path.stem in kinds:
            raise UsageError(
                f"{printable(str(path))}: there already is a kind {path.stem}",
                f"rename the file, for example to my-{path.stem}.toml",
            )
        kinds[path.stem] = read_own(path, room)
    return kinds


def kind_file(kind: Kind) -> Path:
    """The file that a kind was read from."""
    return kind.source or Path(str(_shipped_file(kind.name)))


@cache
def _shipped(name: str) -> Kind:
    text = _shipped_file(name).read_text(encoding="utf-8")
    return parse(text, name, f"{name}.toml", Room())


def _shipped_file(name: str) -> Path:
    return Path(str(files(__package__))) / "kinds" / f"{name}.toml"


def _own_files(folder: Path | None) -> Iterator[Path]:
    place = folder if folder is not None else own_kinds_folder()
    try:
        found = sorted(path for path in place.iterdir() if path.suffix == ".toml" and path.name[0] != ".")
    except FileNotFoundError as error:
        if folder is None:
            return
        raise UsageError(f"there is no folder {printable(str(place))}", "make it, or name another") from error
    except OSError as error:
        raise explain(error, place, "read") from error
    if len(found) > _MAX_OWN:
        raise UsageError(
            f"{printable(str(place))} holds more than {_MAX_OWN} kinds", "move those you do not use elsewhere"
        )
    yield from found

"""What a first run would be, for the welcome: the same that the form for a new run would start with."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from ysnakes_core.configuration import PRESETS
from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.paths import shipped_corpus
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.formats import size
from ysnakes_tui.new_run import Request, new_config
from ysnakes_tui.train.standing import spoken


@dataclass(frozen=True)
class FirstRun:
    """Each of these is a phrase; ``problem`` says why there can be no run as things stand."""

    text: str = ""
    model: str = ""
    time: str = ""
    kept: str = ""
    problem: str = ""


def first_run(runs_folder: Path) -> FirstRun:
    """What a run would be of which nothing is said. Reads the settings file and looks at the corpus."""
    kept = _short(runs_folder)
    try:
        config = new_config(None, [], Request({}, {}, ()))
        paths = config.data.paths
        text = f"your own, as your settings say: {_names(paths)}" if paths else _shipped(shipped_corpus())
    except YsnakesError as error:
        return FirstRun(kept=kept, problem=f"{error.what}; {error.hint}")
    preset = PRESETS.get(config.preset)
    about = f", {preset.summary}" if preset is not None else ""
    budget = Budget.of(config.training)
    stops = ", or less if it learns no more" if config.early_stopping.enabled else ""
    return FirstRun(
        text, f"{config.preset or 'a shape of your own'}{about}", f"{spoken(budget)}{stops}", kept
    )


def _shipped(folder: Path) -> str:
    total = 0
    for file in folder.iterdir():
        if file.suffix in (".md", ".txt"):
            with contextlib.suppress(OSError):
                total += file.stat().st_size
    return f"{size(total)} of stories, questions and answers that come with ysnakes"


def _names(paths: tuple[str, ...]) -> str:
    return ", ".join(_short(Path(path)) for path in paths)


def _short(path: Path) -> str:
    """A path, with ``~`` for the home folder."""
    with contextlib.suppress(ValueError, RuntimeError):
        return printable(str(Path("~") / path.relative_to(Path.home())))
    return printable(str(path))

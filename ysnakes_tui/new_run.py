"""What a person asks of a new run, as text, and the configuration that comes of it: the same for the command
line and the app."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from ysnakes_core.configuration import BUDGETS, RunConfig, apply_settings, validated
from ysnakes_core.errors import DataError, UsageError
from ysnakes_tui.user_settings import starting_config

DEFAULT_MINUTES = 5


@dataclass(frozen=True)
class Request:
    """What is asked of a run's configuration, as text: at most one budget, keys of training, the rest."""

    budget: dict[str, str]
    training: dict[str, str]
    settings: tuple[str, ...]

    def applied(self, config: RunConfig) -> RunConfig:
        """``config`` as asked for. Raises ``UsageError``."""
        if self.budget:  # one budget takes the place of another
            training = dataclasses.replace(config.training, steps=0, tokens=0, epochs=0.0, minutes=0.0)
            config = dataclasses.replace(config, training=training)
        given = [f"training.{key}={value}" for key, value in {**self.budget, **self.training}.items()]
        config = apply_settings(config, [*given, *self.settings])
        for unit in self.budget:
            if not getattr(config.training, unit):
                raise UsageError(f"--{unit} {self.budget[unit]} leaves nothing to train", "give more than 0")
        return config


def new_config(preset: str | None, paths: list[Path], request: Request) -> RunConfig:
    """The configuration of a new run; text is named absolutely, so that it can be resumed from anywhere.

    Raises ``UsageError``, ``DataError`` for a path that is not there.
    """
    config = request.applied(starting_config(preset))
    if paths:
        whole = [path.expanduser().absolute() for path in paths]
        for path in whole:
            if not path.exists():
                raise DataError(f"there is no file or folder {path}", "check the name of your text")
        data = dataclasses.replace(config.data, paths=tuple(map(str, whole)))
        config = dataclasses.replace(config, data=data)
    if not any(getattr(config.training, unit) for unit in BUDGETS):
        training = dataclasses.replace(config.training, minutes=float(DEFAULT_MINUTES))
        config = dataclasses.replace(config, training=training)
    return validated(config)

"""What a trainer needs of whoever runs it: somewhere to say what happens, and someone to listen to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ysnakes_core.training.loop import Trainer


class Observer(Protocol):
    """Gets every event, steers the trainer between steps, and lets the model speak."""

    def emit(self, kind: str, **fields: Any) -> None:
        """Something happened; ``kind`` and ``fields`` are those of the run's events."""

    def between_steps(self, trainer: Trainer) -> None:
        """Called before every step: obey commands here (it may wait, for a pause or the disk)."""

    def wait_for_room(self, trainer: Trainer) -> None:
        """Called at the end: wait until what could not be saved yet is saved, or nobody wants to wait."""

    def sample(self, trainer: Trainer) -> None:
        """Called after validations: complete a prompt with the model as it is."""

    def stopping(self) -> bool:
        """Whether to cut long work short (a validation): the run is about to end."""

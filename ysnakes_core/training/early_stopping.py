"""Early stopping on validation bits per byte: patience, the least improvement that counts, and a target."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ysnakes_core.configuration import EarlyStoppingConfig


@dataclass(frozen=True)
class Verdict:
    """What a validation means: ``improved`` over the best so far; ``stop`` with a ``reason``."""

    improved: bool
    stop: bool
    reason: str = ""


class EarlyStopping:
    """Keeps the best score. ``waited`` counts validations since one improved it by ``min_delta`` or more.

    ``stopped`` is why the run is to end, "" while it may go on.
    """

    def __init__(self, config: EarlyStoppingConfig) -> None:
        self.config = config
        self.best: float | None = None
        self.best_step: int | None = None
        self.waited = 0
        self.stopped = ""
        self._reference = math.inf

    def update(self, bits_per_byte: float, step: int, *, due: bool = True) -> Verdict:
        """Take in a validation score; a score that isn't a number never counts as an improvement.

        One that was not ``due`` may improve, but is not waited for in vain: nobody is to stop a run by asking
        how it stands.
        """
        improved = bits_per_byte < (math.inf if self.best is None else self.best)
        if improved:
            self.best, self.best_step = bits_per_byte, step
        if bits_per_byte < self._reference - self.config.min_delta:
            self._reference, self.waited = bits_per_byte, 0
        elif due:
            self.waited += 1
        self.stopped = self._reason()
        return Verdict(improved, bool(self.stopped), self.stopped)

    def _reason(self) -> str:
        config = self.config
        if not config.enabled or self.best is None:
            return ""
        if config.target > 0 and self.best <= config.target:
            return f"the target of {config.target:g} bits per byte is reached"
        if self.waited >= config.patience:
            least = f" of at least {config.min_delta:g}" if config.min_delta > 0 else ""
            best = f"best {self.best:.4f} at step {self.best_step}"
            return f"no improvement{least} in {self.waited} validations; {best}"
        return ""

    def change(self, **values: Any) -> None:
        """Change settings of the running rule (``enabled``, ``patience``, ``min_delta``, ``target``)."""
        self.config = replace(self.config, **values)
        self._reconsider()

    def snooze(self) -> None:
        """Begin the whole patience anew. The score to beat stays; a target that is reached stays reached."""
        self.waited = 0
        self._reconsider()

    def _reconsider(self) -> None:
        """Whether what stopped the run still does; nothing but a validation stops one that goes on."""
        self.stopped = self.stopped and self._reason()

    @property
    def reference(self) -> float | None:
        """The score that ``min_delta`` and patience are measured against; None before there is one."""
        return None if math.isinf(self._reference) else self._reference

    def state(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_step": self.best_step,
            "waited": self.waited,
            "reference": self.reference,
            "stopped": self.stopped,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.best, self.best_step, self.waited = state["best"], state["best_step"], state["waited"]
        self._reference = math.inf if state["reference"] is None else state["reference"]
        self.stopped = str(state.get("stopped", ""))  # older checkpoints do not say
        self._reconsider()

"""Early stopping on validation bits per byte: patience, the least improvement that counts, and a target."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ysnakes_core.configuration import EarlyStoppingConfig
from ysnakes_core.training.best_model import Scored


@dataclass(frozen=True)
class Verdict:
    """What a validation means: ``improved`` over the best so far; ``stop`` with a ``reason``."""

    improved: bool
    stop: bool
    reason: str = ""


class EarlyStopping:
    """Keeps the best score, and waits for better ones.

    ``best`` is the run's: that of the model which is kept as its best, also where training went back behind
    it. ``waited`` counts validations since one improved the ``reference`` by ``min_delta`` or more; that one
    is of the course that training is on, as what was left behind says nothing of whether this one gets on.
    Nothing is counted while it is off. ``stopped`` is why the run is to end, "" while it may go on.
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
        elif due and self.config.enabled:
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
        """Change settings of the running rule (``enabled``, ``patience``, ``min_delta``, ``target``).

        Turned on, it begins its whole patience.
        """
        was_on, self.config = self.config.enabled, replace(self.config, **values)
        if self.config.enabled != was_on:
            self.waited = 0
        self._reconsider()

    def snooze(self) -> None:
        """Begin the whole patience anew. The score to beat stays; a target that is reached stays reached."""
        self.waited = 0
        self._reconsider()

    def know_best(self, best: Scored | None) -> None:
        """Take what is kept on the disk as the run's best: after a resume it may be of another course."""
        self.best, self.best_step = (best.bits_per_byte, best.step) if best is not None else (None, None)

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
            "enabled": self.config.enabled,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.best, self.best_step, self.waited = state["best"], state["best_step"], state["waited"]
        self._reference = math.inf if state["reference"] is None else state["reference"]
        self.stopped = str(state.get("stopped", ""))  # older checkpoints do not say
        # Nor whether it was on: where its patience was over and it did not stop, it was off.
        was_on = state.get("enabled", bool(self.stopped) or self.waited < self.config.patience)
        if not (was_on and self.config.enabled):
            self.waited = 0
        self._reconsider()

"""How much of the budget is spent, and the learning rate that follows from it (warm-up, stable, decay)."""

from __future__ import annotations

from dataclasses import dataclass

from ysnakes_core.configuration import ScheduleConfig, TrainingConfig

DEFAULT_MINUTES = 5.0


@dataclass(frozen=True)
class Budget:
    """How long to train: ``amount`` of ``unit`` (steps, tokens, epochs or minutes)."""

    unit: str
    amount: float

    @staticmethod
    def of(config: TrainingConfig) -> Budget:
        """The budget that a configuration gives; five minutes if it gives none."""
        for unit in ("steps", "tokens", "epochs", "minutes"):
            amount = float(getattr(config, unit))
            if amount > 0:
                return Budget(unit, amount)
        return Budget("minutes", DEFAULT_MINUTES)

    def progress(self, *, steps: int, tokens: int, seconds: float, tokens_per_epoch: int) -> float:
        """The part of the budget that is spent, from 0 to 1."""
        spent = {
            "steps": float(steps),
            "tokens": float(tokens),
            "epochs": tokens / max(1, tokens_per_epoch),
            "minutes": seconds / 60.0,
        }[self.unit]
        return min(1.0, spent / self.amount)

    def validations(self) -> int:
        """How often to validate over the whole budget where the user doesn't say: 10 to 50 times."""
        per = {"steps": 100.0, "tokens": 250_000.0, "epochs": 0.25, "minutes": 0.5}[self.unit]
        return round(min(50.0, max(10.0, self.amount / per)))

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"


class Cadence:
    """When something is due: every so many steps, or ``times`` evenly over the budget if ``every`` is 0."""

    def __init__(self, every: int, times: int) -> None:
        self.every, self.times = every, times
        self._seen = 0  # parts of the budget that are behind

    def due(self, step: int, fraction: float) -> bool:
        """Ask once after each step; ``fraction`` of the budget is spent."""
        if self.every:
            return step % self.every == 0
        behind = int(fraction * self.times + 1e-9)  # so that 22 / 22 of 22 is 22
        is_due = behind > self._seen
        self._seen = behind
        return is_due

    def state(self) -> int:
        return self._seen

    def load_state(self, seen: int) -> None:
        self._seen = int(seen)


def learning_rate_scale(progress: float, config: ScheduleConfig) -> float:
    """The multiplier of the peak learning rates after ``progress`` (0 to 1) of the budget.

    Linear warm-up, then constant, then linear decay to ``final_scale`` (warmup-stable-decay,
    arXiv 2404.06395; linear decay to near zero, arXiv 2502.15938).
    """
    warmup, decay = config.warmup_fraction, config.decay_fraction
    scale = 1.0
    if warmup > 0:
        scale = min(scale, (progress + 1e-3 * warmup) / warmup)
    if decay > 0 and progress > 1.0 - decay:
        left = (1.0 - progress) / decay
        scale = min(scale, config.final_scale + (1.0 - config.final_scale) * left)
    return scale

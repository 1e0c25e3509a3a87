"""The sampling options: what can be asked for, and in which range. Light: forms need it too."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from ysnakes_core.errors import UsageError

_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class SamplingOptions:
    """How tokens are chosen. Raises :class:`UsageError` for a value outside its range.

    ``seed=None`` draws a fresh seed, which the completion then names, so that any text can be made again.
    ``stop`` holds strings at which the text ends, without showing them.
    """

    max_tokens: int = 200
    temperature: float = 0.6
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.0
    repetition_penalty: float = 1.1
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _whole("max_tokens", self.max_tokens, 1, None)
        _between("temperature", self.temperature, 0.0, 100.0, "0 means greedy")
        _whole("top_k", self.top_k, 0, None, "0 means off")
        _between("top_p", self.top_p, 0.0, 1.0, "1 means off", above=True)
        _between("min_p", self.min_p, 0.0, 1.0, "0 means off")
        _between("repetition_penalty", self.repetition_penalty, 0.01, 10.0, "1 means off")
        if self.seed is not None:
            _whole("seed", self.seed, 0, _LARGEST_SEED)
        if isinstance(self.stop, str) or not all(isinstance(s, str) and s for s in self.stop):
            raise UsageError("a stop string is empty or not text", "give one or more characters to stop at")

    def variants(self, count: int) -> list[SamplingOptions]:
        """``count`` options that differ in their seeds only: seed, seed + 1, …; all fresh if it is None."""
        if self.seed is None:
            return [self] * count
        return [replace(self, seed=(self.seed + i) % (_LARGEST_SEED + 1)) for i in range(count)]


def _whole(name: str, value: object, low: int, high: int | None, note: str = "") -> None:
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value >= low
        and (high is None or value <= high)
    ):
        return
    span = f"{low} or more" if high is None else f"from {low} to {high}"
    raise UsageError(f"{name} cannot be {value!r}", f"give a whole number, {span}{_aside(note)}")


def _between(name: str, value: float, low: float, high: float, note: str, above: bool = False) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and low <= value <= high and not (above and value == low):
        return
    span = f"above {low:g} and up to {high:g}" if above else f"from {low:g} to {high:g}"
    raise UsageError(f"{name} cannot be {value!r}", f"give a number {span}{_aside(note)}")


def _aside(note: str) -> str:
    return f" ({note})" if note else ""


def fresh_seed() -> int:
    """A new seed from the system's randomness, short enough to be typed again."""
    return secrets.randbits(31)

"""What training would take on this machine, size by size: the rows of ``ysnakes plan``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import UsageError
from ysnakes_core.training.memory import MemoryPlan, choose_batch, parameter_counts, plan_memory

Speed = Callable[
    [RunConfig, int, int, int], float
]  # configuration, vocabulary, seq_len, batch: tokens a second


@dataclass(frozen=True)
class PlanRow:
    """One configuration: its step, what that takes in memory, and how long ``tokens`` tokens would take.

    ``tokens_per_second`` and ``seconds`` are None where it does not fit or no speed was asked for.
    """

    preset: str
    parameters: int
    vocab_size: int
    seq_len: int
    batch_size: int
    micro_batch_size: int
    memory: MemoryPlan
    fits: bool
    tokens: int
    tokens_per_second: float | None

    @property
    def seconds(self) -> float | None:
        return self.tokens / self.tokens_per_second if self.tokens_per_second else None


def plan_table(
    configs: Iterable[RunConfig],
    *,
    limit: int,
    tokens: int,
    device: str = "cpu",
    speed: Speed | None = None,
) -> list[PlanRow]:
    """A row for each configuration, with its own vocabulary, sequence length and batch (0: automatic).

    Args:
        limit: bytes of memory a step may use.
        tokens: training tokens whose time is wanted.
        speed: predicts tokens a second, for example ``speed.predict_speed``; None: memory only.
    """
    rows = []
    for config in configs:
        training, vocabulary = config.training, config.text.vocab_size
        length = training.seq_len
        try:
            batch, micro = choose_batch(
                config, vocabulary, seq_len=length, batch_size=training.batch_size, limit=limit, device=device
            )
            micro = min(batch, training.micro_batch_size) or micro
        except UsageError:
            batch, micro = training.batch_size or 1, 1
        memory = plan_memory(
            config, vocabulary, seq_len=length, batch_size=batch, micro_batch_size=micro, device=device
        )
        fits = memory.total <= limit
        rows.append(
            PlanRow(
                preset=config.preset,
                parameters=sum(parameter_counts(config.model, vocabulary)),
                vocab_size=vocabulary,
                seq_len=length,
                batch_size=batch,
                micro_batch_size=micro,
                memory=memory,
                fits=fits,
                tokens=tokens,
                tokens_per_second=speed(config, vocabulary, length, batch) if fits and speed else None,
            )
        )
    return rows

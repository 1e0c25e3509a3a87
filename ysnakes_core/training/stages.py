"""Sequence-length stages: short sequences first, longer ones when the loss or the budget says so.

Written ``64x32@1.0,128x16@0.5,192``: sequences of 64 tokens, 32 a step, until the smoothed training loss is
1.0 nats per token; then 128 x 16 until 0.5; then 192, the number of sequences chosen so that a step has
about as many tokens as before. A stage also ends when its share of the budget (an equal part) is spent, so
that a threshold that is never reached holds nothing up. ``auto`` is one, two and three times the sequence
length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ysnakes_core.errors import UsageError

_PART = re.compile(r"(\d+)(?:x(\d+))?(?:@(\d+(?:\.\d*)?|\.\d+))?")
MAX_STAGES = 32


@dataclass(frozen=True)
class Stage:
    """``batch_size`` sequences of ``seq_len`` tokens a step, until ``threshold`` nats per token if given."""

    seq_len: int
    batch_size: int
    threshold: float | None = None


def parse_stages(text: str, seq_len: int, batch_size: int) -> tuple[Stage, ...]:
    """The stages that a setting describes; an empty one is a single stage.

    Raises:
        UsageError: the text is not of the form above.
    """
    text = text.strip()
    if not text:
        return (Stage(seq_len, batch_size),)
    if text == "auto":
        per_step = seq_len * batch_size
        return tuple(Stage(seq_len * k, max(1, round(per_step / (seq_len * k)))) for k in (1, 2, 3))
    stages: list[Stage] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None or int(match[1]) < 1 or (match[2] is not None and int(match[2]) < 1):
            raise UsageError(
                f"stages has a part {part.strip()!r} that is not LENGTH, LENGTHxBATCH or LENGTHxBATCH@LOSS",
                "write for example --stages auto or --stages 64x32@1.0,128x16@0.5,192",
            )
        length = int(match[1])
        if match[2] is not None:
            batch = int(match[2])
        else:
            per_step = stages[-1].seq_len * stages[-1].batch_size if stages else seq_len * batch_size
            batch = max(1, round(per_step / length))
        stages.append(Stage(length, batch, None if match[3] is None else float(match[3])))
    if len(stages) > MAX_STAGES:
        raise UsageError(f"stages has {len(stages)} parts", f"give at most {MAX_STAGES}")
    return tuple(stages)


def stage_over(stages: tuple[Stage, ...], index: int, smoothed_loss: float | None, progress: float) -> str:
    """Why stage ``index`` ends now, or "" if it goes on. ``progress``: of the whole budget, 0 to 1."""
    if index + 1 >= len(stages):
        return ""
    threshold = stages[index].threshold
    if threshold is not None and smoothed_loss is not None and smoothed_loss <= threshold:
        return f"the smoothed loss reached {threshold:g}"
    if progress >= (index + 1) / len(stages):
        return "its share of the budget is spent"
    return ""

"""Peak memory of training, beside what the project of which this is the grown-up form reported.

    python tests/benchmarks/memory.py                  a table
    python tests/benchmarks/memory.py --json           one JSON object
    python tests/benchmarks/memory.py --rows 2,7       only some rows, from 1

Each row is a fresh process that trains a preset's shape with the real trainer: two whole steps (all
micro-batches and both optimizers; the second has the optimizers' state from its start), a validation, and
checkpoints in a temporary folder. Measured is the peak of the process's whole resident memory.
Bars: at most a quarter of what was reported; predicted within 15 %.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

GIGABYTE = 1e9
SHARE_BAR, ERROR_BAR = 0.25, 0.15


@dataclass(frozen=True)
class Row:
    """``batch`` sequences of ``seq_len`` tokens a step of a preset's shape; ``reported`` in GB, if it was."""

    preset: str
    seq_len: int
    batch: int
    reported: float | None = None


ROWS = (
    Row("ys-1m", 256, 8),
    Row("ys-4m", 256, 8),
    Row("ys-24m", 256, 64, 19.0),
    Row("ys-24m", 512, 16, 21.5),
    Row("ys-60m", 128, 64, 21.5),
    Row("ys-71m", 128, 64, 21.9),
    Row("ys-120m", 72, 64, 21.6),
    Row("ys-120m", 96, 20, 21.8),
    Row("ys-296m", 32, 1, 21.6),
)


class Silent:
    """An observer that only keeps what each step said."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []

    def emit(self, kind: str, **fields: Any) -> None:
        if kind == "step":
            self.steps.append(fields)

    def between_steps(self, trainer: object) -> None:
        pass

    def wait_for_room(self, trainer: object) -> None:
        pass

    def sample(self, trainer: object) -> None:
        pass

    def stopping(self) -> bool:
        return False


def train(row: Row, steps: int) -> dict[str, Any]:
    """Train in this process; what was predicted and what it took, in bytes."""
    import torch

    from ysnakes_core.configuration import apply_settings, preset_config
    from ysnakes_core.model.language_model import LanguageModel
    from ysnakes_core.runs.preparation import plan_stages
    from ysnakes_core.text.corpus import Corpus
    from ysnakes_core.text.token_stream import make_stream
    from ysnakes_core.training.loop import Trainer
    from ysnakes_core.training.memory import plan_memory, process_memory

    settings = {"steps": steps, "seq_len": row.seq_len, "batch_size": row.batch, "checkpoint_every": 10**6}
    config = apply_settings(preset_config(row.preset), [f"{k}={v}" for k, v in settings.items()])
    vocabulary = config.text.vocab_size
    random = np.random.default_rng(0)

    def stream(tokens: int) -> Any:
        documents = [random.integers(2, vocabulary, size=200).tolist() for _ in range(-(-tokens // 200))]
        return make_stream([(document, 1000) for document in documents], 0, vocabulary)

    device = torch.device("cpu")
    stages, limits = plan_stages(config, vocabulary, device, None)
    plan = plan_memory(
        config,
        vocabulary,
        seq_len=row.seq_len,
        batch_size=row.batch,
        micro_batch_size=limits.micro_batch_sizes[0],
    )
    seen = Silent()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            config,
            LanguageModel(config.model, vocabulary),
            Corpus(stream(2 * steps * row.batch * row.seq_len), stream(2000), "random", []),
            stages,
            limits,
            seen,
            end_id=0,
            identity={},
            checkpoints=Path(folder),
        )
        trainer.run()
    return {
        "measured": process_memory()["peak"],
        "predicted": plan.total,
        "micro_batch": plan.micro_batch_size,
        "parameters": trainer.model.n_parameters(),
        "tokens_per_second": seen.steps[-1]["tokens_per_second"],
    }


def measure(number: int, steps: int, threads: int) -> dict[str, Any]:
    """A row of ``ROWS`` in a process of its own."""
    environment = {"OMP_WAIT_POLICY": "passive", **os.environ}
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    command = [sys.executable, __file__, "--child", str(number), "--steps", str(steps)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"row {number + 1} failed:\n{done.stderr}")
    row, found = ROWS[number], json.loads(done.stdout.splitlines()[-1])
    reported = None if row.reported is None else row.reported * GIGABYTE
    return {
        "preset": row.preset,
        "seq_len": row.seq_len,
        "batch": row.batch,
        **found,
        "reported": reported,
        "share": None if reported is None else found["measured"] / reported,
        "error": found["predicted"] / found["measured"] - 1.0,
    }


def line(row: dict[str, Any]) -> str:
    def gigabytes(count: float | None) -> str:
        return "-" if count is None else f"{count / GIGABYTE:.2f}"

    share = "-" if row["share"] is None else f"{row['share']:.3f}"
    step = f"{row['seq_len']} x {row['batch']}"
    return (
        f"{row['preset']:<9}{row['parameters'] / 1e6:>8.1f}M{step:>10}{row['micro_batch']:>7}"
        f"{gigabytes(row['reported']):>10}{gigabytes(row['measured']):>10}{share:>8}"
        f"{gigabytes(row['predicted']):>11}{row['error']:>+8.1%}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--rows", default="", help="numbers of rows, from 1; all by default")
    parser.add_argument("--steps", type=int, default=2, help="steps a row")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's own choice")
    parser.add_argument("--child", type=int, default=-1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child >= 0:
        print(json.dumps(train(ROWS[args.child], args.steps)))
        return 0
    if not args.json:
        print(
            f"{'preset':<9}{'size':>9}{'step':>10}{'micro':>7}{'reported':>10}{'measured':>10}"
            f"{'share':>8}{'predicted':>11}{'error':>8}   (GB = 10^9 bytes)"
        )
    rows = []
    for number in [int(n) - 1 for n in args.rows.split(",") if n] or range(len(ROWS)):
        rows.append(measure(number, args.steps, args.threads))
        if not args.json:
            print(line(rows[-1]), flush=True)
    small = all(row["share"] is None or row["share"] <= SHARE_BAR for row in rows)
    close = all(abs(row["error"]) <= ERROR_BAR for row in rows)
    if args.json:
        print(json.dumps({"rows": rows, "share_bar_met": small, "error_bar_met": close}))
    else:
        print(f"at most {SHARE_BAR:.2f} of what was reported: {'yes' if small else 'no'}")
        print(f"predicted within {ERROR_BAR:.0%}: {'yes' if close else 'no'}")
    return 0 if small and close else 1


if __name__ == "__main__":
    sys.exit(main())

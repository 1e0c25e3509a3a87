"""How many tokens a second a model will train at on this machine, from a short trial of its parts.

A training step is a sum: each block's forward and backward pass, the output head, the optimizers, passes over
the gradients. One real block of the wanted shape and one real block of logits are timed on a few hundred
tokens; the optimizers' time follows from their operations and the measured speed of a matrix product and of
the memory.

What is done for the first time in a process takes longer, on a busy machine many times as long: each trial
is run once before it counts, then at least twice within a bound of time, and the least counts. All sizes
together take a few seconds. Trials are kept for a day, as long as neither the processor, the threads nor
torch change and a matrix product still takes about as long: a busy machine that falls idle, or the other way
round, is tried again. Of what did not take about the same each time nothing is kept for others.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ysnakes_core.configuration import ModelConfig, RunConfig
from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import write_atomically
from ysnakes_core.model.head_loss import block_rows, head_loss
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.paths import cache_dir
from ysnakes_core.training.memory import parameter_counts, plan_memory
from ysnakes_core.training.muon import COEFFICIENTS

TRIAL_TOKENS = 1024  # of a narrow block
TRIAL_TOKENS_WIDE = 512
TRIAL_WIDE = 512  # d_model from which the smaller number is enough
LEAST_TRIAL_TOKENS = 64
LONGEST_TRIAL = 512  # a block's time is linear in the length beyond a few chunks
TRIAL_SECONDS = 0.3  # after so long it is run no third time; one that would take twice as long is cut
MOST_SECONDS = 2.0  # after so long it is not even run a second time
STEADY = 2.0  # how many times the least another run may have taken
SAME_SPEED = 1.5  # how much longer or shorter a matrix product may take before everything is tried again
KEPT_SECONDS = 24 * 3600
CACHE_FILE = "speed.json"


class NotWanted(Exception):
    """Nobody waits for the trials any more."""


class Trials:
    """Times of parts of a step on one device, each measured once and kept.

    ``path``: where they are kept between processes; None: nowhere. ``clock`` and ``now`` are in seconds.
    ``wanted``: asked before each run; where it says False, ``NotWanted`` is raised.
    """

    def __init__(
        self,
        device: str = "cpu",
        path: Path | None = None,
        *,
        autocast: torch.dtype | None = None,
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], float] = time.time,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self.device, self.autocast = torch.device(device), autocast
        self._path, self._clock, self._now, self._wanted = path, clock, now, wanted
        self._machine = _machine(self.device, autocast)
        self._kept: dict[str, tuple[float, float]] = {}  # name: (seconds, when)
        self._unsteady: set[str] = set()  # of those
        self._read()

    def block(self, config: ModelConfig, seq_len: int) -> float:
        """Seconds a token of one block's forward and backward pass."""
        one = dataclasses.replace(config, n_layers=1)
        numbers, _ = parameter_counts(one, 0)
        tokens = TRIAL_TOKENS_WIDE if config.d_model >= TRIAL_WIDE else TRIAL_TOKENS
        while tokens > LEAST_TRIAL_TOKENS and 3 * numbers * tokens * self.products() > 2 * TRIAL_SECONDS:
            tokens //= 2
        length = min(seq_len, LONGEST_TRIAL, tokens)
        rows = tokens // length
        shape = ",".join(str(v) for v in dataclasses.astuple(one))

        def trial() -> Callable[[], None]:
            model = LanguageModel(one, 16).to(self.device)
            inputs = torch.randint(16, (rows, length), device=self.device)

            def run() -> None:
                with self._mixed():
                    loss = model.loss_sum(inputs, inputs)
                loss.backward()

            return run

        return self._timed(f"block {shape} {rows}x{length}", trial) / (rows * length)

    def head(self, d_model: int, vocab_size: int) -> float:
        """Seconds a token of the output head, its loss and their gradients."""
        rows = block_rows(vocab_size)

        def trial() -> Callable[[], None]:
            weight = torch.randn(vocab_size, d_model, device=self.device, requires_grad=True)
            hidden = torch.randn(rows, d_model, device=self.device, requires_grad=True)
            targets = torch.randint(vocab_size, (rows,), device=self.device)

            def run() -> None:
                with self._mixed():
                    head_loss(hidden, weight, targets)

            return run

        return self._timed(f"head {vocab_size}x{d_model}", trial) / rows

    def products(self, again: bool = False) -> float:
        """Seconds a multiplication and addition pair of a matrix product, in float32."""
        size = 512

        def trial() -> Callable[[], None]:
            a = torch.randn(size, size, device=self.device)
            return lambda: _nothing(a @ a)

        if again:
            self._kept.pop("product", None)
        return self._timed("product", trial, repeats=8) / size**3

    def passes(self) -> float:
        """Seconds a byte read or written by an operation on each element of something large."""
        count = 2**23

        def trial() -> Callable[[], None]:
            a, b = (torch.ones(count, device=self.device) for _ in range(2))
            return lambda: _nothing(a.add_(b))

        return self._timed("passes", trial, repeats=4) / (3 * 4 * count)

    def save(self) -> None:
        """Keep the trials for other processes; a disk that refuses is no reason to stop."""
        if self._path is None:
            return
        steady = {name: trial for name, trial in self._kept.items() if name not in self._unsteady}
        content = json.dumps({"machine": self._machine, "trials": steady})
        with contextlib.suppress(OSError, YsnakesError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, content)

    def _read(self) -> None:
        try:
            content = json.loads(self._path.read_bytes()) if self._path else {}
            if content["machine"] == self._machine:
                kept = {str(k): (float(v[0]), float(v[1])) for k, v in content["trials"].items()}
                self._kept = {k: v for k, v in kept.items() if 0 <= self._now() - v[1] < KEPT_SECONDS}
                before, after = self.products(), self.products(again=True)
                if not 1 / SAME_SPEED < after / before < SAME_SPEED:
                    self._kept = {"product": self._kept["product"]}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError):
            self._kept = {}

    def _timed(self, name: str, trial: Callable[[], Callable[[], None]], repeats: int = 3) -> float:
        """The least seconds of a few runs, without the first."""
        if name not in self._kept:
            with _own_randomness(self.device):
                run = trial()
            first, spent = self._once(run), [self._once(run)]
            while len(spent) < repeats:
                if first + sum(spent) > (MOST_SECONDS if len(spent) < 2 else TRIAL_SECONDS):
                    break
                spent.append(self._once(run))
            if len(spent) < 2 or max(spent) > STEADY * min(spent):
                self._unsteady.add(name)
            self._kept[name] = (min(spent), self._now())
        return self._kept[name][0]

    def _once(self, run: Callable[[], None]) -> float:
        if not self._wanted():
            raise NotWanted
        self._wait()
        began = self._clock()
        run()
        self._wait()
        return self._clock() - began

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _mixed(self) -> contextlib.AbstractContextManager[None]:
        return torch.autocast(self.device.type, dtype=self.autocast, enabled=self.autocast is not None)


def predict_speed(
    config: RunConfig,
    vocab_size: int,
    seq_len: int,
    batch_size: int,
    device: str = "cpu",
    *,
    trials: Trials | None = None,
) -> float:
    """Training tokens a second, here and now, of steps of ``batch_size`` sequences of ``seq_len`` tokens.

    ``trials``: of ``device``; by default those kept in the cache folder, added to as needed.
    """
    own = trials is None
    if trials is None:
        trials = kept_trials(config, device)
    seconds = step_seconds(config, vocab_size, seq_len, batch_size, trials)
    if own:
        trials.save()
    return batch_size * seq_len / seconds


def kept_trials(config: RunConfig, device: str, wanted: Callable[[], bool] = lambda: True) -> Trials:
    """The trials of the cache folder for a run on ``device``; ``wanted`` as of ``Trials``."""
    return Trials(device, cache_dir() / CACHE_FILE, autocast=_autocast(config, device), wanted=wanted)


def step_seconds(config: RunConfig, vocab_size: int, seq_len: int, batch_size: int, trials: Trials) -> float:
    """Seconds of one whole step: every micro-batch, clipping, both optimizers."""
    model, training = config.model, config.training
    hidden, rest = parameter_counts(model, vocab_size)
    plan = plan_memory(config, vocab_size, seq_len=seq_len, batch_size=batch_size, device=str(trials.device))
    micro_batches = math.ceil(batch_size / plan.micro_batch_size)
    tokens = batch_size * seq_len
    passing = tokens * (
        model.n_layers * trials.block(model, seq_len) + trials.head(model.d_model, vocab_size)
    )
    # Reads and writes of 4 bytes for each number: adding a micro-batch's gradients to those before it, the
    # head's (kept twice); the norm and the scaling; AdamW's; Muon's momentum, direction, stacking and update.
    accumulated = 3 * (hidden + rest) * (micro_batches - 1) + 2 * vocab_size * model.d_model * micro_batches
    clipped = 4 * (hidden + rest)
    if training.optimizer == "muon":
        stepped, products = 7 * rest + 16 * hidden, model.n_layers * _orthogonalization(model)
    else:
        stepped, products = 7 * (rest + hidden), 0
    moved = 4 * (accumulated + clipped + stepped)
    return passing + moved * trials.passes() + products * trials.products()


def _orthogonalization(config: ModelConfig) -> int:
    """Multiplications of orthogonalising the two matrices of one block."""
    d, inner = config.d_model, config.d_inner
    projected = 2 * inner + 2 * config.n_groups * config.d_state + config.n_heads
    count = 0
    for rows, columns in ((projected, d), (d, inner)):
        short, long = min(rows, columns), max(rows, columns)
        # The Gram matrix and the last product touch the long side; each iteration multiplies short squares:
        # the square, the running product (but the first), two for the next Gram matrix (but the last).
        squares = 4 * len(COEFFICIENTS) - 3
        count += 2 * short * short * long + squares * short**3
    return count


def _autocast(config: RunConfig, device: str) -> torch.dtype | None:
    precision = config.training.precision
    gpu = torch.device(device).type == "cuda"
    return torch.bfloat16 if precision == "bfloat16" or (precision == "auto" and gpu) else None


def _machine(device: torch.device, autocast: torch.dtype | None) -> str:
    """What the trials hold for."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}, {device}, {autocast}"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@contextlib.contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    """Leave torch's random state as it was: a trial must not change what is trained after it."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def _nothing(_: object) -> None:
    """Drop a result."""

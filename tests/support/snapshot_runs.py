"""Runs with a history, written as a worker writes them and the same on every machine and day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ysnakes_core.configuration import EarlyStoppingConfig, ValidationConfig, preset_config
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.event_log import EventLog
from ysnakes_core.runs.events import (
    CheckpointEvent,
    CommandEvent,
    EarlyStoppingEvent,
    Event,
    MemoryEvent,
    RunEndedEvent,
    RunStartedEvent,
    SampleEvent,
    StepEvent,
    ValidationEvent,
)
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState

NOW = 1_700_000_000.0  # Unix seconds: 2023-11-14 22:13:20 UTC
TOKENS = 2048  # a step
SECONDS = 0.74  # a step
MEMORY = {"rss": 612_000_000, "peak": 655_000_000, "available": 2_900_000_000, "total": 4_000_000_000}
_STORIES = (
    "the the of a a stone and the it the water",
    "Rain is water that the sky of the a cloud.",
    "Rain is water that falls from clouds when they are cold.",
    "Rain is water that falls from clouds. Snow is rain that froze on its way down.",
)


class WrittenRun:
    """``name`` with 5,000 steps ahead of it, patience of 5 and a validation every 100 steps."""

    def __init__(self, runs: Path, name: str, *, preset: str = "ys-2m", scale: float = 1.0) -> None:
        config = preset_config(preset)
        config = replace(
            config,
            early_stopping=EarlyStoppingConfig(patience=5),
            validation=ValidationConfig(validate_every=100),
            training=replace(config.training, steps=5000, tokens=0, epochs=0.0, minutes=0.0),
        )
        self.run = create_run(runs, config, name)
        self.log = EventLog(self.run.events_file)
        self.scale, self.step = scale, 0
        self.best, self.best_step, self.waited = math.inf, 0, 0
        self.score = math.inf  # bits per byte of the last validation
        self.write(
            RunStartedEvent(
                *(self.time, 0, 0, name, None, 1_913_648, 2048, "cpu", "float32"),
                **{"train_tokens": 420_000, "validation_tokens": 16_384, "total_steps": 5000},
            )
        )

    @property
    def time(self) -> float:
        """When the step was done: the run began 1,200 steps ago."""
        return NOW - 0.4 - SECONDS * (1200 - self.step)

    def write(self, *events: Event) -> None:
        for event in events:
            self.log.append(event)

    def train(self, until: int, *, learns_until: int = 5000, samples: bool = True) -> None:
        """Up to step ``until``; from ``learns_until`` on validation gets no better."""
        while self.step < until:
            self.step += 1
            n, warm = self.step, min(1.0, self.step / 200)
            wiggle = math.sin(n * 12.9898) * 0.5 + math.sin(n * 78.233) * 0.5
            loss = self.scale * (1.9 + 4.2 * math.exp(-n / 260)) + 0.16 * wiggle
            rate = 0.01 * warm * (0.55 + 0.45 * math.cos(math.pi * n / 5000))
            norm = 0.6 + 0.9 * math.exp(-n / 150) + 0.2 * abs(wiggle) + (3.5 if n % 400 == 170 else 0.0)
            pace = 2760 + 60 * wiggle
            self.write(StepEvent(self.time, n, TOKENS * n, loss, rate, norm, pace, 256, 8))
            if n % 100 == 0:
                self._validate(learns_until, samples=samples)

    def _validate(self, learns_until: int, *, samples: bool) -> None:
        n, tokens = self.step, TOKENS * self.step
        useful = min(n, learns_until) + max(0, n - learns_until) * -0.1
        loss = self.scale * (1.98 + 4.0 * math.exp(-useful / 260))
        self.score = round(loss * 0.78, 4)
        if self.score < self.best:
            self.best, self.best_step, self.waited = self.score, n, 0
        else:
            self.waited += 1
        self.write(ValidationEvent(self.time, n, tokens, loss, math.exp(loss), self.score))
        self.write(self._patience())
        self.save(best=self.waited == 0)
        if samples:
            story = _STORIES[min(n // 320, len(_STORIES) - 1)]
            self.write(SampleEvent(self.time, n, tokens, "What is rain?", story))

    def _patience(self, **more: Any) -> EarlyStoppingEvent:
        place = (self.time, self.step, TOKENS * self.step)
        return EarlyStoppingEvent(*place, self.waited, 5, 0.0, self.best, self.best_step, **more)

    def save(self, *, best: bool, name: str = "") -> None:
        name = name or f"step-{self.step:08d}"
        (self.run.checkpoints_folder / name).mkdir()
        if best:
            (self.run.checkpoints_folder / "best").write_text(name)
        place = (self.time, self.step, TOKENS * self.step)
        self.write(CheckpointEvent(*place, name, self.score, best))

    def answer(self, name: str, message: str, arguments: Mapping[str, Any] | None = None) -> None:
        place = (self.time - 9.0, self.step, TOKENS * self.step)
        self.write(CommandEvent(*place, f"{self.step:020d}-1-{name}", name, arguments or {}, True, message))

    def run_on(self, *, memory: Mapping[str, int] | None = None, **state: Any) -> None:
        """A worker has it: this process."""
        self.write(MemoryEvent(self.time, self.step, TOKENS * self.step, memory or MEMORY))
        load = {"cpu_percent": 187.0, "cpu_count": 2, "system_percent": 96.0}
        self._stand(RunState("running").of_process(this_process()), eta=2812.0, **{**load, **state})

    def crash(self, *last_lines: str) -> None:
        """Its worker was one of a machine that has not been heard of since."""
        log = ("=== worker 4711, 2023-11-14 21:58:32", "training on the CPU", *last_lines)
        self.run.worker_log.write_bytes("\n".join(log).encode("utf-8", "surrogateescape") + b"\n")
        self.write(MemoryEvent(self.time, self.step, TOKENS * self.step, MEMORY))
        self._stand(RunState("running", pid=4711, boot_id="another boot"))

    def stop_early(self) -> None:
        reason = f"no improvement in {self.waited} validations; best {self.best:.4f} at step {self.best_step}"
        self.write(self._patience(stopping=True, reason=reason))
        self.end("finished", reason)

    def end(self, status: str, reason: str) -> None:
        place = (self.time, self.step, TOKENS * self.step)
        self.write(RunEndedEvent(*place, status, reason, self.best, self.best_step))
        self._stand(RunState(status, message=reason))

    def _stand(self, state: RunState, **changes: Any) -> None:
        best = self.best if math.isfinite(self.best) else None
        self.run.write_state(
            replace(
                state,
                **{"heartbeat": self.time, "step": self.step, "tokens": TOKENS * self.step},
                **{"total_steps": 5000, "best": best, "best_step": self.best_step if best else None},
                **{"seconds": SECONDS * self.step, "sessions": 1, **changes},
            )
        )
        self.log.close()


def list_line(
    runs: Path, name: str, status: str, *, age: float, preset: str = "ys-2m", step: int = 0, best: float = 0.0
) -> RunDirectory:
    """A run of which only what the list shows is there. ``age``: seconds since its last sign of life."""
    run = create_run(runs, preset_config(preset), "being-made")
    run = RunDirectory(run.path.rename(runs / name))
    state = RunState(status, heartbeat=NOW - age, step=step, best=best or None)
    run.write_state(state.of_process(this_process()) if status in ("running", "paused") else state)
    return run

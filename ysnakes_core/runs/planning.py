"""What a run would take on this machine, before it is made: memory first, speed after a trial.

``main`` answers such questions in a process of its own, so that whoever asks neither waits for torch nor
pays for it. A question is a line of JSON on stdin, ``{"number": 3, "config": "…TOML…"}``; each answer is one
on stdout, ``{"number": 3, "plan": {…}}``: first without a speed, at once, then with one if it fits. Of
questions that wait only the newest is answered, and trials end where a newer one has come. It ends with its
stdin.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from ysnakes_core.configuration import RunConfig, from_toml
from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.runs.plans import RunPlan, StagePlan
from ysnakes_core.runs.preparation import (
    SHARE_OF_FREE_MEMORY,
    choose_autocast,
    choose_device,
    data_paths,
    plan_stages,
)
from ysnakes_core.runs.processes import give_way
from ysnakes_core.text.reading import SUFFIXES
from ysnakes_core.training.memory import available_memory, parameter_counts, plan_memory
from ysnakes_core.training.schedule import Budget
from ysnakes_core.training.speed import NotWanted, kept_trials, predict_speed

BYTES_PER_TOKEN = {"bpe": 3.6, "word": 3.6}  # of English text, about, for an epoch's length


def plan_run(config: RunConfig) -> RunPlan:
    """The memory of the run's fullest step. What does not fit or cannot be used is the plan's ``problem``."""
    vocabulary = config.text.vocab_size
    parameters = sum(parameter_counts(config.model, vocabulary))
    try:
        device = choose_device(config.training.device)
        free = available_memory(str(device))
    except YsnakesError as error:
        return RunPlan(parameters, config.training.device, 0, 0, (), 0, problem=error.what, hint=error.hint)
    limit = config.training.memory_limit or int(SHARE_OF_FREE_MEMORY * free)
    plan = RunPlan(parameters, str(device), free, limit, (), 0)
    try:
        stages, limits = plan_stages(
            config, vocabulary, device, choose_autocast(config.training.precision, device)
        )
    except UsageError as error:
        least = plan_memory(
            config, vocabulary, seq_len=config.training.seq_len, batch_size=1, device=str(device)
        )
        return dataclasses.replace(plan, bytes=least.total, problem=error.what, hint=error.hint)
    needed = 0
    for stage, micro in zip(stages, limits.micro_batch_sizes, strict=True):
        step = plan_memory(
            config,
            vocabulary,
            seq_len=stage.seq_len,
            batch_size=stage.batch_size,
            micro_batch_size=micro,
            device=str(device),
        )
        needed = max(needed, step.total)
    return dataclasses.replace(
        plan,
        stages=tuple(
            StagePlan(stage.seq_len, stage.batch_size, micro)
            for stage, micro in zip(stages, limits.micro_batch_sizes, strict=True)
        ),
        bytes=needed,
    )


def with_speed(plan: RunPlan, config: RunConfig, wanted: Callable[[], bool] = lambda: True) -> RunPlan:
    """``plan`` with how fast it would be and how far it would get, after a trial of some seconds.

    Raises ``NotWanted`` as soon as ``wanted`` says so; what was tried until then is kept.
    """
    vocabulary = config.text.vocab_size
    trials = kept_trials(config, plan.device, wanted)
    try:
        paces = [
            predict_speed(config, vocabulary, stage.seq_len, stage.batch_size, plan.device, trials=trials)
            for stage in plan.stages
        ]
    finally:
        trials.save()
    # Each stage has an equal part of the budget, which is of tokens, near enough, unless it is of minutes.
    budget = Budget.of(config.training)
    if budget.unit == "minutes":
        pace = sum(paces) / len(paces)
    else:
        pace = len(paces) / sum(1 / pace for pace in paces)
    a_step = sum(stage.seq_len * stage.batch_size for stage in plan.stages) / len(plan.stages)
    tokens = {
        "minutes": lambda: budget.amount * 60 * pace,
        "tokens": lambda: budget.amount,
        "steps": lambda: budget.amount * a_step,
        "epochs": lambda: budget.amount * tokens_of_text(config),
    }[budget.unit]()
    return dataclasses.replace(
        plan, tokens_per_second=pace, tokens=tokens, steps=tokens / a_step, seconds=tokens / pace
    )


def tokens_of_text(config: RunConfig) -> float:
    """About how many tokens the run's text has, judged by its size on the disk."""
    total = 0
    for path in data_paths(config.data):
        files = [path] if path.is_file() else (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
        total += sum(file.stat().st_size for file in files)
    share = 1.0 - config.data.validation_fraction
    return max(1.0, share * total / BYTES_PER_TOKEN[config.text.tokenizer])


def main() -> None:
    """Answer what stands on stdin until it ends."""
    give_way()
    Answering().run()


class Answering:
    """Three threads: one reads, one says at once what memory a run takes, one tries how fast it would be."""

    def __init__(self) -> None:
        self._questions: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()  # how many came; the line
        self._trials: queue.SimpleQueue[tuple[int, int, RunPlan, RunConfig]] = queue.SimpleQueue()
        self._came = 0  # questions so far
        self._writing = threading.Lock()

    def run(self) -> None:
        for work in (self._read, self._try):
            threading.Thread(target=work, daemon=True).start()
        while True:
            came, line = _newest(self._questions)
            question = json.loads(line)
            with self._failing(question["number"]):
                config = from_toml(question["config"])
                plan = plan_run(config)
                self._answer(question["number"], plan)
                if not plan.problem:
                    self._trials.put((came, question["number"], plan, config))

    def _read(self) -> None:
        for line in sys.stdin:
            self._came += 1
            self._questions.put((self._came, line))
        os._exit(0)  # whoever asked is gone, and so is the need for what is being worked out

    def _try(self) -> None:
        while True:
            came, number, plan, config = _newest(self._trials)
            with self._failing(number), contextlib.suppress(NotWanted):
                self._answer(number, with_speed(plan, config, lambda: self._came == came))  # noqa: B023

    @contextlib.contextmanager
    def _failing(self, number: int) -> Iterator[None]:
        try:
            yield
        except (YsnakesError, OSError, RuntimeError) as error:  # torch's own are of the last kind
            self._answer(number, RunPlan(0, "", 0, 0, (), 0, failure=str(error)))

    def _answer(self, number: int, plan: RunPlan) -> None:
        with self._writing:
            print(json.dumps({"number": number, "plan": dataclasses.asdict(plan)}), flush=True)


_Asked = TypeVar("_Asked")


def _newest(questions: queue.SimpleQueue[_Asked]) -> _Asked:
    """Wait for a question; of those that wait, the last."""
    found = questions.get()
    while not questions.empty():
        found = questions.get()
    return found

"""The process that trains a run: from its directory, into its directory, needing no terminal."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ysnakes_core import __version__
from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import YsnakesError, unforeseen
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.runs import directory
from ysnakes_core.runs.control import refuse_leftovers
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.event_log import PatientLog
from ysnakes_core.runs.preparation import Prepared, Progress, prepare
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_core.runs.steering import Listener, Steering, StopRequest
from ysnakes_core.training.checkpoint import available
from ysnakes_core.training.loop import Outcome, Trainer

__all__ = ["RunOutcome", "StopRequest", "create_run", "execute"]


@dataclass(frozen=True)
class RunOutcome:
    """How a run's worker ended. ``best`` is in bits per byte."""

    status: str  # finished, stopped
    reason: str
    best: float | None
    best_step: int | None
    step: int
    seconds: float  # of training, over all sessions
    interrupted: bool


def create_run(config: RunConfig, *, runs_dir: Path, name: str | None = None) -> RunDirectory:
    """A new run, ready to be executed. Raises ``UsageError`` for a name that is taken or not allowed."""
    return directory.create_run(runs_dir, config, name)


def execute(
    run: RunDirectory,
    *,
    resume: bool = False,
    checkpoint: str | None = None,
    listener: Listener | None = None,
    progress: Progress | None = None,
    stop: StopRequest | None = None,
) -> RunOutcome:
    """Train a run in this process until its budget is spent or it is stopped.

    Args:
        resume: go on from ``checkpoint`` (a name, ``best`` or ``latest``; by default the newest whole one).
            A run that was killed before its first checkpoint begins again, which comes to the same.
        listener: gets every event after it is in the log; where the disk does not take it, before.
        progress: told how the preparation goes: (what, done, of how many; 0 if unknown).
        stop: ask through it for an early end.

    Raises:
        YsnakesError: with what is wrong and what to do; the run's state says ``failed`` then.
    """
    stop = stop or StopRequest()
    began = time.time()
    with run.training_lock():
        config = run.read_config()
        earlier = run.read_state()
        state = RunState(
            status="starting",
            heartbeat=began,
            step=earlier.step if resume else 0,
            tokens=earlier.tokens if resume else 0,
            total_steps=earlier.total_steps if resume else None,
            best=earlier.best if resume else None,
            best_step=earlier.best_step if resume else None,
            seconds=earlier.seconds if resume else 0.0,
            sessions=1 + max(earlier.sessions, int(earlier.step > 0)) if resume else 1,
        ).of_process(this_process())
        if (earlier.status, earlier.process) != ("starting", state.process):
            refuse_leftovers(run, began, earlier.step)  # else what is there was meant for this worker
        run.write_state(state)
        with PatientLog(run.events_file) as log, Steering(run, log, state, stop, listener) as steering:
            try:
                trainer, outcome = _train(run, config, steering, resume, checkpoint, progress)
            except BaseException as error:
                _record_failure(steering, error)
                raise
            best, best_step = trainer.early_stopping.best, trainer.early_stopping.best_step
            steering.emit(
                "run_ended", status=outcome.status, reason=outcome.reason, best=best, best_step=best_step
            )
            steering.set_state(
                status=outcome.status,
                message=outcome.reason,
                step=trainer.progress.step,
                tokens=trainer.progress.tokens,
                seconds=trainer.progress.seconds,
                best=best,
                best_step=best_step,
                eta=None,
            )
            return RunOutcome(
                outcome.status,
                outcome.reason,
                best,
                best_step,
                trainer.progress.step,
                trainer.progress.seconds,
                stop.requested() and stop.kind == "interrupt",
            )


def _train(
    run: RunDirectory,
    config: RunConfig,
    steering: Steering,
    resume: bool,
    checkpoint: str | None,
    progress: Progress | None,
) -> tuple[Trainer, Outcome]:
    def tell(what: str, done: int, total: int) -> None:
        steering.set_state(message=f"{what} {100 * done // total} %" if total else what)
        if progress is not None:
            progress(what, done, total)

    prepared = prepare(run, config, tell)
    tell("preparing the model", 0, 0)
    for problem in prepared.corpus.problems:
        where = f"{problem.source}, {problem.where}" if problem.where else problem.source
        steering.emit("warning", message=f"{where}: {problem.what}", hint=problem.hint)
    trainer = make_trainer(run, config, prepared, steering)
    steering.attach(trainer, prepared.tokenizer)
    resumed_from: int | None = None
    if resume and available(run.checkpoints_folder):
        trainer.resume(checkpoint)
        resumed_from = trainer.progress.step
    facts = _facts(trainer, prepared)
    steering.emit("run_started", run=run.name, resumed_from=resumed_from, **facts)
    steering.begin(facts["total_steps"])
    if trainer.early_stopping.stopped:  # whoever resumes what stopped early wants it to go on
        trainer.snooze()
        if why := trainer.early_stopping.stopped:
            hint = "to train on, resume with --set target=0 or with a lower one"
            steering.emit("warning", message=f"the run ends again at once: {why}", hint=hint)
    elif resumed_from is not None:  # what the log says of it may be of steps that were left behind
        trainer.report_early_stopping()
    return trainer, trainer.run()


def make_trainer(run: RunDirectory, config: RunConfig, prepared: Prepared, steering: Steering) -> Trainer:
    """A trainer with freshly drawn weights, seeded by the configuration."""
    torch.manual_seed(config.training.seed)
    model = LanguageModel(config.model, prepared.tokenizer.vocab_size).to(prepared.device)
    return Trainer(
        config,
        model,
        prepared.corpus,
        prepared.stages,
        prepared.limits,
        steering,
        end_id=prepared.tokenizer.end_id,
        identity=prepared.identity,
        checkpoints=run.checkpoints_folder,
    )


def _facts(trainer: Trainer, prepared: Prepared) -> dict[str, Any]:
    autocast = prepared.limits.autocast
    return {
        "parameters": trainer.model.n_parameters(),
        "vocab_size": prepared.tokenizer.vocab_size,
        "device": str(prepared.device),
        "precision": "float32" if autocast is None else str(autocast).removeprefix("torch."),
        "train_tokens": prepared.corpus.train.n_tokens,
        "validation_tokens": prepared.corpus.validation.n_tokens,
        "total_steps": int(trainer.budget.amount) if trainer.budget.unit == "steps" else None,
        "version": __version__,
    }


def _record_failure(steering: Steering, error: BaseException) -> None:
    """Leave the reason in the log and the state, as far as the disk still takes it."""
    if isinstance(error, YsnakesError):
        reason = str(error)
    elif isinstance(error, KeyboardInterrupt):
        reason = "interrupted before the step was saved"
    else:
        reason = unforeseen(error)
    try:
        steering.emit("run_ended", status="failed", reason=reason)
        steering.set_state(status="failed", message=reason, **{**steering.position(), "eta": None})
    except (YsnakesError, OSError):
        return

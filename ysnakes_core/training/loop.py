"""The training loop, from the first step to the last.

    while the budget lasts:
        obey commands, move to the next sequence-length stage if it is time
        step: accumulate gradients over micro-batches, clip, step the optimizers
        validate, keep the best, stop early, sample, checkpoint when due

A step whose loss or gradient is not finite changes nothing. ``BAD_STEPS`` of them in a row take the run
back to its last checkpoint with half the learning rate; after ``MAX_ROLLBACKS`` of those it gives up.

A checkpoint that the disk does not take is owed: the observer waits, and saves it before the next step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import DiskFullError, StorageError, TrainingError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.text.corpus import Corpus
from ysnakes_core.text.windows import Batch, Windows
from ysnakes_core.training import snapshot
from ysnakes_core.training.best_model import settle_best
from ysnakes_core.training.checkpoint import (
    checkpoint_name,
    load_newest,
    point,
    pointed,
    prune,
    save_checkpoint,
)
from ysnakes_core.training.early_stopping import EarlyStopping, Verdict
from ysnakes_core.training.evaluation import evaluate
from ysnakes_core.training.observer import Observer
from ysnakes_core.training.optimizer import Optimizers
from ysnakes_core.training.schedule import Budget, Cadence, learning_rate_scale
from ysnakes_core.training.stages import Stage, stage_over

BAD_STEPS = 3
MAX_ROLLBACKS = 3
SMOOTHING = 0.98
VALIDATION_WAITS = 9.0  # times what the last validation took, with its sample and checkpoint: a tenth at most


@dataclass(frozen=True)
class Outcome:
    """How training ended: ``finished`` (budget or early stopping) or ``stopped`` (asked to)."""

    status: str
    reason: str


@dataclass
class Progress:
    """Where a run is: everything that is counted. It goes into every checkpoint."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0  # of training, over all sessions, pauses left out
    stage: int = 0
    smoothed_loss: float | None = None
    rate_scale: float = 1.0  # halved by every roll-back
    validated_at: int = -1  # step of the last validation
    bits_per_byte: float | None = None  # of the last validation


@dataclass
class Limits:
    """How a step is cut to fit: sequences per forward pass for each stage, and mixed precision."""

    micro_batch_sizes: tuple[int, ...]
    autocast: torch.dtype | None = None


@dataclass
class _Requests:
    """What commands asked for, done at the next opportunity between two steps."""

    stop: Outcome | None = None
    validate_at_stop: bool = True


class Trainer:
    """Trains ``model`` on ``corpus``, keeping checkpoints under ``checkpoints``."""

    def __init__(
        self,
        config: RunConfig,
        model: LanguageModel,
        corpus: Corpus,
        stages: tuple[Stage, ...],
        limits: Limits,
        observer: Observer,
        *,
        end_id: int,
        identity: dict[str, Any],
        checkpoints: Path,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.config, self.model, self.corpus = config, model, corpus
        self.stages, self.limits, self.observer = stages, limits, observer
        self.end_id, self.identity, self.checkpoints, self._clock = end_id, identity, checkpoints, clock
        self.optimizers = Optimizers(model, config.training)
        self.early_stopping = EarlyStopping(config.early_stopping)
        self.budget = Budget.of(config.training)
        self.progress = Progress()
        self.user_scale = config.training.learning_rate_scale
        self.validation_due = Cadence(config.validation.validate_every, self.budget.validations())
        self._validation_waits = -math.inf  # until then, by the clock, none is due
        self.rollbacks = 0
        self.requests = _Requests()
        self.windows = self._windows()
        self._bad_steps = 0
        self._last_checkpoint = (-1, 0.0)  # step, training seconds
        self.owed: StorageError | None = None  # why a checkpoint of this very step is still to be saved
        self._owed_best = False
        self._speed = 0.0

    # Where it is.

    @property
    def stage(self) -> Stage:
        return self.stages[self.progress.stage]

    @property
    def fraction(self) -> float:
        """The part of the budget that is spent, 0 to 1."""
        p = self.progress
        return self.budget.progress(
            steps=p.step, tokens=p.tokens, seconds=p.seconds, tokens_per_epoch=self.windows.tokens_per_epoch
        )

    @property
    def eta_seconds(self) -> float | None:
        """Training seconds left at the pace so far; None before there is a pace."""
        done = self.fraction
        return self.progress.seconds / done * (1.0 - done) if done > 0 else None

    # The loop.

    def run(self) -> Outcome:
        """Train until the budget is spent, early stopping stops, or a command does.

        Raises:
            TrainingError: the loss stayed not finite through every roll-back.
        """
        self.model.train()
        if self.progress.step == 0:
            self.save()  # something to roll back to, and to resume from, from the very start
        self._announce_stage("")
        while True:
            self.observer.between_steps(self)
            outcome = self.requests.stop or self._stopped_early()
            if outcome is None and self.fraction >= 1.0:
                outcome = Outcome("finished", f"the budget of {self.budget} is spent")
            if outcome is not None:
                break
            began = self._clock()
            self._next_stage_if_due()
            self._step()
            self._what_is_due()
            self.progress.seconds += self._clock() - began
        if self.requests.validate_at_stop and self.progress.validated_at != self.progress.step:
            self.validate()
        if self.saved_step != self.progress.step:
            self.save()
        self.observer.wait_for_room(self)
        if self.owed is None:
            return outcome
        saved = self.saved_step
        lost = f"what came after step {saved:,} is not saved" if saved >= 0 else "nothing is saved"
        return Outcome("stopped", f"{outcome.reason}; {self.owed.why}, so {lost}")

    def _step(self) -> None:
        p, stage, training = self.progress, self.stage, self.config.training
        began = self._clock()
        schedule = learning_rate_scale(self.fraction, self.config.schedule)
        scale = schedule * self.user_scale * p.rate_scale
        self.optimizers.set_scale(scale)
        batch = self.windows.next_batch(stage.batch_size)
        loss = self._accumulate(batch, self.limits.micro_batch_sizes[p.stage])
        clip = training.grad_clip if training.grad_clip > 0 else math.inf
        grad_norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), clip))
        good = math.isfinite(loss) and math.isfinite(grad_norm)
        if good:
            self.optimizers.step()
            p.smoothed_loss = (
                loss if p.smoothed_loss is None else SMOOTHING * p.smoothed_loss + (1 - SMOOTHING) * loss
            )
        self.optimizers.zero_grad()
        p.step += 1
        p.tokens += batch.inputs.size
        pace = batch.inputs.size / max(1e-9, self._clock() - began)
        self._speed = pace if self._speed == 0 else 0.9 * self._speed + 0.1 * pace
        self.observer.emit(
            "step",
            loss=loss,
            learning_rate=training.learning_rate * scale,
            grad_norm=grad_norm,
            tokens_per_second=self._speed,
            seq_len=stage.seq_len,
            batch_size=stage.batch_size,
        )
        self._bad_steps = 0 if good else self._bad_steps + 1
        if not good:
            self.observer.emit(
                "warning", message="this step's loss or gradient is not finite; it was skipped"
            )
            if self._bad_steps >= BAD_STEPS:
                self._roll_back()

    def _accumulate(self, batch: Batch, micro: int) -> float:
        """Gradients of the mean loss over the whole batch, made a micro-batch at a time; that loss."""
        device = self.model.device
        inputs, targets, ids = (
            torch.from_numpy(a).to(device) for a in (batch.inputs, batch.targets, batch.document_ids)
        )
        count = int((targets >= 0).sum())
        total = 0.0
        for first in range(0, inputs.shape[0], micro):
            part = slice(first, first + micro)
            with torch.autocast(
                device.type, dtype=self.limits.autocast, enabled=self.limits.autocast is not None
            ):
                nats: Tensor = self.model.loss_sum(inputs[part], targets[part], document_ids=ids[part])
            (nats / max(1, count)).backward()
            total += float(nats.detach())
        return total / max(1, count)

    def _stopped_early(self) -> Outcome | None:
        why = self.early_stopping.stopped
        return Outcome("finished", f"stopped early: {why}") if why else None

    def _what_is_due(self) -> None:
        p, settings = self.progress, self.config
        if self.validation_due.due(p.step, self.fraction) and self._clock() >= self._validation_waits:
            began = self._clock()
            self.validate(due=True)
            # The clock may decide only where it sets the budget: the other budgets resume exactly.
            if self.budget.unit == "minutes" and not self.validation_due.every:
                self._validation_waits = self._clock() + VALIDATION_WAITS * (self._clock() - began)
        sample_every = settings.validation.sample_every
        if sample_every and p.step % sample_every == 0:
            self.observer.sample(self)
        every = settings.checkpoints.checkpoint_every
        step, seconds = self._last_checkpoint
        due = (
            p.step % every == 0
            if every
            else p.seconds - seconds >= 60 * settings.checkpoints.checkpoint_minutes
        )
        if due and step != p.step:
            self.save()

    # Validation, checkpoints.

    def validate(self, *, due: bool = False) -> Verdict | None:
        """Score the validation text; keep the model if it is the best so far. None if cut short.

        Early stopping waits for those that are ``due``, not for those that someone asks for.
        """
        found = evaluate(
            self.model,
            self.corpus.validation,
            max_tokens=self.config.validation.max_tokens,
            interrupted=self.observer.stopping,
            autocast=self.limits.autocast,
        )
        if found is None:
            return None
        self.progress.validated_at, self.progress.bits_per_byte = self.progress.step, found.bits_per_byte
        verdict = self.early_stopping.update(found.bits_per_byte, self.progress.step, due=due)
        self.observer.emit(
            "validation", loss=found.loss, perplexity=found.perplexity, bits_per_byte=found.bits_per_byte
        )
        self.report_early_stopping()
        if verdict.improved and self.progress.step > 0:
            self.save(best=True)
        if not self.config.validation.sample_every:
            self.observer.sample(self)
        return verdict

    def snooze(self) -> None:
        """Let early stopping begin its patience anew; saved at once, so that a kill does not take it back."""
        self.early_stopping.snooze()
        self.report_early_stopping()
        self.save()

    def report_early_stopping(self) -> None:
        """Say where early stopping stands, and what is the best."""
        rule = self.early_stopping
        self.observer.emit(
            "early_stopping",
            waited=rule.waited,
            patience=rule.config.patience,
            min_delta=rule.config.min_delta,
            best=rule.best,
            best_step=rule.best_step,
            target=rule.config.target or None,
            stopping=bool(rule.stopped),
            reason=rule.stopped,
            reference=rule.reference,
        )

    @property
    def saved_step(self) -> int:
        """Where a resume would go on; -1 before anything is saved."""
        return self._last_checkpoint[0]

    def save(self, best: bool = False) -> None:
        """``checkpoint``, but where the disk does not take it, it is owed. Raises other ``YsnakesError``."""
        try:
            self.checkpoint(best)
        except StorageError as error:
            if self.progress.step == 0 and not isinstance(error, DiskFullError):
                raise  # nothing was trained that waiting would keep
            self.owed, self._owed_best = error, best or self._owed_best

    def checkpoint(self, best: bool = False) -> str:
        """Save everything that resuming needs; returns the checkpoint's name. Raises ``YsnakesError``."""
        best = best or self._owed_best
        name = checkpoint_name(self.progress.step)
        save_checkpoint(
            self.checkpoints,
            name,
            model=self.model.state_dict(),
            optimizer=self.optimizers.state_tensors(),
            state=snapshot.take(self),
        )
        if best:
            point(self.checkpoints, "best", name)
        prune(self.checkpoints, self.config.checkpoints.keep)
        self._last_checkpoint = (self.progress.step, self.progress.seconds)
        self.owed, self._owed_best = None, False
        current = self.progress.bits_per_byte if self.progress.validated_at == self.progress.step else None
        self.observer.emit("checkpoint", name=name, bits_per_byte=current, best=best)
        return name

    def resume(self, prefer: str | None = None) -> str:
        """Take up a checkpoint (the newest whole one by default); returns its name.

        Raises:
            RunError: there is none, or it belongs to other data, another tokenizer or another shape.
        """
        checkpoint, notes = load_newest(self.checkpoints, prefer)
        for note in notes:
            self.observer.emit("warning", message=note)
        snapshot.check_identity(self.identity, checkpoint.state)
        snapshot.restore(self, checkpoint)
        rule = self.early_stopping
        rule.know_best(settle_best(self.checkpoints, checkpoint.name, self.progress.step, rule.best_step))
        # From an older one than the newest: a kill before the next save must come back here.
        if pointed(self.checkpoints, "latest") != checkpoint.name:
            point(self.checkpoints, "latest", checkpoint.name)
        self.owed, self._owed_best = None, False
        self._last_checkpoint = (self.progress.step, self.progress.seconds)
        return checkpoint.name

    def _roll_back(self) -> None:
        at, self._bad_steps = self.progress.step, 0
        self.rollbacks += 1
        if self.rollbacks > MAX_ROLLBACKS:
            raise TrainingError(
                f"the loss stayed not finite at step {at}, after {MAX_ROLLBACKS} roll-backs "
                "with ever smaller learning rates",
                "resume with --set learning_rate_scale=0.1, or look at the text for something unusual",
            )
        scale = self.progress.rate_scale * 0.5
        name = self.resume(pointed(self.checkpoints, "latest"))
        self.progress.rate_scale = min(self.progress.rate_scale, scale)
        self.observer.emit(
            "rollback",
            to_step=self.progress.step,
            checkpoint=name,
            learning_rate_scale=self.progress.rate_scale,
            count=self.rollbacks,
            reason=f"{BAD_STEPS} steps in a row were not finite",
        )

    # Stages.

    def _windows(self) -> Windows:
        stage = self.stages[self.progress.stage]
        seed = self.config.training.seed * 1000 + self.progress.stage
        return Windows(self.corpus.train, stage.seq_len, seed, self.end_id, self.config.data.pack)

    def _next_stage_if_due(self) -> None:
        p = self.progress
        reason = stage_over(self.stages, p.stage, p.smoothed_loss, self.fraction)
        if reason:
            p.stage += 1
            self.rebuild_windows()
            self._announce_stage(reason)

    def rebuild_windows(self) -> None:
        """Windows of the current stage, from their beginning."""
        self.windows = self._windows()

    def _announce_stage(self, reason: str) -> None:
        self.observer.emit(
            "stage",
            index=self.progress.stage,
            count=len(self.stages),
            seq_len=self.stage.seq_len,
            batch_size=self.stage.batch_size,
            reason=reason,
        )

"""How a run stands, in words and numbers; what early stopping has to say of it is in ``stopping``."""

from __future__ import annotations

from ysnakes_core.files import printable
from ysnakes_core.runs.events import EarlyStoppingEvent
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.state import CRASHED
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.formats import amount, bits, count, duration
from ysnakes_tui.short_paths import shortened
from ysnakes_tui.train.happenings import answered, asked
from ysnakes_tui.train.machine import DASH, Part, gpu_facts, load, memory_of, memory_peak
from ysnakes_tui.train.run_watch import Facts
from ysnakes_tui.widgets.status_strip import Status

ANSWER_SECONDS = 6.0  # in which the answer to a command stands in the status strip
_COMMAND_CELLS = 50  # for an answer, which the strip would leave out whole where 80 are all it has


def shown_state(follower: RunFollower, facts: Facts) -> str:
    if follower.deleted:
        return "gone"
    return "starting" if facts.starting and not follower.has_worker else follower.state.status


def status_of(follower: RunFollower, facts: Facts, now: float) -> Status:
    """The status strip's line. ``now`` is Unix seconds."""
    state, step, shown = follower.state, follower.last_step, shown_state(follower, facts)
    alive = follower.has_worker
    note = "" if state.status == CRASHED else state.message
    if facts.start_failure and not facts.starting:
        note = "its last start failed"
    if follower.deleted:
        note = "deleted or moved"
    if not follower.caught_up:
        note = f"reading the log {100 * follower.fraction_read:.0f} %"
    return Status(
        run=follower.run.name,
        state=shown,
        step=at_step(follower),
        total_steps=state.total_steps,
        eta=state.eta if shown == "running" else None,
        tokens_per_second=step.tokens_per_second if step and shown == "running" else None,
        memory=memory_of(follower).get("rss") if alive else None,
        age=max(0.0, now - state.heartbeat) if alive and state.heartbeat else None,
        note=note,
        command=_command(follower, now),
    )


def _command(follower: RunFollower, now: float) -> str:
    """What was asked of the worker last: as requested until it answers, then its answer, for a while."""
    waiting = [command for command in follower.commands if command.answer is None]
    if waiting and follower.has_worker:
        return f"{asked(waiting[-1].name, waiting[-1].arguments)} requested"
    answers = [command.answer for command in follower.commands if command.answer is not None]
    last = max(answers, key=lambda answer: answer.time, default=None)
    if last is None or abs(now - last.time) >= ANSWER_SECONDS:
        return ""
    return shortened(answered(last), _COMMAND_CELLS)


def at_step(follower: RunFollower) -> int:
    """The log is ahead of the state, which comes with the heartbeat; but it may have been taken back."""
    return follower.last_step.step if follower.last_step is not None else follower.state.step


def early_stop(follower: RunFollower) -> EarlyStoppingEvent | None:
    """What early stopping said when it ended the run; None if the run goes on or ended otherwise."""
    last = follower.early_stopping
    ended = follower.state.status == "finished" and not follower.has_worker
    return last if ended and last is not None and last.stopping else None


def progress(follower: RunFollower, facts: Facts) -> Part:
    """How much of the budget is spent."""
    if facts.config is None:
        return Part(None, None, "")
    budget = Budget.of(facts.config.training)
    ended = follower.ended
    if ended is not None and ended.status == "finished" and early_stop(follower) is None:
        return Part(1.0, 1.0, f"done: {spoken(budget)}")
    seconds = follower.state.seconds
    tokens = follower.last_step.tokens if follower.last_step else follower.state.tokens
    per_epoch = follower.started.train_tokens if follower.started else 0
    if (budget.unit == "epochs" and not per_epoch) or (budget.unit == "minutes" and seconds is None):
        return Part(None, None, f"of {spoken(budget)}")
    done = budget.progress(
        steps=at_step(follower), tokens=tokens, seconds=seconds or 0.0, tokens_per_epoch=per_epoch
    )
    return Part(done, 1.0, f"{100 * done:.0f} % of {spoken(budget)}")


def spoken(budget: Budget) -> str:
    """``5,000 steps``, ``1.20M tokens``, ``2.5 epochs``."""
    return amount(budget.amount, budget.unit)


def facts_of(follower: RunFollower, facts: Facts) -> list[tuple[str, str]]:
    """Pairs of a name and a value, what matters most first."""
    state, started, step, config = follower.state, follower.started, follower.last_step, facts.config
    busy = follower.has_worker
    of = f" of {state.total_steps:,}" if state.total_steps else ""
    smoothed, validation = follower.series["smoothed_loss"].last, follower.validation
    best = follower.early_stopping.best if follower.early_stopping is not None else state.best
    score = DASH if validation is None else bits(validation.bits_per_byte)
    tokens = step.tokens if step is not None else state.tokens
    epochs = f", {tokens / started.train_tokens:.2f} epochs" if started and started.train_tokens else ""
    rows = [
        ("step", f"{at_step(follower):,}{of}"),
        ("loss", DASH if smoothed is None else f"{smoothed:.4f}"),
        ("bits/byte", score if best is None else f"{score}, best {bits(best)}"),
        *gpu_facts(follower),
        *([("left", DASH if state.eta is None else duration(state.eta))] if busy else []),
        ("elapsed", _elapsed(follower)),
        ("tokens/s", DASH if step is None else f"{'' if busy else 'was '}{step.tokens_per_second:,.0f}"),
        *load(follower),
        ("peak", memory_peak(follower)),
        ("tokens", f"{count(tokens)}{epochs}"),
    ]
    if step is not None:
        rows.append(("batch", f"{step.seq_len} × {step.batch_size}"))
    if follower.stage is not None and follower.stage.count > 1:
        rows.append(("stage", f"{follower.stage.index + 1} of {follower.stage.count}"))
    if config is not None or started is not None:
        preset = printable(config.preset, 20) if config is not None else ""
        parameters = f", {count(started.parameters)}" if started is not None else ""
        rows.append(("model", f"{preset or 'own shape'}{parameters}"))
    if started is not None:
        rows.append(("device", printable(f"{started.device} {started.precision}".strip(), 24)))
    if config is not None and config.training.learning_rate_scale != 1.0:
        rows.append(("rate ×", f"{config.training.learning_rate_scale:g}"))
    return rows


def _elapsed(follower: RunFollower) -> str:
    """The time trained, over all sessions."""
    state = follower.state
    if state.seconds is None:
        return DASH
    return duration(state.seconds) + (f" in {state.sessions} sessions" if state.sessions > 1 else "")

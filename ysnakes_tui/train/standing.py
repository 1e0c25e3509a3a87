"""How a run stands, in words: facts, what early stopping waits for, and what can be done after the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ysnakes_core.files import printable
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.state import CRASHED
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.formats import bits, count, duration, size
from ysnakes_tui.train.run_watch import Facts
from ysnakes_tui.widgets.status_strip import Status

Key = Callable[[str], str]  # an action's key as it is shown, "" if it has none


@dataclass(frozen=True)
class Part:
    """The part of something that is used or done, for a meter."""

    value: float | None
    limit: float | None
    text: str


def shown_state(follower: RunFollower, facts: Facts) -> str:
    return "starting" if facts.starting and not follower.has_worker else follower.state.status


def status_of(follower: RunFollower, facts: Facts, now: float) -> Status:
    """The status strip's line. ``now`` is Unix seconds."""
    state, step = follower.state, follower.last_step
    alive = follower.has_worker
    waiting = [command.name for command in follower.commands if command.answer is None]
    note = "" if state.status == CRASHED else state.message
    if waiting and alive:
        note = f"{waiting[-1].replace('_', ' ')} requested"
    if not follower.caught_up:
        note = f"reading the log {100 * follower.fraction_read:.0f} %"
    return Status(
        run=follower.run.name,
        state=shown_state(follower, facts),
        step=at_step(follower),
        total_steps=state.total_steps,
        eta=state.eta if state.status == "running" else None,
        tokens_per_second=step.tokens_per_second if step and state.status == "running" else None,
        memory=_memory(follower).get("rss") if alive else None,
        age=max(0.0, now - state.heartbeat) if alive and state.heartbeat else None,
        note=note,
    )


def at_step(follower: RunFollower) -> int:
    """The log is ahead of the state, which comes with the heartbeat; but it may have been taken back."""
    return follower.last_step.step if follower.last_step is not None else follower.state.step


def _memory(follower: RunFollower) -> dict[str, int]:
    return dict(follower.memory.bytes) if follower.memory is not None else {}


def progress(follower: RunFollower, facts: Facts) -> Part:
    """How much of the budget is spent."""
    if facts.config is None:
        return Part(None, None, "")
    budget = Budget.of(facts.config.training)
    ended = follower.ended
    if ended is not None and ended.status == "finished":
        return Part(1.0, 1.0, f"done: {budget}")
    if budget.unit == "minutes":
        left = follower.state.eta
        if left is None:
            return Part(None, None, f"of {budget}")
        done = min(1.0, max(0.0, 1.0 - left / (60.0 * budget.amount)))
    else:
        tokens = follower.last_step.tokens if follower.last_step else follower.state.tokens
        per_epoch = follower.started.train_tokens if follower.started else 0
        if budget.unit == "epochs" and not per_epoch:
            return Part(None, None, f"of {budget}")
        done = budget.progress(
            steps=at_step(follower), tokens=tokens, seconds=0.0, tokens_per_epoch=per_epoch
        )
    return Part(done, 1.0, f"{100 * done:.0f} % of {budget}")


def memory_use(follower: RunFollower) -> Part:
    """What the worker takes of what it could: of its GPU where it has one, else of the machine."""
    memory = _memory(follower)
    if "cuda_reserved" in memory:
        used, total = memory["cuda_reserved"], memory.get("cuda_total", 0)
        free = max(0, total - memory.get("cuda_used", used))
        return Part(used, used + free, f"{size(used)} GPU, {size(free)} free")
    if "rss" not in memory:
        return Part(None, None, "–")
    used = memory["rss"]
    if "available" not in memory:
        return Part(None, None, size(used))
    return Part(used, used + memory["available"], f"{size(used)}, {size(memory['available'])} free")


def facts_of(follower: RunFollower, facts: Facts, now: float) -> list[tuple[str, str]]:
    """Pairs of a name and a value, what matters most first."""
    state, started, step, config = follower.state, follower.started, follower.last_step, facts.config
    dash = "–"
    of = f" of {state.total_steps:,}" if state.total_steps else ""
    smoothed, validation = follower.series["smoothed_loss"].last, follower.validation
    best = follower.early_stopping.best if follower.early_stopping is not None else state.best
    tokens = step.tokens if step is not None else state.tokens
    rows = [
        ("step", f"{at_step(follower):,}{of}"),
        ("loss", dash if smoothed is None else f"{smoothed:.4f}"),
        ("bits/byte", dash if validation is None else bits(validation.bits_per_byte)),
        ("best", bits(best)),
        ("left", dash if state.eta is None or not follower.has_worker else duration(state.eta)),
        ("elapsed", _elapsed(follower, now)),
        ("tokens/s", dash if step is None else f"{step.tokens_per_second:,.0f}"),
        ("epoch", f"{tokens / started.train_tokens:.2f}" if started and started.train_tokens else dash),
        ("tokens", count(tokens)),
    ]
    if step is not None:
        rows.append(("batch", f"{step.seq_len} × {step.batch_size}"))
    if follower.stage is not None and follower.stage.count > 1:
        rows.append(("stage", f"{follower.stage.index + 1} of {follower.stage.count}"))
    if config is not None:
        rows.append(("preset", printable(config.preset, 20) or "own shape"))
    if started is not None:
        rows.append(("parameters", count(started.parameters)))
        rows.append(("device", printable(f"{started.device} {started.precision}".strip(), 24)))
    if config is not None and config.training.learning_rate_scale != 1.0:
        rows.append(("rate ×", f"{config.training.learning_rate_scale:g}"))
    return rows


def _elapsed(follower: RunFollower, now: float) -> str:
    """Since the worker that is there, or was last, began."""
    started = follower.started
    if started is None:
        return "–"
    end = now if follower.has_worker else follower.state.heartbeat
    return duration(max(0.0, end - started.time))


def patience(follower: RunFollower, facts: Facts) -> Part:
    """Validations without improvement, of those that early stopping allows."""
    config = facts.config.early_stopping if facts.config is not None else None
    last = follower.early_stopping
    if config is not None and not config.enabled:
        return Part(None, None, "off")
    limit = config.patience if config is not None else last.patience if last is not None else None
    if limit is None:
        return Part(None, None, "–")
    waited = last.waited if last is not None else 0
    return Part(waited, limit, f"{waited} of {limit}")


def patience_words(follower: RunFollower, facts: Facts, key: Key) -> str:
    """Why early stopping would stop, and when; one or two sentences."""
    if facts.config is None:
        return ""
    config, last = facts.config.early_stopping, follower.early_stopping
    if not config.enabled:
        tip = _tip(key, early_stopping="turns it on")
        return f"Early stopping is off: training goes on to the end of its budget.{tip}"
    target = f" or reaches {config.target:g} bits per byte" if config.target > 0 else ""
    if last is None or last.best is None:
        rule = f"stops after {config.patience} without improvement{target}"
        return f"It waits for the first validation, then {rule}."
    best = f"{bits(last.best)} at step {last.best_step:,}" if last.best_step is not None else bits(last.best)
    least = f" by at least {config.min_delta:g}" if config.min_delta > 0 else ""
    if last.stopping:
        return f"It stopped the run: {printable(last.reason, 200)}."
    if last.waited == 0:
        rule = f"{config.patience} in a row that do not beat it{least}"
        return f"The last validation was the best, {best}. It stops after {rule}{target}."
    left = max(config.patience - last.waited, 1)
    where = _when(follower, left)
    validations = "the next validation" if left == 1 else f"one of the next {left} validations"
    return (
        f"Unless {validations} beats {best}{least}, it stops{where}{target}."
        f"{_tip(key, snooze='not yet', early_stopping='off')}"
    )


def _when(follower: RunFollower, validations: int) -> str:
    steps = [event.step for event in follower.validations[-2:]]
    if len(steps) < 2 or steps[1] <= steps[0]:
        return ""
    at = steps[1] + validations * (steps[1] - steps[0])
    step = follower.last_step
    pace = step.tokens_per_second if step is not None else 0.0
    if step is None or not pace > 0:
        return f" near step {at:,}"
    seconds = max(0, at - step.step) * step.seq_len * step.batch_size / pace
    return f" near step {at:,}, in {duration(seconds)}"


def _tip(key: Key, **actions: str) -> str:
    """``  z: not yet · e: off``, without those that have no key."""
    found = [f"{key(action)}: {what}" for action, what in actions.items() if key(action)]
    return f"  ({' · '.join(found)})" if found else ""


@dataclass(frozen=True)
class Ending:
    """What is to be said of a run that nobody trains. ``bad``: it did not end in order."""

    title: str
    lines: tuple[str, ...]
    bad: bool = False


def ending(follower: RunFollower, facts: Facts, key: Key) -> Ending | None:
    """What was best, where it is and what can be done next; None while a worker is at it."""
    if follower.has_worker or facts.starting or not follower.caught_up:
        return None
    state, ended = follower.state, follower.ended
    if state.status == CRASHED:
        title = f"Crashed: its worker vanished at step {at_step(follower):,}; nothing saved is lost"
    else:
        reason = printable(ended.reason if ended is not None else state.message, 300)
        title = f"{state.status.capitalize()}{f': {reason}' if reason else ''}"
    bad = state.status in (CRASHED, "failed")
    lines = [f"│ {line}" for line in facts.last_words[-3:]] if bad else []
    best = follower.early_stopping.best if follower.early_stopping is not None else state.best
    best_step = follower.early_stopping.best_step if follower.early_stopping is not None else state.best_step
    if best is not None:
        at = f" at step {best_step:,}" if best_step is not None else ""
        lines.append(f"Best: {bits(best)} bits per byte{at}.")
    kept = facts.best or (facts.saved[-1] if facts.saved else "")
    if kept:
        lines.append(f"It is in {printable(str(follower.run.checkpoints_folder / kept), 300)}")
    elif not bad:
        lines.append("No checkpoint was saved.")
    lines.append(_next(key, finished=state.status == "finished", kept=bool(kept)))
    return Ending(title, tuple(line for line in lines if line), bad)


def _next(key: Key, *, finished: bool, kept: bool) -> str:
    options = []
    if kept:
        options.append(("show_complete", "talk to it"))
    how = "train it longer" if finished else "train on from the last checkpoint"
    options.append(("attach", how))
    options += [
        ("checkpoints", "choose a checkpoint"),
        ("copy_resume", "copy the command"),
        ("new_run", "new run"),
    ]
    found = [f"{key(action)} {what}" for action, what in options if key(action)]
    return f"Next: {' · '.join(found)}" if found else ""

"""Early stopping and the end of a run in words: what it waits for, why it stops, what can be done next."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ysnakes_core.configuration import EarlyStoppingConfig, RunConfig
from ysnakes_core.files import printable
from ysnakes_core.runs.events import EarlyStoppingEvent
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.state import CRASHED
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.formats import bits, duration
from ysnakes_tui.train.machine import DASH, Part
from ysnakes_tui.train.run_watch import Facts
from ysnakes_tui.train.standing import at_step, early_stop, progress, shown_state

# An error that is told as such, the end of a traceback, and the interpreter's own.
_REASON = re.compile(r"(?:error: |Fatal Python error: )(.+)|([\w.]*(?:Error|Exception)\b.*)")
Key = Callable[[str], str]  # an action's key as it is shown, "" if it has none


def patience(follower: RunFollower, facts: Facts) -> Part:
    """Validations without improvement, of those that early stopping allows."""
    config = facts.config.early_stopping if facts.config is not None else None
    last = follower.early_stopping
    if config is not None and not config.enabled:
        return Part(None, None, "off")
    limit = config.patience if config is not None else last.patience if last is not None else None
    if limit is None:
        return Part(None, None, DASH)
    waited = last.waited if last is not None and not _begins_anew(follower, facts) else 0
    return Part(waited, limit, f"{waited} of {limit}")


def _begins_anew(follower: RunFollower, facts: Facts) -> bool:
    """Whether a run that stopped early is being resumed: its worker will say so when it is there."""
    last = follower.early_stopping
    return last is not None and last.stopping and shown_state(follower, facts) == "starting"


def patience_words(follower: RunFollower, facts: Facts, key: Key) -> str:
    """Why early stopping would stop, and when; a few short sentences."""
    if facts.config is None:
        return ""
    config, last = facts.config.early_stopping, follower.early_stopping
    if not config.enabled:
        tip = _tip(key, early_stopping="turns it on")
        return f"Early stopping is off: training goes on to the end of its budget.{tip}"
    target = f" It also stops at {config.target:g} bits per byte." if config.target > 0 else ""
    if last is None or last.best is None:
        return (
            f"It waits for the first validation, then stops after {config.patience} without improvement."
            f"{target}"
        )
    if _begins_anew(follower, facts):
        return f"It stopped the run; now its patience begins anew.{target}"
    if last.stopping and last.waited >= config.patience:
        return f"It stops the run: {printable(last.reason, 200)}.{_tip(key, snooze='not yet')}"
    beats, beat, score = _goal(last, config)
    if last.waited == 0:
        return f"It stops after {config.patience} validations in a row that do not {beat} {score}.{target}"
    left = max(config.patience - last.waited, 1)
    when = _when(follower, facts, facts.config, left)
    if when is None:
        return f"Its budget ends before {left} more validations, so it will not stop early.{target}"
    which = "the next validation" if left == 1 else f"one of the next {left} validations"
    tip = _tip(key, snooze="not yet", early_stopping="off", edit_stopping="change it")
    return f"Unless {which} {beats} {score}, it stops{when}.{target}{tip}"


def _goal(last: EarlyStoppingEvent, config: EarlyStoppingConfig) -> tuple[str, str, str]:
    """What a validation must do to begin the patience anew: "beats", "beat", and what."""
    reference = last.reference if last.reference is not None else last.best
    if config.min_delta > 0 and reference is not None:
        least = f"{bits(reference - config.min_delta)} ({config.min_delta:g} better than {bits(reference)})"
        return "gets below", "get below", least
    if reference is not None and reference != last.best:  # the best is of steps that were left behind
        return "beats", "beat", bits(reference)
    at = f" of step {last.best_step:,}" if last.best_step is not None else ""
    return "beats", "beat", f"the {bits(last.best)}{at}"


def _when(follower: RunFollower, facts: Facts, config: RunConfig, validations: int) -> str | None:
    """`` near step 160, in 0:03``: when so many more validations are over; None if the budget ends before."""
    step, done, every = follower.last_step, progress(follower, facts).value, config.validation.validate_every
    if step is None or not done:
        return ""
    end = step.step / done
    if every:
        at = (step.step // every + validations) * every
    else:
        times = Budget.of(config.training).validations()
        at = round(end * (int(done * times + 1e-9) + validations) / times)
    if at > end + 1e-6:
        return None
    pace = step.tokens_per_second
    seconds = max(0, at - step.step) * step.seq_len * step.batch_size / pace if pace > 0 else 0.0
    return f" near step {at:,}" + (f", in {duration(seconds)}" if seconds else "")


def _tip(key: Key, **actions: str) -> str:
    """``  (z: not yet · e: off)``, without those that have no key."""
    found = [f"{key(action)}: {what}" for action, what in actions.items() if key(action)]
    return f"  ({' · '.join(found)})" if found else ""


@dataclass(frozen=True)
class Ending:
    """What is to be said of a run that nobody trains. ``bad``: it did not end in order."""

    title: str
    said: tuple[str, ...] = ()  # the last that a worker printed which did not end in order
    kept: str = ""  # what was best, and where it is
    next: tuple[str, ...] = ()  # what can be done, each with its key
    bad: bool = False


def ending(follower: RunFollower, facts: Facts, key: Key) -> Ending | None:
    """What was best, where it is and what can be done next; None while a worker is at it."""
    if follower.has_worker or facts.starting or not follower.caught_up:
        return None
    state, ended, early = follower.state, follower.ended, early_stop(follower)
    if facts.start_failure:
        title = f"Did not start: {printable(facts.start_failure[0], 300)}"
    elif state.status == CRASHED:
        why, at = _last_reason(facts.last_words), f"at step {at_step(follower):,}"
        crashed = f"Crashed {at}: {why}" if why else f"Crashed: its worker vanished {at}"
        title = f"{crashed}; nothing saved is lost"
    elif early is not None:
        title = f"Stopped early: {printable(early.reason, 300)}"
    else:
        reason = printable(ended.reason if ended is not None else state.message, 300)
        title = f"{state.status.capitalize()}{f': {reason}' if reason else ''}"
    bad = bool(facts.start_failure) or state.status in (CRASHED, "failed")
    said = facts.start_failure[1:] if facts.start_failure else facts.last_words  # what an earlier one said
    best = follower.early_stopping.best if follower.early_stopping is not None else state.best
    best_step = follower.early_stopping.best_step if follower.early_stopping is not None else state.best_step
    lines = []
    if best is not None:
        at = f" at step {best_step:,}" if best_step is not None else ""
        lines.append(f"Best: {bits(best)} bits per byte{at}.")
    kept = facts.best or (facts.saved[-1] if facts.saved else "")
    if kept:
        which = "It is" if facts.best and best is not None else "The last checkpoint is"
        lines.append(f"{which} in {printable(str(follower.run.checkpoints_folder / kept), 300)}")
    elif not bad:
        lines.append("No checkpoint was saved.")
    how = "try again" if facts.start_failure else _how_to_go_on(follower, early)
    return Ending(
        title,
        tuple(printable(line, 400) for line in said[-3:]) if bad else (),
        " ".join(lines),
        _next(key, how, kept=bool(kept)),
        bad,
    )


def _last_reason(words: tuple[str, ...]) -> str:
    """What a worker gave as its reason in the last lines that it printed, if it did."""
    found = [match[1] or match[2] for line in words if (match := _REASON.match(line))]
    return printable(found[-1], 200) if found else ""


def _how_to_go_on(follower: RunFollower, early: EarlyStoppingEvent | None) -> str:
    if early is not None:
        return "train on all the same"
    return "train it longer" if follower.state.status == "finished" else "train on from the last checkpoint"


def _next(key: Key, how_to_go_on: str, *, kept: bool) -> tuple[str, ...]:
    options = [("show_complete", "talk to it")] if kept else []
    options += [
        ("pause" if key("pause") else "attach", how_to_go_on),  # as the footer has it
        ("checkpoints", "choose a checkpoint"),
        ("copy_resume", "copy the command"),
        ("new_run", "new run"),
    ]
    return tuple(f"{key(action)} {what}" for action, what in options if key(action))

"""What is said of early stopping and of the end of a run, from its directory and what stands beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ysnakes_core.configuration import EarlyStoppingConfig, RunConfig, TrainingConfig
from ysnakes_core.runs.directory import create_run
from ysnakes_core.runs.event_log import EventLog
from ysnakes_core.runs.events import EarlyStoppingEvent, StepEvent
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.state import RunState
from ysnakes_tui.train.run_watch import Facts
from ysnakes_tui.train.stopping import Ending, ending, patience_words

CONFIG = replace(RunConfig(), training=TrainingConfig(steps=400))


def follower(folder: Path, status: str, **stopping: object) -> RunFollower:
    """A run at step 40, whose worker is gone; ``stopping`` is what early stopping said last."""
    run = create_run(folder, CONFIG, "quiet-cobra")
    run.write_state(RunState(status=status, pid=2**22 + 1, step=40, message="out of room"))
    with EventLog(run.events_file) as log:
        log.append(StepEvent(0.0, 40, 0, 2.0, 0.01, 0.5, 1000.0, 256, 2))
        if stopping:
            event = EarlyStoppingEvent(0.0, 40, 0, 1, 3, 0.0, 1.5, 90)
            log.append(replace(event, **stopping))  # type: ignore[arg-type]
    found = RunFollower(run)
    while found.poll():
        pass
    return found


def said(found: RunFollower, facts: Facts) -> Ending:
    told = ending(found, facts, lambda action: action)
    assert told is not None
    return told


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ((), "Crashed: its worker vanished at step 40; nothing saved is lost"),
        (("step 40", "Killed"), "Crashed: its worker vanished at step 40; nothing saved is lost"),
        (
            ("error: could not append to events.jsonl: no permission",),
            "Crashed at step 40: could not append to events.jsonl: no permission; nothing saved is lost",
        ),
        (
            ("  File “loop.py”, line 1", "torch.OutOfMemoryError: no more\x1b[2J", "Killed"),
            "Crashed at step 40: torch.OutOfMemoryError: no more␛[2J; nothing saved is lost",
        ),
    ],
)
def test_a_crash_is_told_with_the_reason_that_its_worker_gave(
    tmp_path: Path, words: tuple[str, ...], title: str
) -> None:
    assert said(follower(tmp_path, "running"), Facts(last_words=words)).title == title


def test_a_start_that_failed_is_not_explained_with_what_an_earlier_worker_printed(tmp_path: Path) -> None:
    found = follower(tmp_path, "failed")
    earlier = ("error: the text cannot be read",)
    facts = Facts(last_words=earlier, start_failure=("config.toml is wrong; mend it",))
    assert said(found, facts).title == "Did not start: config.toml is wrong; mend it"
    assert said(found, facts).said == ()
    assert said(found, replace(facts, start_failure=("it ended", "a new one"))).said == ("a new one",)
    assert said(found, Facts(last_words=earlier)).said == earlier


@pytest.mark.parametrize(
    ("reference", "goal"), [(1.5, "beats the 1.5000 of step 90"), (1.9, "beats 1.9000, ")]
)
def test_after_going_back_the_score_to_beat_is_that_of_the_new_course(
    tmp_path: Path, reference: float, goal: str
) -> None:
    found = follower(tmp_path, "running", reference=reference)
    facts = Facts(config=replace(CONFIG, early_stopping=EarlyStoppingConfig(patience=2)))
    assert goal in patience_words(found, facts, lambda action: "")

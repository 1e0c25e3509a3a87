from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.configuration import EarlyStoppingConfig
from ysnakes_core.training.early_stopping import EarlyStopping


def stopped_at(rule: EarlyStopping, scores: list[float]) -> int | None:
    for step, score in enumerate(scores):
        if rule.update(score, step).stop:
            return step
    return None


def test_it_stops_after_patience_validations_without_improvement() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=3))
    assert stopped_at(rule, [2.0, 1.5, 1.6, 1.5, 1.7, 1.0]) == 4
    assert (rule.best, rule.best_step) == (1.5, 1)


def test_small_improvements_do_not_reset_patience_but_are_kept_as_best() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=2, min_delta=0.1))
    assert stopped_at(rule, [2.0, 1.95, 1.93]) == 2
    assert rule.best == 1.93


def test_many_small_improvements_that_add_up_count() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=3, min_delta=0.1))
    assert stopped_at(rule, [2.0 - 0.06 * i for i in range(20)]) is None


def test_the_target_stops_at_once() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(target=1.2))
    assert stopped_at(rule, [2.0, 1.3, 1.2]) == 2


def test_switched_off_it_never_stops_but_still_knows_the_best() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(enabled=False, patience=1, target=1.0))
    assert stopped_at(rule, [2.0, 3.0, 4.0, 0.5, 5.0]) is None
    assert rule.best == 0.5


def test_a_score_that_is_no_number_counts_as_no_improvement() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=2))
    assert stopped_at(rule, [math.nan, math.nan, 1.0]) is None  # nothing to be the best yet
    assert rule.best == 1.0
    assert stopped_at(rule, [math.nan, math.nan]) == 1


def test_snoozed_it_waits_its_whole_patience_again_and_the_score_to_beat_stays() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=3))
    assert stopped_at(rule, [1.5, 1.6, 1.7]) is None
    rule.snooze()
    assert rule.waited == 0
    assert stopped_at(rule, [1.6, 1.55, 1.9]) == 2
    assert (rule.best, rule.best_step) == (1.5, 0)


def test_what_stopped_it_can_be_taken_back_before_the_run_ends() -> None:
    for take_back in (lambda rule: rule.snooze(), lambda rule: rule.change(enabled=False)):
        rule = EarlyStopping(EarlyStoppingConfig(patience=1))
        assert stopped_at(rule, [1.5, 1.6]) == 1
        assert rule.stopped
        take_back(rule)
        assert not rule.stopped


def test_a_target_that_is_reached_cannot_be_snoozed_away() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(target=1.2))
    rule.update(1.1, 5)
    rule.snooze()
    assert "target" in rule.stopped
    rule.change(target=1.0)
    assert not rule.stopped


def test_lowering_the_patience_stops_nothing_before_the_next_validation() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=5))
    assert stopped_at(rule, [1.5, 1.6, 1.7]) is None
    rule.change(patience=1)
    assert not rule.stopped
    assert rule.update(1.6, 9).stop


def test_a_validation_that_was_not_due_may_improve_but_is_not_waited_for_in_vain() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=2, target=1.0))
    rule.update(1.5, 0)
    for _ in range(5):
        assert not rule.update(1.6, 1, due=False).stop
    assert rule.waited == 0
    rule.update(1.6, 2)
    assert rule.update(1.4, 3, due=False).improved
    assert (rule.waited, rule.best, rule.best_step) == (0, 1.4, 3)
    assert rule.update(0.9, 4, due=False).stop


def test_a_state_of_an_older_version_can_still_be_loaded() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=2))
    rule.load_state({"best": 1.5, "best_step": 3, "waited": 1, "reference": 1.5})
    assert (rule.waited, rule.stopped) == (1, "")


def test_nothing_is_counted_while_it_is_off_and_turned_on_its_patience_begins() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=2))
    assert stopped_at(rule, [1.5, 1.6]) is None
    rule.change(enabled=False)
    assert stopped_at(rule, [1.6] * 9) is None
    assert rule.waited == 0
    rule.change(enabled=True)
    assert stopped_at(rule, [1.6, 1.6]) == 1


@pytest.mark.parametrize("older", [False, True])
def test_resumed_with_it_turned_on_its_patience_begins(older: bool) -> None:
    off = EarlyStopping(EarlyStoppingConfig(enabled=False, patience=3))
    stopped_at(off, [1.5, 1.6])
    saved = off.state()
    if older:  # an older version counted all the while, and did not say whether it was on
        del saved["enabled"]
        saved["waited"] = 9
    rule = EarlyStopping(EarlyStoppingConfig(patience=3))
    rule.load_state(saved)
    assert stopped_at(rule, [1.6, 1.6, 1.6]) == 2


def test_resumed_with_it_turned_off_nothing_is_left_of_what_it_counted() -> None:
    rule = EarlyStopping(EarlyStoppingConfig(patience=3))
    stopped_at(rule, [1.5, 1.6, 1.6])
    off = EarlyStopping(EarlyStoppingConfig(enabled=False, patience=3))
    off.load_state(rule.state())
    assert off.waited == 0


@given(
    st.lists(st.floats(0.5, 3), min_size=1, max_size=30),
    st.integers(0, 29),
    st.integers(0, 29),
    st.integers(1, 5),
)
def test_its_state_through_json_changes_nothing(
    scores: list[float], cut: int, snoozed: int, patience: int
) -> None:
    config = EarlyStoppingConfig(patience=patience, min_delta=0.01)
    whole, parts = EarlyStopping(config), EarlyStopping(config)
    for i, score in enumerate(scores):
        if i == cut:
            saved = json.loads(json.dumps(parts.state()))
            parts = EarlyStopping(config)
            parts.load_state(saved)
        if i == snoozed:
            whole.snooze()
            parts.snooze()
        assert parts.update(score, i) == whole.update(score, i)
        assert parts.state() == whole.state()

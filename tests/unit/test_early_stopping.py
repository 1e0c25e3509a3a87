from __future__ import annotations

import json
import math

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


@given(st.lists(st.floats(0.5, 3), min_size=1, max_size=30), st.integers(0, 29), st.integers(1, 5))
def test_its_state_through_json_changes_nothing(scores: list[float], cut: int, patience: int) -> None:
    config = EarlyStoppingConfig(patience=patience, min_delta=0.01)
    whole, first = EarlyStopping(config), EarlyStopping(config)
    verdicts = [whole.update(s, i) for i, s in enumerate(scores)]
    for i, s in enumerate(scores[:cut]):
        first.update(s, i)
    second = EarlyStopping(config)
    second.load_state(json.loads(json.dumps(first.state())))
    assert [second.update(s, i + cut) for i, s in enumerate(scores[cut:])] == verdicts[cut:]

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.configuration import ScheduleConfig, TrainingConfig
from ysnakes_core.training.schedule import Budget, Cadence, learning_rate_scale

CONFIG = ScheduleConfig(warmup_fraction=0.1, decay_fraction=0.4, final_scale=0.05)


def test_the_learning_rate_climbs_stays_and_falls() -> None:
    assert 0 < learning_rate_scale(0.0, CONFIG) < 0.05
    assert learning_rate_scale(0.05, CONFIG) == pytest.approx(0.5, abs=0.01)
    assert learning_rate_scale(0.1, CONFIG) == learning_rate_scale(0.6, CONFIG) == 1.0
    assert learning_rate_scale(0.8, CONFIG) == pytest.approx(0.525)
    assert learning_rate_scale(1.0, CONFIG) == pytest.approx(0.05)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_scale_is_always_positive_and_at_most_one(progress: float, warmup: float, decay: float) -> None:
    scale = learning_rate_scale(progress, ScheduleConfig(warmup_fraction=warmup, decay_fraction=decay))
    assert 0 < scale <= 1


@pytest.mark.parametrize(
    ("setting", "spent"),
    [({"steps": 10}, 0.5), ({"tokens": 400}, 0.25), ({"epochs": 2.0}, 0.25), ({"minutes": 1.0}, 0.1)],
)
def test_a_budget_knows_how_much_of_it_is_spent(setting: dict[str, float], spent: float) -> None:
    budget = Budget.of(TrainingConfig(**setting))  # type: ignore[arg-type]
    assert budget.progress(steps=5, tokens=100, seconds=6.0, tokens_per_epoch=200) == pytest.approx(spent)
    assert budget.progress(steps=10**9, tokens=10**9, seconds=1e9, tokens_per_epoch=200) == 1.0


def test_without_a_budget_it_is_five_minutes() -> None:
    assert str(Budget.of(TrainingConfig())) == "5 minutes"


@given(st.integers(1, 60), st.integers(1, 400))
def test_an_even_cadence_comes_as_often_as_it_says(times: int, steps: int) -> None:
    cadence = Cadence(0, times)
    found = sum(cadence.due(step, step / steps) for step in range(1, steps + 1))
    assert found == min(times, steps)


def test_a_cadence_by_steps_and_its_state() -> None:
    cadence = Cadence(3, 10)
    assert [s for s in range(1, 10) if cadence.due(s, s / 10)] == [3, 6, 9]
    even = Cadence(0, 4)
    assert even.due(1, 0.3)
    again = Cadence(0, 4)
    again.load_state(even.state())
    assert not again.due(2, 0.4)
    assert again.due(3, 0.5)

"""Axes of charts: everything has a place, and what is written beside them can be read."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_tui.widgets.chart_scale import (
    Scale,
    fitted,
    nice_step,
    number,
    robust_high,
    shortest,
    step_number,
    ticks,
)

positive = st.floats(min_value=1e-290, max_value=1e290)
within_huge = st.floats(min_value=-1e300, max_value=1e300)


@given(within_huge, within_huge, st.booleans())
def test_a_linear_scale_holds_what_it_was_fitted_to(one: float, other: float, snap: bool) -> None:
    scale = fitted(one, other, snap=snap)
    assert scale.low <= min(one, other) <= max(one, other) <= scale.high
    assert scale.low < scale.high
    places = scale.fractions(np.array([one, other]))
    assert ((places >= -1e-9) & (places <= 1 + 1e-9)).all()


@given(positive, positive)
def test_a_log_scale_holds_what_it_was_fitted_to(one: float, other: float) -> None:
    scale = fitted(one, other, log=True)
    assert 0 < scale.low <= min(one, other) <= max(one, other) <= scale.high
    places = scale.fractions(np.array([one, other]))
    assert ((places >= -1e-9) & (places <= 1 + 1e-9)).all()


def test_snapping_keeps_a_growing_range_still() -> None:
    scales = {fitted(1.0, high) for high in np.linspace(9.51, 9.99, 40)}
    assert scales == {Scale(1.0, 10.0)}


def test_a_log_scale_spreads_decades_evenly_and_puts_nothing_positive_for_zero() -> None:
    places = Scale(1.0, 1000.0, log=True).fractions(np.array([1, 10, 100, 1000, 0, -5.0]))
    np.testing.assert_allclose(places[:4], [0, 1 / 3, 2 / 3, 1])
    assert (places[4:] == -np.inf).all()


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_nice_steps_are_round_and_just_large_enough(least: float) -> None:
    step = nice_step(least)
    assert least * (1 - 1e-6) <= step <= least * 2.5
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(mantissa - nice) for nice in (1, 2, 2.5, 5, 10)) < 1e-6


@given(within_huge, within_huge, st.integers(1, 20))
def test_ticks_are_inside_rising_and_told_apart(one: float, other: float, most: int) -> None:
    scale = fitted(one, other)
    found = ticks(scale, most)
    values = [tick.value for tick in found]
    assert values == sorted(set(values))
    assert len(found) <= most + 1
    assert all(scale.low <= value <= scale.high for value in values)
    labels = [tick.label for tick in found]
    assert len(set(labels)) == len(labels)


@given(positive, positive, st.integers(2, 12))
def test_log_ticks_are_inside_and_told_apart(one: float, other: float, most: int) -> None:
    scale = fitted(one, other, log=True)
    found = ticks(scale, most)
    assert len(found) <= most + 1
    assert all(scale.low * (1 - 1e-6) <= tick.value <= scale.high * (1 + 1e-6) for tick in found)
    assert len({tick.label for tick in found}) == len(found)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 2000, ["0", "500", "1k", "1.5k", "2k"]),
        (1.5, 3.5, ["1.5", "2.0", "2.5", "3.0", "3.5"]),
        (0, 0.001, ["0", "2e-4", "4e-4", "6e-4", "8e-4", "1e-3"]),
        (2_000_000, 4_000_000, ["2M", "2.5M", "3M", "3.5M", "4M"]),
        (1_000_000, 1_000_004, ["1,000,000", "1,000,001", "1,000,002", "1,000,003", "1,000,004"]),
        (-1, 1, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
    ],
)
def test_labels_are_short(low: float, high: float, labels: list[str]) -> None:
    assert [tick.label for tick in ticks(Scale(low, high), 5)] == labels


def test_whole_ticks_have_no_fractions() -> None:
    assert [tick.label for tick in ticks(Scale(0, 4), 20, whole=True)] == ["0", "1", "2", "3", "4"]
    assert [tick.value for tick in ticks(Scale(0.2, 0.8), 5, whole=True)] == []


def test_log_ticks_are_powers_of_ten_with_more_between_where_there_is_room() -> None:
    assert [tick.label for tick in ticks(Scale(1e-4, 1, log=True), 5)] == ["1e-4", "1e-3", "0.01", "0.1", "1"]
    assert [tick.label for tick in ticks(Scale(1, 100, log=True), 8)] == [
        "1",
        "2",
        "5",
        "10",
        "20",
        "50",
        "100",
    ]
    assert [tick.label for tick in ticks(Scale(1.5, 2.5, log=True), 2)] == ["1.5", "2.0", "2.5"]


@given(within_huge, st.floats(min_value=1e-12, max_value=1e12))
def test_the_shortest_way_is_near_enough(value: float, step: float) -> None:
    text = shortest(value, step)
    factor = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(text[-1], 1.0)
    read = float(text.rstrip("kMGT").replace(",", "")) * factor
    assert abs(read - value) <= max(step * 0.0101, abs(value) * 1e-3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((2.34567, "2.346"), (0.12345, "0.1235"), (0.003, "3.00e-3"), (0, "0.000"), (812.34, "812.3")),
        *((12_345, "12.3k"), (-5e12, "-5.00e12"), (math.nan, "nan"), (math.inf, "inf")),
    ],
)
def test_values_are_read_with_few_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_steps_are_whole_where_they_are() -> None:
    assert [step_number(x) for x in (12_345.0, 0.25, 0.0)] == ["12,345", "0.2500", "0"]


def test_the_first_steps_do_not_decide_the_range() -> None:
    loss = np.concatenate([[8.0, 6.0, 4.0, 3.0], np.full(96, 2.0)])
    assert robust_high([loss], 1.8, 8.0) == 2.0
    assert robust_high([np.full(100, 2.0)], 1.8, 2.0) == 2.0
    assert robust_high([np.linspace(1, 2, 100)], 1.0, 2.0) == 2.0, "little is won by leaving these out"
    few = np.array([8.0, 2.0, 2.0])
    assert robust_high([few], 2.0, 8.0) == 8.0, "of so few none may be left out"

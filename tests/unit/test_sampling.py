"""The sampling options: their ranges, the filters one by one against their definitions, and repeatability."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ysnakes_core.completion.sampling import (
    SamplingOptions,
    Uniform,
    distribution,
    fresh_seed,
    pick,
)
from ysnakes_core.errors import UsageError, YsnakesError

PLAIN = SamplingOptions(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, seed=0)

scores = npst.arrays(
    np.float32, st.integers(1, 60), elements=st.floats(-30, 30, width=32) | st.sampled_from([0.0, 1.5])
)
options = st.builds(
    SamplingOptions,
    temperature=st.floats(0, 100),
    top_k=st.integers(0, 70),
    top_p=st.floats(0, 1, exclude_min=True),
    min_p=st.floats(0, 1),
    repetition_penalty=st.floats(0.1, 10),
    seed=st.integers(0, 2**63 - 1),
)


def softmax(values: np.ndarray) -> np.ndarray:
    weights = np.exp(values.astype(np.float64) - values.max())
    return weights / weights.sum()


@given(scores, options, st.lists(st.integers(0, 59), max_size=8))
def test_some_token_is_always_left_and_the_probabilities_sum_to_one(logits, options, recent):
    recent = [i for i in recent if i < len(logits)]
    ids, probabilities = distribution(logits, options, recent=recent)
    assert len(ids) >= 1
    assert (np.diff(ids) > 0).all()
    assert (probabilities > 0).all()
    assert probabilities.sum() == pytest.approx(1.0)
    choice = pick(logits, options, Uniform(options.seed), recent=recent)
    assert choice.id in ids
    assert choice.probability == pytest.approx(softmax(logits)[choice.id], rel=1e-4)


@given(scores, st.floats(0.01, 100), st.integers(0, 1000))
@example(np.array([0.0, 3.1814708e-16], np.float32), 8.0, 0)  # their weights are equal, their scores are not
def test_the_best_token_alone_is_greedy(logits, temperature, seed):
    greedy = pick(logits, replace(PLAIN, temperature=0.0), Uniform(seed)).id
    assert greedy == int(logits.argmax())
    for narrow in ({"top_k": 1}, {"top_p": 1e-12}):
        assert pick(logits, replace(PLAIN, temperature=temperature, **narrow), Uniform(seed)).id == greedy


@given(scores, st.floats(0.05, 20))
def test_without_filters_it_is_the_softmax_at_that_temperature(logits, temperature):
    ids, probabilities = distribution(logits, replace(PLAIN, temperature=temperature))
    whole = np.zeros(len(logits))
    whole[ids] = probabilities
    np.testing.assert_allclose(
        whole, softmax(logits.astype(np.float64) / temperature), rtol=1e-9, atol=1e-300
    )


@given(scores, st.integers(1, 70))
def test_top_k_keeps_the_k_largest(logits, k):
    ids, probabilities = distribution(logits, replace(PLAIN, top_k=k))
    assert len(ids) == min(k, len(logits))
    np.testing.assert_array_equal(np.sort(logits[ids]), np.sort(logits)[len(logits) - len(ids) :])
    np.testing.assert_allclose(probabilities, softmax(logits[ids]))


@given(scores, st.floats(0.01, 0.999))
def test_top_p_keeps_the_fewest_that_reach_p(logits, p):
    ids, _ = distribution(logits, replace(PLAIN, top_p=p))
    probabilities = softmax(logits)
    kept = np.sort(probabilities[ids])
    assert kept.sum() >= p - 1e-9
    assert kept.sum() - kept[0] < p + 1e-9  # one fewer would not do
    left_out = np.setdiff1d(np.arange(len(logits)), ids)
    assert left_out.size == 0 or probabilities[left_out].max() <= kept[0] + 1e-12


def test_top_p_over_a_flat_vocabulary_looks_past_the_first_few():
    ids, _ = distribution(np.zeros(5000, dtype=np.float32), replace(PLAIN, top_p=0.9))
    assert len(ids) == 4500
    assert ids[-1] == 4499  # the first among equals


@given(scores, st.floats(0.001, 1))
def test_min_p_is_relative_to_the_likeliest(logits, min_p):
    ids, _ = distribution(logits, replace(PLAIN, min_p=min_p))
    probabilities = softmax(logits)
    relative = probabilities / probabilities.max()
    assert (relative[ids] >= min_p * (1 - 1e-9)).all()
    assert (np.delete(relative, ids) <= min_p * (1 + 1e-9)).all()


def test_the_filters_come_in_their_documented_order():
    logits = np.log(np.array([0.4, 0.3, 0.2, 0.1], dtype=np.float32))
    # top-k before top-p: of the three best (4/9, 3/9, 2/9) two reach 0.75; of all four, three would have to.
    ids, _ = distribution(logits, replace(PLAIN, top_k=3, top_p=0.75))
    assert list(ids) == [0, 1]
    # temperature before top-p: flattened, two tokens no longer reach it.
    ids, _ = distribution(logits, replace(PLAIN, temperature=50.0, top_k=3, top_p=0.75))
    assert list(ids) == [0, 1, 2]
    # penalty before temperature and top-k: the best token falls out.
    positive = np.array([3.0, 2.9, 1.0], dtype=np.float32)
    ids, _ = distribution(positive, replace(PLAIN, top_k=1, repetition_penalty=1.2), recent=[0])
    assert list(ids) == [1]


def test_the_penalty_divides_positive_scores_and_multiplies_negative_ones_once_a_token():
    logits = np.array([2.0, -2.0, 2.0, -2.0], dtype=np.float32)
    _, probabilities = distribution(logits, replace(PLAIN, repetition_penalty=2.0), recent=[2, 3, 2, 2])
    np.testing.assert_allclose(probabilities, softmax(np.array([2.0, -2.0, 1.0, -4.0])))


@given(scores.filter(lambda a: len(a) > 2), options)
def test_forbidden_tokens_are_never_chosen(logits, options):
    best = int(logits.argmax())
    ids, _ = distribution(logits, options, forbidden=[best])
    assert best not in ids


def test_every_token_forbidden_is_an_error():
    with pytest.raises(YsnakesError, match="ruled out"):
        distribution(np.zeros(2, dtype=np.float32), PLAIN, forbidden=[0, 1])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_scores_that_are_not_finite_are_an_error_with_a_way_out(bad, temperature):
    logits = np.array([0.0, bad, 1.0], dtype=np.float32)
    with pytest.raises(YsnakesError, match="not finite") as error:
        pick(logits, replace(PLAIN, temperature=temperature), Uniform(0))
    assert "earlier checkpoint" in error.value.hint


@given(
    npst.arrays(np.float32, 20, elements=st.floats(-(2.0**100), 2.0**100, width=32)), st.floats(1e-300, 1e-3)
)
def test_extreme_scores_and_temperatures_stay_numbers(logits, temperature):
    _, probabilities = distribution(logits, replace(PLAIN, temperature=temperature, repetition_penalty=10.0))
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1.0)


def test_draws_follow_the_distribution():
    logits = np.log(np.array([0.5, 0.3, 0.2], dtype=np.float32))
    uniform = Uniform(3)
    counts = np.bincount([pick(logits, PLAIN, uniform).id for _ in range(4000)], minlength=3)
    np.testing.assert_allclose(counts / 4000, [0.5, 0.3, 0.2], atol=0.03)


def test_the_numbers_depend_on_the_seed_alone():
    uniform = Uniform(7)  # fixed for good: a seed someone wrote down must go on giving the same text
    assert [uniform() for _ in range(3)] == [0.8720734548204873, 0.29536538151378355, 0.4200976785072422]
    neighbours = [Uniform(seed)() for seed in range(200)]
    assert len(set(neighbours)) == 200
    assert 0.4 < np.mean(neighbours) < 0.6
    assert all(0.0 <= u < 1.0 for u in neighbours)


def test_rounding_noise_does_not_change_what_is_chosen():
    rng = np.random.default_rng(0)
    logits = np.zeros(50, dtype=np.float32)  # all tied: any ranking would be decided by the noise
    for seed in range(50):
        noisy = logits + rng.normal(scale=1e-6, size=50).astype(np.float32)
        assert pick(logits, PLAIN, Uniform(seed)).id == pick(noisy, PLAIN, Uniform(seed)).id


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("max_tokens", 0, "1 or more"),
        ("max_tokens", 2.5, "whole number"),
        ("temperature", -0.1, "from 0 to 100"),
        ("temperature", math.nan, "from 0 to 100"),
        ("temperature", math.inf, "from 0 to 100"),
        ("top_k", -1, "0 or more"),
        ("top_k", True, "whole number"),
        ("top_p", 0.0, "above 0 and up to 1"),
        ("top_p", 1.01, "above 0 and up to 1"),
        ("min_p", -0.01, "from 0 to 1"),
        ("min_p", 1.01, "from 0 to 1"),
        ("repetition_penalty", 1e-310, "from 0.01 to 10"),
        ("seed", -1, "from 0 to"),
        ("seed", 2**63, "from 0 to"),
    ],
)
def test_a_value_outside_its_range_names_the_option_the_value_and_the_range(name, value, allowed):
    with pytest.raises(UsageError) as error:
        SamplingOptions(**{name: value})
    assert name in error.value.what
    assert repr(value) in error.value.what
    assert allowed in error.value.hint


@pytest.mark.parametrize("stop", ["word", ("",), (1,)])
def test_stop_strings_must_be_a_tuple_of_text(stop):
    with pytest.raises(UsageError, match="stop string"):
        SamplingOptions(stop=stop)


def test_variants_differ_in_their_seeds_only():
    base = SamplingOptions(seed=2**63 - 1, temperature=0.3)
    assert [o.seed for o in base.variants(3)] == [2**63 - 1, 0, 1]
    assert {o.temperature for o in base.variants(3)} == {0.3}
    assert [o.seed for o in SamplingOptions().variants(2)] == [None, None]
    assert SamplingOptions(seed=fresh_seed()).seed is not None

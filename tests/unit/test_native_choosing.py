"""The compiled choice of a token says what the one in Python does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from decoding_ways import compiled_library
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ysnakes_core.completion import sampling
from ysnakes_core.completion.sampling import Choice, SamplingOptions, Uniform, choose
from ysnakes_core.errors import YsnakesError

steps = st.sampled_from([0.01, 0.5, 3.0])  # few different scores, many equal ones, or hardly any
options = st.builds(
    SamplingOptions,
    temperature=st.sampled_from([0.0, 0.01, 0.6, 1.0, 30.0]) | st.floats(0.05, 5.0),
    top_k=st.integers(1, 60) | st.sampled_from([0, 1024, 1025]),
    top_p=st.sampled_from([1.0, 0.95, 0.5, 1e-9]) | st.floats(0.01, 1.0),
    min_p=st.sampled_from([0.0, 0.05, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.1, 0.5, 3.0]),
)
Found = tuple[Choice, list[Choice]] | str


def both(
    logits: np.ndarray, options: SamplingOptions, seed: int, recent: Sequence[int], forbidden: Sequence[int]
) -> list[tuple[Found, float]]:
    """What each says, and the uniform number after that."""
    compiled_library()
    found: list[tuple[Found, float]] = []
    with pytest.MonkeyPatch.context() as patch:
        for way in ("compiled", "Python"):
            if way == "Python":
                patch.setattr(sampling, "library", lambda: None)
            uniform, said = Uniform(seed), ""
            try:
                found.append(
                    (
                        choose(logits, options, uniform, recent=recent, forbidden=forbidden, alternatives=5),
                        uniform(),
                    )
                )
            except YsnakesError as error:
                said = error.what
                found.append((said, uniform()))
    return found


@settings(max_examples=400)
@given(st.integers(1, 400), steps, options, st.integers(0, 2**32), st.data())
@example(2000, 3.0, SamplingOptions(), 1, None)
def test_it_is_the_same_token_with_the_same_alternatives(count, step, options, seed, data):
    rng = np.random.default_rng(seed)
    logits = (np.round(rng.standard_normal(count) * 3 / step) * step).astype(np.float32)
    ids = st.lists(st.integers(0, count - 1), max_size=64)
    recent, forbidden = ([], []) if data is None else (data.draw(ids), data.draw(ids))
    (mine, after), (its, its_after) = both(logits, options, seed, recent, forbidden)
    assert after == its_after
    if isinstance(mine, str) or isinstance(its, str):
        assert mine == its
        return
    assert [c.id for c in (mine[0], *mine[1])] == [c.id for c in (its[0], *its[1])]
    probabilities = [[c.probability for c in (found[0], *found[1])] for found in (mine, its)]
    np.testing.assert_allclose(*probabilities, rtol=1e-4)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("at", [0, 15, 16, 36])
def test_scores_that_are_not_finite_are_told(wrong, at):
    logits = np.zeros(37, np.float32)
    logits[at] = wrong
    for found, _ in both(logits, SamplingOptions(), 1, [], []):
        assert found == "the model's scores are not finite numbers"


def test_where_every_token_is_ruled_out_that_is_said():
    for found, _ in both(np.zeros(5, np.float32), SamplingOptions(), 1, [], range(5)):
        assert found == "every token is ruled out"


@pytest.mark.parametrize("wrong", [-1, 5, 2**40])
def test_a_token_that_is_not_there_is_refused(wrong):
    compiled_library()
    for named in ({"recent": [wrong]}, {"forbidden": [wrong]}):
        with pytest.raises(IndexError):
            choose(np.zeros(5, np.float32), SamplingOptions(), Uniform(1), **named)


def test_a_row_of_a_batch_is_read_where_it_lies():
    logits = np.random.default_rng(1).standard_normal((4, 300)).astype(np.float32)
    for row in logits[:, :290]:
        (mine, _), (its, _) = both(row, SamplingOptions(), 3, [1, 2], [0])
        assert not isinstance(mine, str)
        assert not isinstance(its, str)
        assert mine[0].id == its[0].id

"""Training windows: every token once a pass, the same order every time, resumable at any batch."""

from __future__ import annotations

import itertools
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.errors import DataError, UsageError
from ysnakes_core.text.token_stream import TokenStream, make_stream
from ysnakes_core.text.windows import IGNORED, Batch, Windows

END = 0


def stream_of(sizes: list[int]) -> TokenStream:
    """Documents of these sizes whose tokens are all different: token 1000 d + i is the i-th of document d."""
    documents = [([1000 * d + i for i in range(1, size + 1)], size) for d, size in enumerate(sizes)]
    return make_stream(documents, END, 2**17)


def rows(batch: Batch) -> list[tuple[list[int], list[int], list[int]]]:
    return [
        (i.tolist(), t.tolist(), d.tolist())
        for i, t, d in zip(batch.inputs, batch.targets, batch.document_ids, strict=True)
    ]


def one_pass(windows: Windows) -> list[tuple[list[int], list[int], list[int]]]:
    """All windows that begin in the pass at hand."""
    found = []
    current = windows.epoch
    while windows.epoch == current:
        found += rows(windows.next_batch(1))
    return found


SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=12)
SEQ_LENS = st.integers(1, 40)
SEEDS = st.integers(0, 2**40)


@given(SIZES, SEQ_LENS, SEEDS)
def test_over_the_passes_every_token_is_a_target_once_a_pass(
    sizes: list[int], seq_len: int, seed: int
) -> None:
    stream = stream_of(sizes)
    windows = Windows(stream, seq_len, seed, END)
    assert windows.tokens_per_epoch == stream.n_tokens - 1
    # After seq_len passes the windows come out even, whatever the sizes.
    count = windows.tokens_per_epoch
    batch = windows.next_batch(count)
    assert windows.epoch == seq_len
    for side in (batch.inputs, batch.targets):
        assert Counter(side.ravel().tolist()) == {
            int(token): seq_len * int(n)
            for token, n in zip(*np.unique(stream.tokens[:-1], return_counts=True), strict=True)
        }


@given(SIZES, SEQ_LENS, SEEDS, st.booleans())
def test_a_window_is_pieces_of_whole_documents_in_a_row(
    sizes: list[int], seq_len: int, seed: int, pack: bool
) -> None:
    stream = stream_of(sizes)
    for inputs, targets, document_ids in rows(Windows(stream, seq_len, seed, END, pack).next_batch(6)):
        assert len(inputs) == len(targets) == len(document_ids) == seq_len
        real = [token for token in targets if token != IGNORED]
        line = inputs[: len(real)] + real[-1:]
        assert line[1:] == real
        for token, following in itertools.pairwise(line):
            ends = token == END or token % 1000 == sizes[token // 1000]
            if token == END:
                assert following % 1000 == 1
            elif ends:
                assert following == END
            else:
                assert following == token + 1
        assert document_ids == np.cumsum(np.array(inputs) == END).tolist()


@given(SIZES, SEQ_LENS, SEEDS)
def test_unpacked_documents_have_windows_of_their_own(sizes: list[int], seq_len: int, seed: int) -> None:
    windows = Windows(stream_of(sizes), seq_len, seed, END, pack=False)
    for _ in range(2):
        found = one_pass(windows)
        assert len(found) * seq_len == windows.tokens_per_epoch
        targets: list[int] = []
        for inputs, outputs, _ in found:
            real = [token for token in outputs if token != IGNORED]
            assert outputs == real + [IGNORED] * (seq_len - len(real))
            assert set(inputs[len(real) :]) <= {END}
            assert len({token // 1000 for token in inputs + real if token != END}) <= 1
            targets += real
        expected = Counter(1000 * d + i for d, size in enumerate(sizes) for i in range(1, size + 1))
        expected[END] = len(sizes)
        assert Counter(targets) == expected


@given(SIZES, SEQ_LENS, SEEDS, st.booleans(), st.lists(st.integers(1, 7), max_size=8))
def test_a_state_continues_exactly(
    sizes: list[int], seq_len: int, seed: int, pack: bool, batches: list[int]
) -> None:
    stream = stream_of(sizes)
    windows = Windows(stream, seq_len, seed, END, pack)
    for size in batches:
        windows.next_batch(size)
    state = windows.state()
    epoch = windows.epoch
    expected = [rows(windows.next_batch(size)) for size in (3, 1, 5)]
    other = Windows(stream, seq_len, seed, END, pack)
    other.next_batch(2)
    other.load_state(state)
    assert other.epoch == epoch
    assert other.state() == state
    assert [rows(other.next_batch(size)) for size in (3, 1, 5)] == expected


@given(SIZES, SEQ_LENS, SEEDS, st.booleans(), st.lists(st.integers(1, 9), min_size=1))
def test_batch_sizes_cut_the_same_line(
    sizes: list[int], seq_len: int, seed: int, pack: bool, cuts: list[int]
) -> None:
    stream = stream_of(sizes)
    windows = Windows(stream, seq_len, seed, END, pack)
    pieces = [row for cut in cuts for row in rows(windows.next_batch(cut))]
    assert pieces == rows(Windows(stream, seq_len, seed, END, pack).next_batch(sum(cuts)))


@pytest.mark.parametrize("pack", [True, False])
def test_seeds_and_passes_have_orders_of_their_own(pack: bool) -> None:
    stream = stream_of([20] * 40)
    first, second = (Windows(stream, 16, seed, END, pack) for seed in (0, 1))
    orders = [one_pass(first), one_pass(first), one_pass(second), one_pass(second)]
    firsts = [tuple(inputs for row in order for inputs in row[0][:1]) for order in orders]
    assert len(set(firsts)) == 4
    assert rows(Windows(stream, 16, 0, END, pack).next_batch(3)) == orders[0][:3]


def test_the_order_is_the_same_in_every_version() -> None:
    """A run resumed with another numpy must see the same windows, so the order itself is pinned."""
    windows = Windows(stream_of([3, 1, 4, 1, 5, 9, 2, 6]), 4, 42, END)
    assert windows.next_batch(3).inputs.tolist() == [
        [7001, 7002, 7003, 7004],
        [4004, 4005, 0, 2001],
        [0, 3001, 0, 5001],
    ]


def test_windows_are_shuffled_evenly() -> None:
    stream = stream_of([1] * 8)
    places = np.zeros((8, 8))
    for seed in range(800):
        order = Windows(stream, 2, seed, END, pack=False).next_batch(8).inputs[:, 1] // 1000
        places[np.arange(8), order] += 1
    assert (abs(places - 100) < 45).all()  # four and a half standard deviations


def test_a_corpus_smaller_than_a_window_repeats() -> None:
    windows = Windows(stream_of([2, 1]), 12, 0, END)
    batch = windows.next_batch(2)
    assert batch.inputs.shape == (2, 12)
    counts = Counter(batch.inputs.ravel().tolist())  # 24 tokens: almost five passes of 5
    assert counts.keys() == {0, 1, 2, 1001}
    assert 4 <= min(counts[1], counts[2], counts[1001]) <= max(counts[1], counts[2], counts[1001]) <= 5
    assert windows.epoch == 4


def test_a_state_of_other_data_or_settings_is_refused() -> None:
    stream = stream_of([5, 6, 7])
    state = Windows(stream, 4, 0, END).state()
    others = (
        Windows(stream_of([5, 6, 8]), 4, 0, END),
        Windows(stream, 5, 0, END),
        Windows(stream, 4, 1, END),
        Windows(stream, 4, 0, END, pack=False),
    )
    for windows in others:
        before = windows.state()
        with pytest.raises(DataError, match="the position in the data belongs to"):
            windows.load_state(state)
        assert windows.state() == before
    for wrong in ({"epoch": -1}, {"window": 99}, {"window": -1}):
        windows = Windows(stream, 4, 0, END)
        with pytest.raises(DataError):
            windows.load_state({**state, **wrong})
        assert windows.state() == state


def test_wrong_usage() -> None:
    with pytest.raises(UsageError):
        Windows(stream_of([3]), 0, 0, END)
    with pytest.raises(DataError):
        Windows(make_stream([], END, 300), 4, 0, END)
    with pytest.raises(UsageError):
        Windows(stream_of([3]), 4, 0, END).next_batch(0)


@pytest.mark.parametrize("pack", [True, False])
def test_a_batch_is_quick(pack: bool) -> None:
    dice = np.random.default_rng(0)
    lengths = dice.integers(20, 2000, 3000).tolist()
    stream = make_stream((([7] * n, n) for n in lengths), END, 4096)
    windows = Windows(stream, 256, 0, END, pack)
    windows.next_batch(8)
    times = []
    for _ in range(60):
        began = time.perf_counter()
        windows.next_batch(8)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.002

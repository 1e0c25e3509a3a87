"""Scores by position against brute force, their sums, and how sure they are, on a tiny model."""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ysnakes_core.configuration import ModelConfig, TrainingConfig
from ysnakes_core.errors import DataError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.text.corpus import encode_documents
from ysnakes_core.text.records import Document
from ysnakes_core.text.token_stream import TokenStream, make_stream
from ysnakes_core.text.tokenizers import Tokenizer, train_tokenizer
from ysnakes_core.training import by_position
from ysnakes_core.training.by_position import score_by_position, trained_length
from ysnakes_core.training.evaluation import evaluate
from ysnakes_core.training.position_curve import Band, ByPosition, Context
from ysnakes_core.training.position_scores import Samples, Scores, borders

SHAPE = ModelConfig(d_model=32, n_layers=2, d_state=8, head_dim=16, chunk_size=8)
TEXTS = (
    "A snake has no legs, and yet it climbs trees. " * 3,
    "Straße — überquert. 数えてみると、蛇は七匹いた。 🐍🐍",
    "The old fox slept under the hedge until the rain had passed, and so did I.",
    "Short.",
)
LETTERS = st.text(st.sampled_from("abc éß数🐍.\n"), min_size=1, max_size=60)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=["bpe", "word"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return train_tokenizer([Document(None, f"{text} é ß abc") for text in TEXTS], request.param, 400)


def model_for(tokenizer: Tokenizer) -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(SHAPE, tokenizer.vocab_size)
    with torch.no_grad():  # so that what stands before a token matters to it
        model.norm.weight.mul_(4.0)
    return model.eval()


@functools.cache
def small() -> tuple[Tokenizer, LanguageModel]:
    tokenizer = train_tokenizer([Document(None, "abc é ß 数🐍.")], "bpe", 300)
    return tokenizer, model_for(tokenizer)


def documents() -> list[Document]:
    asked = [Document(f"Which is {i}?", TEXTS[i % 4][: 40 + 9 * i]) for i in range(9)]
    return [*(Document(None, text) for text in TEXTS), *asked]


def found_for(model: LanguageModel, tokenizer: Tokenizer, stream: TokenStream, seq_len: int) -> ByPosition:
    found = score_by_position(model, tokenizer, stream, seq_len)
    assert found is not None
    return found


def nats_of_last(model: LanguageModel, tokens: list[int]) -> float:
    """Of the last token, with all the others before it, by the plain definition."""
    logits: Tensor = model(torch.tensor([tokens[:-1]]))[0]
    return -float(logits[0, -1].double().log_softmax(-1)[tokens[-1]])


def pieces_of(stream: TokenStream) -> list[list[int]]:
    ends = [*stream.starts[1:].tolist(), len(stream.tokens) - 1]
    return [stream.tokens[a : b + 1].tolist() for a, b in zip(stream.starts.tolist(), ends, strict=True)]


@given(st.lists(LETTERS, min_size=1, max_size=12), st.integers(1, 40))
def test_bands_add_up_to_the_whole_evaluation(texts: list[str], seq_len: int) -> None:
    tokenizer, model = small()
    stream = encode_documents([Document(None, text) for text in texts], tokenizer)
    whole = evaluate(model, stream)
    assert whole is not None
    found = score_by_position(model, tokenizer, stream, seq_len, longest=10**6)
    assert found is not None
    bands = found.alone.bands
    assert sum(band.nats for band in bands) == pytest.approx(whole.nats, rel=1e-5)
    assert sum(band.tokens for band in bands) == whole.tokens == found.tokens
    assert sum(band.text_bytes for band in bands) == whole.text_bytes == found.text_bytes
    assert [band.first for band in bands[1:]] == [band.last + 1 for band in bands[:-1]]
    assert bands[0].documents == whole.documents
    if found.on_end is not None:
        assert found.on_end.length == whole.tokens


def test_every_band_and_context_is_what_brute_force_finds(tokenizer: Tokenizer) -> None:
    model, stream, seq_len = model_for(tokenizer), encode_documents(documents(), tokenizer), 17
    pieces = pieces_of(stream)
    assert max(map(len, pieces)) > 2 * seq_len + 1
    found = found_for(model, tokenizer, stream, seq_len)

    def nats_after(piece: list[int], position: int, length: int) -> float:
        """Windows of ``length`` overlap by half; a token counts in the first that has it in its new half."""
        stride = length - length // 2
        window = 0 if position < length else ((position - length) // stride + 1) * stride
        assert position < length or length // 2 <= position - window < length
        return nats_of_last(model, piece[window : position + 2])

    with torch.no_grad():
        places = [(d, p) for d, piece in enumerate(pieces) for p in range(len(piece) - 1)]
        alone = {(d, p): nats_of_last(model, pieces[d][: p + 2]) for d, p in places}
        trained = {(d, p): nats_after(pieces[d], p, seq_len) for d, p in places}
        for band in found.alone.bands:
            inside = [(d, p) for d, p in places if band.first <= p <= band.last]
            assert band.nats == pytest.approx(sum(alone[at] for at in inside), rel=1e-4)
            assert band.trained_nats == pytest.approx(sum(trained[at] for at in inside), rel=1e-4)
            assert band.documents == len({d for d, _ in inside})
        for context in found.contexts:
            nats = sum(nats_after(pieces[d], p, context.length) for d, p in places)
            assert context.nats == pytest.approx(nats, rel=1e-4)
            assert context.whole_nats == pytest.approx(sum(alone.values()), rel=1e-4)
    assert [context.length for context in found.contexts] == [8, 17]


def test_the_long_text_is_one_text_from_several_starts(tokenizer: Tokenizer) -> None:
    model, stream = model_for(tokenizer), encode_documents(documents(), tokenizer)
    found = score_by_position(model, tokenizer, stream, 8, longest=200)
    assert found is not None
    assert found.on_end is not None
    pieces = pieces_of(stream)
    starts = min(by_position.STARTS, len(pieces))
    assert (found.on_end.starts, found.on_end.length) == (starts, 200)
    nats, count = np.zeros(200), np.zeros(200)
    for start in range(starts):
        at = start * len(pieces) // starts
        laid = [token for piece in [*pieces[at:], *pieces[:at]] for token in piece[:-1]]
        length = 200 if start % by_position.EVERY == 0 else by_position.NEAR * 8
        row = torch.tensor([laid[: length + 1]])
        with torch.no_grad():
            scores = model(row[:, :-1])[0].double().log_softmax(-1)
        nats[:length] -= scores.gather(2, row[:, 1:, None])[0, :, 0].numpy()
        count[:length] += 1
    for band in found.on_end.bands:
        assert band.nats == pytest.approx(nats[band.first : band.last + 1].sum(), rel=1e-4)
        assert band.tokens == count[band.first : band.last + 1].sum()


def test_blocks_change_nothing(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    model, stream = model_for(tokenizer), encode_documents(documents(), tokenizer)
    whole = found_for(model, tokenizer, stream, 8)
    monkeypatch.setattr("ysnakes_core.training.evaluation.BLOCK_TOKENS", 7)
    small = found_for(model, tokenizer, stream, 8)
    for curve, other in ((whole.alone, small.alone), (whole.on_end, small.on_end)):
        assert curve is not None
        assert other is not None
        for band, same in zip(curve.bands, other.bands, strict=True):
            assert band.nats == pytest.approx(same.nats, rel=1e-4)
            assert band.trained_nats == pytest.approx(same.trained_nats, rel=1e-4)


def test_bytes_count_where_a_character_is_whole(tokenizer: Tokenizer) -> None:
    stream = encode_documents(documents(), tokenizer)
    found = found_for(model_for(tokenizer), tokenizer, stream, 8)
    assert found.text_bytes == stream.n_bytes
    assert sum(band.text_bytes for band in found.alone.bands) == stream.n_bytes


def test_a_document_alone_is_laid_to_no_other() -> None:
    tokenizer = train_tokenizer([Document(None, text) for text in TEXTS], "bpe", 300)
    stream = encode_documents([Document(None, TEXTS[0] * 5)], tokenizer)
    found = found_for(model_for(tokenizer), tokenizer, stream, 32)
    assert found.on_end is None
    assert found.alone.beyond is not None
    assert (found.alone.within.last, found.alone.beyond.first) == (31, 32)


def test_no_text_is_told() -> None:
    tokenizer = train_tokenizer([Document(None, "abc")], "bpe", 300)
    with pytest.raises(DataError, match="no text"):
        score_by_position(model_for(tokenizer), tokenizer, make_stream([], 0, tokenizer.vocab_size), 8)


def test_it_tells_how_far_it_is_and_can_be_stopped(tokenizer: Tokenizer) -> None:
    model, stream = model_for(tokenizer).train(), encode_documents(documents(), tokenizer)
    parts: list[float] = []
    assert score_by_position(model, tokenizer, stream, 8, progress=parts.append) is not None
    assert parts == sorted(parts)
    assert parts[-1] == pytest.approx(1.0)
    enough = len(parts) // 2
    parts.clear()
    stopped = score_by_position(
        model, tokenizer, stream, 8, progress=parts.append, interrupted=lambda: len(parts) == enough
    )
    assert stopped is None
    assert len(parts) == enough
    assert model.training


def test_what_is_found_travels_as_json(tokenizer: Tokenizer) -> None:
    stream = encode_documents(documents(), tokenizer)
    found = found_for(model_for(tokenizer), tokenizer, stream, 8)
    content = json.loads(json.dumps(found.to_json()))
    assert ByPosition.from_json(content) == found
    first = content["alone"]["bands"][0]
    assert first["bits_per_byte"] == first["nats"] / math.log(2.0) / first["bytes"]
    with pytest.raises((KeyError, TypeError, ValueError)):
        ByPosition.from_json({**content, "alone": None})


@given(st.integers(1, 100_000))
def test_bands_double_and_leave_nothing_out(length: int) -> None:
    bands = borders(length)
    assert (bands[0][0], bands[-1][1]) == (0, length - 1)
    assert all(first == before + 1 for (_, before), (first, _) in itertools.pairwise(bands))
    assert all(last == 2 * first - 1 for first, last in bands[1:-1])


def test_the_trained_length_is_that_of_the_longest_stage() -> None:
    assert trained_length(TrainingConfig(seq_len=64)) == 64
    assert trained_length(TrainingConfig(seq_len=64, stages="auto")) == 192
    assert trained_length(TrainingConfig(seq_len=64, stages="32x8@1.0,500,16")) == 500


# How sure it is.


def synthetic(rng: np.random.Generator, texts: int, worse: float) -> tuple[Scores, Samples]:
    """Texts of five documents of 20 tokens; from position 16 on they are ``worse`` bits a byte harder."""
    size = texts * 100
    document = np.arange(size) // 20
    level = rng.gamma(4.0, 0.25, texts * 5)[document]
    trained = level * rng.gamma(2.0, 0.5, size)
    position = np.arange(size) % 100
    extra = np.where(position >= 16, worse * math.log(2.0) * 4, 0.0) + rng.normal(0.0, 0.3, size)
    scores = Scores(trained, np.full(size, 4), document, np.arange(size) // 10, 8)
    return scores, Samples(position, np.arange(size), trained + extra)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    held = {"level": 0, "difference": 0, "drift": 0}
    for _ in range(300):
        scores, samples = synthetic(rng, 30, 0.05)
        curve = scores.curve(samples, 1)
        far, drift = curve.bands[-1], curve.drift
        assert drift is not None
        assert None not in (far.bits_per_byte, far.error, far.difference, far.difference_error)
        held["level"] += abs(far.bits_per_byte - (0.25 / math.log(2.0) + 0.05)) <= far.error  # type: ignore[operator]
        held["difference"] += abs(far.difference - 0.05) <= far.difference_error  # type: ignore[operator, arg-type]
        held["drift"] += abs(drift.bits_per_byte - 0.05) <= drift.error
    assert all(0.9 * 300 <= count <= 0.99 * 300 for count in held.values()), held


def test_too_little_text_has_no_bound() -> None:
    scores, samples = synthetic(np.random.default_rng(0), 3, 0.0)
    curve = scores.curve(samples, 1)
    assert curve.bands[0].error is None  # three documents, six stretches
    assert curve.drift is None
    assert curve.bands[-1].error is not None
    scores, samples = synthetic(np.random.default_rng(0), 4, 0.0)
    assert scores.curve(samples, 1).bands[0].error is not None  # few documents, but eight stretches


@pytest.mark.parametrize(
    ("nats", "error", "enough"),
    [(1000.0, 0.001, True), (1005.0, 0.001, True), (1009.9, 0.001, False), (1020.0, 0.001, False)],
)
def test_a_context_is_enough_when_more_surely_wins_little(nats: float, error: float, enough: bool) -> None:
    assert Context(64, 100, 1000, nats, 1000.0, error).is_enough is enough
    assert not Context(64, 100, 1000, nats, 1000.0, None).is_enough


def test_a_band_of_marks_alone_has_no_bits_per_byte() -> None:
    band = Band(0, 15, 3, 0, 3, 1.0, 1.0, None, None)
    assert (band.bits_per_byte, band.trained, band.difference) == (None, None, None)

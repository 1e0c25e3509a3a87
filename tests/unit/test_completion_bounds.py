"""Completion at the edges: prompts meant to do harm, no prompt, weights and vocabularies that don't fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.sampling import SamplingOptions
from ysnakes_core.configuration import ModelConfig
from ysnakes_core.errors import YsnakesError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.text.records import Document
from ysnakes_core.text.tokenizers import Tokenizer, train_tokenizer

SENTENCES = (
    "A snake has no legs, and yet it climbs trees.",
    "The old fox slept under the hedge until the rain had passed.",
    "Ein Igel überquert die Straße — langsam, aber mit Würde.",
    "数えてみると、蛇は七匹いた。 🐍🐍",
)
SHAPE = ModelConfig(d_model=32, n_layers=2, d_state=8, head_dim=16, chunk_size=8)
WILD = SamplingOptions(max_tokens=40, temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, seed=5)
GREEDY = SamplingOptions(max_tokens=24, temperature=0.0)
HOSTILE = (
    "<end>",
    "<start>",
    "a<end><start>b",
    "\x1b[2J\x1b]0;gotcha\x07",
    "\x00\x01\x7f",
    "\u202eevil\u2028",
    "é" * 50,
    "🐍🏽‍👩",
    "\ud83d half a pair",
    " ",
    "\n\n\n",
    "\r\n",
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    documents = [Document(None, text, "memory", i) for i, text in enumerate(SENTENCES)]
    return train_tokenizer(documents, "bpe", 400)


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(SHAPE, tokenizer.vocab_size)
    with torch.no_grad():  # scores far enough apart that greedy choices aren't near ties
        model.norm.weight.mul_(20.0)
    return model.eval()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def completer(model: LanguageModel, tokenizer: Tokenizer) -> Completer:
    return Completer(model, tokenizer)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_random_bytes_from_the_model_are_always_valid_text(tokenizer, model, seed, count):
    done = Completer(model, tokenizer).complete("x", replace(WILD, seed=seed, max_tokens=count))
    done.text.encode("utf-8")
    assert len(done.pieces) == done.summary.tokens <= count


@pytest.mark.parametrize("prompt", HOSTILE)
@pytest.mark.parametrize("how", ["auto", "request", "text"])
def test_a_hostile_prompt_is_only_text(completer, tokenizer, prompt, how):
    done = completer.complete(prompt, replace(WILD, max_tokens=5), reading=how)
    as_text = len(tokenizer.encode(prompt))
    as_request = len(tokenizer.encode(prompt.strip())) or as_text
    assert done.summary.prompt_tokens == (as_request if done.summary.reading == "request" else as_text)
    assert 1 <= done.summary.tokens <= 5


def test_an_empty_prompt_begins_a_document(completer, model, tokenizer):
    done = completer.complete("", replace(GREEDY, max_tokens=1, repetition_penalty=1.0))
    with torch.no_grad():
        logits, _ = model(torch.tensor([[tokenizer.end_id]]))
    logits[0, -1, tokenizer.end_id] = -torch.inf
    assert [p.id for p in done.pieces] == [int(logits[0, -1].argmax())]
    assert done.summary.reading == "text"


def test_a_model_whose_scores_are_broken_says_so(tokenizer):
    broken = LanguageModel(SHAPE, tokenizer.vocab_size)
    with torch.no_grad():
        broken.norm.weight.fill_(torch.nan)
    with pytest.raises(YsnakesError, match="not finite"):
        Completer(broken, tokenizer).complete("The", GREEDY)


def test_a_tokenizer_of_another_model_is_refused(tokenizer):
    with pytest.raises(YsnakesError, match="knows"):
        Completer(LanguageModel(SHAPE, tokenizer.vocab_size - 1), tokenizer)


def test_a_vocabulary_padded_beyond_the_tokenizers_is_never_used(tokenizer):
    torch.manual_seed(3)
    padded = LanguageModel(SHAPE, tokenizer.vocab_size + 300)
    done = Completer(padded, tokenizer).complete("The", replace(WILD, max_tokens=80, temperature=50.0))
    assert max(p.id for p in done.pieces) < tokenizer.vocab_size

"""Whether a prompt is a request, a text or an answer's beginning: a model that knows all three tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.row import REQUEST_BREAK
from ysnakes_core.completion.sampling import SamplingOptions
from ysnakes_core.configuration import ModelConfig
from ysnakes_core.errors import UsageError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.text.records import Document
from ysnakes_core.text.tokenizers import train_tokenizer

SHAPE = ModelConfig(d_model=64, n_layers=2, d_state=8, head_dim=32, chunk_size=16)
GREEDY = SamplingOptions(max_tokens=60, temperature=0.0, repetition_penalty=1.0)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def learned(one_thread: None) -> Completer:
    """A small model that knows a few records by heart: with a request, without one, and prose."""
    torch.manual_seed(1)
    records = [
        Document("Where does the fox sleep?", "The fox sleeps under the hedge."),
        Document("Has a snake legs?", "No, and yet it climbs trees."),
        Document("", "Once there was an old fox."),
        Document(None, "Rain had passed, and slowly seven snakes came out."),
    ]
    tokenizer = train_tokenizer(records, "bpe", 400)
    model = LanguageModel(SHAPE, tokenizer.vocab_size)
    streams = [[tokenizer.end_id, *tokenizer.encode_record(r), tokenizer.end_id] for r in records]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        losses = [model.loss(torch.tensor([s[:-1]]), torch.tensor([s[1:]])) for s in streams]
        optimizer.zero_grad()
        torch.stack(losses).mean().backward()
        optimizer.step()
    return Completer(model.eval(), tokenizer)


@pytest.mark.parametrize(
    ("prompt", "how", "read_as", "completion"),
    [
        ("Where does the fox sleep?", "auto", "request", "The fox sleeps under the hedge."),
        ("  Has a snake legs? \n", "auto", "request", "No, and yet it climbs trees."),
        ("\nHas a snake legs? ", "request", "request", "No, and yet it climbs trees."),
        ("Has a snake", "auto", "text", f" legs?{REQUEST_BREAK}No, and yet it climbs trees."),
        ("Once there was", "auto", "answer", " an old fox."),
        ("Once there was", "text", "answer", " an old fox."),
        ("Rain had passed, and", "auto", "text", " slowly seven snakes came out."),
        ("Rain had passed, and", "text", "text", " slowly seven snakes came out."),
    ],
)
def test_the_model_knows_how_a_prompt_is_to_be_read(learned, prompt, how, read_as, completion):
    done = learned.complete(prompt, GREEDY, reading=how)
    assert (done.summary.reading, done.text, done.summary.reason) == (read_as, completion, "end")


def test_a_long_prompt_is_read_like_its_beginning(learned):
    options = replace(GREEDY, max_tokens=4)
    long = "Rain had passed, and slowly seven snakes came out." * 12
    assert learned.complete(long, options).summary.reading == "text"
    assert learned.complete("Once there was an old fox." * 20, options).summary.reading == "answer"


def test_an_unknown_reading_is_refused(learned):
    with pytest.raises(UsageError, match="'prose'"):
        learned.stream("The", reading="prose")

"""Completion with a tiny random model: the recurrence, seeds, batches, and how a completion ends."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from decoding_ways import WAYS, change_steps, decode_by

from ysnakes_core.completion import reading
from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.pieces import Piece
from ysnakes_core.completion.row import REQUEST_BREAK
from ysnakes_core.completion.sampling import SamplingOptions
from ysnakes_core.configuration import ModelConfig
from ysnakes_core.errors import UsageError
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


@pytest.fixture(params=WAYS, autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    decode_by(request.param, monkeypatch)


@pytest.fixture
def completer(model: LanguageModel, tokenizer: Tokenizer) -> Completer:
    return Completer(model, tokenizer)


def text_of(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def force(monkeypatch: pytest.MonkeyPatch, model: LanguageModel, ids: Sequence[int]) -> None:
    """Make the model want to say given ids, whatever the prompt: the first after it, then one a step."""
    whole = model.forward
    rest: Iterator[int] = iter(ids[1:])

    def towards(logits: torch.Tensor, wanted: int) -> torch.Tensor:
        scores = torch.full_like(logits, -10.0)
        scores[..., wanted] = 10.0
        return scores

    def forward(*args, **kwargs):
        logits, state = whole(*args, **kwargs)
        return towards(logits, ids[0]), state

    monkeypatch.setattr(model, "forward", forward)
    change_steps(monkeypatch, lambda step: lambda *args: towards(step(*args), next(rest)))


# --- the recurrence ---


def test_every_greedy_token_is_the_argmax_of_the_full_forward_pass(completer, model, tokenizer):
    prompt = SENTENCES[0]
    stream = completer.stream(
        prompt, replace(GREEDY, max_tokens=60, repetition_penalty=1.0), reading="request"
    )
    ids = [piece.id for piece in stream]
    assert len(ids) > 5
    history = [tokenizer.end_id, *tokenizer.encode(prompt), tokenizer.start_id]
    with torch.no_grad():
        logits, _ = model(torch.tensor([history + ids]))
    allowed = logits[0, len(history) - 1 : -1].clone()
    allowed[:, tokenizer.start_id] = -torch.inf
    allowed[0, tokenizer.end_id] = -torch.inf
    assert allowed.argmax(dim=-1).tolist() == ids


def test_recurrent_scores_equal_the_full_forward_pass_at_every_position(completer, model):
    ids = torch.randint(2, model.vocab_size, (1, 70), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole, _ = model(ids)
    context = completer.take_in(ids[0, :1].tolist())
    for at in range(1, ids.shape[1]):
        torch.testing.assert_close(context.logits, whole[:, at - 1], atol=1e-4, rtol=1e-4)
        with torch.inference_mode():
            context = reading.Context(*model.step(ids[:, at], context.state))
    torch.testing.assert_close(context.logits, whole[:, -1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("length", [1, 7, 8, 9, 30])
def test_a_prompt_taken_in_by_blocks_is_the_prompt_taken_in_at_once(completer, model, monkeypatch, length):
    ids = list(range(2, 2 + length))
    with torch.no_grad():
        whole, state = model(torch.tensor([ids]), last_only=True)
    monkeypatch.setattr(reading, "BLOCK", 8)
    context = completer.take_in(ids)
    torch.testing.assert_close(context.logits, whole[:, -1], atol=1e-4, rtol=1e-4)
    for mine, its in zip(context.state.ssm, state.ssm, strict=True):
        torch.testing.assert_close(mine, its, atol=1e-4, rtol=1e-4)


def test_a_context_can_be_continued_twice(completer):
    trunk = completer.take_in([0, 5, 6, 7])
    before = [t.clone() for t in (*trunk.state.ssm, *trunk.state.conv, trunk.logits)]
    branches = [completer.take_in(more, trunk) for more in ([8, 9], [10], [8, 9])]
    torch.testing.assert_close(branches[0].logits, branches[2].logits, atol=0, rtol=0)
    torch.testing.assert_close(
        branches[1].logits, completer.take_in([0, 5, 6, 7, 10]).logits, atol=1e-4, rtol=1e-4
    )
    for old, kept in zip(before, (*trunk.state.ssm, *trunk.state.conv, trunk.logits), strict=True):
        assert torch.equal(old, kept)


def test_a_model_in_training_stays_in_training_and_drops_nothing(model, tokenizer):
    dropping = LanguageModel(replace(SHAPE, dropout=0.5), tokenizer.vocab_size)
    dropping.load_state_dict(model.state_dict())
    dropping.train()
    assert (
        Completer(dropping, tokenizer).complete("A", GREEDY).text
        == Completer(model, tokenizer).complete("A", GREEDY).text
    )
    assert dropping.training


# --- seeds and batches ---


def test_a_seed_gives_the_same_text_and_another_gives_another(completer):
    first = completer.complete("The fox", WILD)
    again = completer.complete("The fox", WILD)
    other = completer.complete("The fox", replace(WILD, seed=6))
    assert first.pieces == again.pieces
    assert first.text != other.text


def test_a_fresh_seed_is_named_and_repeats_the_text(model, tokenizer):
    seeds = itertools.count(40)
    completer = Completer(model, tokenizer, new_seed=lambda: next(seeds))
    fresh = replace(WILD, seed=None)
    first, second = completer.complete("The fox", fresh), completer.complete("The fox", fresh)
    assert (first.summary.seed, second.summary.seed) == (40, 41)
    assert first.text != second.text
    assert completer.complete("The fox", replace(WILD, seed=41)).text == second.text


@pytest.mark.parametrize("how", ["auto", "request", "text"])
def test_rows_of_a_batch_say_what_they_would_say_alone(completer, how):
    prompts = ["A snake", "", SENTENCES[2], "A snake", "🐍"]
    options = [
        WILD,
        replace(WILD, seed=9, max_tokens=3),
        GREEDY,
        replace(WILD, seed=10),
        replace(WILD, seed=11, max_tokens=17, stop=("e",)),
    ]
    together = completer.complete_batch(prompts, options, reading=how)
    alone = [completer.complete(p, o, reading=how) for p, o in zip(prompts, options, strict=True)]
    assert [c.text for c in together] == [c.text for c in alone]
    for mine, its in zip(together, alone, strict=True):
        assert [p.id for p in mine.pieces] == [p.id for p in its.pieces]
        assert [p.probability for p in mine.pieces] == pytest.approx(
            [p.probability for p in its.pieces], abs=1e-4
        )
        assert (mine.summary.reason, mine.summary.reading) == (its.summary.reason, its.summary.reading)
        assert mine.summary.prompt_tokens == its.summary.prompt_tokens


def test_variants_of_one_prompt_differ_and_can_be_made_alone(completer):
    rows = completer.complete_batch(["The fox"] * 4, WILD.variants(4))
    assert len({row.text for row in rows}) == 4
    assert completer.complete("The fox", replace(WILD, seed=7)).text == rows[2].text


def test_no_prompts_are_no_completions(completer):
    assert completer.complete_batch([]) == []


def test_options_must_be_one_or_one_a_row(completer):
    with pytest.raises(UsageError, match="2 prompts but 3"):
        completer.complete_batch(["a", "b"], [WILD] * 3)


# --- ends ---


def test_max_tokens_ends_it(completer):
    done = completer.complete("The", replace(WILD, max_tokens=7))
    assert done.summary.reason == "max_tokens"
    assert done.summary.tokens == 7


def test_the_models_own_end_ends_it_but_never_at_once(completer, model, tokenizer, monkeypatch):
    ids = tokenizer.encode("So it is.")
    force(monkeypatch, model, [tokenizer.end_id, *ids[1:], tokenizer.end_id])
    done = completer.complete("The", GREEDY, reading="request")
    assert done.summary.reason == "end"
    assert done.summary.tokens == len(ids)
    assert done.pieces[0].id != tokenizer.end_id
    assert done.text.endswith(tokenizer.decode(ids[1:]))


def test_an_answer_never_holds_a_start(completer, model, tokenizer, monkeypatch):
    force(monkeypatch, model, [tokenizer.start_id] * 5)
    done = completer.complete("The", replace(GREEDY, max_tokens=5), reading="request")
    assert tokenizer.start_id not in [p.id for p in done.pieces]


def test_a_request_the_model_finishes_itself_is_set_apart_from_its_answer(
    completer, model, tokenizer, monkeypatch
):
    rest, answer = tokenizer.encode(" has legs?"), tokenizer.encode("No.")
    force(monkeypatch, model, [*rest, tokenizer.start_id, *answer, tokenizer.end_id])
    done = completer.complete("A snake", GREEDY, reading="text")
    assert done.text == f" has legs?{REQUEST_BREAK}No."
    assert done.summary.reason == "end"


def test_cancelling_keeps_what_was_made(completer):
    stream = completer.stream("The", WILD)
    made = [next(stream) for _ in range(4)]
    stream.cancel()
    made += list(stream)
    assert stream.summary.reason == "cancelled"
    assert text_of(completer.complete("The", WILD).pieces).startswith(text_of(made))
    assert list(stream) == []


def test_cancelling_before_the_first_token_gives_none(completer):
    stream = completer.stream("The", WILD)
    stream.cancel()
    assert list(stream) == []
    assert (stream.summary.tokens, stream.summary.seconds_to_first_token) == (0, None)


def test_cancelling_from_another_thread_ends_a_long_prompt_between_blocks(completer, model, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK", 8)
    stream = completer.stream("snake " * 500, WILD, reading="request")
    whole, blocks = model.forward, []

    def forward(*args, **kwargs):
        blocks.append(1)
        if len(blocks) == 3:
            canceller = threading.Thread(target=stream.cancel)
            canceller.start()
            canceller.join()
        return whole(*args, **kwargs)

    monkeypatch.setattr(model, "forward", forward)
    assert list(stream) == []
    assert len(blocks) == 3


def test_an_interrupt_while_computing_loses_nothing_made_so_far(completer, model, monkeypatch):
    steps = []

    def interrupted(step, *args):
        steps.append(1)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return step(*args)

    change_steps(monkeypatch, lambda step: lambda *args: interrupted(step, *args))
    stream = completer.stream("The", WILD)
    made = []
    with pytest.raises(KeyboardInterrupt):
        made.extend(stream)  # what extend took before the interrupt stays in the list
    stream.cancel()
    made += list(stream)
    assert (stream.summary.tokens, stream.summary.reason) == (3, "cancelled")
    monkeypatch.undo()
    assert text_of(list(completer.stream("The", WILD))).startswith(text_of(made))


def test_an_interrupt_while_taking_in_the_prompt_can_be_gone_on_from(completer, model, monkeypatch):
    def interrupted(*args, **kwargs):
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "forward", interrupted)
    stream = completer.stream("The", WILD)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert text_of(list(stream)) == completer.complete("The", WILD).text


# --- stop strings ---


def test_a_stop_string_that_straddles_tokens_is_never_shown(completer, model, tokenizer, monkeypatch):
    ids = [i for text in ("It ends", " her", "e, or", " so.") for i in tokenizer.encode(text)]
    force(monkeypatch, model, [*ids, tokenizer.end_id])
    stream = completer.stream("The", SamplingOptions(temperature=0, stop=("here,", "zzz")), reading="text")
    assert text_of(list(stream)) == "It ends "
    assert stream.summary.reason == "stop"


def test_what_only_looked_like_a_stop_is_shown_in_the_end(completer, model, tokenizer, monkeypatch):
    ids = tokenizer.encode("It ends here")
    force(monkeypatch, model, [*ids, tokenizer.end_id])
    done = completer.complete("The", SamplingOptions(temperature=0, stop=("here, and now",)), reading="text")
    assert done.text == "It ends here"
    assert done.summary.reason == "end"


# --- text ---


def test_characters_are_never_broken_across_pieces(completer, model, tokenizer, monkeypatch):
    text = "🐍 überall, 七匹 👩‍👩‍👧!"
    ids = tokenizer.encode(text)
    assert len(ids) > len(text) // 2
    force(monkeypatch, model, [*ids, tokenizer.end_id])
    pieces = list(completer.stream("The", replace(GREEDY, max_tokens=200), reading="text"))
    assert text_of(pieces) == text
    assert not any("\ufffd" in piece.text for piece in pieces)
    assert [piece.id for piece in pieces] == ids


def test_a_word_the_prompt_began_in_capitals_goes_on_in_capitals(monkeypatch):
    record = Document(None, "hello hell hell he o b o b he llo")
    tokenizer = train_tokenizer([record], "word", 300)
    model = LanguageModel(SHAPE, tokenizer.vocab_size)
    force(monkeypatch, model, [*tokenizer.encode("o"), *tokenizer.encode(" o"), tokenizer.end_id])
    done = Completer(model, tokenizer).complete("HELL", GREEDY, reading="text")
    assert (
        done.text == tokenizer.decode([*tokenizer.encode("HELL"), *[p.id for p in done.pieces]])[4:] == "O o"
    )


# --- figures ---


def test_times_count_computing_and_not_the_reader(model, tokenizer):
    ticks = itertools.count()
    stream = Completer(model, tokenizer, clock=lambda: float(next(ticks))).stream(
        "The", replace(WILD, max_tokens=6), reading="request"
    )
    for _ in stream:
        for _ in range(1000):
            next(ticks)  # a slow reader
    assert stream.summary.tokens == 6
    assert stream.summary.seconds_to_first_token is not None
    assert stream.summary.seconds_to_first_token < 10
    assert stream.summary.tokens_per_second is not None
    assert stream.summary.tokens_per_second > 0.2

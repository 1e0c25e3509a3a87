"""Completion after earlier turns: what stands before a prompt, what is taken in anew and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from decoding_ways import change_steps

from ysnakes_core.completion.contexts import Context, ContextStore
from ysnakes_core.completion.engine import Completer, Completion
from ysnakes_core.completion.history import Part
from ysnakes_core.completion.past import past_of
from ysnakes_core.completion.presets import PRESETS
from ysnakes_core.completion.sampling import SamplingOptions
from ysnakes_core.configuration import ModelConfig
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.packing import pack
from ysnakes_core.model.precision import PRECISIONS
from ysnakes_core.model.state import ModelState
from ysnakes_core.text.records import Document
from ysnakes_core.text.tokenizers import Tokenizer, train_tokenizer

SENTENCES = (
    "A snake has no legs, and yet it climbs trees.",
    "The old fox slept under the hedge until the rain had passed.",
    "Ein Igel überquert die Straße — langsam, aber mit Würde.",
)
SHAPE = ModelConfig(d_model=32, n_layers=2, d_state=8, head_dim=16, chunk_size=8)
WILD = SamplingOptions(max_tokens=12, temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, seed=5)
GREEDY = replace(WILD, temperature=0.0)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    documents = [Document(None, text, "memory", i) for i, text in enumerate(SENTENCES)]
    return train_tokenizer(documents, "bpe", 400)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def model_for(tokenizer: Tokenizer, precision: str = "float64") -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(SHAPE, tokenizer.vocab_size).eval()
    with torch.no_grad():  # scores far enough apart that greedy choices aren't near ties
        model.norm.weight.mul_(20.0)
    return model.double() if precision == "float64" else pack(model, precision)  # type: ignore[arg-type]


@pytest.fixture
def completer(tokenizer: Tokenizer) -> Completer:
    return Completer(model_for(tokenizer), tokenizer)


class Counted:
    """How many tokens a model takes in, by blocks and by steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> None:
        self.tokens = 0
        forward = model.forward

        def block(tokens, **kwargs):
            self.tokens += tokens.numel()
            return forward(tokens, **kwargs)

        def one(step, decoding, tokens):
            self.tokens += len(tokens)
            return step(decoding, tokens)

        monkeypatch.setattr(model, "forward", block)
        change_steps(monkeypatch, lambda step: lambda *args: one(step, *args))

    def since(self) -> int:
        count, self.tokens = self.tokens, 0
        return count


def part_of(prompt: str, done: Completion) -> Part:
    ids = tuple(piece.id for piece in done.pieces)
    return Part(prompt, done.summary.reading, ids, done.summary.reason == "end")


def talk(completer: Completer, turns: int, reading: str = "request", options=WILD) -> list[Part]:
    history: list[Part] = []
    for i in range(turns):
        prompt = f"{SENTENCES[i % 3]} {i}"
        done = completer.complete(prompt, replace(options, seed=i), reading=reading, history=history)
        history.append(part_of(prompt, done))
    return history


def ids_of(done: Completion) -> list[int]:
    return [piece.id for piece in done.pieces]


# --- what stands before a prompt ---


@pytest.mark.parametrize("ended", [True, False])
def test_a_request_after_an_answer_begins_a_new_document(completer, tokenizer, ended):
    start, end = tokenizer.start_id, tokenizer.end_id
    first, answer, second = tokenizer.encode("A fox"), tokenizer.encode("No."), tokenizer.encode("A snake")
    history = [Part(" A fox ", "request", tuple(answer), ended)]
    done = completer.complete("A snake", GREEDY, reading="request", history=history)
    context = completer.take_in([end, *first, start, *answer, end, *second, start])
    allowed = context.logits[0].clone()
    allowed[[start, end]] = -torch.inf
    assert ids_of(done)[0] == int(allowed.argmax())
    assert done.summary.prompt_tokens == len(second)


def test_a_text_goes_on_where_the_last_one_stopped_and_after_its_end_begins_anew(tokenizer):
    end = tokenizer.end_id
    first, more = tokenizer.encode("A fox"), tuple(tokenizer.encode(" slept"))
    second = tokenizer.encode(" and")
    for ended, between in ((False, []), (True, [end])):
        history = [Part("A fox", "text", more, ended), Part(" and", "text", more, False)]
        assert list(past_of(tokenizer, history).ids) == [end, *first, *more, *between, *second, *more]


@pytest.mark.parametrize("reading", ["request", "text"])
def test_going_on_with_an_answer_says_what_a_longer_one_would_have_said(completer, reading):
    options = replace(GREEDY, repetition_penalty=1.3, max_tokens=30)
    whole = completer.complete("A snake", options, reading=reading)
    first = completer.complete("A snake", replace(options, max_tokens=11), reading=reading)
    rest = completer.complete(
        "", replace(options, max_tokens=19), reading=reading, history=[part_of("A snake", first)]
    )
    assert ids_of(whole) == ids_of(first) + ids_of(rest)
    assert rest.summary.reading == first.summary.reading


def test_going_on_twice_is_going_on_from_where_it_is_now(completer):
    history = [part_of("A snake", completer.complete("A snake", GREEDY, reading="text"))]
    for _ in range(2):
        history.append(part_of("", completer.complete("", GREEDY, history=history)))
    whole = completer.complete("A snake", replace(GREEDY, max_tokens=36), reading="text")
    assert ids_of(whole) == [i for part in history for i in part.answer]


def test_an_answer_that_ended_can_still_be_gone_on_with(completer, tokenizer):
    answer = tuple(tokenizer.encode("No."))
    cut, ended = (
        completer.complete("", GREEDY, history=[Part("A fox", "request", answer, e)]) for e in (False, True)
    )
    assert ids_of(cut) == ids_of(ended)
    assert ids_of(ended)[0] != tokenizer.end_id


def test_a_character_cut_short_by_the_end_of_a_turn_is_completed_by_the_next(
    completer, tokenizer, monkeypatch
):
    snake = tokenizer.encode("🐍")
    assert len(snake) > 1
    rest = iter([*snake[1:], tokenizer.end_id])

    def wanted(logits: torch.Tensor) -> torch.Tensor:
        scores = torch.full_like(logits, -10.0)
        scores[..., next(rest)] = 10.0
        return scores

    forward = completer.model.forward
    past = Part("A", "text", tuple(snake[:1]), False)
    # Only the scores that a token is chosen by are asked for: those after the history, then one a step.
    context = completer.take_in(past_of(tokenizer, [past]).ids)
    completer.contexts.keep(past_of(tokenizer, [past]).ids, Context(wanted(context.logits), context.state))
    change_steps(monkeypatch, lambda step: lambda *args: wanted(step(*args)))
    monkeypatch.setattr(completer.model, "forward", forward)
    assert completer.complete("", GREEDY, history=[past]).text == "🐍"


def test_rows_share_one_history_and_say_what_they_would_say_alone(completer):
    history = talk(completer, 2)
    prompts, options = ["A fox", "", "A fox"], [WILD, replace(WILD, seed=8), replace(WILD, seed=9)]
    together = completer.complete_batch(prompts, options, history=history)
    alone = [
        completer.complete(prompt, option, history=history)
        for prompt, option in zip(prompts, options, strict=True)
    ]
    assert [ids_of(c) for c in together] == [ids_of(c) for c in alone]


# --- what is kept ---


@pytest.mark.parametrize("reading", ["request", "text"])
def test_editing_the_seventh_turn_does_not_take_in_the_six_before_it(completer, monkeypatch, reading):
    history = talk(completer, 7, reading)
    counted = Counted(monkeypatch, completer.model)
    edited = "A snake climbs"
    done = completer.complete(edited, WILD, reading=reading, history=history[:6])
    # The prompt, its marks, the last token of the sixth answer (not taken in yet), and its own answer.
    fresh = len(completer.tokenizer.encode(edited)) + 3 + len(done.pieces)
    assert len(completer.tokenizer.encode(edited)) < counted.since() <= fresh


def test_making_an_answer_again_takes_in_nothing_but_the_answer(completer, monkeypatch):
    history = talk(completer, 3)
    completer.complete("A fox", WILD, history=history)
    counted = Counted(monkeypatch, completer.model)
    done = completer.complete("A fox", replace(WILD, seed=77), history=history)
    assert counted.since() < len(done.pieces)


def test_a_history_that_is_new_here_is_taken_in_once(tokenizer, completer, monkeypatch):
    history = talk(completer, 5)
    other = Completer(model_for(tokenizer), tokenizer)
    counted = Counted(monkeypatch, other.model)
    other.complete("A fox", WILD, reading="request", history=history)
    assert counted.since() >= len(past_of(tokenizer, history).ids)
    other.complete("A hedge", replace(WILD, max_tokens=1), reading="request", history=history[:3])
    assert counted.since() <= len(tokenizer.encode("A hedge")) + 3


@pytest.mark.parametrize("reading", ["auto", "request", "text"])
def test_a_branch_from_kept_contexts_is_what_computing_all_of_it_gives(tokenizer, completer, reading):
    history = talk(completer, 4, reading)
    for length in (1, 2, 4):
        kept = completer.complete("A fox and", WILD, reading=reading, history=history[:length])
        anew = Completer(model_for(tokenizer), tokenizer, max_bytes=0).complete(
            "A fox and", WILD, reading=reading, history=history[:length]
        )
        assert ids_of(kept) == ids_of(anew)
        assert [p.probability for p in kept.pieces] == pytest.approx(
            [p.probability for p in anew.pieces], rel=1e-9
        )


def test_a_cancelled_answer_is_gone_on_from_without_taking_it_in_again(completer, monkeypatch):
    stream = completer.stream("A snake", replace(WILD, max_tokens=100), reading="request")
    pieces = [next(stream) for _ in range(5)]
    stream.cancel()
    pieces += list(stream)
    assert stream.summary.reason == "cancelled"
    past = Part("A snake", "request", tuple(p.id for p in pieces), ended=False)
    counted = Counted(monkeypatch, completer.model)
    done = completer.complete("", WILD, history=[past])
    assert counted.since() <= 1 + len(done.pieces)
    anew = Completer(completer.model, completer.tokenizer, max_bytes=0)
    assert ids_of(done) == ids_of(anew.complete("", WILD, history=[past]))


def test_a_step_that_was_broken_off_leaves_no_wrong_context(completer, monkeypatch):
    steps = []

    def interrupted(step, decoding, tokens):
        steps.append(1)
        if len(steps) == 5:
            step(decoding, tokens)
            raise KeyboardInterrupt
        return step(decoding, tokens)

    change_steps(monkeypatch, lambda step: lambda *args: interrupted(step, *args))
    stream = completer.stream("A snake", WILD, reading="request")
    pieces = []
    with pytest.raises(KeyboardInterrupt):
        pieces.extend(stream)
    pieces += list(stream)
    monkeypatch.undo()
    assert stream.summary.reason == "cancelled"
    past = Part("A snake", "request", tuple(p.id for p in pieces), ended=False)
    anew = Completer(completer.model, completer.tokenizer, max_bytes=0)
    assert ids_of(completer.complete("", WILD, history=[past])) == ids_of(
        anew.complete("", WILD, history=[past])
    )


def context_of(size: int) -> Context:
    return Context(torch.zeros(1, size, dtype=torch.int8), ModelState((), ()))


def test_contexts_are_kept_in_so_many_bytes_and_the_least_used_go_first():
    store = ContextStore(max_bytes=100)
    for i in range(3):
        store.keep([i, 7], context_of(30))
    assert store.longest([0, 7, 9], [1, 2])[0] == 2  # used now: the second is the oldest
    store.keep([3, 7], context_of(30))
    assert store.bytes == 90
    assert [store.longest([i, 7], [2])[0] for i in range(4)] == [2, 0, 2, 2]
    store.keep([4], context_of(101))
    assert store.longest([4], [1]) == (0, None)
    assert store.bytes == 90


def test_the_longest_beginning_that_is_kept_is_found():
    store = ContextStore()
    for length in (2, 5, 7):
        store.keep(range(length), context_of(length))
    assert store.longest(range(9), [1, 2, 5, 6, 9])[0] == 5
    assert store.longest([0, 1, 2, 3, 9], [2, 5])[0] == 2
    assert store.longest([9], [1]) == (0, None)


def test_a_long_talk_keeps_no_more_than_it_may(tokenizer):
    one = Completer(model_for(tokenizer), tokenizer)
    one.take_in([0])
    size = one.take_in([0]).bytes
    completer = Completer(model_for(tokenizer), tokenizer, max_bytes=4 * size)
    talk(completer, 6)
    assert completer.contexts.bytes == 4 * size


# --- in any precision ---


@pytest.mark.parametrize("precision", PRECISIONS)
def test_seeds_batches_and_branches_hold_in_any_precision(tokenizer, precision):
    model = model_for(tokenizer, precision)
    completer = Completer(model, tokenizer)
    history = talk(completer, 2)
    options = [replace(WILD, seed=seed, max_tokens=25) for seed in (1, 2, 1)]
    together = completer.complete_batch(["A fox"] * 3, options, history=history)
    assert ids_of(together[0]) == ids_of(together[2]) != ids_of(together[1])
    for row, option in zip(together, options, strict=True):
        assert ids_of(Completer(model, tokenizer).complete("A fox", option, history=history)) == ids_of(row)


# --- figures ---


def test_alternatives_are_the_models_likeliest_tokens(completer, tokenizer):
    done = completer.complete("A fox", replace(GREEDY, max_tokens=8), alternatives=4)
    for piece in done.pieces:
        probabilities = [a.probability for a in piece.alternatives]
        assert len(probabilities) == 4
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) <= 1 + 1e-6
        assert all(a.text == tokenizer.label(a.id) for a in piece.alternatives)
        chosen = [a.probability for a in piece.alternatives if a.id == piece.id]
        assert chosen in ([], [pytest.approx(piece.probability)])
    free = completer.complete("A fox", replace(GREEDY, max_tokens=8))
    assert [p.alternatives for p in free.pieces] == [()] * 8
    assert ids_of(free) == ids_of(done)


def test_every_token_has_a_name_that_can_be_shown(tokenizer):
    names = [tokenizer.label(i) for i in range(tokenizer.vocab_size)]
    assert all(names)
    assert names[tokenizer.end_id] == "<end>"
    assert not any("\ufffd" in name for name in names)
    words = train_tokenizer([Document(None, "Hello HELLO hello")], "word", 300)
    assert all(words.label(i) for i in range(words.vocab_size))


@pytest.mark.parametrize("reading", ["auto", "request", "text"])
def test_characters_the_tokenizer_does_not_know_are_counted(reading):
    words = train_tokenizer([Document(None, "a snake and a fox")], "word", 300)
    completer = Completer(LanguageModel(SHAPE, words.vocab_size).eval(), words)
    done = completer.complete("a 🐍 and 🐍七", GREEDY, reading=reading)
    assert done.summary.unknown_characters == 3
    assert completer.complete("a snake", GREEDY, reading=reading).summary.unknown_characters == 0
    assert completer.complete("🐍", GREEDY, reading=reading).summary.unknown_characters == 1


@pytest.mark.parametrize("reading", ["request", "text"])
@pytest.mark.parametrize("prompt", ["A fox", ""])
def test_an_edited_answer_stands_there_as_its_tokens_do(completer, tokenizer, reading, prompt):
    history = talk(completer, 2, reading)
    text = " and it slept <end> until the rain"
    edited = replace(history[-1], answer=(*history[-1].answer[:2], text))
    same = replace(history[-1], answer=(*history[-1].answer[:2], *tokenizer.encode(text)))
    assert tokenizer.end_id not in tokenizer.encode(text)
    found = completer.complete(prompt, WILD, reading=reading, history=[history[0], edited])
    anew = Completer(completer.model, tokenizer, max_bytes=0)
    assert ids_of(found) == ids_of(anew.complete(prompt, WILD, reading=reading, history=[history[0], same]))


def test_editing_the_seventh_answer_takes_in_nothing_before_it(completer, monkeypatch):
    history = talk(completer, 7, "text")
    text = "A snake climbs trees"
    counted = Counted(monkeypatch, completer.model)
    done = completer.complete("", WILD, history=[*history[:6], replace(history[6], answer=(text,))])
    fresh = len(completer.tokenizer.encode(text))
    assert fresh <= counted.since() <= fresh + len(done.pieces)


def test_unknown_characters_of_an_edited_answer_are_counted_after_it_and_not_again():
    words = train_tokenizer([Document(None, "a snake and a fox")], "word", 300)
    completer = Completer(LanguageModel(SHAPE, words.vocab_size).eval(), words)
    edited = Part("a 🐍", "text", (words.encode("a")[0], " 🐍七 fox"), ended=False)
    for prompt in ("", "and a fox"):
        summary = completer.complete(prompt, GREEDY, reading="text", history=[edited]).summary
        assert (summary.unknown_before, summary.unknown_characters) == (2, 0)
    later = [edited, Part(" and", "text", tuple(words.encode(" a fox")), ended=False)]
    assert completer.complete(" and", GREEDY, reading="text", history=later).summary.unknown_before == 0


def test_presets_have_names_of_their_own_and_say_what_they_are_for():
    assert (
        len({preset.name for preset in PRESETS})
        == len({preset.options for preset in PRESETS})
        == len(PRESETS)
    )
    assert PRESETS[0].options == SamplingOptions()
    assert all(preset.purpose and "\n" not in preset.purpose for preset in PRESETS)

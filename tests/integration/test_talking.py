"""Talking to models that a real process holds: answers, cancelling, models that change, and processes."""

from __future__ import annotations

import gc
import itertools
import json
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from run_with_model import add_checkpoint, run_with_model
from speaking_program import COMMAND

from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.history import Part
from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.opening import open_model
from ysnakes_core.runs.talking import (
    Begun,
    Ended,
    Failed,
    Loading,
    Lost,
    Positions,
    Question,
    Talker,
    Told,
    Written,
)
from ysnakes_core.training.checkpoint import MODEL_FILE, STATE_FILE, point

SECONDS = 120.0
WILD = SamplingOptions(max_tokens=40, temperature=1.0, top_k=0, top_p=1.0, seed=5)
LONG = replace(WILD, max_tokens=1_000_000)

T = TypeVar("T")


class Ear:
    """A talker, and what it tells in the order it comes."""

    def __init__(self, command: list[str] | None = None) -> None:
        self._others = psutil.Process().children()
        self._told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self.talker = Talker(self._told.put, command=command)

    def next(self) -> Told:
        return self._told.get(timeout=SECONDS)

    def until(self, number: int, kind: type[T]) -> T:
        """The next of a kind about a question; what comes before is dropped."""
        while True:
            told = self.next()
            if told.number == number and isinstance(told, kind):
                return told
            assert isinstance(told, kind) or not isinstance(told, Failed), told

    def whole(self, number: int, rows: int = 1) -> list[Told]:
        """All that is told of a question, to its end."""
        heard: list[Told] = []
        while sum(isinstance(told, Ended) for told in heard) < rows:
            told = self.next()
            if told.number == number:
                heard.append(told)
                if isinstance(told, Failed):
                    break
        return heard

    def answer(self, question: Question) -> list[Told]:
        return self.whole(self.talker.ask(question), len(question.options))

    def is_quiet(self) -> bool:
        return self._told.empty()

    @property
    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.Process().children() if process not in self._others]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def shared() -> Iterator[Ear]:
    """One process for all tests that do not end it."""
    ear = Ear()
    yield ear
    ear.talker.close()


@pytest.fixture
def ear(shared: Ear) -> Ear:
    assert shared.is_quiet()
    return shared


@pytest.fixture
def own() -> Iterator[Ear]:
    """One with a process of its own."""
    ear = Ear()
    yield ear
    ear.talker.close()


@pytest.fixture
def quick() -> Iterator[Ear]:
    """One whose process speaks as the real one does, but has no torch to load: for what is the talker's."""
    ear = Ear(COMMAND)
    yield ear
    ear.talker.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that no test changes."""
    return run_with_model(tmp_path_factory.mktemp("home"), endless=True)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return run_with_model(tmp_path, endless=True)


def text_of(heard: list[Told], row: int = 0) -> str:
    written = [told for told in heard if isinstance(told, Written) and told.row == row]
    return "".join(token.text for told in written for token in told.tokens)


def outcome_of(heard: list[Told], row: int = 0) -> Any:
    (ended,) = [told for told in heard if isinstance(told, Ended) and told.row == row]
    return ended.outcome


def begun(heard: list[Told]) -> Begun:
    (found,) = [told for told in heard if isinstance(told, Begun)]
    return found


def completer(run: RunDirectory, checkpoint: str | None = None) -> Completer:
    opened = open_model(run, checkpoint)
    return Completer(opened.model, opened.tokenizer)


# --- answers ---


def test_an_answer_is_what_the_engine_would_say(ear: Ear, model: RunDirectory) -> None:
    heard = ear.answer(Question(model.path, "What is 3?", options=(WILD,), alternatives=3))
    expected = completer(model).complete("What is 3?", WILD, alternatives=3)
    assert text_of(heard) == expected.text
    tokens = [token for told in heard if isinstance(told, Written) for token in told.tokens]
    assert [token.id for token in tokens] == [piece.id for piece in expected.pieces]
    assert [token.probability for token in tokens] == pytest.approx(
        [piece.probability for piece in expected.pieces], rel=1e-3
    )
    assert [text for text, _ in tokens[0].alternatives] == [a.text for a in expected.pieces[0].alternatives]
    outcome, summary = outcome_of(heard), expected.summary
    assert (outcome.reading, outcome.reason, outcome.seed) == (summary.reading, summary.reason, 5)
    assert (outcome.tokens, outcome.prompt_tokens) == (summary.tokens, summary.prompt_tokens)
    assert outcome.seconds_to_first_token > 0
    assert {told.reading for told in heard if isinstance(told, Written)} == {summary.reading}
    facts = begun(heard)
    assert (facts.checkpoint, facts.step, facts.bits_per_byte) == ("step-00000040", 40, 2.0)
    assert facts.parameters == completer(model).model.n_parameters()
    assert facts.notes == ()


def test_the_first_token_does_not_wait_for_others(ear: Ear, model: RunDirectory) -> None:
    heard = ear.answer(Question(model.path, "What is 3?", options=(WILD,)))
    first = next(told for told in heard if isinstance(told, Written))
    assert len(first.tokens) == 1
    assert len([told for told in heard if isinstance(told, Written)]) < outcome_of(heard).tokens


def test_a_model_is_read_once(ear: Ear, model: RunDirectory) -> None:
    question = Question(model.path, "What is 3?", options=(replace(WILD, max_tokens=1),))
    ear.answer(question)
    assert not any(isinstance(told, Loading) for told in ear.answer(question))


def test_variants_are_rows_that_end_each_for_itself(ear: Ear, model: RunDirectory) -> None:
    options = (WILD, replace(WILD, seed=6, max_tokens=3), replace(WILD, seed=7))
    heard = ear.answer(Question(model.path, "What is 3?", options=options))
    for row, mine in enumerate(options):
        assert text_of(heard, row) == completer(model).complete("What is 3?", mine).text
    first = next(i for i, told in enumerate(heard) if isinstance(told, Ended))
    assert heard[first] == Ended(heard[0].number, 1, outcome_of(heard, 1))
    assert any(isinstance(told, Written) and told.row == 0 for told in heard[first:])


def test_a_history_is_gone_on_from(ear: Ear, model: RunDirectory) -> None:
    first = ear.answer(Question(model.path, "Once", options=(WILD,), reading="text"))
    ids = tuple(t.id for told in first if isinstance(told, Written) for t in told.tokens)
    history = (Part("Once", outcome_of(first).reading, ids, outcome_of(first).reason == "end"),)
    heard = ear.answer(Question(model.path, "", options=(WILD,), history=history))
    assert text_of(heard) == completer(model).complete("", WILD, history=history).text
    assert text_of(heard) != completer(model).complete("", WILD).text


def test_an_edited_answer_is_gone_on_from(ear: Ear, model: RunDirectory) -> None:
    history = (Part("Once", "text", (40, " upon a snowman ☃"), ended=False),)
    heard = ear.answer(Question(model.path, "", options=(WILD,), history=history))
    done = completer(model).complete("", WILD, history=history)
    assert text_of(heard) == done.text
    assert outcome_of(heard).unknown_before == done.summary.unknown_before


def test_a_token_that_the_model_does_not_have_is_said(ear: Ear, model: RunDirectory) -> None:
    for token in (-1, 2**40):
        failed = ear.answer(Question(model.path, "", history=(Part("Once", "text", (token,), ended=False),)))[
            -1
        ]
        assert isinstance(failed, Failed)
        assert f"a token {token} that this model does not know" in failed.what


def test_two_questions_are_answered_at_once(ear: Ear, tmp_path: Path, model: RunDirectory) -> None:
    other = run_with_model(tmp_path, "other", steps=(41,), endless=True)
    options = (replace(WILD, max_tokens=4000),)  # both take some tenths of a second, whoever was asked first
    numbers = [ear.talker.ask(Question(run.path, "What is 3?", options=options)) for run in (model, other)]
    heard: list[Told] = []
    while sum(isinstance(told, Ended) for told in heard) < 2:
        heard.append(ear.next())
    written = [told.number for told in heard if isinstance(told, Written)]
    turns = [a for a, b in itertools.pairwise(written) if a != b]
    assert len(turns) > 4, "they take turns"
    for run, number in zip((model, other), numbers, strict=True):
        mine = [told for told in heard if told.number == number]
        assert text_of(mine) == completer(run).complete("What is 3?", options[0]).text


def test_one_model_answers_two_questions_at_once_and_is_scored_meanwhile(
    ear: Ear, model: RunDirectory
) -> None:
    prompts = ("What is 3?", "A green snake")
    options = (replace(WILD, max_tokens=300), replace(WILD, max_tokens=200, seed=9))
    scored = ear.talker.score_positions(model.path)
    numbers = [ear.talker.ask(Question(model.path, prompt, options=options)) for prompt in prompts]
    heard: list[Told] = []
    while sum(isinstance(told, Ended) for told in heard) < 4 or not any(
        isinstance(told, Positions) and told.found is not None for told in heard
    ):
        heard.append(ear.next())
    alone = completer(model)
    for prompt, number in zip(prompts, numbers, strict=True):
        mine = [told for told in heard if told.number == number]
        for row in (0, 1):
            assert text_of(mine, row) == alone.complete(prompt, options[row]).text
    assert not [told for told in heard if told.number == scored and isinstance(told, Ended)]


def test_what_cannot_be_asked_is_said(ear: Ear, model: RunDirectory) -> None:
    (*_, failed) = ear.answer(Question(model.path, "x", precision="float3"))
    assert isinstance(failed, Failed)
    assert "float3" in failed.what
    assert failed.hint


def test_a_prompt_of_any_characters_is_taken(ear: Ear, model: RunDirectory) -> None:
    heard = ear.answer(Question(model.path, "\ud800 <end> \0 🐍\u2028", options=(WILD,)))
    assert outcome_of(heard).reason in ("max_tokens", "end")


# --- cancelling ---


def test_cancelling_keeps_what_was_made(ear: Ear, model: RunDirectory) -> None:
    number = ear.talker.ask(Question(model.path, "What is 3?", options=(LONG, replace(LONG, seed=6))))
    heard: list[Told] = [ear.until(number, Written)]
    heard.append(ear.until(number, Written))
    ear.talker.cancel(number)
    heard += ear.whole(number, 2)
    for row in (0, 1):
        outcome = outcome_of(heard, row)
        assert outcome.reason == "cancelled"
        assert outcome.tokens >= 1
    assert isinstance(heard[-1], Ended)


def test_cancelling_while_everything_still_loads_is_answered_at_once(own: Ear, run: RunDirectory) -> None:
    number = own.talker.ask(Question(run.path, "What is 3?", options=(WILD, WILD)))
    own.talker.cancel(number)
    heard = own.whole(number, 2)
    assert not any(isinstance(told, Begun | Written) for told in heard)
    assert [outcome_of(heard, row).reason for row in (0, 1)] == ["cancelled", "cancelled"]
    assert text_of(own.answer(Question(run.path, "What is 3?", options=(WILD,))))


def test_cancelling_while_the_prompt_is_taken_in_is_answered_at_once(ear: Ear, model: RunDirectory) -> None:
    number = ear.talker.ask(Question(model.path, "What is it? " * 60_000, options=(WILD,)))
    ear.until(number, Begun)
    ear.talker.cancel(number)
    heard = ear.whole(number)
    assert text_of(heard) == ""
    assert outcome_of(heard).reason == "cancelled"
    assert outcome_of(ear.answer(Question(model.path, "x", options=(WILD,)))).reason != "cancelled"


def test_a_long_prompt_does_not_hold_up_another_question(ear: Ear, model: RunDirectory) -> None:
    long = ear.talker.ask(Question(model.path, "What is it? " * 60_000, options=(WILD,)))
    ear.until(long, Begun)
    short = ear.talker.ask(Question(model.path, "What is 3?", options=(WILD,)))
    heard: list[Told] = []
    while not any(isinstance(told, Ended) for told in heard):
        heard.append(ear.next())
    assert heard[-1].number == short
    ear.talker.cancel(long)
    ear.whole(long)


def test_cancelling_what_has_ended_or_never_was_does_nothing(ear: Ear, model: RunDirectory) -> None:
    heard = ear.answer(Question(model.path, "x", options=(WILD,)))
    ear.talker.cancel(heard[0].number)
    ear.talker.cancel(10_000)
    again = ear.answer(Question(model.path, "x", options=(WILD,)))
    assert outcome_of(again).reason != "cancelled"


# --- models ---


def test_warming_up_reads_the_model(own: Ear, run: RunDirectory) -> None:
    number = own.talker.warm(run.path)
    assert own.next() == Loading(number)
    assert isinstance(own.next(), Begun)
    heard = own.answer(Question(run.path, "What is 3?", options=(WILD,)))
    assert not any(isinstance(told, Loading) for told in heard)


def test_of_several_that_wait_to_be_warm_the_newest_is_loaded(own: Ear, run: RunDirectory) -> None:
    names = [add_checkpoint(run, step) for step in (41, 42, 43)]
    numbers = [own.talker.warm(run.path, name) for name in names]
    heard = [own.next()]
    while not isinstance(heard[-1], Begun):
        heard.append(own.next())
    assert [told.number for told in heard if isinstance(told, Ended)] == numbers[:2]
    assert heard[-1].number == numbers[2]
    assert begun(heard).checkpoint == names[2]


def test_the_latest_is_looked_up_for_each_question(ear: Ear, run: RunDirectory) -> None:
    question = Question(run.path, "x", checkpoint="latest", options=(replace(WILD, max_tokens=1),))
    assert begun(ear.answer(question)).step == 40
    add_checkpoint(run, 50, best=False)
    heard = ear.answer(question)
    assert begun(heard).step == 50
    assert isinstance(heard[0], Loading)
    assert not any(isinstance(told, Loading) for told in ear.answer(question))
    assert begun(ear.answer(replace(question, checkpoint=None))).step == 40, "the best"


def test_a_checkpoint_that_was_replaced_is_read_anew(ear: Ear, run: RunDirectory) -> None:
    question = Question(run.path, "What is 3?", options=(WILD,))
    before = text_of(ear.answer(question))
    other = add_checkpoint(run, 41)
    (run.checkpoints_folder / "step-00000040").rename(run.path.parent / "aside")
    (run.checkpoints_folder / other).rename(run.checkpoints_folder / "step-00000040")
    point(run.checkpoints_folder, "best", "step-00000040")
    heard = ear.answer(question)
    assert isinstance(heard[0], Loading)
    assert text_of(heard) != before


def test_the_two_used_last_are_held(ear: Ear, run: RunDirectory) -> None:
    names = ["step-00000040", add_checkpoint(run, 41), add_checkpoint(run, 42)]

    def loads(name: str) -> bool:
        short = replace(WILD, max_tokens=1)
        return isinstance(ear.answer(Question(run.path, "x", checkpoint=name, options=(short,)))[0], Loading)

    assert [loads(names[i]) for i in (0, 1, 0, 2, 0, 1)] == [True, True, False, True, False, True]


def test_a_broken_checkpoint_is_passed_over_and_said(ear: Ear, run: RunDirectory) -> None:
    newer = add_checkpoint(run, 50)
    weights = run.checkpoints_folder / newer / MODEL_FILE
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    for _ in range(2):
        facts = begun(ear.answer(Question(run.path, "x", options=(WILD,))))
        assert facts.step == 40
        assert any(newer in note for note in facts.notes)


def test_a_checkpoint_of_another_version_is_one_clear_sentence(ear: Ear, run: RunDirectory) -> None:
    state = run.checkpoints_folder / "step-00000040" / STATE_FILE
    state.write_text(json.dumps(json.loads(state.read_text()) | {"format": 99}))
    (*_, failed) = ear.answer(Question(run.path, "x"))
    assert isinstance(failed, Failed)
    assert "format 99" in failed.what


def test_a_run_without_a_checkpoint_says_so(ear: Ear, run: RunDirectory) -> None:
    shutil.rmtree(run.checkpoints_folder)
    (*_, failed) = ear.answer(Question(run.path, "x"))
    assert isinstance(failed, Failed)
    assert "no checkpoint yet" in failed.what


def test_a_run_that_is_gone_is_said_also_where_its_model_is_held(ear: Ear, run: RunDirectory) -> None:
    number = ear.talker.ask(Question(run.path, "What is 3?", options=(LONG,)))
    ear.until(number, Written)
    shutil.rmtree(run.path)
    (*_, failed) = ear.answer(Question(run.path, "x"))
    assert isinstance(failed, Failed)
    assert "there is no run" in failed.what
    ear.until(number, Written)  # what was begun goes on
    ear.talker.cancel(number)
    ear.whole(number)


def test_scores_by_position_come_with_how_far_they_are(ear: Ear, model: RunDirectory) -> None:
    number = ear.talker.score_positions(model.path)
    told = ear.until(number, Positions)
    done = [told.done]
    while told.found is None:
        told = ear.until(number, Positions)
        done.append(told.done)
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert told.found.tokens > 0


# --- processes ---


def test_a_process_that_is_killed_is_said_and_started_anew(own: Ear, run: RunDirectory) -> None:
    numbers = [own.talker.ask(Question(run.path, "What is 3?", options=(LONG,))) for _ in range(2)]
    for number in numbers:
        own.until(number, Written)
    (process,) = own.processes
    process.kill()
    failed = []
    while len(failed) < 2:
        if isinstance(told := own.next(), Failed):
            failed.append(told)
    assert {told.number for told in failed} == set(numbers)
    assert all("has ended" in told.what for told in failed)
    assert own.next() == Lost()
    assert text_of(own.answer(Question(run.path, "What is 3?", options=(WILD,))))
    assert process not in own.processes


def test_a_process_that_is_killed_while_nobody_asks_is_not_missed(quick: Ear, model: RunDirectory) -> None:
    quick.talker.warm(model.path)
    while not isinstance(quick.next(), Begun):
        pass
    (process,) = quick.processes
    process.kill()
    gone, _ = psutil.wait_procs([process], SECONDS)
    assert gone
    assert quick.next() == Lost()
    heard = quick.answer(Question(model.path, "What is 3?", options=(WILD,)))
    assert text_of(heard) or isinstance(heard[-1], Failed)
    assert text_of(quick.answer(Question(model.path, "What is 3?", options=(WILD,))))


def test_after_closing_nothing_is_told_and_nothing_is_left(own: Ear, run: RunDirectory) -> None:
    number = own.talker.ask(Question(run.path, "What is 3?", options=(LONG,)))
    own.until(number, Written)
    (process,) = own.processes
    own.talker.close()
    while not own.is_quiet():
        own.next()
    psutil.wait_procs([process], SECONDS)
    assert not process.is_running()
    assert own.is_quiet()
    assert text_of(own.answer(Question(run.path, "What is 3?", options=(WILD,))))


@pytest.mark.skipif(not hasattr(psutil.Process, "num_fds"), reason="only there are descriptors counted")
@pytest.mark.parametrize("how", ["closed", "killed"])
def test_no_descriptor_is_left_open(model: RunDirectory, how: str) -> None:
    this = psutil.Process()
    before, others = this.num_fds(), set(threading.enumerate())
    gc.disable()  # they are not to wait for it
    try:
        for _ in range(3):
            ear = Ear(COMMAND)
            ear.until(ear.talker.ask(Question(model.path, "write slowly", options=(WILD,))), Written)
            (process,) = ear.processes
            if how == "killed":
                process.kill()
                while ear.next() != Lost():
                    pass
            ear.talker.close()
            psutil.wait_procs([process], SECONDS)
            for thread in set(threading.enumerate()) - others:
                thread.join(SECONDS)
        assert this.num_fds() <= before  # those of tests before may only be closing
    finally:
        gc.enable()


def test_the_process_ends_with_an_app_that_was_killed_while_it_streams(run: RunDirectory) -> None:
    code = (
        "import sys, threading; from pathlib import Path\n"
        "from ysnakes_core.completion.options import SamplingOptions\n"
        "from ysnakes_core.runs.talking import Question, Talker, Written\n"
        "told = lambda t: print(type(t).__name__, flush=True)\n"
        "talker = Talker(told)\n"
        "talker.ask(Question(Path(sys.argv[1]), 'x', options=(SamplingOptions(max_tokens=10**6),)))\n"
        "threading.Event().wait()\n"
    )
    app = subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    assert any(line.strip() == "Written" for line in app.stdout)
    children = psutil.Process(app.pid).children(recursive=True)
    assert children
    app.kill()
    app.wait()
    gone, left = psutil.wait_procs(children, SECONDS)
    assert gone
    assert not left


def test_a_process_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    ear = Ear([str(tmp_path / "none")])
    number = ear.talker.ask(Question(tmp_path, "x"))
    failed = ear.until(number, Failed)
    assert "no process could be started" in failed.what
    ear.talker.close()


def test_the_last_words_of_a_process_that_breaks_down_are_passed_on(tmp_path: Path) -> None:
    code = "import sys; sys.stdin.readline(); print('not json'); sys.exit('so it \x1b[31m goes')"
    ear = Ear([sys.executable, "-c", code])
    for _ in range(2):
        failed = ear.until(ear.talker.ask(Question(tmp_path, "x")), Failed)
        assert "so it ␛[31m goes" in failed.what
    ear.talker.close()


def test_asking_does_not_wait_for_a_process_that_does_not_read(tmp_path: Path) -> None:
    ear = Ear([sys.executable, "-c", "import threading; threading.Event().wait()"])
    history = (Part("x", "text", tuple(range(200_000)), False),)
    began = time.monotonic()
    for _ in range(5):
        ear.talker.cancel(ear.talker.ask(Question(tmp_path, "x" * 200_000, history=history)))
    ear.talker.close()
    assert time.monotonic() - began < 5

"""The planner's process: what it says that a new run takes, in which order, and how it ends."""

from __future__ import annotations

import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import ysnakes_core
from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.plans import NO_PLAN, Planner, RunPlan
from ysnakes_core.runs.processes import start_of
from ysnakes_tui.train.form_check import FormValues, check

pytestmark = pytest.mark.usefixtures("home")

Answers = list[tuple[int, RunPlan]]


def answers(
    *questions: RunConfig, wanted: Callable[[Answers], bool], command: list[str] | None = None
) -> Answers:
    """What a planner says to the questions, as soon as that is what is ``wanted``."""
    got: Answers = []
    done = threading.Event()

    def take(number: int, plan: RunPlan) -> None:
        got.append((number, plan))
        if wanted(got):
            done.set()

    planner = Planner(take, command=command)
    for number, config in enumerate(questions, start=1):
        planner.ask(number, config)
    assert done.wait(120), got
    planner.close()
    return got


def config_of(runs: Path, **values: str) -> RunConfig:
    config = check(FormValues(**values), runs).config
    assert config is not None
    return config


@pytest.mark.slow
def test_the_planner_tells_memory_first_and_speed_after_it(runs: Path) -> None:
    config = config_of(runs, preset="ys-1m", amount="2", unit="epochs", length="32x4,64")
    got = answers(config, wanted=lambda got: got[-1][1].seconds is not None)
    assert [number for number, _ in got] == [1, 1]
    first, second = (plan for _, plan in got)
    assert first.tokens_per_second is None
    assert first.parameters > 900_000
    assert 0 < first.bytes <= first.limit <= first.free
    assert [(stage.seq_len, stage.batch_size) for stage in first.stages] == [(32, 4), (64, 2)]
    assert second.bytes == first.bytes
    assert second.tokens_per_second is not None
    assert second.tokens is not None
    assert second.tokens / second.tokens_per_second == pytest.approx(second.seconds)
    assert second.steps == pytest.approx(second.tokens / 128)


@pytest.mark.slow
def test_the_planner_answers_the_newest_question_and_says_what_does_not_fit(runs: Path) -> None:
    huge = config_of(runs, preset="ys-296m", length="10M")
    got = answers(config_of(runs), config_of(runs), huge, wanted=lambda got: got[-1][0] == 3)
    assert got[-1][1].problem
    assert got[-1][1].hint
    assert got[-1][1].bytes > got[-1][1].limit


@pytest.mark.timeout(60)
def test_a_closed_planner_ends_its_process_and_can_be_asked_again(runs: Path, tmp_path: Path) -> None:
    proof = tmp_path / "pids"
    code = f"import os; open({str(proof)!r}, 'a').write(f'{{os.getpid()}} '); input(); print(1); input()"
    planner = Planner(lambda number, plan: None, command=[sys.executable, "-c", code])
    for number in (1, 2):
        planner.ask(number, config_of(runs))
        while not proof.exists() or len(proof.read_text().split()) < number:
            threading.Event().wait(0.01)
        planner.close()
        while start_of(int(proof.read_text().split()[-1])) is not None:
            threading.Event().wait(0.01)


@pytest.mark.timeout(60)
def test_a_closed_planner_says_nothing_more(runs: Path, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    code = f"input(); open({str(begun)!r}, 'w').close(); input()"
    got: Answers = []
    before = set(threading.enumerate())
    planner = Planner(lambda number, plan: got.append((number, plan)), command=[sys.executable, "-c", code])
    planner.ask(1, config_of(runs))
    while not begun.exists():
        threading.Event().wait(0.01)
    threads = set(threading.enumerate()) - before
    assert {thread.name for thread in threads} == {"planner", "plans"}
    planner.close()
    for thread in threads:
        thread.join()
    assert got == []


@pytest.mark.timeout(120)
def test_a_long_trial_does_not_hold_up_what_is_asked_meanwhile(runs: Path) -> None:
    code = """
        import sys
        sys.path.append(sys.argv[1])
        from ysnakes_core.runs import planning
        from ysnakes_core.training.speed import NotWanted

        def endless(plan, config, wanted):
            while config.training.seed == 1:
                if not wanted():
                    raise NotWanted
            return plan

        planning.with_speed = endless
        planning.main()
    """
    got: Answers = []
    known, done = threading.Event(), threading.Event()

    def take(number: int, plan: RunPlan) -> None:
        got.append((number, plan))
        known.set()
        if [number for number, _ in got].count(2) == 2:
            done.set()

    root = str(Path(ysnakes_core.__file__).parents[1])
    planner = Planner(take, command=[sys.executable, "-P", "-c", textwrap.dedent(code), root])
    planner.ask(1, config_of(runs, seed="1"))
    assert known.wait(60)
    planner.ask(2, config_of(runs, seed="2"))
    assert done.wait(60)
    planner.close()
    assert [number for number, _ in got] == [1, 2, 2]


def test_a_planner_whose_process_ends_says_so(runs: Path) -> None:
    config = config_of(runs)
    python = [sys.executable, "-c"]
    for command in ([*python, "pass"], [*python, "print('nonsense')"], ["/no/such"]):
        assert answers(config, wanted=bool, command=command)[0] == (1, NO_PLAN)

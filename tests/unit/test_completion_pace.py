"""The number of threads follows what is quickest now."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from ysnakes_core.completion.pace import Pace


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Machine:
    """Its clock goes on by what a step takes with the threads that are set."""

    def __init__(self, costs: dict[int, float]) -> None:
        self.costs = costs
        self.now = 0.0

    def run(self, pace: Pace, steps: int, costs: Callable[[int], float] | None = None) -> float:
        """Seconds that so many steps take."""
        began = self.now
        for _ in range(steps):
            with pace.step():
                threads = torch.get_num_threads()
                self.now += costs(threads) if costs else self.costs[threads]
        return self.now - began


@pytest.mark.parametrize("quick", [1, 2])
def test_the_quicker_way_is_taken_nearly_always(two_threads, quick):
    machine = Machine({quick: 1.0, 3 - quick: 1.3})
    pace = Pace(lambda: machine.now)
    machine.run(pace, 200)
    assert machine.run(pace, 2000) < 2000 * 1.02
    assert torch.get_num_threads() == 2


def test_a_program_that_comes_and_goes_is_answered_soon(two_threads):
    free, busy = {1: 1.4, 2: 1.0}, {1: 1.4, 2: 15.0}
    machine = Machine(free)
    pace = Pace(lambda: machine.now)
    machine.run(pace, 3000)
    machine.costs = busy
    assert machine.run(pace, 100) < 100 * 1.4 + 12 * 15
    assert machine.run(pace, 5000) < 5000 * 1.5  # trying the other way stays rare
    machine.costs = free
    machine.run(pace, 1100)
    assert machine.run(pace, 1000) < 1000 * 1.02


def test_one_slow_step_changes_nothing(two_threads):
    machine = Machine({1: 1.4, 2: 1.0})
    pace = Pace(lambda: machine.now)
    machine.run(pace, 500)
    machine.run(pace, 1, lambda _: 100.0)
    assert machine.run(pace, 30) == pytest.approx(30.0)


def test_threads_are_put_back_where_a_step_is_broken_off(two_threads):
    machine = Machine({1: 1.0, 2: 2.0})
    pace = Pace(lambda: machine.now)
    machine.run(pace, 20)

    def interrupt(threads: int) -> float:
        assert threads == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        machine.run(pace, 1, interrupt)
    assert torch.get_num_threads() == 2
    machine.run(pace, 5)


def test_a_prompt_is_taken_in_by_one_thread_while_something_else_runs(two_threads):
    for costs, expected in (({1: 1.4, 2: 1.0}, 2), ({1: 1.0, 2: 1.2}, 2), ({1: 1.4, 2: 15.0}, 1)):
        machine = Machine(costs)
        pace = Pace(lambda machine=machine: machine.now)
        with pace.block():
            assert torch.get_num_threads() == 2  # nothing is known yet
        machine.run(pace, 20)
        with pace.block():
            assert torch.get_num_threads() == expected
        assert torch.get_num_threads() == 2


def test_one_thread_is_left_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with Pace().step():
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)

"""Threads that wait for each other let others compute."""

from __future__ import annotations

import pytest

from ysnakes_core.thread_waiting import let_threads_sleep, let_threads_spin, threads_sleep


def test_threads_stop_spinning_soon() -> None:
    environment: dict[str, str] = {}
    let_threads_sleep(environment)
    assert 0 < int(environment["GOMP_SPINCOUNT"]) < 30_000
    assert int(environment["KMP_BLOCKTIME"]) <= 1


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_what_the_user_has_set_holds(name: str) -> None:
    environment = {name: "active"}
    let_threads_sleep(environment)
    assert environment == {name: "active"}


def test_where_text_is_completed_they_spin_for_longer() -> None:
    environment: dict[str, str] = {}
    let_threads_sleep(environment)
    let_threads_spin(environment)
    assert int(environment["GOMP_SPINCOUNT"]) > 30_000
    assert "KMP_BLOCKTIME" not in environment


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_what_the_user_has_set_holds_for_that_too(name: str) -> None:
    environment = {name: "7"}
    let_threads_sleep(environment)
    let_threads_spin(environment)
    assert environment == {name: "7"}


def test_one_can_tell_how_they_wait() -> None:
    environment: dict[str, str] = {}
    assert not threads_sleep(environment)
    let_threads_sleep(environment)
    assert threads_sleep(environment)
    let_threads_spin(environment)
    assert not threads_sleep(environment)

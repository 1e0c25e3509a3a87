"""What tests of the app share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from idle import wait_no_longer_than_needed
from written_run import Worker, plain_home, run_being_trained


@pytest.fixture(autouse=True)
def no_idle_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilots wait for the app alone, not for time to pass."""
    wait_no_longer_than_needed(monkeypatch)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for the test, in a terminal that says nothing special."""
    return plain_home(tmp_path / "home", monkeypatch)


@pytest.fixture
def runs(home: Path) -> Path:
    """The folder of runs in that home."""
    return home / "runs"


@pytest.fixture
def worker(home: Path) -> Iterator[Worker]:
    """The run ``quiet-cobra``, which is being trained."""
    with run_being_trained(home) as worker:
        yield worker

"""What tests of the app share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from written_run import Worker, plain_home, run_being_trained


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for the test, in a terminal that says nothing special."""
    return plain_home(tmp_path / "home", monkeypatch)


@pytest.fixture
def worker(home: Path) -> Iterator[Worker]:
    """The run ``quiet-cobra``, which is being trained."""
    with run_being_trained(home) as worker:
        yield worker

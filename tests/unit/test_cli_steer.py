"""Commands to a worker from the command line: nobody waits without knowing for what."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.control import pending
from ysnakes_core.runs.directory import create_run
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_tui import cli_steer
from ysnakes_tui.cli import app


@pytest.mark.parametrize(("silent", "said"), [(40.0, True), (0.0, False)])
def test_who_waits_for_a_worker_that_is_silent_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: float, said: bool
) -> None:
    monkeypatch.setattr(cli_steer, "WORD_SECONDS", 0.0)
    monkeypatch.setattr(cli_steer, "ANSWER_SECONDS", 0.1)
    run = create_run(tmp_path, RunConfig(), "quiet-cobra")
    run.write_state(RunState(status="running", heartbeat=time.time() - silent).of_process(this_process()))
    result = CliRunner().invoke(app, ["runs", "validate", "quiet-cobra", "--runs-dir", str(tmp_path)])
    assert result.exit_code == 0
    assert ("no news of its worker for 0:40: it may be halted" in result.stderr) is said
    assert "waiting for its answer" in result.stderr
    assert [command.name for command in pending(run)] == ["validate"]

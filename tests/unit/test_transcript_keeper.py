"""The thread that keeps transcripts: one task that goes wrong does not end it."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import pytest

from ysnakes_core.completion.transcript import Transcript
from ysnakes_core.completion.transcript_store import TranscriptStore
from ysnakes_core.errors import YsnakesError
from ysnakes_tui.complete.keeper import TranscriptKeeper


def test_what_is_said_after_a_fault_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
    keeper = TranscriptKeeper(tmp_path, lambda what, *values: told.put((what, *values)), told.put)

    def broken(store: TranscriptStore, query: str = "") -> Any:
        raise OverflowError("int too large")

    with monkeypatch.context() as patch:
        patch.setattr(TranscriptStore, "list", broken)
        keeper.list("", lambda _: None)
        what, error = told.get(timeout=20)
    assert what == told.put
    assert isinstance(error, YsnakesError)
    assert "int too large" in error.what
    transcript = Transcript()
    transcript.add_turn("remember me")
    keeper.save(transcript)
    keeper.close()
    assert [listed.title for listed in TranscriptStore(tmp_path).list()] == ["remember me"]

"""The folder of a run, shown by whatever the system opens folders with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ysnakes_core.errors import YsnakesError
from ysnakes_tui.train.file_manager import open_folder


def test_a_folder_is_opened_by_what_the_system_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("another system's opener")
    with pytest.raises(YsnakesError, match="no file manager") as told:
        open_folder(tmp_path, {})
    assert str(tmp_path) in told.value.hint
    program, proof = tmp_path / "xdg-open", tmp_path / "proof"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{proof}"\n')
    program.chmod(0o755)
    open_folder(tmp_path / "a run", {"DISPLAY": ":0"})
    assert proof.read_text() == str(tmp_path / "a run")
    program.write_text("#!/bin/sh\nexit 4\n")
    with pytest.raises(YsnakesError, match="could not open"):
        open_folder(tmp_path, {"DISPLAY": ":0"})

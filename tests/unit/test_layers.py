"""Who may know whom: the import contracts of pyproject.toml, and what importing the engine really loads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRONT_ENDS = ("textual", "rich", "typer", "ysnakes_tui")

IMPORT_ALL = """
import importlib, pkgutil, sys
import ysnakes_core
names = [m.name for m in pkgutil.walk_packages(ysnakes_core.__path__, "ysnakes_core.")]
assert len(names) > 30, names
for name in names:
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def loaded_by(code: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter has loaded; ``code`` prints them."""
    result = run(sys.executable, "-c", code)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


@pytest.fixture(scope="module")
def by_the_engine() -> set[str]:
    return loaded_by(IMPORT_ALL)


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_no_module_of_the_engine_loads_a_front_end(by_the_engine, front_end):
    assert "torch" in by_the_engine  # it did load what it needs
    assert front_end not in by_the_engine


def test_settings_and_paths_do_not_wait_for_torch():
    """What a command needs before it knows what to do must start at once."""
    code = """
import sys
import ysnakes_core.configuration, ysnakes_core.errors, ysnakes_core.files, ysnakes_core.paths
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
    loaded = loaded_by(code)
    assert "ysnakes_core" in loaded
    assert not loaded & {"torch", "numpy", "tokenizers", *FRONT_ENDS}


def test_the_import_contracts_hold():
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = run(sys.executable, "-c", code, "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr
    kept, broken = re.search(r"Contracts: (\d+) kept, (\d+) broken", result.stdout).groups()
    assert int(kept) >= 2
    assert int(broken) == 0

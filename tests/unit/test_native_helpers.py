"""Threads that help: what they have begun is done before the process ends, and a forked one has its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LATE = """
import threading
from ysnakes_core.model.native.helpers import helpers

begun = threading.Event()

def help(number):
    begun.set()
    threading.Event().wait(0.2)
    print("done", flush=True)

helpers().ask(help, 1)
begun.wait()
"""
FORKED = """
import os, threading
from ysnakes_core.model.native.helpers import helpers

def comes():
    here = threading.Event()
    helpers().ask(lambda number: here.set(), 1)
    return here.wait(20)

assert comes()
child = os.fork()
if child == 0:
    os._exit(0 if comes() else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert comes()
print("done")
"""


@pytest.mark.parametrize(
    "program",
    [
        LATE,
        pytest.param(FORKED, marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")),
    ],
)
def test_helpers_end_with_their_process_and_not_after_it(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")

"""What all tests share."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# Threads that wait for each other by spinning bring a busy machine to a halt. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if "PYTEST_XDIST_WORKER" in os.environ:  # the cores are shared out already
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell starts what runs in the background deaf to ctrl+c, and so would be what the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more about the machine than about the code.
settings.register_profile("ysnakes", deadline=None)
settings.load_profile("ysnakes")

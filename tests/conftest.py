"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# Threads that wait for each other by spinning bring a busy machine to a halt. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# How long an example takes says more about the machine than about the code.
settings.register_profile("ysnakes", deadline=None)
settings.load_profile("ysnakes")

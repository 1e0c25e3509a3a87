"""How torch's threads wait for each other. To be decided before torch is loaded, so this loads nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

# Threads that compute one tensor together wait for the last of them, and by default they do that by
# running on the spot. On a machine that is busy otherwise, they so keep the processor from the one they wait
# for: with one other program on one of two cores, training went on at 6 % of its speed; at 50 % with these,
# and as fast as before where nothing else runs.
SPINS = 1000  # of libgomp (torch's builds for Linux), before a thread sleeps
SPIN_MS = 1  # of libomp and Intel's (macOS, Windows); not measured

# Completing text is a hundred short computations a token, and a thread that slept is late to each: on two
# free cores a token of ys-24m took 12 ms with the above and 6 with these, as with torch's own (300,000).
LONG_SPINS = 100_000


def let_threads_sleep(environment: MutableMapping[str, str] = os.environ) -> None:
    """For this process and those it starts. What the user has set holds."""
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & set(environment):
        environment.update(GOMP_SPINCOUNT=str(SPINS), KMP_BLOCKTIME=str(SPIN_MS))


def let_threads_spin(environment: MutableMapping[str, str] = os.environ) -> None:
    """For this process, which completes text and sees for itself when one thread is quicker (``pace.py``).

    Takes back what ``let_threads_sleep`` did; what the user has set holds.
    """
    ours = {"GOMP_SPINCOUNT": str(SPINS), "KMP_BLOCKTIME": str(SPIN_MS)}
    if "OMP_WAIT_POLICY" not in environment and ours.items() <= dict(environment).items():
        environment["GOMP_SPINCOUNT"] = str(LONG_SPINS)
        del environment["KMP_BLOCKTIME"]


def threads_sleep(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process was told by ``let_threads_sleep`` how to wait, and by nobody else."""
    return environment.get("GOMP_SPINCOUNT") == str(SPINS)

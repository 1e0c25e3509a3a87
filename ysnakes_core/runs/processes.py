"""Which process works on a run, so that a dead one is noticed and a recycled pid is not mistaken for it."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """A process on one boot of one machine."""

    pid: int
    boot_id: str
    started: float  # clock ticks since boot on Linux, Unix seconds elsewhere

    def is_alive(self) -> bool | None:
        """Whether it still runs; ``None`` if that cannot be told: another machine, or an earlier boot."""
        if not self.boot_id or self.boot_id != boot_id():
            return None
        started = start_of(self.pid)
        # Elsewhere than on Linux the start is on the wall clock, which may have been set since.
        tolerance = 0.0 if sys.platform == "linux" else 2.0
        return started is not None and abs(started - self.started) <= tolerance


def this_process() -> ProcessIdentity:
    """The identity of the process that calls."""
    pid = os.getpid()
    return ProcessIdentity(pid, boot_id(), start_of(pid) or 0.0)


def boot_id() -> str:
    """A text that is the same until the machine starts anew."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        # The boot time is worked out from the clock and moves a little with it.
        return f"boot-{round(psutil.boot_time() / 60)}"


def start_of(pid: int) -> float | None:
    """When a process started, as ``ProcessIdentity.started``; ``None`` if it is gone or a zombie."""
    if pid <= 0:
        return None
    if sys.platform == "linux":
        return _linux_start(pid)
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except (psutil.Error, OverflowError):
        return None


def _linux_start(pid: int) -> float | None:
    """From /proc, as psutil converts the ticks to wall-clock time, which jumps when the clock is set."""
    try:
        content = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = content.rpartition(")")[2].split()  # the name in parentheses may hold anything
    return None if fields[0] in "ZX" else float(fields[19])


GIVING_WAY = 10  # of 19: whatever a person waits for comes first, and what is left is still nearly all


def give_way(how_much: int = GIVING_WAY) -> None:
    """Have this process wait where others want the processor, so that the machine stays quick to use."""
    with contextlib.suppress(OSError, psutil.Error):
        process = psutil.Process()
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(max(how_much, process.nice()))
    with contextlib.suppress(OSError):  # on a Linux desktop each session has a share of its own
        Path("/proc/self/autogroup").write_text(str(how_much))

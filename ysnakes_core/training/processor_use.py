"""How busy the processor is: with this process, and with everything."""

from __future__ import annotations

from typing import TypedDict

import psutil


class Load(TypedDict):
    cpu_percent: float  # of this process; 100 is one core
    cpu_count: int  # cores that this process may use
    system_percent: float  # of all cores, by everyone


class ProcessorUse:
    """Measures from one look to the next. Ask it from the thread that made it: psutil counts for each."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.since_last()

    def since_last(self) -> Load:
        """The load since the last call, or since this was made."""
        return {
            "cpu_percent": self._process.cpu_percent(),
            "cpu_count": usable_cores(self._process),
            "system_percent": psutil.cpu_percent(),
        }


def usable_cores(process: psutil.Process) -> int:
    """Cores that ``process`` may run on, of those of the machine; macOS knows no such choice."""
    if hasattr(process, "cpu_affinity"):
        return len(process.cpu_affinity() or ())
    return psutil.cpu_count() or 1

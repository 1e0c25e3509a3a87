"""How busy the processor is."""

from __future__ import annotations

import time

import psutil

from ysnakes_core.training.processor_use import ProcessorUse


def test_a_process_that_computes_is_seen_to() -> None:
    use = ProcessorUse()
    began, until = time.process_time(), time.process_time() + 0.3
    while time.process_time() < until:
        pass
    busy = use.since_last()
    spent = time.process_time() - began
    assert 1 <= busy["cpu_count"] <= (psutil.cpu_count() or 1)
    assert spent >= 0.3
    assert 5 < busy["cpu_percent"] <= 100 * busy["cpu_count"] + 10
    assert 0 < busy["system_percent"] <= 100

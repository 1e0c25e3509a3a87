"""How long it takes to open the log of a long run, and what following it costs.

    python tests/benchmarks/event_log.py            a table
    python tests/benchmarks/event_log.py --json     one JSON object

The log is written by the events' own writer: 1,000,000 steps with a validation, an early-stopping event and
a checkpoint every 500. It is opened as the app does, in slices that keep the app's event loop free. For
comparison, the same lines are decoded by the standard library's ``json``, and by ``orjson`` alone.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import psutil

from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.events import CheckpointEvent, EarlyStoppingEvent, StepEvent, ValidationEvent, to_json
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.log_tail import LogTail

MOST_SECONDS = 2.0
EVERY = 500


def write_log(path: Path, steps: int) -> None:
    rng = random.Random(0)
    now = 1.7e9
    with path.open("w", encoding="ascii") as file:
        for number in range(1, steps + 1):
            now += rng.random()
            tokens, loss = 2048 * number, 2.0 + rng.random()
            rate, pace = 0.003 * (1 - number / (steps + 1)), 3000 * rng.random()
            file.write(to_json(StepEvent(now, number, tokens, loss, rate, rng.random(), pace, 256, 8)) + "\n")
            if number % EVERY == 0:
                score = 1.4 + rng.random() / 10
                for event in (
                    ValidationEvent(now, number, tokens, loss, 2.7**loss, score),
                    EarlyStoppingEvent(now, number, tokens, 1, 8, 0.0, 1.4, number),
                    CheckpointEvent(now, number, tokens, f"step-{number:08d}", score),
                ):
                    file.write(to_json(event) + "\n")


def open_in_slices(run: RunDirectory) -> tuple[float, float, list[float], RunFollower]:
    """Seconds in all, those of the processor, those of each poll, and the follower."""
    began, worked = time.perf_counter(), time.process_time()
    follower = RunFollower(run)
    polls = []
    while not follower.caught_up:
        at = time.perf_counter()
        follower.poll()
        polls.append(time.perf_counter() - at)
    return time.perf_counter() - began, time.process_time() - worked, polls, follower


def decode(path: Path, loads: Callable[[bytes], Any]) -> float:
    """Seconds to decode the lines and do nothing with them."""
    began = time.perf_counter()
    for block in LogTail(path).blocks():
        loads(b"[" + block[:-1].replace(b"\n", b",") + b"]")
    return time.perf_counter() - began


def idle_microseconds(follower: RunFollower, polls: int = 2000) -> float:
    began = time.perf_counter()
    for _ in range(polls):
        follower.poll()
    return 1e6 * (time.perf_counter() - began) / polls


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        write_log(run.events_file, args.steps)
        before = psutil.Process().memory_info().rss
        opened = [open_in_slices(run) for _ in range(args.repeats)]
        follower = opened[-1][-1]
        memory = (psutil.Process().memory_info().rss - before) / args.repeats
        polls = sorted(seconds for _, _, each, _ in opened for seconds in each)
        found = {
            "steps": len(follower.series["loss"]),
            "log_bytes": run.events_file.stat().st_size,
            "open_seconds": round(statistics.median(seconds for seconds, *_ in opened), 3),
            "best_open_seconds": round(min(seconds for seconds, *_ in opened), 3),
            "open_cpu_seconds": round(statistics.median(seconds for _, seconds, *_ in opened), 3),
            "poll_ms_p50": round(1e3 * polls[len(polls) // 2], 2),
            "poll_ms_p99": round(1e3 * polls[int(0.99 * len(polls))], 2),
            "idle_poll_us": round(idle_microseconds(follower), 1),
            "memory_bytes_per_step": round(memory / args.steps, 1),
            "json_decoding_seconds": round(decode(run.events_file, json.loads), 3),
            "orjson_decoding_seconds": round(decode(run.events_file, orjson.loads), 3),
        }
    assert found["steps"] == args.steps
    verdict = found["open_seconds"] <= MOST_SECONDS
    if args.json:
        print(json.dumps({**found, "passed": verdict}))
    else:
        for name, value in found.items():
            print(f"{name.replace('_', ' '):26} {value:>14,}")
        print(f"opened within {MOST_SECONDS:g} s: {'yes' if verdict else 'NO'}")
    return 0 if verdict else 1


if __name__ == "__main__":
    sys.exit(main())

"""How quick the app is, and what it costs the training it watches. Not on Windows.

    python tests/benchmarks/app.py                       a table
    python tests/benchmarks/app.py --json                one JSON object
    python tests/benchmarks/app.py --only keys,paint     some parts: help, paint, keys, throughput, log, chart

The app runs on a pseudo-terminal of 120 × 40 cells, as it would on a real one, and finds its modules compiled
(``.pyc``), as it does from its second start on.

help        ``ysnakes --help`` from start to end.
paint       From the start of the process until the first picture with tabs and keys is written.
keys        From a key to the picture that answers it, while one run trains on all cores and the one that is
            shown writes 50 events a second or more: panes, help, palette, letters, list, chart, form.
throughput  Tokens/s of a run of the default size with the app attached, against the app stopped, in turns.
log         From the start of the app on a run with 1,000,000 steps until it is read to its end.
chart       3 series of 10,000 points, taken in and drawn; see chart.py for other sizes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.append(str(Path(__file__).parents[1] / "support"))

import chart
import event_log
from terminal import ROOT, Terminal

from ysnakes_core.runs.control import send
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.following import RunFollower
from ysnakes_core.runs.launching import start_worker, wait_until_started
from ysnakes_tui.new_run import Request, new_config

SIZE = (120, 40)
FOREVER = 10_000_000  # steps


@dataclass(frozen=True)
class Result:
    """``value`` is better when it is smaller, and good below ``bar``."""

    name: str
    value: float
    bar: float
    unit: str
    told: str = ""

    @property
    def met(self) -> bool:
        return self.value < self.bar


class Place:
    """A folder of runs, and what is started in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        os.environ["YSNAKES_HOME"] = str(home)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(home / "compiled")
        self._pids: list[int] = []

    def run(self, name: str, preset: str | None, *settings: str) -> RunDirectory:
        request = Request(budget={"steps": str(FOREVER)}, training={}, settings=settings)
        return create_run(self.home / "runs", new_config(preset, [], request), name)

    def train(self, run: RunDirectory) -> RunFollower:
        """Start a worker, and wait until it is at work."""
        pid = start_worker(run)
        self._pids.append(pid)
        wait_until_started(run, pid)
        follower = RunFollower(run)
        while len(follower.series["loss"]) < 5:
            time.sleep(0.1)
            follower.poll()
        return follower

    def end(self, run: RunDirectory) -> None:
        send(run, "stop")
        for pid in self._pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).wait(60)
        self._pids.clear()

    def kill(self) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def app(self, run: str = "") -> Iterator[Terminal]:
        """The app on its Train pane, on ``run`` if that is given."""
        (self.home / "app.toml").write_text(f'pane = "train"\nlast_run = "{run}"\n')
        terminal = Terminal(self.home, size=SIZE)
        try:
            yield terminal
        finally:
            terminal.kill()


def help_seconds(place: Place, repeats: int) -> list[Result]:
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "ysnakes_tui", "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True
        )
        seconds.append(time.perf_counter() - began)
    return [Result("ysnakes --help", statistics.median(seconds[1:]), 0.3, "s")]  # the first warms the disk


def paint_seconds(place: Place, repeats: int) -> list[Result]:
    place.run("one", None)
    found = []
    for name, run in (("first picture: list of runs", ""), ("first picture: a run", "one")):
        seconds = []
        for _ in range(repeats + 1):
            began = time.perf_counter()
            with place.app(run) as terminal:
                terminal.until("Quit")
                seconds.append(time.perf_counter() - began)
        found.append(Result(name, statistics.median(seconds[1:]), 1.0, "s"))
    return found


def key_milliseconds(place: Place, repeats: int) -> list[Result]:
    other = place.run("other", None, f"validate_every={FOREVER}")
    place.train(other)
    small = ("d_model=16", "n_layers=1", "d_state=4", "head_dim=8", "vocab_size=300", "seq_len=16")
    run = place.run("busy", None, *small, "batch_size=1", f"validate_every={FOREVER}")
    os.environ["OMP_NUM_THREADS"] = "1"
    follower = place.train(run)
    del os.environ["OMP_NUM_THREADS"]
    rng = random.Random(0)
    taken: dict[str, list[float]] = {}
    with place.app("busy") as terminal:
        terminal.until("What happened")
        steps, began = len(follower.series["loss"]), time.monotonic()
        for _ in range(12 * repeats):
            for kind, seconds in _round(terminal, rng):
                taken.setdefault(kind, []).append(1000 * seconds)
        follower.poll(float("inf"))
        rate = (len(follower.series["loss"]) - steps) / (time.monotonic() - began)
        busy = psutil.cpu_percent(1.0)
    send(other, "stop")
    place.end(run)
    every = [each for kind in taken.values() for each in kind]
    told = (
        f"{len(every)} keys, median {statistics.median(every):.1f} ms; {rate:.0f} steps/s, CPU {busy:.0f} %"
    )
    found = [Result("key to picture, p95", _p95(every), 50.0, "ms", told)]
    for kind, values in taken.items():
        told = f"median {statistics.median(values):.1f} ms, most {max(values):.1f} ms"
        found.append(Result(f"  {kind}, p95", _p95(values), 50.0, "ms", told))
    return found


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _round(terminal: Terminal, rng: random.Random) -> Iterator[tuple[str, float]]:
    """Each key once, and what it took until its picture was there."""

    def press(kind: str, key: bytes, shown: str) -> tuple[str, float]:
        terminal.forget(rng.uniform(0.1, 0.3))  # at any moment between two redraws
        began = time.perf_counter()
        terminal.type(key)
        terminal.until(shown)
        return kind, time.perf_counter() - began

    yield press("pane", b"1", "Let the built-in")
    yield press("pane", b"2", "What happened")
    yield press("help", b"?", "esc closes")
    yield press("help", b"?", "What happened")
    yield press("palette", b":", "What would you like to do?")
    for letter in b"zoqvwy":
        yield press("letter", bytes([letter]), chr(letter))
    terminal.type(b"\x1b")
    yield press("chart", b"l", "loss log")
    yield press("chart", b"l", "smoothed")
    yield press("chart", b"+", "×")
    yield press("chart", b"0", "smoothed")
    yield press("list", b"r", "busy")
    yield press("run", b"\r", "What happened")
    yield press("form", b"n", "A new run")
    for letter in b"xyz":
        yield press("field", bytes([letter]), chr(letter))
    yield press("form", b"\x1b", "What happened")


def throughput(place: Place, repeats: int) -> list[Result]:
    """The app at work and the app stopped (SIGSTOP) by turns, each pair in another order."""
    run = place.run("usual", None, f"validate_every={FOREVER}")
    follower = place.train(run)
    _pace(follower, 10.0)
    ratios, cost = [], []
    with place.app("usual") as terminal:
        terminal.until("What happened")
        process = psutil.Process(terminal.pid)
        for pair in range(10 * repeats):
            paces = {}
            for attached in (False, True) if pair % 2 else (True, False):
                os.kill(terminal.pid, signal.SIGCONT if attached else signal.SIGSTOP)
                before, at = sum(process.cpu_times()[:2]), time.monotonic()
                paces[attached] = _pace(follower, 5.0, terminal.forget)
                if attached:
                    cost.append((sum(process.cpu_times()[:2]) - before) / (time.monotonic() - at))
            ratios.append(paces[True] / paces[False])
        os.kill(terminal.pid, signal.SIGCONT)
    place.end(run)
    low, _, high = statistics.quantiles(ratios, n=4)
    told = (
        f"quartiles of the ratio {low:.3f} to {high:.3f} in {len(ratios)} pairs; the app takes "
        f"{100 * statistics.mean(cost):.1f} % of a core of {psutil.cpu_count()}"
    )
    return [Result("training lost to the app", 100 * (1 - statistics.median(ratios)), 3.0, "%", told)]


def _pace(follower: RunFollower, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> float:
    """Tokens/s from the first step that ends from now on to the last one within ``seconds``."""
    follower.poll(float("inf"))
    known = len(follower.series["loss"])
    times: list[tuple[float, int]] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.02)
        meanwhile()
        if follower.poll(float("inf")) and len(follower.series["loss"]) > known:
            known = len(follower.series["loss"])
            last = follower.last_step
            assert last is not None
            times.append((last.time, last.tokens))
    (began, first), (ended, last_tokens) = times[0], times[-1]
    return (last_tokens - first) / (ended - began)


def log_seconds(place: Place, repeats: int) -> list[Result]:
    run = place.run("long", None)
    event_log.write_log(run.events_file, 1_000_000)
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        with place.app("long") as terminal:
            terminal.until("Next:")  # of what is said once the whole log is known
            seconds.append(time.perf_counter() - began)
    painted = paint_seconds(place, repeats)[-1].value
    found = statistics.median(seconds[1:]) - painted
    return [
        Result("1,000,000 steps, after the first picture", found, 2.0, "s", f"{found + painted:.2f} s in all")
    ]


def chart_milliseconds(place: Place, repeats: int) -> list[Result]:
    rows = asyncio.run(chart.measure([SIZE], [10_000]))
    slowest = max(float(str(row["median"])) for row in rows)
    return [Result("chart of 3 × 10,000 points", slowest, chart.BAR_MS, "ms")]


PARTS = {
    "help": help_seconds,
    "paint": paint_seconds,
    "keys": key_milliseconds,
    "throughput": throughput,
    "log": log_seconds,
    "chart": chart_milliseconds,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started does not outlive it
    found: list[Result] = []
    for part in args.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            place = Place(Path(folder))
            try:
                for result in PARTS[part](place, args.repeats):
                    found.append(result)
                    if not args.json:
                        _print(result)
            finally:
                place.kill()
    if args.json:
        print(json.dumps({result.name.strip(): {**result.__dict__, "met": result.met} for result in found}))
    return 0 if all(result.met for result in found if not result.name.startswith(" ")) else 1


def _print(result: Result) -> None:
    verdict = "" if result.name.startswith(" ") else "met" if result.met else "MISSED"
    wanted = f"< {result.bar:g} {result.unit}"
    print(f"{result.name:<42} {result.value:>8.2f} {result.unit:<3} {wanted:<9} {verdict:<7} {result.told}")


if __name__ == "__main__":
    sys.exit(main())

"""How soon and how fast the app's models speak, at ys-4m. Not on Windows.

    python tests/benchmarks/talking.py                       a table
    python tests/benchmarks/talking.py --json                one JSON object
    python tests/benchmarks/talking.py --only first,rate     some parts: first, rate, busy

first   From ``ask`` to the first token in the caller's hands, the model being held: a new prompt of about ten
        tokens each time, and one of 2,000. Also the time until a model that is not held can be asked.
rate    Tokens/s through the process that the app talks to, against the engine alone, in turns: the best of
        each, as others only make it slower.
busy    The same while a run trains on all cores; and, while an answer streams on top of that, how late a
        thread of the caller's is that wakes every 20 ms, as the app's event loop does.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))

from app import Place, Result
from run_with_model import run_with_model

from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.configuration import preset_config
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.processes import give_way
from ysnakes_core.runs.talking import Begun, Ended, Failed, Question, Talker, Told, Written
from ysnakes_core.runs.talking_process import GIVING_WAY
from ysnakes_core.thread_waiting import let_threads_sleep

PRESET = "ys-4m"
TOKENS = 600  # of an answer whose speed is measured
PLAIN = SamplingOptions(max_tokens=TOKENS, temperature=1.0, top_k=40, seed=1)
WORDS = ("the", "old", "green", "snake", "slept", "under", "a", "warm", "stone", "and", "was", "glad")


class Ear:
    """A talker, and when it told what."""

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[tuple[float, Told]] = queue.SimpleQueue()
        self.talker = Talker(lambda told: self._told.put((time.perf_counter(), told)))

    def until(self, kind: type[Told]) -> tuple[float, Told]:
        while True:
            when, told = self._told.get(timeout=300)
            if isinstance(told, Failed):
                raise SystemExit(f"{told.what}; {told.hint}")
            if isinstance(told, kind):
                return when, told


_asked = itertools.count()


def first_seconds(ear: Ear, run: RunDirectory, length: int) -> float:
    """From asking a prompt of about so many tokens, which never came before, to the first token."""
    prompt = " ".join([str(next(_asked)), *(WORDS[i % len(WORDS)] for i in range(length))])
    began = time.perf_counter()
    ear.talker.ask(Question(run.path, prompt, options=(replace(PLAIN, max_tokens=3),)))
    when, _ = ear.until(Written)
    ear.until(Ended)
    return when - began


def warm(ear: Ear, run: RunDirectory) -> float:
    """Have the model ready; when it was."""
    ear.talker.warm(run.path)
    return ear.until(Begun)[0]


def talker_rate(ear: Ear, run: RunDirectory) -> float:
    """Tokens/s from the first token to the last, as the caller gets them."""
    ear.talker.ask(Question(run.path, "Once upon a time", options=(PLAIN,), reading="text"))
    first, _ = ear.until(Written)
    last, ended = ear.until(Ended)
    assert isinstance(ended, Ended)
    return (ended.outcome.tokens - 1) / (last - first)


class Engine:
    """The engine alone, asked for as much; in a process of its own of the same priority."""

    def __init__(self, run: RunDirectory) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--engine", str(run.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def rate(self) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def engine_alone(path: Path) -> None:
    """Write an answer for each line of stdin, and say how fast."""
    from ysnakes_core.completion.engine import Completer
    from ysnakes_core.runs.opening import open_model

    give_way(GIVING_WAY)
    opened = open_model(RunDirectory(path))
    completer = Completer(opened.model, opened.tokenizer)
    for _ in sys.stdin:
        stream = completer.stream("Once upon a time", PLAIN, reading="text", alternatives=5)
        next(stream)
        began = time.perf_counter()
        count = sum(1 for _ in stream)
        print(count / (time.perf_counter() - began), flush=True)


def late_milliseconds(seconds: float) -> list[float]:
    """How long after its time a thread was done that does 2 ms of work every 20 ms."""
    late = []
    due = time.perf_counter()
    end = due + seconds
    while due < end:
        due += 0.02
        time.sleep(max(0.0, due - time.perf_counter()))
        work = time.thread_time() + 0.002
        while time.thread_time() < work:
            pass
        late.append(1000 * (time.perf_counter() - due) - 2)
    return late


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def first_results(ear: Ear, run: RunDirectory, repeats: int) -> list[Result]:
    began = time.perf_counter()
    when = warm(ear, run)
    found = [Result("  until a model can be asked", when - began, 5.0, "s")]
    for name, length in (("first token, 10 tokens", 10), ("first token, 2,000 tokens", 2000)):
        taken = [1000 * first_seconds(ear, run, length) for _ in range(3 + 4 * repeats)]
        told = f"p95 {p95(taken):.0f} ms, the first {taken[0]:.0f} ms"
        bar = 100.0 if length == 10 else 1000.0
        found.append(Result(("" if length == 10 else "  ") + name, statistics.median(taken), bar, "ms", told))
    return found


def rate_results(ear: Ear, run: RunDirectory, repeats: int) -> list[Result]:
    warm(ear, run)
    engine = Engine(run)
    engine.rate()
    talker_rate(ear, run)
    alone, through = [], []
    for _ in range(repeats):
        alone.append(engine.rate())
        through.append(talker_rate(ear, run))
    engine.close()
    slower = 100 * (1 - max(through) / max(alone))
    told = f"{max(through):.0f} of {max(alone):.0f} tokens/s"
    return [Result("slower than the engine alone", slower, 5.0, "%", told)]


@contextmanager
def training(home: Path) -> Iterator[None]:
    place = Place(home)
    try:
        place.train(place.run("busy", None, "validate_every=1000000"))
        yield
    finally:
        place.kill()


def busy_results(ear: Ear, run: RunDirectory, repeats: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder, training(Path(folder)):
        warm(ear, run)
        taken = [1000 * first_seconds(ear, run, 10) for _ in range(3 + 4 * repeats)]
        rate = statistics.median(talker_rate(ear, run) for _ in range(repeats))
        quiet = late_milliseconds(4.0)
        asked = ear.talker.ask(
            Question(run.path, "x", options=(replace(PLAIN, max_tokens=10**6),), reading="text")
        )
        ear.until(Written)
        late = late_milliseconds(8.0)
        ear.talker.cancel(asked)
        ear.until(Ended)
    return [
        Result(
            "first token, while training", statistics.median(taken), 100.0, "ms", f"p95 {p95(taken):.0f} ms"
        ),
        Result(
            "  seconds a thousand tokens, while training", 1000 / rate, 100.0, "s", f"{rate:.0f} tokens/s"
        ),
        Result("late, while training and streaming, p95", p95(late), 30.0, "ms", f"most {max(late):.0f} ms"),
        Result("  late, while training, p95", p95(quiet), 30.0, "ms", f"most {max(quiet):.0f} ms"),
    ]


PARTS = {"first": first_results, "rate": rate_results, "busy": busy_results}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--engine", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    let_threads_sleep()
    if args.engine is not None:
        engine_alone(args.engine)
        return 0
    found: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["YSNAKES_HOME"] = folder
        config = preset_config(PRESET)
        run = run_with_model(Path(folder), shape=config.model, vocab_size=config.text.vocab_size, corpus=True)
        ear = Ear()
        try:
            for part in args.only.split(","):
                for result in PARTS[part](ear, run, args.repeats):
                    found.append(result)
                    if not args.json:
                        verdict = "" if result.name.startswith(" ") else "met" if result.met else "MISSED"
                        print(
                            f"{result.name:<44} {result.value:>8.2f} {result.unit:<3} "
                            f"< {result.bar:<6g} {verdict:<7} {result.told}",
                            flush=True,
                        )
        finally:
            ear.talker.close()
    if args.json:
        print(json.dumps({result.name.strip(): {**result.__dict__, "met": result.met} for result in found}))
    return 0 if all(result.met for result in found if not result.name.startswith(" ")) else 1


if __name__ == "__main__":
    sys.exit(main())

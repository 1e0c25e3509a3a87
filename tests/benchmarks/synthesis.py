"""How much of a teacher's time jobs use, what 100,000 records take, and how long finding some takes.

    python tests/benchmarks/synthesis.py              all of it, as a table (about three minutes)
    python tests/benchmarks/synthesis.py throughput   or: memory (with the library)
    python tests/benchmarks/synthesis.py --json       one JSON object

Throughput: a server in a process of its own answers on Ollama's API, every answer in the same time; with a
concurrency of 4 the ideal is 4 answers in that time. Memory: a teacher that answers at once writes 100,000
records of some 300 words over four kinds; resident memory is looked at all the while.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ysnakes_core.synthesis.job import Job
from ysnakes_core.synthesis.job_opening import new_settings, plans_for, teacher_for
from ysnakes_core.synthesis.job_state import JobEvent, RecordStored
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import RecordFilter
from ysnakes_core.synthesis.requests import Request
from ysnakes_core.synthesis.teachers import TeacherFacts, Usage, ignore

LEAST_EFFICIENCY = 0.95
MOST_GROWTH = 20e6  # bytes, from a tenth of the records to the last
MOST_PAGE_SECONDS = 0.1
SERVER = Path(__file__).parents[1] / "support" / "fake_ollama.py"
KINDS = ("blog", "wiki", "stories", "howto")


@dataclass
class Throughput:
    """``seconds_each``: one answer of the server."""

    seconds_each: float
    concurrency: int
    records: int
    seconds: float

    @property
    def efficiency(self) -> float:
        return self.records * self.seconds_each / self.concurrency / self.seconds


def throughput(seconds_each: float, concurrency: int, records: int) -> Throughput:
    server = subprocess.Popen(
        [sys.executable, str(SERVER), "--port", "0", "--seconds", str(seconds_each)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        with tempfile.TemporaryDirectory() as place, open_library(Path(place)) as library:
            goals = [(kind, records // len(KINDS)) for kind in KINDS]
            settings = new_settings(
                goals, "ollama", model="llama3.1", hosts=[address], concurrency=concurrency
            )
            teacher = teacher_for(settings)
            job = Job(library, library.jobs.create(settings), plans_for(settings), teacher)
            began = time.perf_counter()
            outcome = asyncio.run(job.run())
            seconds = time.perf_counter() - began
            assert outcome.done == records, outcome
    finally:
        server.kill()
        server.communicate()
    return Throughput(seconds_each, concurrency, records, seconds)


class InstantTeacher:
    """Some 300 words for each request, at once."""

    name, kinds, slots = "instant", None, 4

    def __init__(self) -> None:
        rng = random.Random(0)
        letters = "aaeeiioouubcdfghklmnprstvw"
        self.words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)]
        self.weights = [1.0 / (rank + 1) for rank in range(len(self.words))]  # as words are used
        self.common = rng.choices(self.words, self.weights, k=500_000)

    async def prepare(self) -> TeacherFacts:
        return TeacherFacts(self.name)

    async def write(self, request: Request, told: Callable[[Usage], None] = ignore) -> AsyncIterator[str]:
        await asyncio.sleep(0)
        at = random.Random(request.seed).randrange(len(self.common) - 300)
        told(Usage(400, 1.0))
        yield " ".join(self.common[at : at + 300]).capitalize() + "."

    async def close(self) -> None:
        return None


class MemoryWatch:
    """Resident bytes after every so many records."""

    def __init__(self, every: int) -> None:
        self.every, self.count = every, 0
        self.seen: list[int] = []
        self._process = psutil.Process()

    def happened(self, event: JobEvent) -> None:
        if isinstance(event, RecordStored):
            self.count += 1
            if self.count % self.every == 0:
                self.seen.append(self._process.memory_info().rss)


def write_many(library: Library, records: int) -> tuple[list[int], float, float]:
    """Resident bytes at every tenth, seconds for all, and seconds until a finished job is found to be so."""
    settings = new_settings([(kind, records // len(KINDS)) for kind in KINDS], "ollama", model="none")
    stored, plans, watch = library.jobs.create(settings), plans_for(settings), MemoryWatch(records // 10)
    began = time.perf_counter()
    outcome = asyncio.run(Job(library, stored, plans, InstantTeacher(), observer=watch).run())
    seconds = time.perf_counter() - began
    assert outcome.done == records, outcome
    began = time.perf_counter()
    asyncio.run(Job(library, library.jobs.get(stored.name), plans, InstantTeacher()).run())
    return watch.seen, seconds, time.perf_counter() - began


def pages(library: Library) -> dict[str, float]:
    """The longest of three times (seconds) that a page of 50 takes, by what is asked."""
    words = InstantTeacher().words
    frequent, rare = words[0], words[9000]
    asked = {
        "the newest": RecordFilter(),
        "one kind": RecordFilter(kinds=("wiki",)),
        "undecided of one kind": RecordFilter(kinds=("wiki",), decisions=("pending",)),
        "accepted (there are none)": RecordFilter(decisions=("accepted",)),
        "the most frequent word": RecordFilter(text=f"{frequent} "),
        "the beginnings of a word": RecordFilter(text=words[40][:3] if len(words[40]) > 2 else "and"),
        "a rare word": RecordFilter(text=f"{rare} "),
        "two words": RecordFilter(text=f"{frequent} {rare} "),
        "a frequent word, of one kind, accepted": RecordFilter(
            kinds=("wiki",), decisions=("accepted",), text=f"{frequent} "
        ),
    }
    return {
        name: max(_timed(lambda one=one: library.records(one, newest_first=True)) for _ in range(3))
        for name, one in asked.items()
    } | {"all counts by kind": max(_timed(lambda: library.count_by("kind")) for _ in range(3))}


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("throughput", "memory", "all"), default="all")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result: dict[str, Any] = {}
    good = True
    if given.what in ("throughput", "all"):
        result["throughput"] = []
        for seconds_each, records in ((1.0, 80), (0.25, 240)):
            one = throughput(seconds_each, 4, records)
            result["throughput"].append(vars(one) | {"efficiency": one.efficiency})
            good = good and one.efficiency >= LEAST_EFFICIENCY
            if not given.json:
                print(
                    f"answers in {seconds_each:g} s, 4 at a time: {records} records in {one.seconds:.2f} s,"
                    f" {100 * one.efficiency:.1f} % of the ideal"
                )
    if given.what in ("memory", "all"):
        with tempfile.TemporaryDirectory() as place, open_library(Path(place)) as library:
            seen, seconds, resumed = write_many(library, given.records)
            times = pages(library)
            size = library.path.stat().st_size
        growth = seen[-1] - seen[0]
        result["memory"] = {
            "records": given.records,
            "seconds": seconds,
            "resident": seen,
            "growth": growth,
            "resume_seconds": resumed,
            "library_bytes": size,
            "page_seconds": times,
        }
        good = good and growth <= MOST_GROWTH and max(times.values()) <= MOST_PAGE_SECONDS
        if not given.json:
            told = " ".join(f"{bytes_ / 1e6:.0f}" for bytes_ in seen)
            print(f"{given.records:,} records in {seconds:.0f} s ({size / 1e6:.0f} MB of library)")
            print(f"resident memory at every tenth: {told} MB; growth {growth / 1e6:.1f} MB")
            print(f"a finished job of that size is looked through in {resumed:.1f} s")
            for name, longest in times.items():
                print(f"  page: {name:40} {1e3 * longest:6.1f} ms")
    if given.json:
        print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

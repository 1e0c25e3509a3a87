"""Jobs in real processes that are killed, interrupted and left alone, with a server that fails and dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ysnakes_core.synthesis.library import Library, open_library

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "tests" / "support" / "fake_ollama.py"
KINDS = {"blog": 40, "wiki": 40, "scripts": 30, "sentences": 30, "synonyms": 30, "stories": 30}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Process:
    """A command of the program, read line by line."""

    def __init__(self, home: Path, *args: str, **environment: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "ysnakes_tui", "data", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "YSNAKES_HOME": str(home), **environment},
            text=True,
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: object) -> None:
        self.popen.kill()
        self.popen.communicate()

    def events(self) -> Iterator[dict[str, Any]]:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            yield json.loads(line)

    def until_stored(self, count: int) -> list[int]:
        """Ids of the next ``count`` records."""
        ids = []
        for event in self.events():
            if event["type"] == "record":
                ids.append(event["id"])
            if len(ids) == count:
                return ids
        raise AssertionError(self.popen.communicate()[1])

    def kill(self) -> None:
        self.popen.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        self.popen.wait(60)

    def end(self) -> tuple[int, str, str]:
        out, errors = self.popen.communicate(timeout=200)
        return self.popen.returncode, out, errors


@contextmanager
def a_server(port: int, *args: str) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        [sys.executable, str(SERVER), "--port", str(port), *args], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("listening")
        yield server
    finally:
        server.kill()
        server.communicate()


@contextmanager
def the_library(home: Path) -> Iterator[Library]:
    with open_library(home / "data") as library:
        yield library


@pytest.mark.slow
def test_through_faults_kills_and_a_restarted_server_every_request_is_there_once(home: Path) -> None:
    port = free_port()
    faults = ("--fail-every", "7", "--drop-every", "11", "--seconds", "0.05")
    named = [f"{kind}:{count}" for kind, count in KINDS.items()]
    host = ("--host", f"127.0.0.1:{port}", "--json")
    with ExitStack() as first_server:
        server = first_server.enter_context(a_server(port, *faults))
        with Process(home, "generate", *named, *host) as job:
            job.until_stored(50)
            job.kill()
        with the_library(home) as library:
            assert 50 <= library.count() < 200
        with Process(home, "generate", "--resume", *host) as job:
            job.until_stored(40)
            server.kill()
            server.wait(60)
            for event in job.events():
                if event["type"] == "status" and event["status"] == "waiting":
                    break
            with a_server(port, *faults):
                job.until_stored(40)
                job.kill()
                with Process(home, "generate", "--resume", *host) as last:
                    code, out, errors = last.end()
    assert code == 0, errors
    ended = json.loads(out.splitlines()[-1])
    assert (ended["type"], ended["done"], ended["wanted"], ended["failed"]) == ("job_ended", 200, 200, 0)
    with the_library(home) as library:
        records = library.records(limit=1000)
        [job_there] = library.jobs.all()
    assert len(records) == 200
    assert len({record.key for record in records}) == 200
    assert len({record.prompt for record in records}) == 200
    assert Counter(record.kind for record in records) == KINDS
    assert all(record.original.endswith(".") and len(record.original.split()) == 40 for record in records)
    for kind, count in KINDS.items():
        assert sorted(r.request_index or 0 for r in records if r.kind == kind) == list(range(count))
    assert (job_there.status, job_there.written, job_there.failed) == ("finished", 200, 0)


def test_what_was_told_as_stored_survives_a_kill(home: Path) -> None:
    with Process(home, "generate", "story:100000", "--teacher", "builtin", "--json") as job:
        told = job.until_stored(200)
        job.kill()
    with the_library(home) as library:
        assert set(told) <= set(library.ids())
        [there] = library.jobs.all()
        assert there.status == "running"
    with Process(home, "jobs", "--json") as listing:
        code, out, _ = listing.end()
    assert code == 0
    assert json.loads(out)["status"] == "interrupted"


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_job_says_how_to_go_on_and_does(home: Path, number: signal.Signals) -> None:
    with Process(home, "generate", "story:3000", "poem:100", "--teacher", "builtin", "--json") as job:
        job.until_stored(100)
        job.popen.send_signal(number)
        code, out, errors = job.end()
    assert code == 130
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    assert "ysnakes data generate --resume job-1" in errors
    assert "Traceback" not in errors
    with the_library(home) as library:
        kept = library.count()
        assert 100 <= kept < 3100
        assert library.jobs.get("job-1").status == "interrupted"
    with Process(home, "generate", "--resume", "job-1", "--quiet") as again:
        code, out, errors = again.end()
    assert code == 0, errors
    assert "3,100 of 3,100" in out
    with the_library(home) as library:
        assert library.count() == 3100
        assert len({record.key for record in library.records(limit=5000)}) == 3100


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_an_interrupted_request_is_let_go_at_once(home: Path) -> None:
    port = free_port()
    with (
        a_server(port, "--seconds", "600"),
        Process(home, "generate", "blog:5", "--host", f"127.0.0.1:{port}", "--name", "slow", "--json") as job,
    ):
        wait_for_job(home, "slow")
        job.popen.send_signal(signal.SIGINT)
        code, _, errors = job.end()
    assert code == 130
    assert "nothing was written yet" in errors
    with the_library(home) as library:
        assert library.jobs.all() == []


def wait_for_job(home: Path, name: str) -> None:
    """Until a job is being written by a process."""
    import time

    from ysnakes_core.synthesis.job_opening import is_running

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (home / "data" / "library.sqlite").exists():
            with the_library(home) as library:
                found = [job for job in library.jobs.all() if job.name == name]
                if found and is_running(library, found[0]):
                    return
        time.sleep(0.02)
    raise AssertionError("it did not begin")


def test_a_reader_that_goes_away_ends_the_job_in_order(home: Path) -> None:
    with Process(home, "generate", "story:100000", "--teacher", "builtin", "--json") as job:
        job.until_stored(20)
        assert job.popen.stdout is not None
        job.popen.stdout.close()
        assert job.popen.wait(60) == 130
    with the_library(home) as library:
        assert library.jobs.get("job-1").status == "interrupted"
        assert library.count() >= 20


def test_two_processes_cannot_write_one_job(home: Path) -> None:
    with Process(home, "generate", "story:100000", "--teacher", "builtin", "--json") as job:
        job.until_stored(5)
        with Process(home, "generate", "--resume", "job-1") as other:
            code, _, errors = other.end()
        assert code == 1
        assert "is being written by another process" in errors
        with Process(home, "generate", "story:20", "--teacher", "builtin", "--quiet") as beside:
            code, out, errors = beside.end()
        assert code == 0, errors
        assert "20 of 20" in out


def test_the_data_commands_load_only_what_they_need(home: Path) -> None:
    heavy = "('torch', 'textual', 'transformers', 'ollama', 'httpx')"
    for args in (
        ["--help"],
        ["stats"],
        ["generate", "talk:3", "--teacher", "builtin", "--quiet"],
        ["export"],
    ):
        code = (
            f"import sys; sys.argv = ['ysnakes', 'data', *{args!r}]\n"
            "from ysnakes_tui.cli import main\n"
            "try:\n    main()\nfinally:\n"
            f"    print(*[name for name in {heavy} if name in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(ROOT), "YSNAKES_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stderr.splitlines()[-1].strip() == "", (args, done.stderr)

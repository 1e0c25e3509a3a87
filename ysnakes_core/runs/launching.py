"""Starting a worker that nothing takes down with it: no parent, no terminal, no hang-up. Light to import."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ysnakes_core
from ysnakes_core.errors import RunError, YsnakesError
from ysnakes_core.files import explain, open_for_append, open_plain, printable
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.processes import start_of
from ysnakes_core.runs.state import RunState

LOG_HEADING = "=== worker "  # begins the part of worker.log that a worker writes
START_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_TAIL_BYTES = 2**14
# The package is found where the starter found it, but after everything else: what lies in the folder that
# one happens to be in, or beside the package, must not stand in for a library. (-P leaves the folder out.)
_PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from ysnakes_core.runs.worker_process import main; sys.exit(main(sys.argv[1:]))"
)


def start_worker(run: RunDirectory, *, resume: bool = False, checkpoint: str | None = None) -> int:
    """Start a process of its own that trains the run as ``worker.execute`` does; its pid.

    It has its own session, an empty stdin, and ``worker.log`` for what it prints; closing the terminal or
    ending the caller leaves it alone. It says ``starting`` in ``state.json`` before it loads what is heavy:
    see ``has_started`` and ``wait_until_started``.

    Raises:
        RunError: the run has a living worker.
        YsnakesError: config.toml cannot be used, worker.log cannot be written, no process can be started.
    """
    run.read_config()
    try:
        busy = run.read_state().has_worker(time.time())
    except YsnakesError:
        busy = False  # a damaged state is written anew
    if busy:
        raise RunError(
            f"the run “{printable(run.name, 60)}” is being trained already",
            f"see it with: ysnakes runs attach {run.name}; end that with: ysnakes runs stop {run.name}",
        )
    executable, environment = _interpreter()
    package = Path(ysnakes_core.__file__).resolve().parent.parent
    words = [executable, "-P", "-u", "-c", _PROGRAM, str(package), str(run.path)]
    words += ["--resume"] if resume else []
    words += ["--checkpoint", checkpoint] if checkpoint is not None else []
    try:
        log = open_for_append(run.worker_log)
    except OSError as error:
        raise explain(error, run.worker_log, "write") from error
    try:
        process = _spawn(words, log, environment)
    except OSError as error:
        raise YsnakesError(
            f"no process could be started ({error.strerror or error})",
            "see that Python works here and that there is memory left",
        ) from error
    finally:
        os.close(log)
    # While the caller lives it is the parent, and has to take note of the end.
    threading.Thread(target=process.wait, name=f"worker {process.pid}", daemon=True).start()
    return process.pid


def has_started(run: RunDirectory, pid: int) -> bool:
    """Whether the worker of ``start_worker`` has taken up the run. Raises ``RunError`` if it ended before."""
    gone = start_of(pid) is None  # looked at first: the state it left is complete then
    with contextlib.suppress(YsnakesError):
        if run.read_state().pid == pid:
            return True
    if gone:
        last = "; ".join(worker_log_tail(run, 3))
        raise RunError(
            f"the worker of the run “{printable(run.name, 60)}” ended before it began"
            + (f": {last}" if last else ""),
            f"see {printable(str(run.worker_log))}",
        )
    return False


def wait_until_started(
    run: RunDirectory,
    pid: int,
    *,
    seconds: float = START_SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> RunState:
    """Wait until the worker has taken up the run (not until it trains: text is prepared first); its state.

    Raises ``RunError`` if it ended before, or has not begun after ``seconds``.
    """
    deadline = monotonic() + seconds
    while not has_started(run, pid):
        if monotonic() >= deadline:
            raise RunError(
                f"the worker of the run “{printable(run.name, 60)}” did not begin in {seconds:g} s",
                f"it may still do; see {printable(str(run.worker_log))}",
            )
        sleep(_LOOK_SECONDS)
    return run.read_state()


def worker_log_tail(run: RunDirectory, lines: int = 10) -> list[str]:
    """The last lines that the latest worker printed, safe to show; none if it printed nothing."""
    try:
        with open_plain(run.worker_log) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read(_TAIL_BYTES).decode(errors="replace")
    except (OSError, YsnakesError):
        return []
    found = text.splitlines()
    headings = [i for i, line in enumerate(found) if line.startswith(LOG_HEADING)]
    found = found[headings[-1] + 1 :] if headings else found
    return [printable(line.rstrip(), 400) for line in found if line.strip()][-lines:]


def _spawn(words: list[str], log: int, environment: dict[str, str] | None) -> subprocess.Popen[bytes]:
    options: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": log,
        "stderr": log,
        "env": environment,
        "close_fds": True,
    }
    if sys.platform != "win32":
        return subprocess.Popen(words, start_new_session=True, **options)
    # A console of its own that nobody sees, no ctrl+c of ours, and not part of the job that a terminal or
    # a service ends as a whole, where that is allowed.
    flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        return subprocess.Popen(words, creationflags=flags | subprocess.CREATE_BREAKAWAY_FROM_JOB, **options)
    except PermissionError:
        return subprocess.Popen(words, creationflags=flags, **options)


def _interpreter() -> tuple[str, dict[str, str] | None]:
    """The interpreter that runs us, and the environment it needs (None: as it is).

    On Windows the one of a virtual environment only starts another, whose pid we would not know; so that
    one is started at once, as ``multiprocessing`` does.
    """
    if not sys.executable:
        raise YsnakesError("it is not known which Python this is", "start ysnakes with its full path")
    if sys.platform == "win32" and sys.prefix != sys.base_prefix:
        base = str(getattr(sys, "_base_executable", sys.executable))
        if base != sys.executable:
            return base, {**os.environ, "__PYVENV_LAUNCHER__": sys.executable}
    return sys.executable, None

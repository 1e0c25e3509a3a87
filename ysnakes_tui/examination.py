"""The checks of ``ysnakes doctor``. Each says what it found, whether that works, and what mends it."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ysnakes_core.errors import YsnakesError
from ysnakes_tui.formats import size
from ysnakes_tui.output import can_color, is_terminal, speaks_unicode

LEAST_MEMORY = 10**9
LEAST_DISK = 10**9
OLLAMA_SECONDS = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``mend``: what to do. ``essential``: without it nothing can be trained."""

    name: str
    works: bool
    what: str
    mend: str = ""
    essential: bool = False


def examine(runs: Path) -> Iterator[Finding]:
    """All findings, as they are made; ``runs`` is the folder of the runs."""
    yield python()
    yield from _torch()
    yield memory()
    yield disk(runs)
    yield corpus()
    yield ollama(_ollama_models)
    yield terminal()


def python() -> Finding:
    version = platform.python_version()
    works = sys.version_info >= (3, 11)
    mend = "" if works else "install Python 3.11 or newer: https://www.python.org/downloads"
    return Finding("python", works, f"{version} on {platform.system()} {platform.machine()}", mend, True)


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # a broken installation fails in many ways
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield Finding("torch", False, f"cannot be loaded: {reason:.200}", "pip install --upgrade torch", True)
        return
    yield Finding("torch", True, f"{torch.__version__}, {_blas(torch)}", "", True)
    yield _device(torch)
    yield completion()


def _blas(torch: Any) -> str:
    built = torch.__config__.show()
    for mark, name in (
        ("BLAS_INFO=mkl", "MKL"),
        ("BLAS_INFO=open", "OpenBLAS"),
        ("accelerate", "Accelerate"),
    ):
        if mark in built:
            return f"{name} matrix products"
    return "matrix products of its own"


def _device(torch: Any) -> Finding:
    threads, cores = torch.get_num_threads(), os.cpu_count() or 1
    if torch.cuda.is_available():
        first = torch.cuda.get_device_properties(0)
        more = f" and {torch.cuda.device_count() - 1} more" if torch.cuda.device_count() > 1 else ""
        return Finding("device", True, f"cuda: {first.name}, {size(first.total_memory)}{more}")
    vectors = str(torch.backends.cpu.get_cpu_capability())
    what = f"cpu: {threads} threads on {cores} cores, {vectors}"
    if shutil.which("nvidia-smi"):
        mend = "pip install --upgrade torch (see https://pytorch.org/get-started for the one with CUDA)"
        return Finding("device", False, f"{what}; there is an NVIDIA GPU, but this torch cannot use it", mend)
    return Finding("device", True, what)


def completion() -> Finding:
    """Whether the compiled step is there; torch alone completes text, too."""
    from ysnakes_core.model.native.library import library, why_not

    found = library()
    if found is not None:
        return Finding("completion", True, f"by the compiled step, for {found.level}")
    why, mend = why_not()
    return Finding("completion", False, f"by torch alone, at less than half the speed: {why}", mend)


def memory() -> Finding:
    import psutil

    now = psutil.virtual_memory()
    works = now.available >= LEAST_MEMORY
    mend = "" if works else "close other programs, and see what fits with: ysnakes plan"
    return Finding("memory", works, f"{size(now.available)} of {size(now.total)} free", mend)


def disk(runs: Path) -> Finding:
    """Whether runs can be written, by doing it, and how much fits."""
    place = runs
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
        free = shutil.disk_usage(place).free
    except OSError as error:
        mend = "choose another folder with --runs-dir DIR or YSNAKES_HOME"
        return Finding("disk", False, f"{runs} cannot be written: {error.strerror}", mend, True)
    works = free >= LEAST_DISK
    mend = "" if works else "free some space, or delete runs: ysnakes runs list, ysnakes runs delete NAME"
    return Finding("disk", works, f"{size(free)} free for {runs}", mend)


def corpus() -> Finding:
    from ysnakes_core.paths import shipped_corpus

    try:
        return Finding("corpus", True, f"the corpus that comes with ysnakes is in {shipped_corpus()}")
    except YsnakesError as error:
        return Finding("corpus", False, error.what, error.hint)


def _ollama_models() -> list[str]:
    """Names of the models that Ollama (at OLLAMA_HOST, else here) has. Raises what the client raises."""
    from ollama import Client

    answer = Client(timeout=OLLAMA_SECONDS).list()
    return [model.model or "" for model in answer.models]


def ollama(models: Callable[[], list[str]]) -> Finding:
    where = os.environ.get("OLLAMA_HOST") or "127.0.0.1:11434"
    try:
        names = models()
    except Exception as error:  # refused, timed out, no such host, or something else that listens there
        reason = str(error).splitlines()[0].split(". ")[0][:100] if str(error) else type(error).__name__
        installed = shutil.which("ollama") is not None
        mend = (
            "ollama serve" if installed else "install it from https://ollama.com/download, then: ollama serve"
        )
        return Finding(
            "ollama", False, f"no answer at {where} ({reason}); only needed to generate text", mend
        )
    if not names:
        return Finding("ollama", False, f"answers at {where}, but has no model", "ollama pull llama3.1")
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return Finding("ollama", True, f"answers at {where}: {', '.join(names[:6])}{more}")


def terminal() -> Finding:
    """The terminal that stdout (else stderr) is; a pipe is fine too."""
    stream = next((s for s in (sys.stdout, sys.stderr) if is_terminal(s)), None)
    unicode = speaks_unicode(stream or sys.stdout)
    if stream is None:
        return Finding("terminal", True, "none: plain lines are written")
    columns, lines = shutil.get_terminal_size()
    with contextlib.suppress(OSError, ValueError):
        columns, lines = os.get_terminal_size(stream.fileno())
    kind = os.environ.get("TERM", "")
    parts = [f"{columns}×{lines}", kind or "no TERM", "colours" if can_color(stream) else "no colours"]
    parts.append("Unicode" if unicode else "no Unicode")
    for variable, name in (("TMUX", "tmux"), ("STY", "screen"), ("ZELLIJ", "zellij"), ("SSH_TTY", "ssh")):
        if os.environ.get(variable):
            parts.append(f"in {name}" if name != "ssh" else "over ssh")
    mends = []
    if not unicode:
        mends.append("export LC_ALL=C.UTF-8")
    if kind in ("", "dumb") and os.name != "nt":
        mends.append("export TERM=xterm-256color")
    if columns < 80 or lines < 24:
        mends.append("make the window at least 80×24")
    return Finding("terminal", not mends, ", ".join(parts), "; ".join(mends))

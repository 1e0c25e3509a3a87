"""A program on a pseudo-terminal of its own: keys go in, what it shows comes out. Not on Windows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ESCAPES = re.compile(
    rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]"
)


class Terminal:
    """Starts Python with ``args`` (the app, if there are none) and its data in ``home``."""

    def __init__(self, home: Path, *args: str, size: tuple[int, int] = (80, 24), **environment: str) -> None:
        self.shown = b""
        self._ended = False
        self.pid, self._fd = pty.fork()
        if self.pid == 0:  # pragma: no cover
            # Here, for what it runs must not look at the size before it is set.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            for name in ("COLUMNS", "LINES"):
                os.environ.pop(name, None)
            for name in ("NO_COLOR", "YSNAKES_ASCII", "TMUX", "LANG", "LC_CTYPE"):
                os.environ.pop(name, None)
            os.environ.update(
                {
                    **{"YSNAKES_HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
                    **{"LC_ALL": "C.UTF-8", "COLORTERM": "truecolor", **environment},
                }
            )
            os.execv(sys.executable, [sys.executable, *(args or ("-m", "ysnakes_tui"))])

    @property
    def text(self) -> str:
        """What was written, without the sequences that steer the terminal."""
        return ESCAPES.sub(b"", self.shown).decode(errors="replace")

    def until(self, text: str) -> None:
        """Read until ``text`` was written; a line may have been broken at any of its spaces."""
        while not self._has(text):
            assert self.read(), self.text

    def press_until(self, key: bytes, text: str) -> None:
        """Press ``key`` until it does what it should: one that comes before the focus is lost."""
        for _ in range(60):
            self.type(key)
            until = time.monotonic() + 1.0
            while not self._has(text) and time.monotonic() < until:
                if select.select([self._fd], [], [], 0.1)[0]:
                    assert self.read(), self.text
            if self._has(text):
                return
        raise AssertionError(f"“{text}” never came:\n{self.text[-3000:]}")

    def _has(self, text: str) -> bool:
        return text in self.text or text in " ".join(self.text.split())

    def forget(self, seconds: float = 0.0) -> None:
        """Take what was written so far, and in the next ``seconds``, as seen."""
        until = time.monotonic() + seconds
        while select.select([self._fd], [], [], max(0.0, until - time.monotonic()))[0] and self.read():
            pass
        self.shown = b""

    def type(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self.read():
            pass
        return self._wait()

    def hang_up(self) -> int:
        """Take the terminal away; the exit code."""
        os.close(self._fd)
        self._fd = os.open(os.devnull, os.O_RDWR)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._ended = True
        return code

    def kill(self) -> None:
        """End it at once, unless it has ended: nothing of it stays."""
        if not self._ended:
            os.kill(self.pid, signal.SIGKILL)
            self._wait()

    def _wait(self) -> int:
        os.close(self._fd)
        self._ended = True
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def read(self, seconds: float = 60.0) -> bool:
        """Wait for the next it writes; False where it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if select.select([self._fd], [], [], 1.0)[0]:
                with contextlib.suppress(OSError):  # Linux's way to say that the other side is closed
                    if chunk := os.read(self._fd, 65536):
                        self.shown += chunk
                        return True
                return False
        raise AssertionError(f"nothing more came in {seconds:g} s:\n{self.text[-3000:]}")

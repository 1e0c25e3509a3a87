"""Keys from a POSIX terminal, with esc known as soon as it can be.

A terminal sends the same byte for esc and at the beginning of many other keys, so only what does not come
after it tells which it was. Textual's driver looks ten times a second, however short the wait (``ESCDELAY``),
and also while no key comes, which a training on the same cores feels.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import select
import signal
from collections.abc import Callable
from threading import Event
from typing import IO, Any

from textual import constants
from textual.drivers.linux_driver import LinuxDriver

from ysnakes_tui.pasted_text import PasteParser

REST_SECONDS = 0.1  # for the rest of what a terminal has begun to send


class ReadableEvent(Event):
    """An event that also ends a wait for a file, as ``fileno`` is readable while it is set."""

    def __init__(self) -> None:
        super().__init__()
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)

    def fileno(self) -> int:
        return self._reading

    def set(self) -> None:
        super().set()
        with contextlib.suppress(BlockingIOError):  # it is full, and so readable
            os.write(self._writing, b"\0")

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._reading, 4096)
        super().clear()

    def __del__(self) -> None:
        os.close(self._reading)
        os.close(self._writing)


class PatientFile:
    """A terminal's end to write to. What comes after the terminal is gone is lost: Textual's thread that
    writes would end there, and who goes on drawing would wait for it for ever.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()


class TerminalDriver(LinuxDriver):
    """Textual's, but for when it looks for an esc that stays alone, and at whether the app is being left;
    and it knows that the terminal may have gone, or that it was stopped without being asked (SIGSTOP).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._file: Any = PatientFile(self._file)
        self.exit_event = self._left = ReadableEvent()

    def _sigtstp_application(self, *args: Any) -> None:
        if not self._auto_restart or not self._soon(super()._sigtstp_application):
            os.kill(os.getpid(), signal.SIGSTOP)

    def _sigcont_application(self, *args: Any) -> None:
        self._soon(self._go_on)

    def _soon(self, act: Callable[[], None]) -> bool:
        """Not at once: what the signal came into may be writing, or doing the same. Whether the app runs."""
        try:
            asyncio.get_running_loop().call_soon_threadsafe(act)
        except RuntimeError:
            return False
        return True

    def _go_on(self) -> None:
        """The terminal may be as the shell wants it; what reads and writes is there once, not twice."""
        if self._auto_restart and self._writer_thread is not None:
            if not self._must_signal_resume:  # nobody said that it would be stopped
                self.suspend_application_mode()
            self._must_signal_resume = True  # whoever draws is to be told
            self.resume_application_mode()

    def _read(self) -> bytes:
        """What came; nothing where nothing will come any more."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""

    def run_input_thread(self) -> None:
        parser, decoder = PasteParser(), codecs.getincrementaldecoder("utf-8")("replace")
        wait: float | None = None
        while not self._left.is_set():
            ready, _, _ = select.select([self.fileno, self._left], [], [], wait)
            if self.fileno in ready:
                data = self._read()
                if not data:  # the terminal is gone, and for ever ready to say so
                    self._app.call_later(self._app.exit)
                    break
                text = decoder.decode(data)
                for message in parser.feed(text) if text else ():
                    self.process_message(message)
                wait = constants.ESCAPE_DELAY if text.endswith("\x1b") else REST_SECONDS
            else:  # once more, should the wait have been a little short
                wait = REST_SECONDS if wait not in (None, REST_SECONDS) else None
            for message in parser.tick():
                self.process_message(message)

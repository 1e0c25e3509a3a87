"""Keys from a POSIX terminal, with esc known as soon as it can be.

A terminal sends the same byte for esc and at the beginning of many other keys, so only what does not come
after it tells which it was. Textual's driver looks ten times a second, however short the wait (``ESCDELAY``),
and also while no key comes, which a training on the same cores feels.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
from threading import Event
from typing import Any

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


class TerminalDriver(LinuxDriver):
    """Textual's, but for when it looks for an esc that stays alone, and at whether the app is being left."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.exit_event = self._left = ReadableEvent()

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

"""Keys from a POSIX terminal, with esc known as soon as it can be.

A terminal sends the same byte for esc and at the beginning of many other keys, so only what does not come
after it tells which it was. Textual's driver looks ten times a second, however short the wait (``ESCDELAY``).
"""

from __future__ import annotations

import codecs
import os
import select

from textual import constants
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

LOOK_SECONDS = 0.1  # between two looks at whether the app is being left


class TerminalDriver(LinuxDriver):
    """Textual's, but for when it looks for an esc that stays alone."""

    def run_input_thread(self) -> None:
        parser, decoder = XTermParser(), codecs.getincrementaldecoder("utf-8")("replace")
        wait = LOOK_SECONDS
        while not self.exit_event.is_set():
            ready, _, _ = select.select([self.fileno], [], [], wait)
            wait = LOOK_SECONDS
            if ready:
                text = decoder.decode(os.read(self.fileno, 4096))
                for message in parser.feed(text) if text else ():
                    self.process_message(message)
                if text.endswith("\x1b"):
                    wait = constants.ESCAPE_DELAY
            for message in parser.tick():
                self.process_message(message)

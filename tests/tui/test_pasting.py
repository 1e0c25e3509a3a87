"""Pasting on a real terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("there are no such terminals on Windows", allow_module_level=True)

from terminal import Terminal


def test_an_escape_in_what_is_pasted_makes_no_keys_of_it(home: Path) -> None:
    terminal = Terminal(home)
    try:
        _paste_and_go_on(terminal)
    finally:
        terminal.kill()


def _paste_and_go_on(terminal: Terminal) -> None:
    terminal.until("Quit")
    terminal.press_until(b":", "What would you like to do?")
    for part in (b"\x1b[200~z\xc3", b"\xa9\x1b[31mred\rq\r\x1b[2", b"01~"):
        terminal.type(part)
    terminal.until("zé[31mred")
    terminal.forget()
    terminal.type(b"!")
    terminal.until("zé[31mred!")
    terminal.press_until(b"\x1b", "Quit")

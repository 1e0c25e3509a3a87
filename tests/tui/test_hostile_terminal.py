"""What gets to a real terminal from a stranger's run: its text, and none of the sequences in it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("there are no such terminals on Windows", allow_module_level=True)

from terminal import Terminal
from written_run import run_being_trained

from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.directory import create_run
from ysnakes_core.runs.events import CommandEvent, SampleEvent, WarningEvent

MARK = "aGFja2Vk"
HOSTILE = (
    f"[b]so[/] \x1b]52;c;{MARK}\x07\x1b]8;;http://{MARK}\x1b\\\x1b]0;{MARK}\x07\x1b[31;1m\x1b[9999;1H\x9b5m"
    f"\x9d52;c;{MARK}\x9c\x1bP{MARK}\x1b\\\x1b[6n\x00\x05\r\u202eevil\ud800"
)
# Each of these would do something to a terminal if it came out as it went in.
RAW = [
    *(f"\x1b]52;c;{MARK}".encode(), f"\x1b]8;;http://{MARK}".encode(), f"\x1b]0;{MARK}".encode()),
    *(b"\x1b[9999;1H", b"\x1b[6n", f"\x1bP{MARK}".encode(), "\x9b".encode(), "\x9d".encode()),
    *(b"\x00", b"\x05", "\u202e".encode(), b"\xed\xa0\x80"),
]
Opener = Callable[..., Terminal]


@pytest.fixture
def ysnakes(home: Path) -> Iterator[Opener]:
    opened: list[Terminal] = []

    def opener(*args: str, **environment: str) -> Terminal:
        opened.append(Terminal(home, "-m", "ysnakes_tui", *args, size=(120, 40), **environment))
        return opened[-1]

    yield opener
    for terminal in opened:
        terminal.kill()


@pytest.fixture
def stranger(home: Path) -> Iterator[None]:
    with run_being_trained(home) as worker:
        now = time.time()
        worker.write(
            SampleEvent(now, 40, 0, HOSTILE, HOSTILE),
            WarningEvent(now, 40, 0, HOSTILE, HOSTILE),
            CommandEvent(now, 40, 0, "1", HOSTILE, {"prompt": HOSTILE}, False, HOSTILE),
        )
        worker.run.worker_log.write_bytes(HOSTILE.encode(errors="replace"))
        worker.end("failed", HOSTILE.replace("\ud800", ""))
        if sys.platform != "darwin":
            odd = create_run(home / "runs", RunConfig(), "odd")
            path = odd.path.rename(home / "runs" / f"odd \x1b]52;c;{MARK}\x07\x9b5m\u202e\udcff")
            os.utime(path / "config.toml", (now - 3600, now - 3600))  # older than the other, so below it
        yield


def in_the_list(terminal: Terminal) -> None:
    """Wait until the list takes keys: only then does the help say what it is."""
    terminal.press_until(b"?", "This table")
    terminal.forget()
    terminal.type(b"?")
    terminal.until("quiet-cobra")


def check(terminal: Terminal) -> None:
    assert [sequence for sequence in RAW if sequence in terminal.shown] == []


def test_the_app_writes_none_of_it(stranger: None, ysnakes: Opener) -> None:
    terminal = ysnakes()
    terminal.until("quiet-cobra")
    if sys.platform != "darwin":
        terminal.until(f"odd ␛]52;c;{MARK[:6]}")
    in_the_list(terminal)
    if sys.platform != "darwin":
        terminal.type(b"\x1b[H\x1b[B\r")
        terminal.until("That did not work")  # it is not opened under such a name
    terminal.type(b"\x1b[H\r")
    terminal.until("[b]so[/]")
    terminal.type(b"w")
    terminal.press_until(b"\x1b[H", "1.01M parameters")  # the log's first line; now the rest
    terminal.type(b"\x1b[6~" * 8)
    terminal.type(b"q")
    assert terminal.end() == 0
    check(terminal)


def test_nor_with_plain_characters_only(stranger: None, ysnakes: Opener) -> None:
    terminal = ysnakes(YSNAKES_ASCII="1", NO_COLOR="1")
    terminal.until("quiet-cobra")
    in_the_list(terminal)
    terminal.type(b"\x1b[H\r")
    terminal.until("[b]so[/]")
    terminal.type(b"q")
    assert terminal.end() == 0
    check(terminal)


@pytest.mark.parametrize(
    "words", [["runs", "list"], ["runs", "show", "quiet-cobra"], ["runs", "attach", "quiet-cobra"]]
)
def test_nor_does_the_command_line(stranger: None, ysnakes: Opener, words: list[str]) -> None:
    terminal = ysnakes(*words)
    assert terminal.end() in (0, 1)
    assert "quiet-cobra" in terminal.text
    if words[1] != "list":
        assert f"[b]so[/] ␛]52;c;{MARK}␇" in terminal.text
    check(terminal)

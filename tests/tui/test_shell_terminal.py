"""``ysnakes`` on a real terminal: what it sends there, what it loads, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psutil import Process

if sys.platform == "win32":
    pytest.skip("there are no such terminals on Windows", allow_module_level=True)

from terminal import ROOT, Terminal

COLOURS = re.compile(rb"\x1b\[((?:\d+[;:])*)(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:[;:]\d+)*m")
Opener = Callable[..., Terminal]


@pytest.fixture
def on_terminal(home: Path) -> Iterator[Opener]:
    """Opens programs on terminals; see ``Terminal``."""
    opened: list[Terminal] = []

    def opener(*args: str, **environment: str) -> Terminal:
        opened.append(Terminal(home, *args, **environment))
        return opened[-1]

    yield opener
    for terminal in opened:
        terminal.kill()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    place.mkdir()
    return place


def test_without_a_command_the_app_opens_and_q_leaves_it_tidily(home: Path, on_terminal: Opener) -> None:
    terminal = on_terminal()
    terminal.until("Quit")
    assert "Train" in terminal.text
    assert COLOURS.search(terminal.shown)
    terminal.type(b"1")
    terminal.until("Text to train on")
    terminal.type(b"q")
    assert terminal.end() == 0
    assert b"\x1b[?1049h" in terminal.shown
    assert terminal.shown.rstrip().endswith(b"\x1b[?25h") or b"\x1b[?1049l" in terminal.shown[-400:]
    assert 'pane = "data"' in (home / "app.toml").read_text()


def test_esc_is_a_key_and_the_beginning_of_others_and_letters_may_come_in_parts(on_terminal: Opener) -> None:
    terminal = on_terminal()
    terminal.until("Quit")
    terminal.press_until(b":", "What would you like to do?")
    terminal.type(b"z\xc3")
    terminal.until("z")
    terminal.type(b"\xa9q")
    terminal.until("zéq")
    terminal.forget()
    terminal.type(b"\x1b[D\x1bOD\x7f")  # two ways to say left, then the letter before goes
    terminal.until(" éq")
    terminal.forget()
    terminal.press_until(b"\x1b", "Quit")


def test_no_color_sends_no_colours(on_terminal: Opener) -> None:
    terminal = on_terminal(NO_COLOR="1")
    terminal.until("Quit")
    terminal.type(b"t")
    terminal.until("NO_COLOR is set")
    terminal.type(b"\x03\x03")
    assert terminal.end() == 0
    assert not COLOURS.search(terminal.shown)
    assert re.search(rb"\x1b\[(?:\d+;)*7(?:;\d+)*m", terminal.shown), "nothing is reversed"


@pytest.mark.parametrize("how", ["option", "variable", "locale"])
def test_ascii_sends_nothing_else(on_terminal: Opener, how: str) -> None:
    args = ("-m", "ysnakes_tui", "--ascii") if how == "option" else ()
    environment = {"variable": {"YSNAKES_ASCII": "1"}, "locale": {"LC_ALL": "C"}}.get(how, {})
    terminal = on_terminal(*args, **environment)
    terminal.until("Quit")
    terminal.type(b"?")
    terminal.until("esc closes")
    terminal.type(b"\x03\x03")
    assert terminal.end() == 0
    assert terminal.text.isascii()
    assert "> 2 Train" in terminal.text


def test_a_wrong_settings_file_does_not_keep_the_app_shut(home: Path, on_terminal: Opener) -> None:
    (home / "config.toml").write_text("[keys\nd_modle = 3\n")
    terminal = on_terminal()
    terminal.until("is not valid TOML")
    terminal.type(b"q")
    assert terminal.end() == 0


def test_torch_is_not_loaded(on_terminal: Opener) -> None:
    code = (
        "import sys\n"
        "from ysnakes_tui.cli import main\n"
        "sys.argv = ['ysnakes']\n"
        "try: main()\n"
        "finally: print('loaded', [n for n in ('torch', 'tokenizers', 'transformers') if n in sys.modules])\n"
    )
    terminal = on_terminal("-c", code)
    terminal.until("Quit")
    for key, text in (
        (b"3", "There is no model to talk to yet"),
        (b"1", "Text to train on"),
        (b"q", "loaded"),
    ):
        terminal.type(key)
        terminal.until(text)
    assert terminal.end() == 0
    assert "loaded []" in terminal.text


@pytest.mark.timeout(60)
def test_the_app_ends_with_its_terminal_also_where_nobody_says_so(on_terminal: Opener) -> None:
    program = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from ysnakes_tui.cli import main\n"
        "main()"
    )
    terminal = on_terminal("-c", program)
    terminal.until("New run")
    terminal.hang_up()  # and comes back


@pytest.mark.parametrize("stop", [signal.SIGTSTP, signal.SIGSTOP])
def test_a_stop_changes_nothing(on_terminal: Opener, stop: signal.Signals) -> None:
    terminal = on_terminal()
    terminal.until("Quit")
    terminal.type(b"1")
    terminal.until("Text to train on")
    threads = Process(terminal.pid).num_threads()
    for _ in range(8):
        terminal.forget()
        os.kill(terminal.pid, stop)
        os.waitpid(terminal.pid, os.WUNTRACED)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.until("Text to train on")  # it is drawn anew
    assert Process(terminal.pid).num_threads() <= threads + 3
    terminal.type(b"q")
    assert terminal.end() == 0


def test_a_failure_of_the_app_is_one_sentence(on_terminal: Opener) -> None:
    code = (
        "import sys\n"
        "from ysnakes_tui.panes import makers\n"
        "def broken():\n"
        "    secret = 'a local variable'\n"
        "    raise ValueError('the pane is broken')\n"
        "makers.PANE_MAKERS['data'] = broken\n"
        "from ysnakes_tui.cli import main\n"
        "sys.argv = ['ysnakes']\n"
        "main()\n"
    )
    terminal = on_terminal("-c", code)
    terminal.until("Quit")
    terminal.type(b"1")
    assert terminal.end() == 1
    assert "something went wrong that should not: ValueError: the pane is broken" in terminal.text
    assert "a local variable" not in terminal.text


def test_a_dumb_terminal_gets_the_help(on_terminal: Opener) -> None:
    terminal = on_terminal(TERM="dumb")
    assert terminal.end() == 2
    assert "Usage: ysnakes" in terminal.text
    assert "The app needs a terminal" in terminal.text


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), "The app needs a terminal"),
        (("--ascii",), "The app needs a terminal"),
        (("--ascii", "keys"), "--ascii or --unicode before a command is only for the app"),
        (("--unicode", "keys"), "--ascii or --unicode before a command is only for the app"),
        (("--runs-dir", "x", "runs", "list"), "--runs-dir before a command is only for the app"),
    ],
)
def test_without_a_terminal_it_says_so(home: Path, args: tuple[str, ...], told: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ysnakes_tui", *args],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "YSNAKES_HOME": str(home), "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stdout == b""
    assert told in ended.stderr.decode()

"""Prompts one after the other: typed on a terminal, with history and editing, or lines of a pipe."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ysnakes_core.errors import DataError
from ysnakes_tui.failures import DONE
from ysnakes_tui.output import is_terminal, say, say_error

if TYPE_CHECKING:
    from ysnakes_tui.completion_teller import Teller

HISTORY_LENGTH = 1000


def checked(text: str) -> str:
    """A prompt, which may hold bytes that are no UTF-8. Raises ``DataError`` then."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"the text is not UTF-8 (character {error.start + 1})", "give it as UTF-8") from error
    return text


def loop(teller: Teller) -> int:
    """Prompts until "exit" or the end of input. Without a terminal every line of stdin is one.

    Lines that are no text are told and passed over; the exit code says that there were some.
    """
    if is_terminal(sys.stdin):
        return _ask(teller)
    end = DONE
    for number, line in enumerate(sys.stdin, start=1):
        if line.strip() == "exit":
            break
        if not line.strip():
            continue
        try:
            prompt = checked(line.rstrip("\r\n"))
        except DataError as error:
            say_error(f"line {number}: {error.what}", error.hint)
            end = error.exit_code
            continue
        if code := teller.complete(prompt):
            return code
    return end


def _ask(teller: Teller) -> int:
    history = _history()
    say('write something; "exit" or ctrl+d leaves, ctrl+c ends a completion')
    try:
        while True:
            try:
                prompt = _asked()
            except EOFError:
                say()
                return DONE
            except KeyboardInterrupt:
                say("\n(ctrl+d leaves)")
                continue
            if prompt.strip() == "exit":
                return DONE
            if not prompt.strip():
                say('nothing to complete: write something, or "exit"')
                continue
            try:
                teller.complete(checked(prompt))
            except DataError as error:
                say_error(error.what, error.hint)
            except KeyboardInterrupt:  # pressed just as it ended anyway
                say()
    finally:
        _keep_history(history)


def _asked() -> str:
    if is_terminal(sys.stdout):
        return input("> ")  # readline has to know the prompt, to draw the line anew
    say("> ", end="")
    return input()


def _history() -> Path | None:
    """Line editing with what was asked before; None where the system has no readline."""
    from ysnakes_core.paths import home

    try:
        import readline
    except ImportError:
        return None
    file = home() / "prompts"
    readline.set_history_length(HISTORY_LENGTH)
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    return file


def _keep_history(file: Path | None) -> None:
    if file is None:
        return
    import readline

    with contextlib.suppress(OSError):  # not worth a word
        file.parent.mkdir(parents=True, exist_ok=True)
        readline.write_history_file(file)

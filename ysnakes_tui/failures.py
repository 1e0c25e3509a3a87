"""Every way a command can end, as an exit code and a sentence.

0 done · 1 failed · 2 wrong usage or bad input · 3 stopped early by request · 130 interrupted (after saving)
"""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import Any, ParamSpec

import typer

from ysnakes_core.errors import YsnakesError, unforeseen
from ysnakes_tui.output import drop_stdout, say, say_error

DONE, FAILED, WRONG_USAGE, STOPPED, INTERRUPTED = 0, 1, 2, 3, 130

_Arguments = ParamSpec("_Arguments")
# The parser's own errors. Where this class lives differs between versions of typer.
ParserError: type[Exception] = next(k for k in typer.BadParameter.__mro__ if k.__name__ == "ClickException")


class Debugging:
    """Whether tracebacks are wanted (``--debug``)."""

    on = False


def guarded(command: Callable[_Arguments, int | None]) -> Callable[_Arguments, None]:
    """``command`` so that it always ends in an exit code, with its failure told in one sentence.

    ``command`` returns its exit code (None for 0).
    """

    @functools.wraps(command)
    def guarded_command(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or DONE
            sys.stdout.flush()
        except (typer.Exit, typer.Abort, ParserError):
            raise
        except BaseException as error:
            code = tell(error)
        raise typer.Exit(code)

    return guarded_command


def tell(error: BaseException) -> int:
    """Say what went wrong; the exit code for it."""
    if isinstance(error, BrokenPipeError):  # the reader (`| head`) has all it wanted
        drop_stdout()
        return DONE
    if isinstance(error, SystemExit):
        raise error
    if Debugging.on:
        say("".join(traceback.format_exception(error)), end="")
    if isinstance(error, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    if isinstance(error, YsnakesError):
        say_error(error.what, error.hint)
        return error.exit_code
    if out_of_memory(error):
        say_error(
            "there is not enough memory for this",
            "choose a smaller --batch-size, --seq-len or --preset; `ysnakes plan` says what fits",
        )
        return FAILED
    if isinstance(error, OSError) and error.strerror:
        return _tell_system_error(error)
    reason = unforeseen(error).splitlines()
    say_error(
        f"something went wrong that should not: {reason[0][:300]}",
        "" if Debugging.on else "run again with --debug to see where",
    )
    return FAILED


def _tell_system_error(error: OSError) -> int:
    reason = str(error.strerror).lower()
    if error.filename is not None:
        say_error(f"{reason}: {error.filename}", "check that it exists and can be used by you")
    else:  # it was written to, or read from, what we were started with
        drop_stdout()
        say_error(f"output or input failed: {reason}", "check where the output goes")
    return FAILED


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, in Python or in torch (whose CPU allocator raises a plain RuntimeError)."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def parser_message(error: Any) -> tuple[str, str]:
    """The parser's error as what and hint."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "ysnakes"
    what = str(error.format_message()).rstrip(".")
    return what[:1].lower() + what[1:], f"{command} --help"

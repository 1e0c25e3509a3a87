"""Errors a person can act on: one sentence of what, one of what to do, and an exit code."""

from __future__ import annotations

import traceback


class YsnakesError(Exception):
    """Something failed in a way we understand.

    ``what`` says what is wrong in one sentence; ``hint`` says what to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}; {self.hint}" if self.hint else self.what


class UsageError(YsnakesError):
    """Wrong usage or bad input: the person can mend it by asking differently."""

    exit_code = 2


class DataError(UsageError):
    """Text that cannot be used; the message names the file and the line or offset."""


class RunError(YsnakesError):
    """A run that cannot be read, resumed or steered."""


class StorageError(YsnakesError):
    """The system did not do what was asked of a file; nothing was changed, and it can be tried again.

    ``why`` is only the reason, as a clause to be gone on with: "the disk is full".
    """

    def __init__(self, what: str, hint: str = "", why: str = "") -> None:
        super().__init__(what, hint)
        self.why = why or what


class DiskFullError(StorageError):
    """There is no room for what was to be written."""


class TrainingError(YsnakesError):
    """Training that had to give up (for example after repeated non-finite losses)."""


def unforeseen(error: BaseException) -> str:
    """An error that nobody thought of: its kind and its words, as a traceback ends."""
    return "".join(traceback.format_exception_only(error)).strip()

"""What can go wrong with an Ollama server, as a teacher's errors.

The client is loaded where it is needed: with it comes much that is for terminals.

Meanings of status codes and of errors in the middle of a stream: https://docs.ollama.com/api/errors
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ysnakes_core.files import printable
from ysnakes_core.synthesis.teachers import AnswerFailed, TeacherAway, TeacherError

if TYPE_CHECKING:
    import ollama

_BUSY_CODES = (429, 502, 503, 504)
_MAX_REASON = 300


@cache
def failures() -> tuple[type[Exception], ...]:
    """All that the client lets through: its own errors, the connection's, and answers that make no sense."""
    import httpx
    import ollama
    import pydantic

    return (
        ollama.ResponseError,
        ConnectionError,
        httpx.HTTPError,
        httpx.InvalidURL,
        TimeoutError,
        pydantic.ValidationError,
        ValueError,
        TypeError,
        AttributeError,
    )


class ModelMissing(TeacherError):
    """The server does not have the model."""


def model_missing(model: str, address: str, *, usual: bool) -> ModelMissing:
    """``usual``: the server is where Ollama's own commands look for it."""
    where = "" if usual else f"OLLAMA_HOST={address} "
    return ModelMissing(
        f"the model “{printable(model, 80)}” is not on the Ollama at {address}",
        f"get it with: {where}ollama pull {printable(model, 80)} (or give --pull)",
    )


def translated(error: BaseException, address: str, model: str, *, usual: bool) -> Exception:
    """The teacher's error for one that happened while talking to ``address``.

    ``TeacherAway``: the machine is not there or has no time. ``AnswerFailed``: this answer only.
    """
    import httpx
    import ollama

    no_connection = (ConnectionError, httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
    if isinstance(error, no_connection) and not isinstance(error, ConnectionResetError | BrokenPipeError):
        return TeacherAway(f"{address}: there is no connection")
    if isinstance(error, ollama.ResponseError):
        return _refused(error, address, model, usual=usual)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return AnswerFailed("nothing came for too long")
    if isinstance(error, httpx.NetworkError | httpx.ProtocolError):
        return AnswerFailed("the answer was cut off")
    return AnswerFailed(f"what came is not Ollama's ({_reason(error)})")


def _refused(error: ollama.ResponseError, address: str, model: str, *, usual: bool) -> Exception:
    code, reason = error.status_code, _reason(error.error)
    if code == 404 and "model" in reason.lower():
        return model_missing(model, address, usual=usual)
    if code in (401, 402, 403):
        return TeacherError(
            f"the server at {address} does not let us in: {reason}",
            "sign in with: ollama signin (or set OLLAMA_API_KEY)",
        )
    if code == 404:
        return TeacherError(
            f"the server at {address} does not speak Ollama's API: {reason}", "check --host, or update Ollama"
        )
    if code in _BUSY_CODES:
        return TeacherAway(f"{address}: it has no time ({reason})")
    if code in (400, 413, 422):
        return AnswerFailed(f"the server refused the request: {reason}", again=False)
    return AnswerFailed(f"the server failed: {reason}")


def _reason(error: object) -> str:
    text = printable(" ".join(str(error).split()), _MAX_REASON)
    return text or type(error).__name__

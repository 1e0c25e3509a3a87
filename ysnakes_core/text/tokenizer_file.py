"""Reading ``tokenizer.json`` files that may come from strangers, and their one canonical form.

A file is accepted only when every component in it is one that this project writes itself: then no
setting, pattern, merge or added token in it can make ordinary text come out as a control token. The
canonical form is compact JSON with sorted keys; it is what is saved and what the hash is taken of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ysnakes_core.errors import DataError, RunError
from ysnakes_core.files import printable, read_limited
from ysnakes_core.text.records import END_MARK, START_MARK

END_ID = 0
START_ID = 1
MAX_FILE_BYTES = 64 * 2**20
MAX_VOCAB_SIZE = 2**20
MAX_TOKEN_LENGTH = 1024  # characters

_HINT = "use a tokenizer.json that ysnakes has written"


def control_tokens() -> list[dict[str, object]]:
    """The added tokens of every tokenizer here: the two control tokens and nothing else."""
    return [
        {
            "id": token_id,
            "content": content,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for token_id, content in ((END_ID, END_MARK), (START_ID, START_MARK))
    ]


def refuse(path: Path | str, why: str) -> DataError:
    return DataError(f"{printable(str(path))} is not a tokenizer that can be used: {why}", _HINT)


def canonical_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_json(path: Path) -> dict[str, Any]:
    """The file's JSON object. DataError where it is missing, too large or not JSON."""
    try:
        data = read_limited(path, MAX_FILE_BYTES)
    except FileNotFoundError:
        raise DataError(f"there is no tokenizer at {printable(str(path))}", "check the path") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{printable(str(path))} cannot be read ({reason})", "check the path") from None
    except RunError as error:  # too large, or a pipe or a device
        raise DataError(error.what, _HINT) from None
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):  # not UTF-8 and not JSON are both ValueErrors
        raise refuse(path, "it is not JSON") from None
    if not isinstance(content, dict):
        raise refuse(path, "it is not a JSON object")
    return content


def checked_vocabulary(content: Mapping[str, Any], path: Path | str) -> list[str]:
    """The file's tokens in the order of their ids, which must be exactly 0 … n - 1."""
    model = content.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(vocabulary, dict):
        raise refuse(path, "it has no vocabulary")
    if len(vocabulary) > MAX_VOCAB_SIZE:
        raise refuse(path, f"its vocabulary has more than {MAX_VOCAB_SIZE:,} entries")
    tokens: list[str | None] = [None] * len(vocabulary)
    for token, token_id in vocabulary.items():
        if type(token_id) is not int or not 0 <= token_id < len(tokens) or tokens[token_id] is not None:
            raise refuse(path, "its ids are not the numbers from 0 up, each once")
        if not 0 < len(token) <= MAX_TOKEN_LENGTH:
            raise refuse(path, f"a token in it is empty or longer than {MAX_TOKEN_LENGTH:,} characters")
        tokens[token_id] = token
    found = [token for token in tokens if token is not None]
    if found[:2] != [END_MARK, START_MARK]:
        raise refuse(path, f"its first two tokens are not {END_MARK} and {START_MARK}")
    return found


def check_components(content: Mapping[str, Any], expected: Mapping[str, Any], path: Path | str) -> None:
    """Everything in the file beside vocabulary and merges must be exactly as this project writes it."""
    for key in sorted({*content, *expected}, key=str):
        if key == "model":
            continue
        if content.get(key) != expected.get(key) or (key in content) != (key in expected):
            raise refuse(path, f"its part {printable(str(key))[:40]!r} is not one that ysnakes writes")
    mine, theirs = dict(expected["model"]), dict(content["model"])
    for key in ("vocab", "merges"):
        mine.pop(key, None)
        theirs.pop(key, None)
    if mine != theirs:
        raise refuse(path, "its model has settings that ysnakes does not write")

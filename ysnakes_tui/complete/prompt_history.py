"""What was said to models earlier, over all sessions, for the field in which one writes."""

from __future__ import annotations

import json
from pathlib import Path

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import append_line, explain, read_limited, write_atomically

MOST = 500  # prompts that are kept
MAX_BYTES = 2**22  # of the file; a longer one is not ours
_LONGEST = 2**16  # characters of a prompt that is kept
_LONG_FILE = 2**20  # bytes from which on the file is written anew with the latest only


def read_prompts(file: Path) -> list[str]:
    """The prompts of a file, oldest first. What cannot be read is passed over."""
    try:
        content = read_limited(file, MAX_BYTES)
    except (OSError, YsnakesError):
        return []
    found = []
    for line in content.splitlines():
        try:
            prompt = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(prompt, str) and prompt:
            found.append(prompt)
    return found[-MOST:]


def keep_prompt(file: Path, prompt: str) -> None:
    """Add a prompt to a file. Raises ``YsnakesError`` if it cannot be written."""
    if len(prompt) > _LONGEST:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > _LONG_FILE:
            lines = [f"{json.dumps(each)}\n" for each in read_prompts(file)[-MOST // 2 :]]
            write_atomically(file, "".join(lines))
        append_line(file, json.dumps(prompt))
    except OSError as error:
        raise explain(error, file, "write") from error


class PromptHistory:
    """Goes back and forth among prompts; what is being written is kept as the newest of them."""

    def __init__(self) -> None:
        self._prompts: list[str] = []
        self._place = 0  # among them; their number where none of them is shown
        self._draft = ""

    def fill(self, prompts: list[str]) -> None:
        """What was read of earlier sessions; what was added since comes after it."""
        self._place += len(prompts)
        self._prompts = [*prompts, *self._prompts]

    def add(self, prompt: str) -> bool:
        """A prompt was sent; whether it is another than the last one."""
        is_new = bool(prompt.strip()) and prompt != (self._prompts[-1] if self._prompts else "")
        if is_new:
            self._prompts.append(prompt)
        self._place, self._draft = len(self._prompts), ""
        return is_new

    def before(self, shown: str) -> str | None:
        """The prompt before the one that is shown; None if there is none."""
        return self._move(-1, shown)

    def after(self, shown: str) -> str | None:
        """The one after it, at last what was being written."""
        return self._move(1, shown)

    def _move(self, by: int, shown: str) -> str | None:
        place = self._place + by
        if not 0 <= place <= len(self._prompts):
            return None
        if self._place == len(self._prompts):
            self._draft = shown
        self._place = place
        return self._draft if place == len(self._prompts) else self._prompts[place]

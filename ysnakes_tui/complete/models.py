"""The models that one can talk to: the runs with their checkpoints, read again only where one changed."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import read_limited
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.state import BUSY
from ysnakes_tui.train.run_list import RunList, RunRow

BEST, LATEST = "best", "latest"
_NAME = re.compile(r"step-[0-9]{8}(?:-kept)?")
_MAX_STATE = 2**22
_MAX_TOKENIZER = 2**27
_MAX_POINTER = 100


@dataclass(frozen=True)
class ModelChoice:
    """What is talked to. Without a ``checkpoint`` it is the best, or the latest while the run trains."""

    run: str
    checkpoint: str = ""  # also ``best`` and ``latest``


@dataclass(frozen=True)
class Picked:
    """What was picked to be talked to, while the Train pane showed the run ``shown``."""

    shown: str
    choice: ModelChoice

    def to_text(self) -> str:
        return json.dumps([self.shown, self.choice.run, self.choice.checkpoint])

    @classmethod
    def from_text(cls, text: str) -> Picked | None:
        """What ``to_text`` wrote; None for anything else."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, list) or len(found) != 3 or not all(isinstance(each, str) for each in found):
            return None
        return cls(found[0], ModelChoice(*found[1:]))


@dataclass(frozen=True)
class SavedCheckpoint:
    name: str
    step: int
    bits_per_byte: float | None


@dataclass(frozen=True)
class ModelRun:
    """A run and its checkpoints, newest first. ``tokenizer`` is the same where the tokens are."""

    row: RunRow
    checkpoints: tuple[SavedCheckpoint, ...] = ()
    best: str = ""
    latest: str = ""
    tokenizer: str = ""

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def trains(self) -> bool:
        return self.row.status in BUSY

    def meant(self, choice: str) -> SavedCheckpoint | None:
        """The checkpoint that a choice stands for now."""
        pointer = choice or (LATEST if self.trains else BEST)
        name = {BEST: self.best, LATEST: self.latest}.get(pointer, pointer)
        found = next((each for each in self.checkpoints if each.name == name), None)
        if found is None and pointer in (BEST, LATEST) and self.checkpoints:
            return self.checkpoints[0]
        return found


class ModelReader:
    """Reads the runs of a folder and their checkpoints. For one thread at a time."""

    def __init__(self, runs_folder: Path) -> None:
        self._list = RunList(runs_folder)
        self._folder = runs_folder
        self._scores: dict[tuple[Path, int], float | None] = {}
        self._tokenizers: dict[tuple[Path, int, int], str] = {}

    def read(self, now: float) -> tuple[ModelRun, ...]:
        """All runs, the one last alive first. ``now`` is Unix seconds."""
        rows = sorted(self._list.read(now), key=lambda row: -row.when)
        return tuple(self._run(RunDirectory(self._folder / row.name), row) for row in rows)

    def _run(self, run: RunDirectory, row: RunRow) -> ModelRun:
        folder = run.checkpoints_folder
        try:
            names = sorted(
                (each.name for each in folder.iterdir() if _NAME.fullmatch(each.name)), reverse=True
            )
        except OSError:
            names = []
        if not names:
            return ModelRun(row)
        saved = tuple(SavedCheckpoint(name, int(name[5:13]), self._score(folder / name)) for name in names)
        return ModelRun(row, saved, _pointed(folder, BEST), _pointed(folder, LATEST), self._tokenizer(run))

    def _score(self, place: Path) -> float | None:
        """Bits per byte of the last validation before a checkpoint, as its state says."""
        file = place / "state.json"
        try:
            key = (place, file.stat().st_mtime_ns)
            if key not in self._scores:
                self._scores[key] = _score_in(read_limited(file, _MAX_STATE))
        except (OSError, YsnakesError):
            return None
        return self._scores[key]

    def _tokenizer(self, run: RunDirectory) -> str:
        file = run.tokenizer_file
        try:
            status = file.stat()
            key = (file, status.st_mtime_ns, status.st_size)
            if key not in self._tokenizers:
                content = read_limited(file, _MAX_TOKENIZER)
                self._tokenizers[key] = hashlib.blake2b(content, digest_size=16).hexdigest()
        except (OSError, YsnakesError):
            return ""
        return self._tokenizers[key]


def _pointed(folder: Path, pointer: str) -> str:
    try:
        return read_limited(folder / pointer, _MAX_POINTER).decode(errors="replace").strip()
    except (OSError, YsnakesError):
        return ""


def _score_in(content: bytes) -> float | None:
    try:
        score = float(json.loads(content)["state"]["progress"]["bits_per_byte"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return score if 0 <= score < math.inf else None


def usual_choice(runs: tuple[ModelRun, ...], last_run: str) -> ModelChoice | None:
    """The run that the Train pane showed last, else the newest that can be talked to; None if none can."""
    named = next((run for run in runs if run.name == last_run and (run.checkpoints or run.trains)), None)
    found = named or next((run for run in runs if run.checkpoints), None)
    return None if found is None else ModelChoice(found.name)


def same_tokens(runs: tuple[ModelRun, ...], one: str, other: str) -> bool:
    """Whether tokens of the one run's model mean the same to the other's."""
    if one == other:
        return True
    known = {run.name: run.tokenizer for run in runs}
    return bool(known.get(one)) and known.get(one) == known.get(other)

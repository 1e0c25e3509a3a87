"""The corpus that ships with the project: made by the built-in teacher, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ysnakes_core.synthesis.builtin.teacher import generate

DEFAULT_SEED = 2026
DEFAULT_MEGABYTES = 3.0
MANIFEST = "manifest.json"

# How much of the text each kind gets, in percent. Stories come last and get what the others could not fill.
_SHARES = {
    "question": 16,
    "explanation": 16,
    "howto": 9,
    "sentence": 12,
    "description": 2,
    "letter": 2,
    "diary": 1,
    "talk": 2,
    "poem": 1,
    "story": 39,
}
_FILE_BYTES = 400_000
_SHINGLE_WORDS = 5
# Two answers of which this part of all runs of five words is the same count as near-identical.
_ALIKE = 0.55
# A kind is exhausted when fewer than one in five of this many candidates in a row were new.
_WINDOW = 250
_WORD = re.compile(r"[a-z']+")


def shingles(text: str) -> frozenset[str]:
    """All runs of five words of a text, lower case and without punctuation."""
    words = _WORD.findall(text.lower())
    return frozenset(
        " ".join(words[at : at + _SHINGLE_WORDS]) for at in range(max(1, len(words) - _SHINGLE_WORDS + 1))
    )


@dataclass
class _Seen:
    """Finds the earlier text that a new one is most like, exactly, through an index from shingle to texts."""

    sizes: list[int] = field(default_factory=list)
    holders: dict[str, list[int]] = field(default_factory=dict)

    def add_unless_alike(self, text: str) -> bool:
        new = shingles(text)
        shared: Counter[int] = Counter()
        for shingle in new:
            shared.update(self.holders.get(shingle, ()))
        for other, count in shared.items():
            if count >= _ALIKE * (len(new) + self.sizes[other] - count):
                return False
        for shingle in new:
            self.holders.setdefault(shingle, []).append(len(self.sizes))
        self.sizes.append(len(new))
        return True


@dataclass(frozen=True)
class _Record:
    number: int
    text: str


def _distinct(kind: str, seed: int, budget: int) -> Iterator[_Record]:
    """Records of a kind, none like an earlier one, until `budget` bytes are full or nothing new comes."""
    seen = _Seen()
    written, recent = 0, [True] * _WINDOW
    for number, (request, answer) in enumerate(generate(kind, 10**9, seed)):
        new = seen.add_unless_alike(answer)
        recent[number % _WINDOW] = new
        if new:
            text = f"{request}<start>{answer}<end>\n"
            yield _Record(number, text)
            written += len(text.encode("utf-8"))
        if written >= budget or sum(recent) < _WINDOW // 5:
            return


def write_corpus(folder: Path, seed: int = DEFAULT_SEED, megabytes: float = DEFAULT_MEGABYTES) -> Path:
    """Write `builtin-<kind>-<n>.md` files and the manifest into `folder`, in place of the ones there.

    One megabyte is a million bytes. The manifest's path comes back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("builtin-*.md"):
        old.unlink()
    total = round(megabytes * 1e6)
    files: list[dict[str, object]] = []
    spent = 0
    for kind, share in _SHARES.items():
        budget = total - spent if kind == "story" else total * share // 100
        group: list[_Record] = []
        size, part = 0, 1
        for record in _distinct(kind, seed, budget):
            group.append(record)
            size += len(record.text.encode("utf-8"))
            if size >= _FILE_BYTES:
                files.append(_write(folder, kind, part, seed, group))
                group, size, part = [], 0, part + 1
        if group:
            files.append(_write(folder, kind, part, seed, group))
        spent = sum(int(str(entry["bytes"])) for entry in files)
    manifest = {
        "title": "Training text made by the built-in teacher of ysnakes",
        "licence": "MIT",
        "format": "UTF-8; a record is request<start>answer<end> and a line end; a request may be empty",
        "made_with": f"python -m {__package__} FOLDER --seed {seed} --megabytes {megabytes:g}",
        "how": "Each record is made from (kind, seed, number) alone. A record is left out if 55 % or more of"
        " all runs of five words in its answer and an earlier one of its kind are shared.",
        "records": sum(int(str(entry["records"])) for entry in files),
        "bytes": spent,
        "files": files,
    }
    path = folder / MANIFEST
    path.write_bytes((json.dumps(manifest, indent=2) + "\n").encode("utf-8"))
    return path


def _write(folder: Path, kind: str, part: int, seed: int, group: list[_Record]) -> dict[str, object]:
    data = "".join(record.text for record in group).encode("utf-8")
    name = f"builtin-{kind}-{part}.md"
    (folder / name).write_bytes(data)
    return {
        "file": name,
        "kind": kind,
        "seed": seed,
        "first_record": group[0].number,
        "last_record": group[-1].number,
        "records": len(group),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }

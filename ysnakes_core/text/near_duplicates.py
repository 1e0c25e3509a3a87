"""Groups of documents that say nearly the same, by MinHash signatures and banded hashing.

A signature is the smallest value of each of many hash functions over a text's runs of three words; two
texts agree in as many places as their sets of runs overlap (Broder 1997). Texts that agree in a whole
band are compared, and grouped where the signatures say that the overlap is 60 % or more. Written on numpy,
a text's runs and all hash functions at once, because 100,000 documents should take well under a minute.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

SHINGLE_WORDS = 3
BANDS, ROWS = 30, 4  # of two texts with 60 % overlap all but 2 % meet in some band
SIMILAR = 0.6
REPORT_EVERY = 512  # texts between two reports of progress

_WORD = re.compile(r"\w+")
_AT_ONCE = 4096  # runs of words hashed at once
_PAIRS_AT_ONCE = 50_000
_REMEMBERED_WORDS = 1_000_000

UInt64 = npt.NDArray[np.uint64]


def group_near_duplicates(
    texts: Iterable[str], count: int, progress: Callable[[int], None] | None = None
) -> npt.NDArray[np.int64]:
    """For each of ``count`` texts the index of its group's first member; its own if it is like no other."""
    signatures = np.empty((count, BANDS * ROWS), dtype=np.uint32)
    hashed = _WordHashes()
    for index, text in enumerate(texts):
        signatures[index] = _signature(_shingles(text, hashed))
        if progress is not None and index % REPORT_EVERY == 0:
            progress(index)
    return _connected(count, _similar_pairs(signatures))


class _WordHashes(dict[str, int]):
    """64-bit hashes of words that are the same in every process (unlike ``hash``)."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _REMEMBERED_WORDS:
            self.clear()
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        value = self[word] = int.from_bytes(digest, "little")
        return value


def _shingles(text: str, hashed: _WordHashes) -> UInt64:
    """Hashes of all runs of three words; of the whole text where it has fewer words."""
    words = _WORD.findall(text.lower()) or [text]
    values = np.array([hashed[word] for word in words], dtype=np.uint64)
    length = min(SHINGLE_WORDS, len(values))
    runs = np.zeros(len(values) - length + 1, dtype=np.uint64)
    for place in range(length):
        runs = (runs ^ values[place : place + len(runs)]) * np.uint64(0x9E3779B97F4A7C15)
        runs ^= runs >> np.uint64(29)
    return runs


def _hash_functions() -> UInt64:
    """Odd multipliers, one a hash function, spread by a fixed recipe."""
    digest = hashlib.shake_256(b"near duplicates").digest(8 * BANDS * ROWS)
    return np.frombuffer(digest, dtype="<u8") | np.uint64(1)


_MULTIPLIERS = _hash_functions()


def _signature(runs: UInt64) -> npt.NDArray[np.uint32]:
    smallest = np.full(len(_MULTIPLIERS), 2**64 - 1, dtype=np.uint64)
    for begin in range(0, len(runs), _AT_ONCE):
        values = runs[begin : begin + _AT_ONCE, None] * _MULTIPLIERS
        np.minimum(smallest, values.min(axis=0), out=smallest)
    return (smallest >> np.uint64(32)).astype(np.uint32)


def _similar_pairs(signatures: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Pairs (n, 2) whose signatures agree enough, found by sorting each band."""
    pairs: list[npt.NDArray[np.int64]] = []
    for band in range(BANDS):
        rows = np.ascontiguousarray(signatures[:, band * ROWS : (band + 1) * ROWS])
        keys = rows.view(np.dtype((np.void, rows.itemsize * ROWS))).ravel()
        _, group, size = np.unique(keys, return_inverse=True, return_counts=True)
        members = np.flatnonzero(size[group] > 1)
        members = members[np.argsort(group[members], kind="stable")]
        if not len(members):
            continue
        of = group[members]
        begins = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
        first = members[begins[np.cumsum(np.r_[False, of[1:] != of[:-1]])]]
        # Each member against the group's first and against the one before it: a chain, not all pairs.
        before = np.r_[members[0], members[:-1]]
        inside = np.r_[False, of[1:] == of[:-1]]
        pairs.append(np.stack([first, members], axis=1)[first != members])
        pairs.append(np.stack([before, members], axis=1)[inside])
    if not pairs:
        return np.empty((0, 2), dtype=np.int64)
    found = np.unique(np.concatenate(pairs), axis=0)
    alike = np.zeros(len(found), dtype=np.bool_)
    for begin in range(0, len(found), _PAIRS_AT_ONCE):
        part = found[begin : begin + _PAIRS_AT_ONCE]
        agreement = (signatures[part[:, 0]] == signatures[part[:, 1]]).mean(axis=1)
        alike[begin : begin + len(part)] = agreement >= SIMILAR
    return found[alike]


def _connected(count: int, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The smallest index that each index is connected to."""
    parent = list(range(count))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for left, right in pairs.tolist():
        a, b = root(left), root(right)
        parent[max(a, b)] = min(a, b)
    return np.array([root(index) for index in range(count)], dtype=np.int64)

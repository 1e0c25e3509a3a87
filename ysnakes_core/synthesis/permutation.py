"""A shuffled order of any length that needs no memory: where each place goes is computed, not stored."""

from __future__ import annotations

import hashlib
import math

_ROUNDS = 6


def digest(*key: object) -> bytes:
    """32 bytes that depend on every part of the key and on nothing else, on every machine."""
    return hashlib.sha256("\x1f".join(str(part) for part in key).encode()).digest()


class Permutation:
    """A one-to-one map of 0 … size - 1 onto itself, another one for every key.

    An alternating unbalanced Feistel network over a rectangle just larger than ``size`` (Black and Rogaway,
    "Ciphers with Arbitrary Finite Domains", 2002), walked again until it lands inside. Integer arithmetic
    and BLAKE2b only, so the same everywhere. It makes orders look shuffled; it keeps no secrets.
    """

    def __init__(self, size: int, *key: object) -> None:
        if size < 1:
            raise ValueError("a permutation needs at least one place")
        self.size = size
        self._rows = max(1, math.isqrt(size - 1) + 1)
        self._columns = -(-size // self._rows)
        self._key = digest(*key)

    def __call__(self, place: int) -> int:
        """Where ``place`` (0 … size - 1) goes."""
        if not 0 <= place < self.size:
            raise IndexError(f"{place} is not one of {self.size} places")
        while True:
            place = self._walk(place)
            if place < self.size:
                return place

    def _walk(self, place: int) -> int:
        row, column = divmod(place, self._columns)
        for number in range(_ROUNDS):
            if number % 2:
                column = (column + self._noise(number, row)) % self._columns
            else:
                row = (row + self._noise(number, column)) % self._rows
        return row * self._columns + column

    def _noise(self, number: int, half: int) -> int:
        half_bytes = half.to_bytes(max(1, (half.bit_length() + 7) // 8), "big")
        noise = hashlib.blake2b(bytes([number]) + half_bytes, key=self._key, digest_size=32).digest()
        return int.from_bytes(noise, "big")

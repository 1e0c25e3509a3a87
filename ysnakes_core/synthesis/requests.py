"""Requests to a teacher: the n-th one of a kind and a seed, the same on every machine and every day."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ysnakes_core.synthesis.catalogs import Entry
from ysnakes_core.synthesis.permutation import Permutation, digest
from ysnakes_core.synthesis.recipe import Kind
from ysnakes_core.synthesis.wording import fill


@dataclass(frozen=True)
class Request:
    """What a teacher is asked for one record."""

    kind: str
    index: int
    seed: int  # of this record, 31 bits
    text: str  # what is sent to the teacher
    record_request: str  # what stands before <start> in the record
    inputs: Mapping[str, str]
    options: Mapping[str, float | int]
    key: str  # SHA-256 (hex) of kind and text


class RequestPlan:
    """All requests of a kind in an order that the seed decides; each can be had without those before it.

    The first input is the kind's subject: every one of its entries comes once before any comes again, and
    then with something else beside it. No combination of inputs returns before all have come, and none in
    the same words before all wordings have. After ``combinations`` requests they come again in another
    order, with other keys.
    """

    def __init__(self, kind: Kind, seed: int) -> None:
        self.kind = kind
        self.seed = seed
        self.combinations = kind.combinations
        sizes = [len(each.entries) for each in kind.inputs] or [1]
        self._subjects, self._others = sizes[0], math.prod(sizes[1:])

    def request(self, index: int) -> Request:
        """Request number ``index``, counted from 0. Raises IndexError for a negative one."""
        if index < 0:
            raise IndexError("requests are counted from 0")
        kind, (around, place) = self.kind, divmod(index, self.combinations)
        entries, wording = self._chosen(around, place)
        values: dict[str, str] = {"min_words": str(kind.length.min), "max_words": str(kind.length.max)}
        for each, entry in zip(kind.inputs, entries, strict=True):
            values |= {f"{each.name}.{field}": value for field, value in entry.fields.items()}
            values[each.name] = entry.fields[values[each.choose]] if each.choose else entry.text
        request = fill(wording, values)
        text = f"{request}\n\n{fill(kind.instructions, values)}" if kind.instructions else request
        return Request(
            kind=kind.name,
            index=index,
            seed=int.from_bytes(digest("record", self.seed, kind.name, index)[:4], "big") >> 1,
            text=text,
            record_request=request,
            inputs=MappingProxyType({each.name: values[each.name] for each in kind.inputs}),
            options=kind.options,
            key=_key(kind.name, text, around),
        )

    def _chosen(self, around: int, place: int) -> tuple[list[Entry], str]:
        """The inputs' entries and the wording at a place of the round ``around``.

        Three levels, each a permutation of its own within the one above it, so that the whole is one-to-one.
        """
        kind = self.kind
        key = (self.seed, kind.name, around)
        turn, subject_place = divmod(place, self._subjects)
        wording_turn, others_turn = divmod(turn, self._others)
        subject = Permutation(self._subjects, *key, "subject", turn)(subject_place)
        others = Permutation(self._others, *key, "others", wording_turn, subject)(others_turn)
        wording = Permutation(len(kind.requests), *key, "wording", subject, others)(wording_turn)
        entries = [each.entries[subject] for each in kind.inputs[:1]]
        for each in kind.inputs[1:]:
            others, at = divmod(others, len(each.entries))
            entries.append(each.entries[at])
        return entries, kind.requests[wording]


def _key(kind: str, text: str, around: int) -> str:
    again = f"\x1f{around}" if around else ""
    return hashlib.sha256(f"{kind}\x1f{text}{again}".encode()).hexdigest()

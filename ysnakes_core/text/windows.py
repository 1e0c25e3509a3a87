"""Training windows: an endless, seeded and exactly resumable order of pieces of a token stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ysnakes_core.errors import DataError, UsageError
from ysnakes_core.text.token_stream import TokenStream

IGNORED = -100  # target of a padded position

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """One batch: ``inputs``, ``targets`` and ``document_ids``, each int64 (batch, seq_len).

    ``targets[b, i]`` is the token after ``inputs[b, i]``, or -100 where there is nothing to predict.
    """

    inputs: Int64
    targets: Int64
    document_ids: Int64


class Windows:
    """Windows over a stream, pass after pass.

    Packed: in each pass the documents are put in a new order and laid end to end; the passes follow each
    other without a gap and that line is cut every ``seq_len`` tokens, so every token is a target exactly
    once a pass, whatever the size of the corpus. The windows of a pass are then visited in shuffled order.

    Not packed: a document has windows of its own, the last of them padded; all are visited in shuffled order.

    The order depends on the seed, the number of the pass and the stream, and on nothing else.
    """

    def __init__(self, stream: TokenStream, seq_len: int, seed: int, end_id: int, pack: bool = True) -> None:
        """UsageError for a ``seq_len`` under 1, DataError for a stream without documents."""
        if seq_len < 1:
            raise UsageError(f"a sequence of {seq_len} tokens is too short", "choose a seq_len of at least 1")
        if stream.n_documents < 1:
            raise DataError("there are no documents to train on", "add text")
        self.seq_len = seq_len
        self.seed = seed
        self.end_id = end_id
        self.pack = pack
        self._stream = stream
        self._tokens = np.asarray(stream.tokens)  # still on disk, without the subclass
        self._starts = stream.starts.astype(np.int64)
        # What a document takes of the stream: its <end> mark and its tokens (the next mark is not its own).
        self._sizes = np.diff(self._starts, append=len(stream.tokens) - 1)
        self._total = int(self._sizes.sum())
        self._windows_of = -(-self._sizes // seq_len)  # when not packed
        self._first_window = _offsets(self._windows_of)
        self._pass = 0
        self._position = 0  # windows of this pass that are done
        self._order = self._window_order(0)
        self._layouts: dict[int, tuple[Int64, Int64]] = {}
        self._skip_empty_passes()

    @property
    def epoch(self) -> int:
        """Passes over the documents that are finished."""
        return self._pass

    @property
    def tokens_per_epoch(self) -> int:
        """Positions in the windows of one pass (padding included when not packed)."""
        return self._total if self.pack else int(self._windows_of.sum()) * self.seq_len

    def next_batch(self, batch_size: int) -> Batch:
        """The next ``batch_size`` windows; they may reach into the next pass."""
        if batch_size < 1:
            raise UsageError(f"a batch of {batch_size} is too small", "choose a batch size of at least 1")
        rows: list[tuple[int, Int64]] = []  # (pass, windows of it)
        missing = batch_size
        while missing:
            taken = self._order[self._position : self._position + missing]
            rows.append((self._pass, taken))
            missing -= len(taken)
            self._position += len(taken)
            if self._position == len(self._order):
                self._begin_pass(self._pass + 1)
                self._skip_empty_passes()
        if self.pack:
            return self._packed(np.concatenate([windows for _, windows in rows]))
        return self._padded(np.concatenate([windows for _, windows in rows]))

    def state(self) -> dict[str, int]:
        """Where the order has come to. ``load_state`` continues from there."""
        return {
            "epoch": self._pass,
            "window": self._position,
            "seed": self.seed,
            "seq_len": self.seq_len,
            "pack": int(self.pack),
            "tokens": self._total,
        }

    def load_state(self, state: Mapping[str, int]) -> None:
        """Continue from a ``state()`` of the same seed, seq_len and stream; DataError where they differ."""
        mine = self.state()
        for name in ("seed", "seq_len", "pack", "tokens"):
            if state.get(name) != mine[name]:
                raise DataError(
                    f"the position in the data belongs to {name} {state.get(name)}, here it is {mine[name]}",
                    "resume with the data and settings that the run was started with",
                )
        epoch, window = state.get("epoch"), state.get("window")
        if type(epoch) is int and type(window) is int and epoch >= 0:
            order = self._window_order(epoch)
            if 0 <= window < len(order):
                self._pass, self._position, self._order = epoch, window, order
                return
        raise DataError("the saved position in the data is not one of its windows", "start a new run")

    def _begin_pass(self, number: int) -> None:
        self._pass, self._position = number, 0
        self._order = self._window_order(number)

    def _skip_empty_passes(self) -> None:
        """A corpus smaller than a window has passes in which no window begins."""
        while not len(self._order):
            self._begin_pass(self._pass + 1)

    def _window_order(self, number: int) -> Int64:
        """The windows that begin in a pass, in the order they are visited."""
        if self.pack:
            first = -(-number * self._total // self.seq_len)
            last = -(-(number + 1) * self._total // self.seq_len)
        else:
            first, last = 0, int(self._windows_of.sum())
        return first + _shuffled(last - first, self.seed, number, 1)

    def _layout(self, number: int) -> tuple[Int64, Int64]:
        """The documents of a pass in their order, and the offset at which each begins."""
        if number not in self._layouts:
            documents = _shuffled(len(self._starts), self.seed, number, 0)
            self._layouts[number] = documents, _offsets(self._sizes[documents])
            for old in [key for key in self._layouts if key < number - 1]:
                del self._layouts[old]
        return self._layouts[number]

    def _packed(self, windows: Int64) -> Batch:
        positions = windows[:, None] * self.seq_len + np.arange(self.seq_len + 1)
        passes, offsets = np.divmod(positions, self._total)
        indices = np.empty_like(positions)
        for number in np.unique(passes):
            here = passes == number
            documents, begins = self._layout(int(number))
            offset = offsets[here]
            rank = np.searchsorted(begins, offset, side="right") - 1
            indices[here] = self._starts[documents[rank]] + (offset - begins[rank])
        return self._batch(self._tokens[indices].astype(np.int64))

    def _padded(self, windows: Int64) -> Batch:
        documents = np.searchsorted(self._first_window, windows, side="right") - 1
        begins = (windows - self._first_window[documents]) * self.seq_len
        offsets = begins[:, None] + np.arange(self.seq_len + 1)
        beyond = offsets > self._sizes[documents][:, None]  # at the size itself stands the closing <end>
        indices = self._starts[documents][:, None] + np.where(beyond, 0, offsets)
        tokens = self._tokens[indices].astype(np.int64)
        tokens[beyond] = self.end_id
        batch = self._batch(tokens)
        batch.targets[beyond[:, 1:]] = IGNORED
        return batch

    def _batch(self, tokens: Int64) -> Batch:
        inputs, targets = tokens[:, :-1].copy(), tokens[:, 1:].copy()  # apart: a caller may write to them
        return Batch(inputs, targets, np.cumsum(inputs == self.end_id, axis=1, dtype=np.int64))


def _offsets(sizes: Int64) -> Int64:
    """Where each of a row of pieces begins."""
    offsets = np.zeros(len(sizes), dtype=np.int64)
    np.cumsum(sizes[:-1], out=offsets[1:])
    return offsets


def _shuffled(count: int, seed: int, number: int, purpose: int) -> Int64:
    """A permutation of 0 … count - 1 by sorting hashed numbers: the same with every version of numpy."""
    mask = 2**64 - 1
    key = _mix(np.array([seed & mask], dtype=np.uint64))
    for value in (number, purpose):
        key = _mix(key ^ np.uint64(value & mask))
    return np.argsort(_mix(_mix(np.arange(count, dtype=np.uint64)) ^ key), kind="stable")


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's step and finaliser (Steele, Lea and Flood 2014), each value on its own."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))

"""Scoring a model by position in the text, far beyond the length it was trained on.

Every document is scored whole, and then all of them laid end to end as one long text, the state carried
through: see ``position_curve`` for what is told of that. The long text is begun at several documents spread
over the whole and goes round, so that no band is made of the same few lines, and no state reads a text twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ysnakes_core.configuration import TrainingConfig
from ysnakes_core.errors import DataError
from ysnakes_core.model.head_loss import block_rows
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.text.token_stream import Tokens, TokenStream
from ysnakes_core.text.tokenizer_base import Tokenizer
from ysnakes_core.training.evaluation import chosen_documents, hidden_blocks, in_passes, tokens_of
from ysnakes_core.training.position_curve import ByPosition
from ysnakes_core.training.position_scores import Floats, Integers, Mask, Samples, Scores
from ysnakes_core.training.stages import parse_stages

STARTS = 16  # of the long text
EVERY = 4  # fourth start goes on to the end, the others to NEAR times the trained length: that is cheap
NEAR = 4
LONGEST = 64  # trained lengths that the long text has, unless told otherwise,
AT_LEAST = 16_384  # but no fewer tokens, so that it goes over from one document to another
STRETCH = 256  # tokens of a document that count as one piece of text where there are few documents
SHORTEST_CONTEXT = 8
CONTEXT_TOKENS = 16_384  # about so many are scored with each length of context


def trained_length(config: TrainingConfig) -> int:
    """The longest sequence that a training with these settings shows the model."""
    return max(stage.seq_len for stage in parse_stages(config.stages, config.seq_len, 1))


@torch.no_grad()
def score_by_position(
    model: LanguageModel,
    tokenizer: Tokenizer,
    stream: TokenStream,
    seq_len: int,
    *,
    max_tokens: int = 0,
    longest: int = 0,
    progress: Callable[[float], None] = lambda done: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> ByPosition | None:
    """Score ``stream`` by position; None if ``interrupted`` said so on the way.

    Args:
        seq_len: the trained length.
        max_tokens: of the documents, chosen as ``evaluate`` does it (0: every document).
        longest: tokens of the long text, at most (0: 64 times the trained length, or 16,384 if that is more).
        progress: called after each block with the part done.

    Raises:
        DataError: there is no text.
    """
    began = time.perf_counter()
    pieces = tokens_of(stream, chosen_documents(stream, max_tokens))
    if not pieces:
        raise DataError("there is no text to score", "name files or folders with text")
    text = _Text.of(pieces, tokenizer)
    lengths = _context_lengths(int(text.position.max()), seq_len)
    compared = text.stretch % -(-len(text.inputs) // CONTEXT_TOKENS) == 0
    as_trained = _windows(text, seq_len, np.ones_like(compared))
    contexts = [_windows(text, length, compared) for length in lengths]
    long_texts = _laid_end_to_end(text, longest or max(LONGEST * seq_len, AT_LEAST), seq_len)
    passes = [_Pass(pieces, np.arange(len(text.inputs))), as_trained, *contexts, *long_texts]
    total, done = sum(some.tokens for some in passes), 0
    found: list[Floats] = []
    was_training = model.training
    model.eval()
    try:
        for some in passes:
            parts: list[Floats] = []
            for nats in _token_nats(model, some.pieces):
                parts.append(nats)
                done += len(nats)
                progress(done / total)
                if interrupted():
                    return None
            nats = np.concatenate([*parts, np.zeros(0)])
            found.append(nats if some.counted is None else nats[some.counted])
    finally:
        model.train(was_training)
    alone, windowed, *rest = found
    trained = alone.copy()
    trained[as_trained.place] = windowed
    scores = Scores(trained, text.text_bytes, text.document, text.stretch, seq_len)
    samples = [
        Samples(np.arange(len(some.place)), some.place, nats)
        for some, nats in zip(long_texts, rest[len(contexts) :], strict=True)
    ]
    return ByPosition(
        seq_len,
        len(pieces),
        len(alone),
        int(text.text_bytes.sum()),
        scores.curve(Samples(text.position, np.arange(len(alone)), alone), len(pieces)),
        scores.curve(Samples.joined(samples), len(samples)) if samples else None,
        tuple(
            scores.context(length, alone, compared, some.place, nats)
            for length, some, nats in zip(lengths, contexts, rest, strict=False)
        ),
        time.perf_counter() - began,
    )


@dataclass(frozen=True)
class _Text:
    """All tokens to be predicted, the documents one after the other; arrays have one entry a token.

    inputs: what stands before each. position: in its document. text_bytes: of the characters it completes.
    document, stretch: which one it is of. starts: where each document begins.
    """

    inputs: Integers
    targets: Integers
    position: Integers
    text_bytes: Integers
    document: Integers
    stretch: Integers
    starts: Integers

    @classmethod
    def of(cls, pieces: Sequence[Tokens], tokenizer: Tokenizer) -> _Text:
        lengths = np.array([len(piece) - 1 for piece in pieces], dtype=np.int64)
        position = np.concatenate([np.arange(length, dtype=np.int64) for length in lengths])
        return cls(
            np.concatenate([piece[:-1] for piece in pieces]).astype(np.int64),
            np.concatenate([piece[1:] for piece in pieces]).astype(np.int64),
            position,
            np.array([size for piece in pieces for size in _bytes_of(piece[1:], tokenizer)], dtype=np.int64),
            np.repeat(np.arange(len(pieces)), lengths),
            np.cumsum(position % STRETCH == 0) - 1,
            np.cumsum(lengths) - lengths,
        )

    def piece(self, place: Integers) -> Tokens:
        """The tokens with which those at ``place``, which follow each other, are predicted."""
        return np.append(self.inputs[place], self.targets[place[-1]]).astype(np.uint32)


def _bytes_of(ids: Tokens, tokenizer: Tokenizer) -> Iterator[int]:
    """UTF-8 bytes of what each of a document's tokens completes: a character counts where it is whole."""
    decoder = tokenizer.decoder()
    for token in ids.tolist():
        yield len(decoder.push(token).encode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class _Pass:
    """Pieces to score, each with a fresh state.

    counted: which of their targets, all in a row, count; None: all do. place: the tokens that these are.
    """

    pieces: Sequence[Tokens]
    place: Integers
    counted: Mask | None = None

    @property
    def tokens(self) -> int:
        return sum(len(piece) - 1 for piece in self.pieces)


def _context_lengths(longest: int, seq_len: int) -> list[int]:
    """Doubling, so that the last is the trained length, as far as a token has more than that before it."""
    lengths = [seq_len]
    while lengths[0] >= 2 * SHORTEST_CONTEXT:
        lengths.insert(0, lengths[0] // 2)
    return [length for length in lengths if length <= longest]


def _windows(text: _Text, length: int, wanted: Mask) -> _Pass:
    """Those of the ``wanted`` tokens that have ``length`` or more before them, with no more than that.

    The windows overlap by half, and what counts in each is its second half. (All other tokens have the same
    before them either way.)
    """
    stride = length - length // 2
    pieces: list[Tokens] = []
    counted: list[Mask] = []
    places: list[Integers] = []
    ends = np.append(text.starts[1:], len(text.inputs))
    for begin, end in zip(text.starts.tolist(), ends.tolist(), strict=True):
        for seen in range(begin + length, end, stride):
            last = min(end, seen + stride)
            if not wanted[seen:last].any():
                continue
            place = np.arange(seen + stride - length, last)
            pieces.append(text.piece(place))
            counted.append((place >= seen) & wanted[place])
            places.append(place[counted[-1]])
    nothing = np.zeros(0, dtype=np.int64)
    return _Pass(pieces, np.concatenate([nothing, *places]), np.concatenate([nothing > 0, *counted]))


def _laid_end_to_end(text: _Text, longest: int, seq_len: int) -> list[_Pass]:
    """The long text from each of its starts on; none where one document is all there is."""
    count, size = len(text.starts), len(text.inputs)
    if count < 2:
        return []
    starts, far = min(STARTS, count), min(size, longest)
    passes = []
    for i in range(starts):
        length = far if i % EVERY == 0 else min(far, NEAR * seq_len)
        place = (text.starts[i * count // starts] + np.arange(length)) % size
        passes.append(_Pass([text.piece(place)], place))
    return passes


def _token_nats(model: LanguageModel, pieces: Sequence[Tokens]) -> Iterator[Floats]:
    """Nats of every target of every piece, in order, a block at a time."""
    rows = block_rows(model.vocab_size)
    for group in in_passes([len(piece) - 1 for piece in pieces]):
        for hidden, targets in hidden_blocks(model, [pieces[i] for i in group]):
            parts = [
                F.cross_entropy(
                    model.head(hidden[at : at + rows]).float(), targets[at : at + rows], reduction="none"
                )
                for at in range(0, len(targets), rows)
            ]
            yield torch.cat(parts).double().cpu().numpy()

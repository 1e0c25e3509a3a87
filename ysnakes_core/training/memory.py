"""What a training step needs in memory, computed before any of it is spent, and how to cut a batch to fit.

The terms follow from the code of the model and the optimizers: what each layer keeps for its backward pass,
what lies XX the share that the C library's heap loses to gaps are measured. On a CPU the prediction is of the
whole process's resident memory; on a GPU of what the process takes of the GPU (by the same reading of the
code, not tried on a real one).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ysnakes_core.configuration import PRESETS, ModelConfig, RunConfig
from ysnakes_core.errors import UsageError
from ysnakes_core.model.head_loss import block_rows
from ysnakes_core.training.memory_use import available_memory, process_memory
from ysnakes_core.training.muon import STACK_ELEMENTS

__all__ = [
    "MemoryPlan",
    "available_memory",
    "choose_batch",
    "parameter_counts",
    "plan_memory",
    "process_memory",
]

EXACT = 4  # bytes of a float32

# Tokens of a micro-batch at which a CPU is as quick as it gets, measured on two cores: fewer leave the matrix
# products too small, more fall out of the cache. The curve is flat (some 3 % over a factor of four), so wide
# models take the smaller number, which halves their activations.
QUICK_TOKENS = 2048
QUICK_TOKENS_WIDE = 1024
WIDE = 512

GPU_TOKENS = 65536  # most tokens a step that "auto" chooses on a GPU

CPU_OVERHEAD = 330_000_000  # interpreter, torch and its kernels' own buffers at work, measured on Linux
GPU_OVERHEAD = 700_000_000  # CUDA context and the libraries' workspaces
# What the heap holds beyond the tensors, as a share of those that come and go: glibc's aligned blocks are not
# reused for a request of the same size.
CPU_HEAP = 0.5
GPU_HEAP = 0.1  # torch's caching allocator


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes by name. ``total`` is the most that are held at one moment, which is not the sum of all.

    Attributes:
        weights, gradients, optimizer: one set each, float32.
        activations: what the blocks keep of one micro-batch for the backward pass.
        logits: of one block of positions, with the head's gradients that are taken at once.
        transient: what lies beside those at the fullest moment of the backward pass.
        workspace: what an optimizer's step takes; activations are gone by then.
        heap: gaps between blocks that came and went.
        overhead: interpreter, libraries and their buffers, before there is a model.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    transient: int
    workspace: int
    heap: int
    overhead: int
    batch_size: int
    micro_batch_size: int

    @property
    def total(self) -> int:
        """Bytes at the fullest moment of a step.

        Gradients of earlier micro-batches lie beside the activations of a later one; a single micro-batch's
        gradients take the place of its activations.
        """
        accumulated = self.gradients if self.micro_batch_size < self.batch_size else 0
        passing = self.activations + self.logits + self.transient + accumulated
        stepping = self.gradients + self.workspace
        return self.overhead + self.weights + self.optimizer + self.heap + max(passing, stepping)


def parameter_counts(config: ModelConfig, vocab_size: int) -> tuple[int, int]:
    """Numbers in the hidden matrices (Muon's) and in everything else, without building the model."""
    d, inner, heads = config.d_model, config.d_inner, config.n_heads
    channels = inner + 2 * config.n_groups * config.d_state
    norm = d if config.norm == "rmsnorm" else 2 * d
    hidden = d * (inner + channels + heads) + inner * d
    small = channels * (config.d_conv + 1) + 3 * heads + inner + norm
    ends = vocab_size * d * (1 if config.tie_embeddings else 2) + norm
    return config.n_layers * hidden, config.n_layers * small + ends


def plan_memory(
    config: RunConfig,
    vocab_size: int,
    *,
    seq_len: int,
    batch_size: int,
    micro_batch_size: int = 0,
    device: str = "cpu",
    limit: int = 0,
) -> MemoryPlan:
    """Predict the memory of training steps of ``batch_size`` sequences of ``seq_len`` tokens.

    Args:
        micro_batch_size: sequences per forward pass; 0: the largest that is quick and, where a ``limit`` in
            bytes is given, stays within it (one sequence if none does).
    """
    if micro_batch_size:
        return _plan(config, vocab_size, seq_len, batch_size, min(micro_batch_size, batch_size), device)
    most = _quick_micro_batch(config.model, seq_len, batch_size, device)

    def plan(micro: int) -> MemoryPlan:
        return _plan(config, vocab_size, seq_len, batch_size, micro, device)

    micro = _largest(most, lambda m: plan(m).total <= limit) if limit else most
    return plan(_even(batch_size, max(1, micro)))


def choose_batch(
    config: RunConfig, vocab_size: int, *, seq_len: int, batch_size: int, limit: int, device: str = "cpu"
) -> tuple[int, int]:
    """Sequences a step and sequences per forward pass, within ``limit`` bytes of the device's memory.

    A ``batch_size`` of 0 becomes, on a CPU, as many sequences as make the preset's tokens a step; on a GPU
    the largest power of two that fits in one pass, up to ``GPU_TOKENS`` tokens.

    Raises:
        UsageError: not even one sequence fits; it says what would.
    """
    # One sequence of several has the gradients of those before beside it; a single one has not.
    alone = _plan(config, vocab_size, seq_len, 2, 1, device)
    if alone.total > limit:
        if batch_size <= 1 and _fits(config, vocab_size, seq_len, 1, limit, device):
            return 1, 1
        raise _too_large(config, vocab_size, seq_len, alone.total, limit, device)
    if batch_size <= 0:
        batch_size = _automatic_batch(config, vocab_size, seq_len, limit, device)
    chosen = plan_memory(
        config, vocab_size, seq_len=seq_len, batch_size=batch_size, device=device, limit=limit
    )
    return batch_size, chosen.micro_batch_size


def _automatic_batch(config: RunConfig, vocab_size: int, seq_len: int, limit: int, device: str) -> int:
    if _is_gpu(device):
        most = max(0, int(math.log2(max(1, GPU_TOKENS // seq_len))))
        fits = [2**k for k in range(most + 1) if _fits(config, vocab_size, seq_len, 2**k, limit, device)]
        return max(fits, default=1)
    preset = PRESETS.get(config.preset)
    tokens = preset.batch_size * preset.seq_len if preset else QUICK_TOKENS
    return max(1, round(tokens / seq_len))


def _fits(config: RunConfig, vocab_size: int, seq_len: int, batch: int, limit: int, device: str) -> bool:
    return _plan(config, vocab_size, seq_len, batch, batch, device).total <= limit


def _quick_micro_batch(config: ModelConfig, seq_len: int, batch_size: int, device: str) -> int:
    if _is_gpu(device):
        return batch_size
    tokens = QUICK_TOKENS_WIDE if config.d_model >= WIDE else QUICK_TOKENS
    return min(batch_size, max(1, tokens // seq_len))


def _even(batch_size: int, micro: int) -> int:
    """The smallest micro-batch that needs no more passes than ``micro``: all passes about equally full."""
    return math.ceil(batch_size / math.ceil(batch_size / micro))


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 1 to ``most`` that fits, 0 if none; below one that fits, all fit."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _plan(
    config: RunConfig, vocab_size: int, seq_len: int, batch: int, micro: int, device: str
) -> MemoryPlan:
    model, training = config.model, config.training
    gpu = _is_gpu(device)
    mixed = training.precision == "bfloat16" or (training.precision == "auto" and gpu)
    low = 2 if mixed else EXACT
    hidden, rest = parameter_counts(model, vocab_size)
    head = vocab_size * model.d_model
    muon = training.optimizer == "muon"

    layers = model.n_layers * _kept_by_block(model, seq_len, low)
    ends = seq_len * (EXACT * _kept_by_norm(model) + 3 * 8)  # the last norm's; tokens, targets, documents
    casts = 2 * hidden if mixed else 0  # the matrices in bfloat16, kept for the backward pass
    activations = micro * (layers + ends) + casts

    block = min(block_rows(vocab_size), micro * seq_len) * vocab_size * (EXACT + (2 * low if mixed else 0))
    seen = micro * seq_len * EXACT * model.d_model  # what the head sees; its gradient is as large
    scaled = seen + EXACT * head  # the gradients taken at once, a second time while they are scaled
    logits = 2 * seen + EXACT * head + max(block, scaled) + (2 * head if mixed else 0)
    beside = micro * _beside_last_block(model, seq_len, low) + EXACT * head
    transient = max(0, beside - logits)

    heap = GPU_HEAP if gpu else CPU_HEAP
    return MemoryPlan(
        weights=EXACT * (hidden + rest),
        gradients=EXACT * (hidden + rest),
        optimizer=EXACT * (hidden + 2 * rest if muon else 2 * (hidden + rest)),
        activations=activations,
        logits=logits,
        transient=transient,
        workspace=_muon_workspace(model, 2 if gpu else EXACT) if muon else 0,
        heap=int(heap * (activations + logits + transient)),
        overhead=GPU_OVERHEAD if gpu else CPU_OVERHEAD,
        batch_size=batch,
        micro_batch_size=micro,
    )


def _chunks(config: ModelConfig, seq_len: int) -> tuple[int, int]:
    """Chunks of a sequence and their length, as the chunked form cuts them."""
    chunks = math.ceil(seq_len / config.chunk_size)
    return chunks, math.ceil(seq_len / chunks)


def _kept_by_norm(config: ModelConfig) -> int:
    """Numbers a norm keeps of a position: input, mean, deviation; RMSNorm the normed input, but no mean."""
    return 2 * config.d_model + 1 if config.norm == "rmsnorm" else config.d_model + 2


def _kept_by_block(config: ModelConfig, seq_len: int, low: int) -> int:
    """Bytes one block keeps of one sequence between forward and backward; ``low``: bytes of an activation."""
    d, inner, heads = config.d_model, config.d_inner, config.n_heads
    maps = 2 * config.n_groups * config.d_state  # B and C
    chunks, size = _chunks(config, seq_len)
    padded = chunks * size
    exact = (
        seq_len * _kept_by_norm(config)
        + (2 * seq_len + padded) * heads  # dt before softplus, before the clamp, and after
        + chunks * inner * config.d_state  # the state before each chunk
        + seq_len * (config.n_groups + 1)  # the gated norm's scales, the documents' numbers
    )
    lower = (
        seq_len * d  # the in-projection's input
        + seq_len * (2 * inner + maps + heads)  # its output: z, and what goes into the convolution
        + (seq_len + config.d_conv - 1) * (inner + maps)  # the convolution's input behind what came before
        + padded * (inner + maps)  # its output: x, B, C
        + padded * inner  # y
        + seq_len * inner  # the out-projection's input
    )
    return EXACT * exact + low * lower


def _beside_last_block(config: ModelConfig, seq_len: int, low: int) -> int:
    """Bytes of one sequence beyond what all blocks keep, at the fullest moment.

    That is in the backward pass of the last block's map, when nearly all that was kept is still there.
    """
    d, inner, heads = config.d_model, config.d_inner, config.n_heads
    maps = 2 * config.n_groups * config.d_state
    chunks, size = _chunks(config, seq_len)
    padded = chunks * size
    state = inner * config.d_state
    released = seq_len * (3 * inner + maps + heads + d)  # by the out-projection, the gated and the last norm
    common = EXACT * (seq_len * d + padded * (size * (1 + config.n_groups) + 8 * heads)) - low * released
    # Either the diagonal blocks' three matrices beside the gradients of y (twice) and z,
    diagonal = EXACT * 3 * padded * heads * size + low * 3 * padded * inner
    # or the gradients of the states beside those of y (twice), z, x (twice), x through the states (twice).
    through_states = EXACT * (2 * chunks + 2) * state + low * padded * (7 * inner + maps)
    return max(0, common + max(diagonal, through_states))


def _muon_workspace(config: ModelConfig, width: int) -> int:
    """Bytes of orthogonalising as many alike matrices at once as Muon stacks."""
    d, inner = config.d_model, config.d_inner
    channels = inner + 2 * config.n_groups * config.d_state
    most = 0
    for rows, columns in ((inner + channels + config.n_heads, d), (d, inner)):
        count = min(config.n_layers, max(1, STACK_ELEMENTS // (rows * columns)))
        short = min(rows, columns)
        stacked = count * rows * columns * (2 * EXACT + 2 * width)  # directions, stacked, scaled, result
        most = max(most, stacked + count * short * short * 6 * width)
    return most


def _is_gpu(device: str) -> bool:
    return torch.device(device).type == "cuda"


def _too_large(
    config: RunConfig, vocab_size: int, seq_len: int, needed: int, limit: int, device: str
) -> UsageError:
    """What does not fit, and what would."""

    def fits(shape: RunConfig, vocabulary: int, length: int) -> bool:
        return _plan(shape, vocabulary, length, 2, 1, device).total <= limit

    ways = []
    length = _largest(seq_len, lambda n: fits(config, vocab_size, n))
    if length >= 16:
        ways.append(f"a seq_len of {length - length % 16} or less")
    matrices, _ = parameter_counts(config.model, vocab_size)
    smaller = [p for p in PRESETS.values() if parameter_counts(p.config().model, p.vocab_size)[0] < matrices]
    for preset in reversed(smaller):
        at = seq_len if fits(preset.config(), preset.vocab_size, seq_len) else preset.seq_len
        if fits(preset.config(), preset.vocab_size, at):
            ways.append(f"--preset {preset.name}" + (f" with a seq_len of {at}" if at != seq_len else ""))
            break
    where = "the GPU" if _is_gpu(device) else "memory"
    hint = (
        f"choose {' or '.join(ways)}, or free some memory"
        if ways
        else "free some memory, or raise memory_limit"
    )
    return UsageError(
        f"one sequence of {seq_len} tokens takes {_gigabytes(needed)} to train on, "
        f"and {where} has {_gigabytes(limit)} for it",
        hint,
    )


def _gigabytes(count: int) -> str:
    """As all sizes are said: ``32.0 GB``, ``364 TB``."""
    value, unit = (count / 1e9, "GB") if count < 999.5e9 else (count / 1e12, "TB")
    return f"{value:.{0 if value >= 99.95 else 1}f} {unit}"

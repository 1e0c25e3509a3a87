"""From a run's configuration to everything a trainer needs: device, tokenizer, text, shape, batch sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ysnakes_core.configuration import DataConfig, RunConfig
from ysnakes_core.errors import UsageError
from ysnakes_core.paths import cache_dir, shipped_corpus
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.text.corpus import Corpus, prepare_corpus, read_documents, split_documents
from ysnakes_core.text.tokenizers import Tokenizer, train_tokenizer
from ysnakes_core.training.loop import Limits
from ysnakes_core.training.memory import available_memory, choose_batch
from ysnakes_core.training.stages import Stage, parse_stages

Progress = Callable[[str, int, int], None]
SHARE_OF_FREE_MEMORY = 0.8


@dataclass(frozen=True)
class Prepared:
    """What a run trains with."""

    device: torch.device
    tokenizer: Tokenizer
    corpus: Corpus
    stages: tuple[Stage, ...]
    limits: Limits
    identity: dict[str, Any]


def prepare(run: RunDirectory, config: RunConfig, progress: Progress) -> Prepared:
    """Read and encode the text (training the tokenizer first if the run has none) and plan the memory.

    Raises:
        DataError, UsageError: text or settings that can't be used, with what to do.
    """
    device = choose_device(config.training.device)
    autocast = choose_autocast(config.training.precision, device)
    tokenizer, corpus = prepare_text(run, config, progress)
    stages, limits = plan_stages(config, tokenizer.vocab_size, device, autocast)
    return Prepared(device, tokenizer, corpus, stages, limits, identity(config, tokenizer, corpus))


def prepare_text(run: RunDirectory, config: RunConfig, progress: Progress) -> tuple[Tokenizer, Corpus]:
    """The run's tokenizer, made and stored in it if it has none yet, and its encoded corpus."""
    progress("reading text", 0, 0)
    reading = read_documents(data_paths(config.data))
    fraction = config.data.validation_fraction
    if not run.tokenizer_file.exists():
        if config.text.tokenizer_file:
            tokenizer = Tokenizer.load(Path(config.text.tokenizer_file).expanduser())
        else:
            progress("training the tokenizer", 0, 0)
            train, _ = split_documents(reading.documents, fraction)
            tokenizer = train_tokenizer(train, config.text.tokenizer, config.text.vocab_size)
        tokenizer.save(run.tokenizer_file)
    # Always from the file: what is used is exactly what a resume will find.
    tokenizer = Tokenizer.load(run.tokenizer_file)
    corpus = prepare_corpus(
        reading, tokenizer, fraction, cache_dir=cache_dir() / "corpora", progress=progress
    )
    return tokenizer, corpus


def data_paths(config: DataConfig) -> Sequence[Path]:
    """The files and folders to train on: those configured, else the shipped corpus."""
    return [Path(p).expanduser() for p in config.paths] or [shipped_corpus()]


def choose_device(name: str) -> torch.device:
    """The device of a setting: ``auto`` is a CUDA GPU if there is one, else the CPU.

    Raises:
        UsageError: the device isn't there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"{name!r} is no device", "choose auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"training on {name!r} is not supported", "choose auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"there is no device {name!r} here", "choose cpu, or see what ysnakes doctor says about the GPU"
        )
    return device


def choose_autocast(precision: str, device: torch.device) -> torch.dtype | None:
    """The dtype of mixed precision; None computes all in float32, as ``auto`` does on CPUs."""
    if precision == "bfloat16":
        return torch.bfloat16
    if precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return None


def plan_stages(
    config: RunConfig, vocab_size: int, device: torch.device, autocast: torch.dtype | None
) -> tuple[tuple[Stage, ...], Limits]:
    """The sequence-length stages, and how each one's step is cut to fit the memory."""
    training = config.training
    free = available_memory(str(device))
    limit = training.memory_limit or int(SHARE_OF_FREE_MEMORY * free)
    batch, _ = choose_batch(
        config,
        vocab_size,
        seq_len=training.seq_len,
        batch_size=training.batch_size,
        limit=limit,
        device=str(device),
    )
    stages = parse_stages(training.stages, training.seq_len, batch)
    micro = tuple(
        min(
            stage.batch_size,
            training.micro_batch_size
            or choose_batch(
                config,
                vocab_size,
                seq_len=stage.seq_len,
                batch_size=stage.batch_size,
                limit=limit,
                device=str(device),
            )[1],
        )
        for stage in stages
    )
    return stages, Limits(micro, autocast)


def identity(config: RunConfig, tokenizer: Tokenizer, corpus: Corpus) -> dict[str, Any]:
    """What a checkpoint belongs to; a resume with anything else is refused with the difference named."""
    shape = {f"model.{k}": v for k, v in asdict(config.model).items() if k not in RESUMABLE}
    return {
        "the text": _short(corpus.hash),
        "the tokenizer": _short(tokenizer.hash),
        "the vocabulary size": tokenizer.vocab_size,
        "data.pack": config.data.pack,
        "training.seed": config.training.seed,
        "training.optimizer": config.training.optimizer,
        "training.stages": config.training.stages,
        **shape,
    }


# Parts of the model's section that don't change what the weights mean.
RESUMABLE = ("dropout", "chunk_size", "dt_min", "dt_max", "embedding_std")


def _short(digest: str) -> str:
    return digest[:16]

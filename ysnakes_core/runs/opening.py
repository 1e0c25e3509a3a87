"""Opening the model of a run, to complete text with it or to score it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import RunError, YsnakesError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.packing import check_precision, pack
from ysnakes_core.model.precision import Precision
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.preparation import choose_device
from ysnakes_core.text.tokenizers import Tokenizer
from ysnakes_core.training.checkpoint import POINTERS, Checkpoint, available, load_newest, pointed


@dataclass(frozen=True)
class OpenedModel:
    """A model in evaluation mode and where it came from.

    ``bits_per_byte``: of its last validation. ``training``: a worker had the run at that moment.
    """

    model: LanguageModel
    tokenizer: Tokenizer
    config: RunConfig
    checkpoint: str
    step: int
    bits_per_byte: float | None
    notes: list[str]
    training: bool = False
    precision: Precision = "float32"


def open_model(
    run: RunDirectory,
    checkpoint: str | None = None,
    device: str = "cpu",
    *,
    precision: Precision = "float32",
    now: float | None = None,
) -> OpenedModel:
    """The checkpoint named (also ``best``, ``latest``), with its weights held in ``precision``.

    Without a name: the run's best, the newest if none is marked; of a run that a worker still trains, its
    latest. ``now`` (Unix seconds) is when that is asked. A broken checkpoint falls back to the one before,
    said in ``notes``.

    Raises:
        RunError: no usable checkpoint, or it does not fit the run's configuration or tokenizer.
        UsageError: no checkpoint of that name, no such precision.
    """
    check_precision(precision)
    folder = run.checkpoints_folder
    if not available(folder):
        raise RunError(
            f"the run {run.name} has no checkpoint yet",
            f"wait until it saves one, or go on with it: ysnakes train --no-ui --resume {run.name}",
        )
    training = is_training(run, time.time() if now is None else now)
    if checkpoint is None:
        checkpoint = "latest" if training else "best"
    found, notes = _load(folder, checkpoint)
    config = run.read_config()
    tokenizer = Tokenizer.load(run.tokenizer_file)
    identity = found.state.get("identity")
    told = identity.get("the tokenizer") if isinstance(identity, dict) else None
    if told is not None and not tokenizer.hash.startswith(str(told)):
        raise RunError(
            f"tokenizer.json of the run {run.name} is not the one that {found.name} was trained with",
            "put the original back",
        )
    model = _model(found, config, tokenizer.vocab_size, choose_device(device), precision)
    progress = found.state.get("progress")
    score = progress.get("bits_per_byte") if isinstance(progress, dict) else None
    step = progress.get("step", 0) if isinstance(progress, dict) else 0
    return OpenedModel(
        model,
        tokenizer,
        config,
        found.name,
        int(step),
        score if isinstance(score, float) and 0 <= score < math.inf else None,
        notes,
        training,
        precision,
    )


def is_training(run: RunDirectory, now: float) -> bool:
    """Whether a worker has the run at ``now`` (Unix seconds), also one that pauses."""
    try:
        return run.read_state().has_worker(now)
    except YsnakesError:  # a damaged state.json says nothing about the checkpoints
        return False


def _load(folder: Path, checkpoint: str) -> tuple[Checkpoint, list[str]]:
    """The checkpoint, or the one before. Tried again where a new one took its place meanwhile."""
    while True:
        wanted = pointed(folder, checkpoint) if checkpoint in POINTERS else checkpoint
        try:
            found, notes = load_newest(folder, wanted, optimizer=False)
        except RunError:
            if checkpoint not in POINTERS or pointed(folder, checkpoint) == wanted:
                raise
            continue
        if not notes or checkpoint not in POINTERS or pointed(folder, checkpoint) == wanted:
            return found, notes


def _model(
    found: Checkpoint, config: RunConfig, vocab_size: int, device: torch.device, precision: Precision
) -> LanguageModel:
    """The checkpoint's model, to complete text with; ``found`` is left without its tensors.

    They are the pages of a file until they are packed or copied, one after the other: float32 weights and
    packed ones are never in memory together.
    """
    other = RunError(
        f"the checkpoint {found.name} does not fit config.toml's [model]",
        "put back the shape it was trained with",
    )
    if config.model.n_layers > len(found.model):  # each has several tensors; millions would take for ever
        raise other
    try:
        with torch.device("meta"):
            model = LanguageModel(config.model, vocab_size)
        model.load_state_dict({name: t.float() for name, t in found.model.items()}, assign=True)
    except RuntimeError as error:  # also for sizes that no tensor can have
        raise other from error
    found.model.clear()
    if config.model.tie_embeddings:
        model.head.weight = model.embedding.weight
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if device.type != "cpu":
        return pack(model.to(device), precision).eval()
    pack(model, precision)
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model.eval()

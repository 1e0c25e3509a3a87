"""What of a trainer goes into a checkpoint beside its tensors, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from ysnakes_core.errors import RunError
from ysnakes_core.training.checkpoint import Checkpoint, generator_bytes, restore_generator

if TYPE_CHECKING:
    from ysnakes_core.training.loop import Trainer


def take(trainer: Trainer) -> dict[str, Any]:
    """Counts, data position, early stopping, random states, and what the checkpoint belongs to."""
    return {
        "identity": trainer.identity,
        "progress": asdict(trainer.progress),
        "windows": trainer.windows.state(),
        "early_stopping": trainer.early_stopping.state(),
        "validation_due": trainer.validation_due.state(),
        "random": generator_bytes(),
        "cuda_random": torch.cuda.get_rng_state(trainer.model.device).numpy().tobytes()
        if trainer.model.device.type == "cuda"
        else b"",
        "threads": torch.get_num_threads(),
    }


def restore(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Put a trainer exactly where it was when ``checkpoint`` was taken.

    Raises:
        RunError: the checkpoint is of another shape, or lacks what it should hold.
    """
    state = checkpoint.state
    try:
        trainer.model.load_state_dict(checkpoint.model)
        for name, value in state["progress"].items():
            setattr(trainer.progress, name, value)
        trainer.rebuild_windows()
        trainer.windows.load_state(state["windows"])
        trainer.early_stopping.load_state(state["early_stopping"])
        trainer.validation_due.load_state(state["validation_due"])
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise RunError(
            f"the checkpoint {checkpoint.name} does not fit this run ({str(error).splitlines()[0]})",
            "resume from another checkpoint, or start a new run",
        ) from error
    trainer.optimizers.load_state_tensors(checkpoint.optimizer)
    restore_generator(state["random"])
    if trainer.model.device.type == "cuda" and state.get("cuda_random"):
        cuda_state = torch.frombuffer(bytearray(state["cuda_random"]), dtype=torch.uint8)
        torch.cuda.set_rng_state(cuda_state, trainer.model.device)
    if trainer.model.device.type == "cpu" and state.get("threads") != torch.get_num_threads():
        trainer.observer.emit(
            "warning",
            message=f"this run used {state.get('threads')} CPU threads before and uses "
            f"{torch.get_num_threads()} now: it goes on, but not bit for bit as it would have",
        )


def check_identity(ours: dict[str, Any], state: dict[str, Any]) -> None:
    """Refuse a checkpoint of other data, another tokenizer or another model shape, naming what differs.

    Raises:
        RunError: something differs.
    """
    theirs = state.get("identity")
    if not isinstance(theirs, dict):
        raise RunError("the checkpoint does not say what it was trained on", "resume from another checkpoint")
    differences = [
        f"{name} was {theirs.get(name)} and is {value}"
        for name, value in ours.items()
        if theirs.get(name) != value
    ]
    if differences:
        raise RunError(
            "this run cannot go on from its checkpoint: " + "; ".join(differences),
            "put back what was changed (config.toml, the text files, tokenizer.json), or start a new run",
        )

"""Opening the model of a run, to complete text with it or to score it."""

from __future__ import annotations

from dataclasses import dataclass

from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import RunError
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.preparation import choose_device
from ysnakes_core.text.tokenizers import Tokenizer
from ysnakes_core.training.checkpoint import available, load_newest, pointed


@dataclass(frozen=True)
class OpenedModel:
    """A model in evaluation mode and where it came from. ``bits_per_byte``: of its last validation."""

    model: LanguageModel
    tokenizer: Tokenizer
    config: RunConfig
    checkpoint: str
    step: int
    bits_per_byte: float | None
    notes: list[str]


def open_model(run: RunDirectory, checkpoint: str | None = None, device: str = "cpu") -> OpenedModel:
    """The run's best checkpoint (the newest if none is marked), or the one named (also ``best``, ``latest``).

    A broken checkpoint falls back to the one before, said in ``notes``.

    Raises:
        RunError: no usable checkpoint, or it does not fit the run's configuration or tokenizer.
        UsageError: no checkpoint of that name.
    """
    folder = run.checkpoints_folder
    if not available(folder):
        raise RunError(
            f"the run {run.name} has no checkpoint yet",
            f"wait until it saves one, or go on with it: ysnakes train --no-ui --resume {run.name}",
        )
    found, notes = load_newest(folder, checkpoint or pointed(folder, "best"))
    config = run.read_config()
    tokenizer = Tokenizer.load(run.tokenizer_file)
    identity = found.state.get("identity")
    told = identity.get("the tokenizer") if isinstance(identity, dict) else None
    if told is not None and not tokenizer.hash.startswith(str(told)):
        raise RunError(
            f"tokenizer.json of the run {run.name} is not the one that {found.name} was trained with",
            "put the original back",
        )
    target = choose_device(device)
    model = LanguageModel(config.model, tokenizer.vocab_size)
    try:
        model.load_state_dict(found.model)
    except RuntimeError as error:
        raise RunError(
            f"the checkpoint {found.name} does not fit config.toml's [model]",
            "put back the shape it was trained with",
        ) from error
    progress = found.state.get("progress")
    score = progress.get("bits_per_byte") if isinstance(progress, dict) else None
    step = progress.get("step", 0) if isinstance(progress, dict) else 0
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return OpenedModel(
        model.to(target).eval(),
        tokenizer,
        config,
        found.name,
        int(step),
        score if isinstance(score, float) else None,
        notes,
    )

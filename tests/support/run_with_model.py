"""A run whose directory holds a small model with random weights, as a worker would have left it."""

from __future__ import annotations

from pathlib import Path

import torch

from ysnakes_core.configuration import ModelConfig, RunConfig, apply_settings
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.paths import shipped_corpus
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.text.reading import read_documents
from ysnakes_core.text.records import parse_documents
from ysnakes_core.text.tokenizers import Tokenizer, train_tokenizer
from ysnakes_core.training.checkpoint import checkpoint_name, point, save_checkpoint

TINY = ModelConfig(d_model=32, n_layers=2, d_state=8, head_dim=16, chunk_size=8)
TEXT = "\n".join(
    f"What is {i}?<start>It is a number, {i} or so, and {i * i} is its square.<end>" for i in range(60)
)


def run_with_model(
    home: Path,
    name: str = "quiet-cobra",
    *,
    shape: ModelConfig = TINY,
    vocab_size: int = 300,
    tokenizer: str = "bpe",
    steps: tuple[int, ...] = (40,),
    corpus: bool = False,
    endless: bool = False,
) -> RunDirectory:
    """A run with a checkpoint for each of ``steps``, each with weights of its own; the last is the best.

    ``endless``: its model never chooses ``<end>``, however long and quickly it writes.
    ``corpus``: the tokenizer is trained on the corpus that ships, as one with many tokens has to be.
    """
    home.mkdir(parents=True, exist_ok=True)
    text = home / "text.md"
    text.write_text(TEXT, encoding="utf-8")
    settings = [f"data.paths={text}", f"vocab_size={vocab_size}", "seq_len=32", "batch_size=2"]
    run = create_run(home / "runs", apply_settings(RunConfig(model=shape), settings), name)
    documents, _ = parse_documents(TEXT, str(text))
    if corpus:
        documents = read_documents([shipped_corpus()]).documents
    train_tokenizer(documents, tokenizer, vocab_size).save(run.tokenizer_file)
    for step in steps:
        add_checkpoint(run, step, endless=endless)
    return run


def add_checkpoint(run: RunDirectory, step: int, *, best: bool = True, endless: bool = False) -> str:
    """Save another, as a worker does; its name."""
    tokenizer = Tokenizer.load(run.tokenizer_file)
    with torch.random.fork_rng():
        torch.manual_seed(step)
        model = LanguageModel(run.read_config().model, tokenizer.vocab_size)
    if endless:
        _never_end(model, tokenizer)
    name = checkpoint_name(step)
    state = {
        "identity": {"the tokenizer": tokenizer.hash[:16]},
        "progress": {"step": step, "bits_per_byte": 2.0},
    }
    save_checkpoint(run.checkpoints_folder, name, model=model.state_dict(), optimizer={}, state=state)
    if best:
        point(run.checkpoints_folder, "best", name)
    return name


def _never_end(model: LanguageModel, tokenizer: Tokenizer) -> None:
    """One direction is in all that the model says, and ``<end>`` stands against it."""
    with torch.no_grad():
        direction = torch.zeros_like(model.norm.bias)
        direction[0] = 1.0
        model.norm.bias += 10.0 * direction
        model.embedding.weight[:, 0] = 0.0
        model.embedding.weight[tokenizer.end_id] = -100.0 * direction

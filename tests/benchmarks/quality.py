"""Bits per byte after the same minutes of training: ours, transformers' Mamba-2 (same shape), a plain GPT.

    python tests/benchmarks/quality.py PATH… [--minutes 5] [--models ours,mamba2,gpt] [--json]

All three get the same documents, split, tokenizer, threads and wall-clock minutes, one after the other.
Ours trains exactly as ``ysnakes train`` does, validations and checkpoints included in its minutes. The others
train on the same packed windows with AdamW and the same warm-up/stable/decay schedule, without validations.
The score is on every validation document: the state-space models read each whole, the GPT in windows of its
context with half a window of overlap.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ysnakes_core.configuration import RunConfig, apply_settings, preset_config
from ysnakes_core.runs.opening import open_model
from ysnakes_core.runs.worker import create_run, execute
from ysnakes_core.text.corpus import Corpus, prepare_corpus, read_documents, split_documents
from ysnakes_core.text.tokenizers import Tokenizer, train_tokenizer
from ysnakes_core.text.windows import Windows
from ysnakes_core.training.evaluation import evaluate
from ysnakes_core.training.schedule import learning_rate_scale


def mamba2(config: RunConfig, vocab_size: int) -> torch.nn.Module:
    from transformers import Mamba2Config, Mamba2ForCausalLM

    m = config.model
    return Mamba2ForCausalLM(
        Mamba2Config(
            vocab_size=vocab_size,
            hidden_size=m.d_model,
            num_hidden_layers=m.n_layers,
            state_size=m.d_state,
            head_dim=m.head_dim,
            num_heads=m.n_heads,
            expand=m.expand,
            n_groups=m.n_groups,
            conv_kernel=m.d_conv,
            chunk_size=m.chunk_size,
            tie_word_embeddings=m.tie_embeddings,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=0,
            use_cache=False,
        )
    )


def gpt(config: RunConfig, vocab_size: int, n_parameters: int) -> torch.nn.Module:
    """GPT-2's architecture, as deep as comes nearest to ``n_parameters``."""
    from transformers import GPT2Config, GPT2LMHeadModel

    width = config.model.d_model
    base = (vocab_size + config.training.seq_len) * width
    layers = max(1, round((n_parameters - base) / (12 * width * width)))
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab_size,
            n_positions=config.training.seq_len,
            n_embd=width,
            n_layer=layers,
            n_head=width // 64,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
            use_cache=False,
        )
    )


def train_plainly(
    model: torch.nn.Module, corpus: Corpus, config: RunConfig, end_id: int, minutes: float, rate: float
) -> tuple[int, float]:
    """The usual recipe for ``minutes``; returns tokens seen and tokens per second."""
    windows = Windows(corpus.train, config.training.seq_len, 0, end_id)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    model.train()
    began, tokens = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = rate * learning_rate_scale(spent / (minutes * 60), config.schedule)
        batch = windows.next_batch(config.training.batch_size)
        logits = model(input_ids=torch.from_numpy(batch.inputs)).logits
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), torch.from_numpy(batch.targets).flatten()
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        tokens += batch.inputs.size
    return tokens, tokens / (time.perf_counter() - began)


@torch.no_grad()
def score_plainly(model: torch.nn.Module, corpus: Corpus, context: int | None) -> float:
    """Bits per byte over every validation document; ``context`` tokens at a time, or each document whole."""
    model.eval()
    stream, nats = corpus.validation, 0.0
    ends = np.append(stream.starts[1:], len(stream.tokens) - 1)
    for start, end in zip(stream.starts, ends, strict=True):
        tokens = torch.from_numpy(np.asarray(stream.tokens[start : end + 1]).astype(np.int64))
        inputs, targets = tokens[:-1], tokens[1:]
        length = len(inputs) if context is None else context
        done = 0
        while done < len(inputs):
            first = max(0, min(done - length // 2, len(inputs) - length)) if done else 0
            last = min(first + length, len(inputs))
            logits = model(input_ids=inputs[None, first:last]).logits[0, done - first :]
            nats += torch.nn.functional.cross_entropy(logits, targets[done:last], reduction="sum").item()
            done = last
    return nats / math.log(2) / stream.n_bytes


def ours(config: RunConfig, folder: Path) -> dict[str, Any]:
    run = create_run(config, runs_dir=folder / "runs", name="ours")
    outcome = execute(run)
    opened = open_model(run)
    from ysnakes_core.runs.preparation import prepare_text

    _, corpus = prepare_text(run, config, lambda what, done, total: None)
    found = evaluate(opened.model, corpus.validation)
    assert found is not None
    tokens = run.read_state().tokens
    return {
        "parameters": opened.model.n_parameters(),
        "bits_per_byte": found.bits_per_byte,
        "tokens": tokens,
        "tokens_per_second": tokens / outcome.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--preset", default="ys-4m")
    parser.add_argument("--models", default="ours,mamba2,gpt")
    parser.add_argument("--baseline-learning-rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], help="a setting of ours")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["YSNAKES_HOME"] = str(folder)
        config = preset_config(options.preset)
        config = replace(
            config,
            data=replace(config.data, paths=tuple(str(p) for p in options.paths)),
            training=replace(config.training, minutes=options.minutes),
        )
        reading = read_documents(options.paths)
        train, _ = split_documents(reading.documents, config.data.validation_fraction)
        tokenizer = train_tokenizer(train, config.text.tokenizer, config.text.vocab_size)
        tokenizer.save(folder / "tokenizer.json")
        tokenizer = Tokenizer.load(folder / "tokenizer.json")
        config = replace(config, text=replace(config.text, tokenizer_file=str(folder / "tokenizer.json")))
        corpus = prepare_corpus(
            reading, tokenizer, config.data.validation_fraction, cache_dir=folder / "cache"
        )
        baseline = replace(config, training=replace(config.training, seq_len=256, batch_size=8))

        results: dict[str, dict[str, Any]] = {}
        for kind in options.models.split(","):
            torch.manual_seed(0)
            if kind == "ours":
                results[kind] = ours(apply_settings(config, options.set), folder)
            else:
                shape = mamba2(baseline, tokenizer.vocab_size)
                size = sum(p.numel() for p in shape.parameters())
                model = shape if kind == "mamba2" else gpt(baseline, tokenizer.vocab_size, size)
                tokens, speed = train_plainly(
                    model, corpus, baseline, tokenizer.end_id, options.minutes, options.baseline_learning_rate
                )
                results[kind] = {
                    "parameters": sum(p.numel() for p in model.parameters()),
                    "bits_per_byte": score_plainly(model, corpus, 256 if kind == "gpt" else None),
                    "tokens": tokens,
                    "tokens_per_second": speed,
                }
            if not options.json:
                print(kind, json.dumps(results[kind]), flush=True)
    if options.json:
        print(json.dumps({"minutes": options.minutes, "threads": options.threads, "results": results}))
        return
    print(f"\n{'model':10}{'parameters':>12}{'tokens seen':>14}{'tokens/s':>10}{'bits/byte':>11}")
    for kind, row in results.items():
        print(
            f"{kind:10}{row['parameters']:>12,}{row['tokens']:>14,}{row['tokens_per_second']:>10,.0f}"
            f"{row['bits_per_byte']:>11.4f}"
        )


if __name__ == "__main__":
    main()

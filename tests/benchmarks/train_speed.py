"""How fast training is, beside transformers' Mamba-2 of the same shape on the same processor.

    python tests/benchmarks/train_speed.py            a table
    python tests/benchmarks/train_speed.py --json     one JSON object

Steps of both models (forward, backward, AdamW; no compiler) alternate, so that whatever else the machine
does falls on both. The further tables time the forms of the state-space map by length: what ``mode="auto"``
rests on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from torch import Tensor

from ysnakes_core.configuration import ModelConfig
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.ssd import ssd

BAR = 1.7
THEIR_CHUNK_SIZES = (256, 64)  # their default, and what is quickest for them on a CPU
CONFIG = ModelConfig(d_model=256, n_layers=6, d_state=64, head_dim=64)
VOCAB = 4096
LENGTHS = (1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
MOST_RECURRENT_WITH_GRADIENTS = 256
MOST_QUADRATIC = 1024


def their_model(chunk_size: int) -> torch.nn.Module:
    config = transformers.Mamba2Config(
        num_heads=CONFIG.n_heads,
        head_dim=CONFIG.head_dim,
        vocab_size=VOCAB,
        hidden_size=CONFIG.d_model,
        state_size=CONFIG.d_state,
        num_hidden_layers=CONFIG.n_layers,
        expand=CONFIG.expand,
        conv_kernel=CONFIG.d_conv,
        n_groups=CONFIG.n_groups,
        chunk_size=chunk_size,
        tie_word_embeddings=True,
        pad_token_id=None,
        bos_token_id=0,
        eos_token_id=0,
    )
    return transformers.Mamba2ForCausalLM(config).train()


def training_steps(args: argparse.Namespace) -> dict[str, object]:
    """Seconds of every step of both, taken in turns."""
    torch.manual_seed(0)
    ours = LanguageModel(CONFIG, VOCAB).train()
    others = {f"transformers, chunks of {size}": their_model(size) for size in THEIR_CHUNK_SIZES}
    tokens = torch.randint(0, VOCAB, (args.batch_size, args.seq_len + 1))
    inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    losses: dict[str, Callable[[], Tensor]] = {"ysnakes": lambda: ours.loss(inputs, targets)}
    for name, model in others.items():
        losses[name] = lambda model=model: model(inputs, labels=inputs, use_cache=False).loss
    models = {"ysnakes": ours, **others}
    optimizers = {name: torch.optim.AdamW(m.parameters(), lr=1e-4, fused=True) for name, m in models.items()}
    seconds: dict[str, list[float]] = {name: [] for name in losses}
    for turn in range(args.warm_up + args.steps):
        order = list(losses) if turn % 2 else list(reversed(losses))
        for name in order:
            start = time.perf_counter()
            optimizers[name].zero_grad()
            losses[name]().backward()
            optimizers[name].step()
            if turn >= args.warm_up:
                seconds[name].append(time.perf_counter() - start)
    per_step = args.batch_size * args.seq_len
    ratios = {
        name: statistics.quantiles(
            (t / o for t, o in zip(seconds[name], seconds["ysnakes"], strict=True)), n=4
        )
        for name in others
    }
    return {
        "parameters": {name: sum(p.numel() for p in m.parameters()) for name, m in models.items()},
        "tokens_per_second": {name: per_step / statistics.median(s) for name, s in seconds.items()},
        "ratio": {name: q[1] for name, q in ratios.items()},
        "quartiles": {name: (q[0], q[2]) for name, q in ratios.items()},
        "steps": args.steps,
    }


def matmul_peak() -> float:
    """The best of a few large float32 products, in GFLOP/s."""
    n = 1536
    a, b = torch.randn(n, n), torch.randn(n, n)
    best = min(_seconds(lambda: a @ b) for _ in range(8))
    return 2 * n**3 / best / 1e9


def mode_table(batch_size: int, gradients: bool, repeats: int) -> dict[int, dict[str, float]]:
    """Milliseconds of each form for one layer of the shape above, by length."""
    table = {}
    for length in LENGTHS:
        modes = {"chunked": True, "quadratic": length <= MOST_QUADRATIC}
        modes["recurrent"] = not gradients or length <= MOST_RECURRENT_WITH_GRADIENTS
        runs = {mode: _layer(batch_size, length, mode, gradients) for mode, wanted in modes.items() if wanted}
        times: dict[str, list[float]] = {mode: [] for mode in runs}
        for _ in range(repeats):
            for mode, run in runs.items():
                times[mode].append(_seconds(run))
        table[length] = {mode: 1e3 * statistics.median(t[1:]) for mode, t in times.items()}
    return table


def _layer(batch: int, length: int, mode: str, gradients: bool) -> Callable[[], None]:
    heads, head_dim, d_state = CONFIG.n_heads, CONFIG.head_dim, CONFIG.d_state
    x = torch.randn(batch, length, heads, head_dim, requires_grad=gradients)
    dt = (torch.rand(batch, length, heads) * 0.1).requires_grad_(gradients)
    A = (-torch.linspace(1, 16, heads)).requires_grad_(gradients)
    B, C = (torch.randn(batch, length, 1, d_state, requires_grad=gradients) for _ in range(2))
    state = torch.zeros(batch, heads, head_dim, d_state)
    dy = torch.randn_like(x)

    def run() -> None:
        with torch.set_grad_enabled(gradients):
            y, _ = ssd(x, dt, A, B, C, initial_state=state, mode=mode)  # type: ignore[arg-type]
        if gradients:
            torch.autograd.grad(y, (x, dt, A, B, C), dy)

    return run


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def show(report: dict) -> None:
    c, training = CONFIG, report["training"]
    print(
        f"d_model {c.d_model}, {c.n_layers} layers, d_state {c.d_state}, head_dim {c.head_dim}, "
        f"vocabulary {VOCAB}, {report['seq_len']} x {report['batch_size']} tokens"
    )
    print(
        f"torch {report['torch']}, {report['threads']} threads, "
        f"matrix-product peak {report['matmul_gflops']:.0f} GFLOP/s"
    )
    for name, speed in training["tokens_per_second"].items():
        line = f"  {name:29}{speed:7.0f} tokens/s  {training['parameters'][name] / 1e6:.2f}M parameters"
        if name in training["ratio"]:
            low, high = training["quartiles"][name]
            line += (
                f"  {training['ratio'][name]:.2f} times slower (half of the turns: {low:.2f} to {high:.2f})"
            )
        print(line)
    print(f"  {training['steps']} steps of each, in turns; {BAR} times against their default is wanted")
    for title, table in report["modes"].items():
        print(f"\n{title}: milliseconds per layer\n  length" + "".join(f"{m:>12}" for m in table[LENGTHS[0]]))
        for length, row in table.items():
            best = min(row, key=lambda mode: row[mode])
            cells = "".join(f"{row[m]:12.2f}" if m in row else f"{'-':>12}" for m in table[LENGTHS[0]])
            print(f"  {length:6}{cells}  {best}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seq-len", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=15, help="timed steps of each model")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--modes", type=int, default=5, help="repeats of the table of forms; 0 leaves it out")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    report = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": torch.get_num_threads(),
        "seq_len": args.seq_len,
        "batch_size": args.batch_size,
        "matmul_gflops": matmul_peak(),
        "training": training_steps(args),
        "modes": {},
    }
    if args.modes:
        report["modes"] = {
            "training, 8 sequences": mode_table(8, True, args.modes + 1),
            "reading, 1 sequence": mode_table(1, False, args.modes + 1),
        }
    if args.json:
        print(json.dumps(report))
    else:
        show(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())

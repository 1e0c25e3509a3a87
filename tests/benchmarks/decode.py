"""How quickly text is completed, with random weights of the presets' shapes.

    python tests/benchmarks/decode.py                          a table
    python tests/benchmarks/decode.py --json                   one JSON object
    python tests/benchmarks/decode.py --only speed,prompt      some parts: speed, prompt, sampling, flat
    python tests/benchmarks/decode.py --presets ys-4m,ys-24m   some sizes
    python tests/benchmarks/decode.py --llama PYTHON           an interpreter with llama-cpp-python and gguf

speed     Tokens/s of one text: of a bare step with the best token and of the whole engine (which samples too)
          against the memory's bandwidth (the bytes of the weights over what reading as many takes with as
          many threads), of bfloat16 and int8 against float32, and of a bare step against llama.cpp's with
          the same weights.
prompt    From a prompt of 2,000 tokens to the first token, against llama.cpp's.
sampling  What choosing costs beside the step, with the usual options.
flat      Memory and speed over 100,000 tokens (--tokens).

Threads wait for each other as in ``ysnakes complete``. What is compared is measured in turns, and the median
of the ratios is told. The machine should have nothing else to do: two threads that wait for each other lose
most of their time to a third. Rounds in which something else ran are left out, as far as there are others.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.pace import Pace
from ysnakes_core.completion.sampling import SamplingOptions, Uniform, pick
from ysnakes_core.configuration import PRESETS, ModelConfig
from ysnakes_core.model.decoding import decoding
from ysnakes_core.model.language_model import LanguageModel
from ysnakes_core.model.packing import pack
from ysnakes_core.model.precision import PRECISIONS, Precision
from ysnakes_core.text.records import Document
from ysnakes_core.text.tokenizers import Tokenizer, train_tokenizer
from ysnakes_core.thread_waiting import let_threads_sleep, let_threads_spin

LLAMA_SIDE = Path(__file__).with_name("decode_llama.py")
PROMPT = 2000
QUIET = 0.05  # of a core, that others may take in a round that counts
BUSY = ("user", "nice", "system", "irq", "softirq", "steal")  # guests are users too
LARGE = ("ys-24m", "ys-60m", "ys-71m", "ys-120m", "ys-296m")


@dataclass(frozen=True)
class Result:
    """``value`` is good at ``bar`` or better: above it, or below it if ``small``. No bar: only told."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    small: bool = False
    told: str = ""

    @property
    def met(self) -> bool:
        if self.bar is None:
            return True
        return self.value <= self.bar if self.small else self.value >= self.bar


@functools.cache
def tokenizer_of(vocab_size: int) -> Tokenizer:
    """As many tokens as wanted, of which English text uses those of single characters only."""
    rng = random.Random(0)
    letters = "".join(chr(0x4E00 + rng.randrange(256)) for _ in range(60_000))
    found = train_tokenizer(
        [Document(None, " ".join(letters[i : i + 8] for i in range(0, len(letters), 8)))], "bpe", vocab_size
    )
    assert found.vocab_size == vocab_size
    return found


def model_of(config: ModelConfig, vocab_size: int, precision: Precision = "float32") -> LanguageModel:
    """Random weights; the score of ``<end>`` is 0, too low to be chosen among thousands of others."""
    torch.manual_seed(0)
    model = LanguageModel(config, vocab_size).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.embedding.weight[Tokenizer.end_id].zero_()
    return pack(model, precision)


def preset(name: str) -> tuple[ModelConfig, int]:
    """The shape, with the norm that llama.cpp's models of this kind have; it costs the same."""
    found = PRESETS[name]
    return replace(found.config().model, norm="rmsnorm"), found.vocab_size


class Bare:
    """Steps with the best token and nothing else."""

    def __init__(self, model: LanguageModel) -> None:
        with torch.inference_mode():
            self._logits, state = model.forward(torch.tensor([[5, 6, 7]]), last_only=True)
            self._logits = self._logits[:, -1]
            self._decoding = decoding(model, state)
        self._pace = Pace()

    def seconds(self, count: int) -> float:
        """A token; the first two, for which the caches are empty, don't count."""
        with torch.inference_mode():
            self._steps(2)
            began = time.perf_counter()
            self._steps(count)
            return (time.perf_counter() - began) / count

    def _steps(self, count: int) -> None:
        for _ in range(count):
            tokens = self._logits.argmax(1)
            with self._pace.step():
                self._logits = self._decoding.step(tokens)


class Engine:
    """A completion with the usual options that goes on as long as it is asked to."""

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer) -> None:
        options = SamplingOptions(max_tokens=10**9, seed=1)
        self._stream = Completer(model, tokenizer).stream_batch(
            ["Once there was"], options, reading="request"
        )
        self._stream.step()

    def seconds(self, count: int) -> float:
        """A token; the first two, for which the caches are empty, don't count."""
        self._steps(2)
        began = time.perf_counter()
        self._steps(count)
        return (time.perf_counter() - began) / count

    def _steps(self, count: int) -> None:
        for _ in range(count):
            if self._stream.step() is None:
                raise RuntimeError("the model ended its text")


class Llama:
    """llama.cpp in a process of its own."""

    def __init__(self, python: str, weights: Path, precision: Precision, threads: int) -> None:
        self._process = subprocess.Popen(
            [python, str(LLAMA_SIDE), str(weights), "--precision", precision, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.version = self._answer()["version"]

    def ask(self, what: str, value: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what} {json.dumps(value)}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("llama.cpp ended")
        return json.loads(line)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def save_weights(model: LanguageModel, path: Path) -> None:
    config = model.config
    names = ("n_layers", "d_conv", "d_inner", "d_state", "n_heads", "n_groups", "norm_eps")
    shape = json.dumps({name: getattr(config, name) for name in names})
    np.savez(path, config=shape, **{name: tensor.numpy() for name, tensor in model.state_dict().items()})


def _reading(count: int) -> Callable[[], float]:
    """How long it takes to read so many bytes, by the quicker of two ways to do hardly more with them."""
    memory = torch.rand(count // 4)
    rows = memory[: len(memory) // 1024 * 1024].view(-1, 1024)
    one = torch.rand(1024)

    def seconds() -> float:
        found = []
        for way in (lambda: torch.dot(memory, memory), lambda: torch.mv(rows, one)):
            began = time.perf_counter()
            way()
            found.append(time.perf_counter() - began)
        return min(found)

    return seconds


def _median(pairs: list[tuple[float, float]]) -> tuple[float, str]:
    ratios = [a / b for a, b in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, f"quartiles {low:.2f} to {high:.2f}"


def _in_turns(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each gave in the rounds that others disturbed least; every second round goes backwards.

    There are as many more rounds as it takes to have enough quiet ones, up to six times as many.
    """
    for way in ways.values():
        way()
    found: list[tuple[float, dict[str, float]]] = []
    while len(found) < 6 * rounds and sum(taken < QUIET for taken, _ in found) < rounds:
        began, others = time.perf_counter(), _others()
        order = list(ways)[:: -1 if len(found) % 2 else 1]
        values = {name: ways[name]() for name in order}
        found.append(((_others() - others) / (time.perf_counter() - began), values))
    quietest = sorted(found, key=lambda each: each[0])[:rounds]
    if quietest[-1][0] >= QUIET:
        taken = statistics.median(taken for taken, _ in quietest)
        print(f"(others took {100 * taken:.0f} % of a core meanwhile)", file=sys.stderr)
    return {name: [values[name] for _, values in quietest] for name in ways}


def _others() -> float:
    """Seconds of computing that everyone else has had."""
    times = psutil.cpu_times()._asdict()
    own = psutil.Process()
    mine = sum(sum(process.cpu_times()[:2]) for process in (own, *own.children()))
    return sum(value for name, value in times.items() if name in BUSY) - mine


def _pairs(found: dict[str, list[float]], a: str, b: str) -> list[tuple[float, float]]:
    return list(zip(found[a], found[b], strict=True))


def _rate(found: list[float]) -> str:
    return f"{1 / statistics.median(found):,.0f} tokens/s"


def speed(options: argparse.Namespace) -> Iterator[Result]:
    for name in options.presets.split(","):
        config, vocab_size = preset(name)
        tokenizer = tokenizer_of(vocab_size)
        models = {p: model_of(config, vocab_size, p) for p in PRECISIONS}
        parameters = models["float32"].n_parameters()
        count = max(8, int(2.5e9 / parameters))  # some tenths of a second
        reading = _reading(4 * parameters)
        ways: dict[str, Callable[[], float]] = {"reading": reading}
        for precision, model in models.items():
            engine, bare = Engine(model, tokenizer), Bare(model)
            ways[precision] = functools.partial(engine.seconds, count)
            ways["bare " + precision] = functools.partial(bare.seconds, count)
        with tempfile.TemporaryDirectory() as folder:
            sides = _llamas(options, models["float32"], Path(folder), ("float32", "int8"))
            try:
                for precision, side in sides.items():
                    ways["llama " + precision] = functools.partial(side.ask, "decode", count)
                found = _in_turns(ways, options.rounds)
            finally:
                for side in sides.values():
                    side.end()
        gigabytes = 4 * parameters / statistics.median(found["reading"]) / 1e9
        for what, way, bar in (("a step", "bare float32", 70.0), ("the engine", "float32", None)):
            part, spread = _median(_pairs(found, "reading", way))
            told = f"{_rate(found[way])}; {gigabytes:.1f} GB/s; {spread}"
            yield Result(
                f"{name}: {what}, of the bandwidth",
                100 * part,
                "%",
                bar if name in LARGE else None,
                told=told,
            )
        for precision in ("bfloat16", "int8"):
            times, spread = _median(_pairs(found, "float32", precision))
            bar = 1.8 if (name, precision) == ("ys-120m", "int8") else None
            told = f"{_rate(found[precision])}; {spread}"
            yield Result(f"{name}: {precision} against float32", times, "x", bar, told=told)
        for precision in sides:
            times, spread = _median(_pairs(found, "llama " + precision, "bare " + precision))
            bar = {"ys-24m": 1.0, "ys-120m": 1.0, "ys-4m": 0.5}.get(name)
            told = f"{_rate(found['bare ' + precision])} to {_rate(found['llama ' + precision])}; {spread}"
            yield Result(f"{name}: {precision} against llama.cpp", times, "x", bar, told=told)


def _llamas(
    options: argparse.Namespace, model: LanguageModel, folder: Path, precisions: tuple[Precision, ...]
) -> dict[Precision, Llama]:
    """llama.cpp with the same weights, its scores checked against ours; none where it is not installed."""
    if options.llama is None:
        return {}
    save_weights(model, folder / "weights.npz")
    ids = [5, 9, 100, 77, 8, 300, 3, 4]
    with torch.inference_mode():
        ours = model.forward(torch.tensor([ids]), last_only=True)[0][0, -1]
    sides: dict[Precision, Llama] = {}
    for precision in precisions:
        sides[precision] = Llama(options.llama, folder / "weights.npz", precision, options.threads)
        theirs = torch.tensor(sides[precision].ask("scores", ids))
        apart = float((ours - theirs).norm() / ours.norm())
        if apart > (1e-4 if precision == "float32" else 0.1):
            raise RuntimeError(f"llama.cpp has other weights: its scores are {100 * apart:.1f} % apart")
    return sides


def prompt(options: argparse.Namespace) -> Iterator[Result]:
    for name in options.presets.split(","):
        config, vocab_size = preset(name)
        tokenizer = tokenizer_of(vocab_size)
        text = ("once there was an old fox " * 100)[:PROMPT]
        assert len(tokenizer.encode(text)) == PROMPT
        model = model_of(config, vocab_size)
        quick = model_of(config, vocab_size, "int8")

        def seconds(model: LanguageModel, reading: Any = "request") -> float:
            stream = Completer(model, tokenizer).stream(text, SamplingOptions(seed=1), reading=reading)  # noqa: B023
            began = time.perf_counter()
            next(stream)
            return time.perf_counter() - began

        ways: dict[str, Callable[[], float]] = {
            "float32": functools.partial(seconds, model),
            "auto": functools.partial(seconds, model, "auto"),
            "int8": functools.partial(seconds, quick),
        }
        with tempfile.TemporaryDirectory() as folder:
            sides = _llamas(options, model, Path(folder), ("float32",))
            try:
                for side in sides.values():
                    ways["llama"] = functools.partial(side.ask, "prompt", PROMPT + 2)
                found = _in_turns(ways, max(3, options.rounds // 2))
            finally:
                for side in sides.values():
                    side.end()
        middle = {way: statistics.median(values) for way, values in found.items()}
        auto, int8 = 1000 * middle["auto"], 1000 * middle["int8"]
        told = f"{auto:.0f} ms where the model decides how to read it, {int8:.0f} ms in int8"
        yield Result(f"{name}: first token after {PROMPT:,}", 1000 * middle["float32"], "ms", told=told)
        if sides:
            times, spread = _median(_pairs(found, "float32", "llama"))
            told = f"{1000 * middle['llama']:.0f} ms; {spread}"
            yield Result(f"{name}: that against llama.cpp", times, "x", 1.3, small=True, told=told)


def sampling(options: argparse.Namespace) -> Iterator[Result]:
    for name in options.presets.split(","):
        config, vocab_size = preset(name)
        bare = Bare(model_of(config, vocab_size))
        rng = np.random.default_rng(0)
        scores = 3 * rng.standard_normal((64, vocab_size), dtype=np.float32)
        recent = rng.integers(2, vocab_size, 64).tolist()
        uniform, usual = Uniform(1), SamplingOptions()

        def choosing() -> float:
            began = time.perf_counter()
            for row in scores:  # noqa: B023
                pick(row, usual, uniform, recent=recent, forbidden=[1])  # noqa: B023
            return (time.perf_counter() - began) / len(scores)  # noqa: B023

        found = _in_turns({"choose": choosing, "step": functools.partial(bare.seconds, 20)}, options.rounds)
        part, spread = _median(_pairs(found, "choose", "step"))
        told = f"{1e6 * statistics.median(found['choose']):.0f} µs; {spread}"
        bar = 25.0 if name == "ys-4m" else None
        yield Result(f"{name}: choosing beside a step", 100 * part, "%", bar, small=True, told=told)


def flat(options: argparse.Namespace) -> Iterator[Result]:
    """The last 1,000 tokens of a long text are timed in turns with the first 1,000 of others."""
    config, vocab_size = preset("ys-1m")
    model, tokenizer = model_of(config, vocab_size), tokenizer_of(vocab_size)
    long = Engine(model, tokenizer)
    process = psutil.Process()
    long.seconds(1000)
    before = process.memory_info().rss
    long.seconds(options.tokens - 2000)
    after = process.memory_info().rss
    told = f"{options.tokens:,} tokens; {after / 1e6:.0f} MB in all"
    yield Result(
        "memory grown since token 1,000", abs(after - before) / 1e6, "MB", 1.0, small=True, told=told
    )
    fresh = Engine(model, tokenizer)
    ways = {"first": functools.partial(fresh.seconds, 50), "last": functools.partial(long.seconds, 50)}
    found = _in_turns(ways, 19)
    longer, spread = _median(_pairs(found, "last", "first"))
    told = f"{_rate(found['first'])} at first, {_rate(found['last'])} at last; {spread}"
    yield Result("time of the last 1,000 to the first", 100 * (longer - 1), "%", 5.0, small=True, told=told)


PARTS = {"speed": speed, "prompt": prompt, "sampling": sampling, "flat": flat}


def _as_elsewhere() -> None:
    """Have threads wait as in ``ysnakes complete``: begun anew, for torch is here already."""
    environment = dict(os.environ)
    let_threads_sleep(environment)
    let_threads_spin(environment)
    if environment != os.environ:
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def main() -> int:
    _as_elsewhere()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    parser.add_argument("--presets", default="ys-4m,ys-24m,ys-120m", help="sizes, with commas between them")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=15, help="turns in which everything is measured once")
    parser.add_argument("--tokens", type=int, default=100_000, help="of the part flat")
    parser.add_argument("--llama", metavar="PYTHON", default=_this_python(), help="where llama.cpp is")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # llama.cpp's process does not outlive it
    torch.set_num_threads(options.threads)
    if options.llama is None and not options.json:
        print(
            "llama.cpp is not compared: llama-cpp-python and gguf are not installed (or say --llama PYTHON)"
        )
    found: list[Result] = []
    for part in options.only.split(","):
        for result in PARTS[part](options):
            found.append(result)
            if not options.json:
                _print(result)
    if options.json:
        print(json.dumps({result.name: {**result.__dict__, "met": result.met} for result in found}))
    return 0 if all(result.met for result in found) else 1


def _this_python() -> str | None:
    """The interpreter that runs this, if llama.cpp is there."""
    there = all(importlib.util.find_spec(name) for name in ("llama_cpp", "gguf"))
    return sys.executable if there else None


def _print(result: Result) -> None:
    verdict = "" if result.bar is None else "met" if result.met else "MISSED"
    wanted = "" if result.bar is None else f"{'≤' if result.small else '≥'} {result.bar:g} {result.unit}"
    print(
        f"{result.name:<38} {result.value:>8.2f} {result.unit:<2} {wanted:<9} {verdict:<7} {result.told}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

"""The memory plan against what torch really keeps, the choice of a batch, and reading what is free."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ysnakes_core.configuration import PRESETS, ModelConfig, RunConfig, TrainingConfig, preset_config
from ysnakes_core.errors import UsageError
from ysnakes_core.model.language_model import LanguageModel, count_parameters
from ysnakes_core.training import memory_use
from ysnakes_core.training.memory import (
    available_memory,
    choose_batch,
    parameter_counts,
    plan_memory,
    process_memory,
)
from ysnakes_core.training.memory_use import cgroup_limits, gpu_memory, gpu_percent
from ysnakes_core.training.optimizer import make_optimizer

VOCABULARY = 90
SHAPES = {
    "plain": ModelConfig(d_model=64, n_layers=3, d_state=16, head_dim=16, chunk_size=16),
    "rmsnorm, untied, groups": ModelConfig(
        d_model=48, n_layers=2, d_state=8, head_dim=12, n_groups=2, norm="rmsnorm", tie_embeddings=False
    ),
    "wide": ModelConfig(d_model=32, n_layers=2, d_state=32, head_dim=16, expand=3, d_conv=3, chunk_size=32),
}


def kept_bytes(model: LanguageModel, batch: int, seq_len: int, autocast: torch.dtype | None = None) -> int:
    """Bytes of every storage that a forward pass keeps for the backward pass, weights left out."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}
    held: list[Tensor] = []  # so that no address is used twice

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
            held.append(tensor)
        return tensor

    tokens = torch.randint(VOCABULARY, (batch, seq_len))
    documents = torch.arange(seq_len).expand(batch, -1) // 7
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype=autocast, enabled=autocast is not None),
    ):
        model.loss_sum(tokens, tokens, document_ids=documents)
    return sum(kept.values())


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seq_len", [32, 45, 130])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_a_forward_pass_keeps_is_what_the_plan_says(name: str, seq_len: int, precision: str) -> None:
    shape, batch = SHAPES[name], 3
    config = RunConfig(model=shape, training=TrainingConfig(precision=precision))
    plan = plan_memory(config, VOCABULARY, seq_len=seq_len, batch_size=batch, micro_batch_size=batch)
    at_head = 4 * (batch * seq_len * shape.d_model + VOCABULARY * shape.d_model)  # gradients taken there
    kept = kept_bytes(
        LanguageModel(shape, VOCABULARY), batch, seq_len, torch.bfloat16 if precision == "bfloat16" else None
    )
    assert plan.activations + at_head == pytest.approx(kept, rel=0.03)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_weights_gradients_and_optimizer_are_what_the_plan_says(name: str, kind: str) -> None:
    config = RunConfig(model=SHAPES[name], training=TrainingConfig(optimizer=kind))
    model = LanguageModel(config.model, VOCABULARY)
    optimizer = make_optimizer(model, config.training)
    model.loss(torch.ones(1, 8, dtype=torch.long), torch.ones(1, 8, dtype=torch.long)).backward()
    gradients = sum(p.grad.nbytes for p in model.parameters() if p.grad is not None)
    optimizer.step()
    remembered = sum(t.nbytes for t in optimizer.state_tensors().values() if t.dim())
    plan = plan_memory(config, VOCABULARY, seq_len=8, batch_size=1)
    assert plan.weights == sum(p.nbytes for p in model.parameters())
    assert (plan.gradients, plan.optimizer) == (gradients, remembered)


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_are_counted_without_a_model(name: str) -> None:
    shape, vocabulary = PRESETS[name].config().model, PRESETS[name].vocab_size
    assert sum(parameter_counts(shape, vocabulary)) == count_parameters(shape, vocabulary)


def test_peak_of_tensors_in_a_step_is_what_the_plan_says() -> None:
    """Counted by torch's own allocator, so that neither the C library nor other tests have a say in it."""
    config = RunConfig(model=ModelConfig(d_model=128, n_layers=4, d_state=64, head_dim=64))
    batch, seq_len = 4, 256
    model = LanguageModel(config.model, VOCABULARY)
    tokens = torch.randint(VOCABULARY, (batch, seq_len))

    def step() -> None:
        model.loss_sum(tokens, tokens).backward()

    step()  # the gradients are there from now on, as in a later micro-batch
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as seen:
        step()
    assert seen.profiler is not None
    assert seen.profiler.kineto_results is not None
    changes = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = peak = 0
    for change in sorted(changes, key=lambda e: e.start_ns()):
        held += change.nbytes()
        peak = max(peak, held)
    plan = plan_memory(config, VOCABULARY, seq_len=seq_len, batch_size=batch, micro_batch_size=batch)
    assert plan.activations + plan.logits + plan.transient == pytest.approx(peak, rel=0.05)


def test_a_plan_grows_with_everything() -> None:
    config = preset_config("ys-4m")
    sizes = [
        plan_memory(config, 4096, seq_len=256, batch_size=64, micro_batch_size=m).total for m in (1, 2, 8, 64)
    ]
    assert sizes == sorted(set(sizes))
    longer = plan_memory(config, 4096, seq_len=512, batch_size=64, micro_batch_size=1).total
    assert sizes[0] < longer < sizes[2]
    assert plan_memory(config, 8192, seq_len=256, batch_size=64, micro_batch_size=1).total > sizes[0]
    # Accumulated gradients lie beside the activations, a single pass's take their place.
    alone = plan_memory(config, 4096, seq_len=256, batch_size=8, micro_batch_size=8)
    assert alone.total == sizes[2] - alone.gradients


@settings(max_examples=60)
@given(
    preset=st.sampled_from(sorted(PRESETS)),
    seq_len=st.integers(1, 3000),
    batch=st.integers(1, 200),
    limit=st.integers(400_000_000, 40_000_000_000),
)
def test_a_chosen_batch_fits(preset: str, seq_len: int, batch: int, limit: int) -> None:
    config, vocabulary = preset_config(preset), PRESETS[preset].vocab_size

    def total(micro: int) -> int:
        return plan_memory(
            config, vocabulary, seq_len=seq_len, batch_size=batch, micro_batch_size=micro
        ).total

    if total(1) > limit:
        with pytest.raises(UsageError) as caught:
            choose_batch(config, vocabulary, seq_len=seq_len, batch_size=batch, limit=limit)
        assert caught.value.hint
        return
    chosen, micro = choose_batch(config, vocabulary, seq_len=seq_len, batch_size=batch, limit=limit)
    assert chosen == batch
    assert 1 <= micro <= batch
    assert total(micro) <= limit


def test_less_memory_means_smaller_micro_batches_of_the_same_batch() -> None:
    config = preset_config("ys-24m")
    roomy = choose_batch(config, 8192, seq_len=256, batch_size=64, limit=10**11)
    tight = choose_batch(config, 8192, seq_len=256, batch_size=64, limit=10**9)
    assert roomy[0] == tight[0] == 64
    assert roomy[1] > tight[1] >= 1


@pytest.mark.parametrize("preset", ["ys-1m", "ys-4m", "ys-24m"])
def test_automatic_batch_on_a_cpu_is_the_presets(preset: str) -> None:
    known = PRESETS[preset]
    chosen, _ = choose_batch(
        known.config(), known.vocab_size, seq_len=known.seq_len, batch_size=0, limit=10**11
    )
    assert chosen == known.batch_size
    halved, _ = choose_batch(
        known.config(), known.vocab_size, seq_len=known.seq_len // 2, batch_size=0, limit=10**11
    )
    assert halved == 2 * known.batch_size


def test_automatic_batch_on_a_gpu_is_the_largest_power_of_two_that_fits() -> None:
    config, limit = preset_config("ys-24m"), 8_000_000_000
    batch, micro = choose_batch(config, 8192, seq_len=256, batch_size=0, limit=limit, device="cuda")
    assert batch == micro
    assert batch & (batch - 1) == 0

    def total(size: int) -> int:
        return plan_memory(
            config, 8192, seq_len=256, batch_size=size, micro_batch_size=size, device="cuda"
        ).total

    assert total(batch) <= limit < total(2 * batch)


def test_sizes_are_said_as_the_form_says_them() -> None:
    config = preset_config("ys-296m")
    with pytest.raises(UsageError) as caught:
        choose_batch(config, 8192, seq_len=99_999_999, batch_size=1, limit=120_000_000_000)
    needed, limit = re.findall(r"[\d.]+ [GT]B", caught.value.what)
    assert limit == "120 GB"
    assert re.fullmatch(r"\d{3} TB", needed)


def test_too_little_memory_is_said_with_what_would_fit() -> None:
    config = preset_config("ys-24m")
    with pytest.raises(UsageError) as caught:
        choose_batch(config, 8192, seq_len=20_000, batch_size=8, limit=2_000_000_000)
    assert "20000 tokens" in caught.value.what
    assert "2.0 GB" in caught.value.what
    shorter = int(caught.value.hint.partition("seq_len of ")[2].split()[0])
    choose_batch(config, 8192, seq_len=shorter, batch_size=8, limit=2_000_000_000)
    with pytest.raises(UsageError):
        choose_batch(config, 8192, seq_len=shorter + 64, batch_size=8, limit=2_000_000_000)

    with pytest.raises(UsageError, match="--preset ys-60m") as caught:
        choose_batch(preset_config("ys-296m"), 8192, seq_len=32, batch_size=8, limit=1_400_000_000)
    choose_batch(preset_config("ys-60m"), 8192, seq_len=32, batch_size=8, limit=1_400_000_000)
    with pytest.raises(UsageError):
        choose_batch(preset_config("ys-71m"), 8192, seq_len=32, batch_size=8, limit=1_400_000_000)


def test_memory_of_this_process() -> None:
    before = process_memory()
    ballast = torch.ones(25_000_000)
    now = process_memory()
    assert now["rss"] > before["rss"] + 90_000_000
    assert now["peak"] >= now["rss"]
    del ballast
    after = process_memory()
    assert after["peak"] > 0.98 * now["rss"] > after["rss"]  # the kernel keeps the two counts a little apart
    assert 0 < after["available"] < after["total"] <= psutil.virtual_memory().total
    assert after["rss"] < available_memory("cpu") <= after["total"] + after["rss"]


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


def test_limits_of_a_version_2_control_group(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/work.slice/job\n")
    root = tmp_path / "cgroup"
    write(
        root / "work.slice",
        {"memory.max": "8000\n", "memory.high": "max\n", "memory.current": "5000\n", "memory.stat": "x"},
    )
    write(
        root / "work.slice" / "job",
        {
            "memory.max": "9000\n",
            "memory.high": "4000\n",
            "memory.current": "3000\n",
            "memory.stat": "anon 2000\ninactive_file 700\n",
        },
    )
    write(root, {"memory.stat": "inactive_file 1\n"})
    assert sorted(cgroup_limits(root, own)) == [(4000, 2300), (8000, 5000)]


def test_limits_of_a_version_1_control_group_seen_from_inside_its_container(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("12:cpu,cpuacct:/docker/abc\n9:memory:/docker/abc\n1:name=systemd:/\n")
    root = tmp_path / "cgroup"
    write(
        root / "memory",  # the path of the host does not exist in here
        {
            "memory.limit_in_bytes": "6000",
            "memory.usage_in_bytes": "2500",
            "memory.stat": "total_inactive_file 500",
        },
    )
    assert cgroup_limits(root, own) == [(6000, 2000)]
    write(root / "memory", {"memory.limit_in_bytes": "9223372036854771712"})
    assert cgroup_limits(root, own) == []


def test_without_control_groups_there_are_no_limits(tmp_path: Path) -> None:
    assert cgroup_limits(tmp_path, tmp_path / "missing") == []
    (tmp_path / "own").write_bytes(b"\xff\n:::\n0::/../..\n")
    assert cgroup_limits(tmp_path, tmp_path / "own") == []


def test_a_containers_limit_bounds_what_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_use, "cgroup_limits", lambda: [(10**9, 4 * 10**8), (2 * 10**9, 0)])
    found = process_memory()
    assert (found["available"], found["total"]) == (6 * 10**8, 10**9)
    assert available_memory("cpu") == pytest.approx(6 * 10**8 + found["rss"], rel=0.05)


def fake_nvml(**replaced: Callable[..., object]) -> types.ModuleType:
    """What of NVML is used, for two GPUs of which torch may see only the second."""
    module = types.ModuleType("pynvml")
    calls: dict[str, Callable[..., object]] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetHandleByUUID": lambda uuid: {"GPU-first": 0, "GPU-second": 1}[uuid],
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetMemoryInfo": lambda handle: types.SimpleNamespace(
            used=(11, 22)[handle], total=(100, 200)[handle], free=0
        ),
        "nvmlDeviceGetUtilizationRates": lambda handle: types.SimpleNamespace(gpu=(33, 44)[handle], memory=5),
        **replaced,
    }
    for name, call in calls.items():
        setattr(module, name, call)
    return module


@pytest.fixture
def second_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda index: types.SimpleNamespace(uuid="second")
    )


@pytest.mark.usefixtures("second_gpu")
def test_a_gpus_memory_through_nvml_by_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pynvml", fake_nvml())
    assert gpu_memory(torch.device("cuda:0")) == {"cuda_used": 22, "cuda_total": 200}
    assert gpu_percent(torch.device("cuda:0")) == 44.0
    assert gpu_percent(torch.device("cpu")) is None


@pytest.mark.usefixtures("second_gpu")
def test_the_memory_of_a_process_on_a_gpu_is_told_with_that_of_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pynvml", fake_nvml())
    for name, amount in {"memory_allocated": 7, "memory_reserved": 9, "max_memory_allocated": 8}.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, amount=amount: amount)
    found = process_memory("cuda:0")
    assert {name: amount for name, amount in found.items() if name.startswith("cuda")} == {
        "cuda_allocated": 7,
        "cuda_reserved": 9,
        "cuda_peak": 8,
        "cuda_used": 22,
        "cuda_total": 200,
    }
    assert found["rss"] > 0

    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)  # not installed: torch tells of the GPU
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (170, 200))
    without = process_memory("cuda:0")
    assert (without["cuda_used"], without["cuda_total"]) == (30, 200)
    assert gpu_percent(torch.device("cuda:0")) is None


@pytest.mark.usefixtures("second_gpu")
def test_nvml_that_does_not_answer_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("driver not loaded")

    modules = __import__("sys").modules
    ended: list[bool] = []
    monkeypatch.setitem(modules, "pynvml", fake_nvml(nvmlInit=fail))
    assert gpu_memory(torch.device("cuda:0")) == {}
    broken = fake_nvml(nvmlDeviceGetMemoryInfo=fail, nvmlShutdown=lambda: ended.append(True))
    monkeypatch.setitem(modules, "pynvml", broken)
    assert gpu_memory(torch.device("cuda:0")) == {}
    assert ended == [True]
    monkeypatch.setitem(modules, "pynvml", None)  # as if it were not installed
    assert gpu_memory(torch.device("cuda:0")) == {}

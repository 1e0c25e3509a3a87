"""Every setting of a run, once: its name, default, unit and meaning; presets; TOML in and out.

A run's ``config.toml`` has one table per section below. ``apply_settings`` takes the
``section.key=value`` (or unambiguous ``key=value``) form of the command line.
"""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from ysnakes_core.errors import UsageError
from ysnakes_core.settings import find_setting, nearest, section_from_table, section_toml, setting, toml_value


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the network. The vocabulary size comes from the tokenizer."""

    d_model: int = setting(256, "width of the residual stream", low=1)
    n_layers: int = setting(6, "number of state-space blocks", low=1)
    d_state: int = setting(64, "state dimensions per head channel (N)", low=1)
    head_dim: int = setting(64, "channels per head (P); must divide expand x d_model", low=1)
    expand: int = setting(2, "inner width as a multiple of d_model", low=1)
    n_groups: int = setting(1, "groups of heads that share B and C; must divide the number of heads", low=1)
    d_conv: int = setting(4, "taps of the causal depthwise convolution", low=1)
    chunk_size: int = setting(64, "positions per diagonal block of the chunked form", low=1)
    norm: str = setting("layernorm", "normalisation before each block", choices=("layernorm", "rmsnorm"))
    norm_eps: float = setting(1e-5, "added to the variance before its root", low=0.0)
    dropout: float = setting(0.0, "probability that a block's output channel is zeroed", low=0.0, high=0.9)
    tie_embeddings: bool = setting(True, "the output head shares the embedding's weights")
    dt_min: float = setting(1e-3, "smallest initial time step", low=1e-8)
    dt_max: float = setting(1e-1, "largest initial time step", low=1e-8)
    dt_limit: float = setting(100.0, "largest time step, however far training pushes it", low=1e-8)
    embedding_std: float = setting(0.1, "standard deviation of the initial embedding", low=0.0)

    @property
    def d_inner(self) -> int:
        return self.expand * self.d_model

    @property
    def n_heads(self) -> int:
        return self.d_inner // self.head_dim


@dataclass(frozen=True)
class TextConfig:
    tokenizer: str = setting("bpe", "kind of tokenizer to train", choices=("bpe", "word"))
    vocab_size: int = setting(4096, "most entries the tokenizer may have", low=300)
    tokenizer_file: str = setting("", "use this tokenizer.json instead of training one")


@dataclass(frozen=True)
class DataConfig:
    paths: tuple[str, ...] = setting((), "files and folders to train on; empty: the shipped corpus")
    validation_fraction: float = setting(0.02, "part of the documents kept for validation", low=0.0, high=0.9)
    pack: bool = setting(True, "documents share a window (they never see each other)")


@dataclass(frozen=True)
class TrainingConfig:
    seed: int = setting(0, "seed of weights, order and dropout", low=0)
    device: str = setting("auto", "auto, cpu, cuda or cuda:N")
    precision: str = setting(
        "auto", "auto: bfloat16 on GPUs that have it, else float32", choices=("auto", "float32", "bfloat16")
    )
    steps: int = setting(0, "budget in optimizer steps (0: not given)", low=0)
    tokens: int = setting(0, "budget in training tokens (0: not given)", low=0)
    epochs: float = setting(0.0, "budget in passes over the training text (0: not given)", low=0.0)
    minutes: float = setting(0.0, "budget in minutes of training (0: not given)", low=0.0)
    seq_len: int = setting(256, "tokens per sequence", low=1)
    batch_size: int = setting(0, "sequences per step (0: auto)", low=0)
    micro_batch_size: int = setting(0, "sequences per forward pass; the rest is accumulated (0: auto)", low=0)
    stages: str = setting("", "sequence-length stages: '', 'auto' or '64x32@1.0,128x16@0.5,192'")
    optimizer: str = setting(
        "muon",
        "muon: Muon for hidden matrices, AdamW for the rest; adamw: AdamW for all",
        choices=("muon", "adamw"),
    )
    learning_rate: float = setting(0.01, "peak learning rate of AdamW", low=0.0)
    muon_learning_rate: float = setting(0.02, "peak learning rate of Muon", low=0.0)
    learning_rate_scale: float = setting(1.0, "multiplies every learning rate", low=0.0)
    weight_decay: float = setting(0.01, "decoupled weight decay of matrices", low=0.0)
    beta1: float = setting(0.9, "AdamW's first-moment decay", low=0.0, high=1.0)
    beta2: float = setting(0.95, "AdamW's second-moment decay", low=0.0, high=1.0)
    muon_momentum: float = setting(0.95, "Muon's momentum", low=0.0, high=1.0)
    grad_clip: float = setting(1.0, "largest global gradient norm (0: no clipping)", low=0.0)
    memory_limit: int = setting(0, "bytes a training step may use (0: from what is free)", low=0)


@dataclass(frozen=True)
class ScheduleConfig:
    warmup_fraction: float = setting(
        0.02, "part of the budget that the learning rate climbs", low=0.0, high=1.0
    )
    decay_fraction: float = setting(0.4, "part of the budget, at its end, that it falls", low=0.0, high=1.0)
    final_scale: float = setting(0.02, "what is left of the peak at the very end", low=0.0, high=1.0)


@dataclass(frozen=True)
class EarlyStoppingConfig:
    enabled: bool = setting(True, "stop when validation no longer improves")
    patience: int = setting(8, "validations without improvement before stopping", low=1)
    min_delta: float = setting(0.0, "bits per byte that count as improvement", low=0.0)
    target: float = setting(0.0, "stop at this many bits per byte (0: none)", low=0.0)


@dataclass(frozen=True)
class ValidationConfig:
    validate_every: int = setting(0, "steps between validations (0: auto, up to 50 a run)", low=0)
    max_tokens: int = setting(16384, "validation tokens used each time", low=1)
    sample_every: int = setting(0, "steps between sample completions (0: with each validation)", low=0)
    sample_prompt: str = setting("", "text to complete ('': a request from the validation text)")
    sample_tokens: int = setting(64, "most tokens in a sample completion", low=1)


@dataclass(frozen=True)
class CheckpointsConfig:
    checkpoint_every: int = setting(0, "steps between checkpoints (0: auto, by time)", low=0)
    checkpoint_minutes: float = setting(
        2.0, "minutes between checkpoints where steps are not given", low=0.01
    )
    keep: int = setting(2, "newest checkpoints kept beside the best", low=1)


@dataclass(frozen=True)
class RunConfig:
    """Everything about a run. ``preset`` only records where the fields came from."""

    preset: str = ""
    model: ModelConfig = field(default_factory=ModelConfig)
    text: TextConfig = field(default_factory=TextConfig)
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    checkpoints: CheckpointsConfig = field(default_factory=CheckpointsConfig)


SECTIONS: tuple[str, ...] = (
    "model",
    "text",
    "data",
    "training",
    "schedule",
    "early_stopping",
    "validation",
    "checkpoints",
)
BUDGETS: tuple[str, ...] = ("steps", "tokens", "epochs", "minutes")


@dataclass(frozen=True)
class Preset:
    """A named size: only values for fields that anyone can set."""

    name: str
    summary: str
    d_model: int
    n_layers: int
    vocab_size: int
    seq_len: int
    batch_size: int  # sequences per step on a CPU when the batch size is auto
    learning_rate: float = 0.01
    muon_learning_rate: float = 0.02
    d_state: int = 64

    def config(self) -> RunConfig:
        return RunConfig(
            preset=self.name,
            model=ModelConfig(d_model=self.d_model, n_layers=self.n_layers, d_state=self.d_state),
            text=TextConfig(vocab_size=self.vocab_size),
            training=TrainingConfig(
                seq_len=self.seq_len,
                learning_rate=self.learning_rate,
                muon_learning_rate=self.muon_learning_rate,
            ),
        )


PRESETS: dict[str, Preset] = {
    p.name: p
    for p in (
        Preset("ys-1m", "seconds to try things out", 160, 2, 4096, 256, 8, 0.015, 0.03),
        Preset("ys-2m", "five minutes on a laptop's CPU", 256, 2, 4096, 256, 8, 0.015, 0.03),
        Preset("ys-4m", "an hour on a laptop's CPU", 320, 4, 4096, 256, 8),
        Preset("ys-24m", "an evening on a CPU, minutes on a GPU", 512, 12, 8192, 256, 16, 0.006),
        Preset("ys-60m", "a day on a CPU, an hour on a GPU", 768, 15, 8192, 128, 32, 0.004, 0.015),
        Preset("ys-71m", "one GPU", 768, 18, 8192, 128, 32, 0.004, 0.015),
        Preset("ys-120m", "one GPU", 1024, 17, 8192, 72, 64, 0.003, 0.01),
        Preset("ys-296m", "one large GPU", 1280, 28, 8192, 32, 32, 0.002, 0.01),
    )
}
DEFAULT_PRESET = "ys-2m"


def preset_config(name: str) -> RunConfig:
    """The configuration that a preset's name stands for."""
    if name not in PRESETS:
        raise UsageError(f"there is no preset named {name!r}", f"choose one of: {', '.join(PRESETS)}")
    return PRESETS[name].config()


@functools.cache
def _section_types() -> dict[str, type]:
    hints = get_type_hints(RunConfig)
    return {section: hints[section] for section in SECTIONS}


def to_toml(config: RunConfig) -> str:
    """The whole configuration as TOML, each key's meaning above it; ``from_toml`` gives it back exactly."""
    head = (
        "# The settings of a run. What is changed here holds from the next resume on.\n\n"
        "# the preset these settings started from (a note only)\n"
        f"preset = {toml_value(config.preset)}\n"
    )
    return "\n".join([head, *(section_toml(section, getattr(config, section)) for section in SECTIONS)])


def from_toml(text: str) -> RunConfig:
    """The configuration in ``text``; what is not named has its default.

    Raises ``UsageError`` that names the key, its value and what is allowed.
    """
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise UsageError("the configuration nests too deeply", "write one table per section") from None
    except ValueError as error:
        raise UsageError(f"the configuration is not valid TOML: {error!s:.200}", "mend that line") from None
    preset = document.pop("preset", "")
    if not isinstance(preset, str):
        raise UsageError(f"preset cannot be {preset!r:.60}", "give a text")
    sections: dict[str, Any] = {}
    for section, table in document.items():
        if section not in _section_types():
            raise UsageError(f"there is no section {section[:60]!r} of settings", nearest(section, SECTIONS))
        sections[section] = section_from_table(section, _section_types()[section], table)
    return validated(RunConfig(preset=preset, **sections))


def apply_settings(config: RunConfig, settings: Iterable[str]) -> RunConfig:
    """``config`` with ``section.key=value``, or ``key=value`` where only one section has that key, applied.

    Later ones win. Raises ``UsageError`` for an unknown or ambiguous name or a value that is not allowed.
    """
    for text in settings:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(f"{text[:100]!r} is not a setting", "write it as section.key=value")
        if name == "preset":
            raise UsageError("a preset is not a single setting", "choose it with --preset NAME")
        entry = find_setting(name, _section_types())
        section = dataclasses.replace(getattr(config, entry.section), **{entry.key: entry.parse(value)})
        changed: dict[str, Any] = {entry.section: section}
        config = dataclasses.replace(config, **changed)
    return validated(config)


def validated(config: RunConfig) -> RunConfig:
    """``config`` itself if every value is allowed and they fit together, else ``UsageError``."""
    for section, kind in _section_types().items():
        values = {f.name: getattr(getattr(config, section), f.name) for f in dataclasses.fields(kind)}
        section_from_table(section, kind, values)
    model, training = config.model, config.training
    if model.d_inner % model.head_dim:
        raise UsageError(
            f"model.head_dim {model.head_dim} does not divide expand x d_model = {model.d_inner}",
            f"choose a divisor of {model.d_inner}, or another d_model",
        )
    if model.n_heads % model.n_groups:
        raise UsageError(
            f"model.n_groups {model.n_groups} does not divide the number of heads, {model.n_heads}",
            f"choose a divisor of {model.n_heads}",
        )
    if model.dt_min >= model.dt_max:
        raise UsageError(
            f"model.dt_min {model.dt_min:g} is not smaller than model.dt_max {model.dt_max:g}",
            "choose dt_min < dt_max; the published range is 0.001 to 0.1",
        )
    budgets = [f"{key} = {getattr(training, key):g}" for key in BUDGETS if getattr(training, key)]
    if len(budgets) > 1:
        raise UsageError(
            f"training has more than one budget: {', '.join(budgets)}",
            f"give at most one of {', '.join(BUDGETS)} and set the others to 0",
        )
    return config

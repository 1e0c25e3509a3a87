"""Named sampling settings, each with what it is for. Light: forms and command lines need it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ysnakes_core.completion.options import SamplingOptions


@dataclass(frozen=True)
class SamplingPreset:
    """``options`` under a name; ``purpose`` says in one line what they are for."""

    name: str
    purpose: str
    options: SamplingOptions


DEFAULT_PRESET = "balanced"

PRESETS: tuple[SamplingPreset, ...] = (
    SamplingPreset(DEFAULT_PRESET, "varied but on the subject: the usual choice", SamplingOptions()),
    SamplingPreset(
        "calm",
        "close to what the model is surest of: for questions with one answer",
        SamplingOptions(temperature=0.3, top_k=20, top_p=0.9),
    ),
    SamplingPreset(
        "lively",
        "more turns and rarer words: for stories",
        SamplingOptions(temperature=0.9, top_k=0, top_p=0.95, min_p=0.03),
    ),
    SamplingPreset(
        "wild",
        "nearly anything goes: to see what a model has in it",
        SamplingOptions(temperature=1.3, top_k=0, top_p=1.0, min_p=0.02),
    ),
    SamplingPreset(
        "plain",
        "the model's own probabilities, nothing added: to judge a model",
        SamplingOptions(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, repetition_penalty=1.0),
    ),
    SamplingPreset(
        "greedy",
        "always the likeliest token: the same text every time, often repetitive",
        SamplingOptions(temperature=0.0, top_k=0, top_p=1.0, min_p=0.0, repetition_penalty=1.0),
    ),
)

SAMPLING_PRESETS: Mapping[str, SamplingOptions] = MappingProxyType({p.name: p.options for p in PRESETS})

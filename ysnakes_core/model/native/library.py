"""The compiled decoding step: whether it is there, and what it is called with."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from dataclasses import dataclass
from typing import Any

import torch

from ysnakes_core.model.native import building
from ysnakes_core.model.native.building import HERE, file_name, levels

SWITCH = "YSNAKES_NATIVE"
"""Environment variable: ``0`` has text completed by torch alone."""

FLOAT32, BFLOAT16, INT8 = range(3)  # as in products.h
PAD = 64

_pointer, _count = ctypes.c_void_p, ctypes.c_int64


class Matrix(ctypes.Structure):
    """As in products.h."""

    _fields_ = (
        ("weight", _pointer),
        ("scale", _pointer),
        ("sums", _pointer),
        ("rows", _count),
        ("columns", _count),
        ("kind", _count),
    )


class Layer(ctypes.Structure):
    """As in decode_step.c."""

    _fields_ = (
        ("in_proj", Matrix),
        ("out_proj", Matrix),
        *(
            (name, _pointer)
            for name in (
                "norm_weight",
                "norm_bias",
                "conv_weight",
                "conv_bias",
                "dt_bias",
                "A",
                "D",
                "gate_weight",
                "ring",
                "ssm",
            )
        ),
    )


class Step(ctypes.Structure):
    """As in decode_step.c."""

    _fields_ = (
        *(
            (name, _count)
            for name in (
                "batch",
                "d_model",
                "n_layers",
                "d_inner",
                "n_heads",
                "head_dim",
                "d_state",
                "n_groups",
                "d_conv",
                "stride",
                "scratch_size",
                "n_threads",
            )
        ),
        ("norm_eps", ctypes.c_double),
        ("gate_eps", ctypes.c_double),
        ("dt_limit", ctypes.c_double),
        ("embedding", Matrix),
        ("head", Matrix),
        *(
            (name, _pointer)
            for name in (
                "norm_weight",
                "norm_bias",
                "layers",
                "hidden",
                "gated",
                "squares",
                "logits",
                "scratch",
                "stages",
            )
        ),
        ("position", _count),
        ("work", ctypes.c_uint64),
        ("last_done", ctypes.c_uint64),
    )


class Stage(ctypes.Structure):
    """As in sharing.h."""

    _fields_ = (("taken", ctypes.c_uint64), ("done", ctypes.c_uint64), ("unused", ctypes.c_uint64 * 6))


class Product(ctypes.Structure):
    """As in decode_step.c."""

    _fields_ = (
        ("by", Matrix),
        ("x", _pointer),
        ("out", _pointer),
        ("count", _count),
        ("stride", _count),
        ("levels", _pointer),
        ("steps", _pointer),
        ("stages", Stage * 2),
        ("over", ctypes.c_uint64),
    )


class Choice(ctypes.Structure):
    """As in choose.c."""

    _fields_ = (
        ("scores", _pointer),
        ("count", _count),
        ("recent", _pointer),
        ("forbidden", _pointer),
        *((name, _count) for name in ("n_recent", "n_forbidden", "top_k", "alternatives")),
        *((name, ctypes.c_double) for name in ("penalty", "temperature", "top_p", "min_p", "uniform")),
        ("id", _count),
        ("left", _count),
        ("probability", ctypes.c_double),
        ("other_ids", _pointer),
        ("other_probabilities", _pointer),
        ("n_others", _count),
    )


@dataclass(frozen=True)
class Library:
    """The functions of the C files, compiled for one level of processor; see there."""

    level: str
    begin: Any
    help: Any
    help_product: Any
    choose: Any


def level_here() -> str | None:
    """For which level of processor it would have to be built to run here; None: for none."""
    known = levels()
    if "arm64" in known:
        return "arm64"
    vectors = torch.backends.cpu.get_cpu_capability()
    has_vnni = getattr(torch.cpu, "_is_vnni_supported", None)
    if "avx512vnni" in known and vectors == "AVX512" and has_vnni is not None and has_vnni():
        return "avx512vnni"
    return "avx2" if "avx2" in known and vectors in ("AVX2", "AVX512") else None


def why_not() -> tuple[str, str]:
    """Where there is no ``library()``: why, and what to do about it ("" if nothing can be done)."""
    level = level_here()
    if level is None:
        return f"there is none for this processor ({platform.machine()})", ""
    if _switched_off():
        return f"it is switched off by {SWITCH}", f"unset {SWITCH}"
    build = f"{sys.executable} -m {building.__name__}"
    if not (HERE / file_name(level)).exists():
        there = building.compiler() is not None
        return "it was not built", build if there else f"install a C compiler (gcc or clang), then: {build}"
    return "it cannot be loaded", f"delete {HERE / file_name(level)}, then: {build}"


def _switched_off() -> bool:
    return os.environ.get(SWITCH, "").strip() == "0"


@functools.cache
def library() -> Library | None:
    """None where it was not built, does not run on this processor or is switched off."""
    level = level_here()
    if level is None or _switched_off():
        return None
    try:
        return load(level)
    except (OSError, AttributeError):
        return None


def load(level: str) -> Library:
    """What was built for a level, which this processor must have.

    Raises ``OSError`` where it is not there, ``AttributeError`` where it is something else.
    """
    found = ctypes.CDLL(str(HERE / file_name(level)))
    begin, help, product = found.ysnakes_begin, found.ysnakes_help, found.ysnakes_help_product
    begin.argtypes, begin.restype = (_pointer, _pointer), ctypes.c_int
    help.argtypes, help.restype = (_pointer, _count), None
    product.argtypes, product.restype = (_pointer, _count), None
    choose = found.ysnakes_choose
    choose.argtypes, choose.restype = (_pointer,), ctypes.c_int
    return Library(level, begin, help, product, choose)

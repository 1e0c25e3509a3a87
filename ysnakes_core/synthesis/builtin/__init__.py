"""The built-in teacher: a grammar that writes simple, correct English, always the same for the same seed."""

from ysnakes_core.synthesis.builtin.teacher import KINDS, generate

__all__ = ["KINDS", "generate"]

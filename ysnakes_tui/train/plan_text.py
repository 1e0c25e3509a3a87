"""What a new run would take, in words, for the panel beside the form."""

from __future__ import annotations

from rich.text import Text

from ysnakes_core.configuration import PRESETS
from ysnakes_core.files import printable
from ysnakes_core.runs.plans import RunPlan
from ysnakes_tui.formats import count, duration, size

WAITING = "calculating…"
_WIDTH = 12
_MOST_STAGES = 4


def plan_text(preset: str, plan: RunPlan | None, *, bad_fields: int = 0, ascii: bool = False) -> Text:
    """``plan`` is None until it is there; with ``bad_fields`` there is nothing to plan."""
    text = Text()
    text.append(f"{preset}\n", "bold")
    if preset in PRESETS:
        text.append(f"{PRESETS[preset].summary}\n")
    text.append("\n")
    if bad_fields:
        some = "one field is" if bad_fields == 1 else f"{bad_fields} fields are"
        text.append(f"{'x' if ascii else '✗'} {some} not right yet", "bold")
        return text
    if plan is not None and plan.failure:
        text.append("What it takes could not be worked out; it can be started all the same.", "dim")
        return text
    _fact(text, "parameters", count(plan.parameters) if plan else WAITING)
    _fact(text, "a step", _steps(plan) if plan else WAITING)
    if plan is None:
        _fact(text, "memory", WAITING)
    else:
        _fact(text, "memory", f"{size(plan.bytes)} of {size(plan.limit)}")
        _fact(text, "on", printable(plan.device, 20))
    if plan is not None and plan.problem:
        text.append(f"\n{'x' if ascii else '✗'} does not fit\n", "bold")
        text.append(f"{_sentence(plan.problem)}\n{_sentence(in_the_form(plan.hint))}")
        return text
    if plan is not None:
        _fact(text, "", f"{'+' if ascii else '✓'} fits", "bold")
    known = plan is not None and plan.seconds is not None
    text.append("\n")
    if plan is None or not known:
        for name in ("speed", "time", "text seen"):
            _fact(text, name, WAITING)
        return text
    _fact(text, "speed", f"{plan.tokens_per_second or 0:,.0f} tokens/s")
    _fact(text, "time", duration(plan.seconds or 0), "bold")
    _fact(text, "text seen", f"about {count(plan.tokens or 0)} tokens")
    _fact(text, "steps", f"about {count(plan.steps or 0)}")
    return text


def _fact(text: Text, name: str, value: str, style: str = "") -> None:
    text.append(f"{name:<{_WIDTH}}", "dim")
    text.append(f"{value}\n", "dim italic" if value == WAITING else style)


def _steps(plan: RunPlan) -> str:
    """``8 × 256 tokens``, below it how many at once where that is not all; so for each stage."""
    lines = []
    for stage in plan.stages[:_MOST_STAGES]:
        lines.append(f"{stage.batch_size} × {stage.seq_len} tokens")
        if stage.micro_batch_size < stage.batch_size:
            lines.append(f"  {stage.micro_batch_size} at once")
    if len(plan.stages) > _MOST_STAGES:
        lines.append(f"and {len(plan.stages) - _MOST_STAGES} stages more")
    return f"\n{' ' * _WIDTH}".join(lines) or "–"


def in_the_form(hint: str) -> str:
    """A hint of the command line as it is said beside the form's fields."""
    return hint.replace("--preset ", "the size ").replace("a seq_len", "a length")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""

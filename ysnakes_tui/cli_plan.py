"""``ysnakes plan``: what training would take on this machine, before any of it is spent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import count, facts, size, table
from ysnakes_tui.options import AsJson, Device
from ysnakes_tui.output import put, put_json, say

if TYPE_CHECKING:
    from ysnakes_core.configuration import RunConfig
    from ysnakes_core.training.memory import MemoryPlan

LENGTHS = (64, 128, 256, 512, 1024)
_PARTS = ("weights", "gradients", "optimizer", "activations", "logits", "transient", "workspace", "heap")


def register(app: typer.Typer) -> None:
    app.command("plan")(plan)


@guarded
def plan(
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="One size, in several lengths; none: every size.")
    ] = None,
    seq_len: Annotated[
        str | None, typer.Option(metavar="N", help="Tokens per sequence.", show_default=False)
    ] = None,
    batch_size: Annotated[
        str, typer.Option(metavar="N", help="Sequences per step, or auto.", show_default=False)
    ] = "auto",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting, as for train.")
    ] = None,
    device: Device = "auto",
    json: AsJson = False,
) -> int | None:
    """Predict memory and speed of training on this machine, and say what fits.

    Nothing is trained for it.
    """
    from ysnakes_core.configuration import PRESETS, apply_settings, preset_config
    from ysnakes_tui.user_settings import starting_config

    given = [
        *([f"training.seq_len={seq_len}"] if seq_len is not None else []),
        *([f"training.batch_size={batch_size}"] if batch_size != "auto" else []),
        *(settings or []),
    ]
    if preset is None:
        configs = [apply_settings(preset_config(name), given) for name in PRESETS]
    else:
        config = apply_settings(starting_config(preset), given)
        configs = [config] if seq_len is not None else list(_lengths(config))

    from ysnakes_core.runs.preparation import SHARE_OF_FREE_MEMORY, choose_device
    from ysnakes_core.training.memory import available_memory

    where = str(choose_device(device))
    free = available_memory(where)
    limit = configs[0].training.memory_limit or int(SHARE_OF_FREE_MEMORY * free)
    rows = [planned(config, where, limit) for config in configs]
    if json:
        for row in rows:
            put_json(row.to_object(where, limit))
        return None
    _tell(rows)
    if len(rows) == 1:
        put()
        for line in facts([(part, size(getattr(rows[0].memory, part))) for part in (*_PARTS, "overhead")]):
            put(f"  {line}")
        put("  (not all of it is held at the same time)")
    say(f"{where}: {size(free)} free, of which a training takes at most {size(limit)}")
    return None


def _lengths(config: RunConfig) -> Iterator[RunConfig]:
    """The same size at several lengths, the tokens a step kept."""
    own = config.training.seq_len
    for length in sorted({*LENGTHS, own}):
        batch = config.training.batch_size
        training = dataclasses.replace(
            config.training,
            seq_len=length,
            batch_size=max(1, round(batch * own / length)) if batch else 0,
        )
        yield dataclasses.replace(config, training=training)


@dataclass(frozen=True)
class Row:
    """What could be trained: ``batch_size`` sequences a step, ``memory.micro_batch_size`` of them at once."""

    preset: str
    parameters: int
    seq_len: int
    batch_size: int
    memory: MemoryPlan
    fits: bool

    def to_object(self, device: str, limit: int) -> dict[str, object]:
        return {
            "preset": self.preset,
            "parameters": self.parameters,
            "seq_len": self.seq_len,
            "batch_size": self.batch_size,
            "micro_batch_size": self.memory.micro_batch_size,
            "bytes": self.memory.total,
            "parts": {part: getattr(self.memory, part) for part in (*_PARTS, "overhead")},
            "fits": self.fits,
            "limit": limit,
            "device": device,
        }


def planned(config: RunConfig, device: str, limit: int) -> Row:
    """What a training would choose within ``limit`` bytes; one sequence at once if nothing fits."""
    from ysnakes_core.errors import UsageError
    from ysnakes_core.training.memory import choose_batch, parameter_counts, plan_memory

    training, vocabulary = config.training, config.text.vocab_size
    length, asked = training.seq_len, training.batch_size
    try:
        batch, micro = choose_batch(
            config, vocabulary, seq_len=length, batch_size=asked, limit=limit, device=device
        )
    except UsageError:
        batch, micro = asked or 1, 1
    memory = plan_memory(
        config,
        vocabulary,
        seq_len=length,
        batch_size=batch,
        micro_batch_size=training.micro_batch_size or micro,
        device=device,
    )
    parameters = sum(parameter_counts(config.model, vocabulary))
    return Row(config.preset, parameters, length, batch, memory, memory.total <= limit)


def _tell(rows: list[Row]) -> None:
    lines = [("preset", "parameters", "tokens × sequences", "at once", "memory", "fits")]
    for row in rows:
        shape = f"{row.seq_len} × {row.batch_size}"
        fits = "yes" if row.fits else "no"
        lines.append(
            (
                row.preset,
                count(row.parameters),
                shape,
                str(row.memory.micro_batch_size),
                size(row.memory.total),
                fits,
            )
        )
    for line in table(lines, right=(1, 2, 3, 4)):
        put(line)

"""``ysnakes plan``: what training would take on this machine, before any of it is spent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import count, duration, facts, size, table
from ysnakes_tui.options import AsJson, Device
from ysnakes_tui.output import put, put_json, say

if TYPE_CHECKING:
    from ysnakes_core.configuration import RunConfig
    from ysnakes_core.training.plan_table import PlanRow, Speed

LENGTHS = (64, 128, 256, 512, 1024)
_PARTS = (
    "weights",
    "gradients",
    "optimizer",
    "activations",
    "logits",
    "transient",
    "workspace",
    "heap",
    "overhead",
)


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
    tokens: Annotated[
        str, typer.Option(metavar="N", help="Say how long this many tokens take.", show_default=True)
    ] = "10M",
    device: Device = "auto",
    json: AsJson = False,
) -> int | None:
    """Predict memory and speed of training on this machine, and say what fits.

    The speed follows from a trial of a step's parts; nothing is trained or kept.
    """
    from ysnakes_core.configuration import PRESETS, RunConfig, apply_settings, preset_config
    from ysnakes_core.errors import UsageError
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
    from ysnakes_core.training.plan_table import plan_table

    where = str(choose_device(device))
    free = available_memory(where)
    limit = configs[0].training.memory_limit or int(SHARE_OF_FREE_MEMORY * free)
    wanted = apply_settings(RunConfig(), [f"training.tokens={tokens}"]).training.tokens
    if not wanted:
        raise UsageError(f"--tokens {tokens} takes no time", "give more than 0")
    say("trying the parts of a step, some seconds…")
    rows = plan_table(configs, limit=limit, tokens=wanted, device=where, speed=_speed(configs[0], where))
    if json:
        for row in rows:
            put_json(_object(row, where, limit))
        return None
    _tell(rows)
    say(f"{where}: {size(free)} free, of which a training takes at most {size(limit)}")
    return None


def _speed(config: RunConfig, device: str) -> Speed:
    """Tokens a second from trials of this machine, kept for other commands."""
    from ysnakes_core.paths import cache_dir
    from ysnakes_core.runs.preparation import choose_autocast, choose_device
    from ysnakes_core.training.speed import CACHE_FILE, Trials, predict_speed

    autocast = choose_autocast(config.training.precision, choose_device(device))
    trials = Trials(device, cache_dir() / CACHE_FILE, autocast=autocast)

    def speed(config: RunConfig, vocab_size: int, seq_len: int, batch_size: int) -> float:
        found = predict_speed(config, vocab_size, seq_len, batch_size, device, trials=trials)
        trials.save()
        return found

    return speed


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


def _object(row: PlanRow, device: str, limit: int) -> dict[str, object]:
    return {
        "preset": row.preset,
        "parameters": row.parameters,
        "vocab_size": row.vocab_size,
        "seq_len": row.seq_len,
        "batch_size": row.batch_size,
        "micro_batch_size": row.micro_batch_size,
        "bytes": row.memory.total,
        "parts": {part: getattr(row.memory, part) for part in _PARTS},
        "fits": row.fits,
        "limit": limit,
        "tokens_per_second": row.tokens_per_second,
        "tokens": row.tokens,
        "seconds": row.seconds,
        "device": device,
    }


def _tell(rows: list[PlanRow]) -> None:
    span = f"{count(rows[0].tokens)} tokens"
    lines = [("preset", "parameters", "length × batch", "at once", "memory", "fits", "tokens/s", span)]
    for row in rows:
        pace, seconds = row.tokens_per_second, row.seconds
        lines.append(
            (
                row.preset or "–",
                count(row.parameters),
                f"{row.seq_len} × {row.batch_size}",
                str(row.micro_batch_size),
                size(row.memory.total),
                "yes" if row.fits else "no",
                "–" if pace is None else f"{pace:,.0f}",
                "–" if seconds is None else duration(seconds),
            )
        )
    for line in table(lines, right=(1, 2, 3, 4, 6, 7)):
        put(line)
    if len(rows) == 1:
        put("\nmemory, by what takes it (not all at the same time)")
        for line in facts([(part, size(getattr(rows[0].memory, part))) for part in _PARTS]):
            put(f"  {line}")

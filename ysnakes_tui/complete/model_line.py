"""The line below the transcript: what is talked to, how it writes, and how far it is."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from ysnakes_core.files import printable
from ysnakes_tui.complete.conversation import Exchange
from ysnakes_tui.complete.models import BEST, LATEST, ModelChoice, ModelRun
from ysnakes_tui.complete.settings import TalkSettings
from ysnakes_tui.formats import bits


def model_line(
    choice: ModelChoice,
    run: ModelRun | None,
    settings: TalkSettings,
    *,
    width: int,
    doing: str = "",
    ready: bool = False,
) -> Text:
    """``doing`` is what goes on now; ``ready``: the model is in memory. What matters least goes first."""
    parts = [printable(choice.run, 30), which(choice, run)]
    reading = "" if settings.reading == "auto" else f"reads a {settings.reading}"
    more = [each for each in (_weights(settings), reading, _seed(settings), settings.preset) if each]
    state = doing or ("ready" if ready else "")
    while more and cell_len(_line(parts, more)) + cell_len(state) + 4 > width:
        more.pop()
    text = Text(no_wrap=True, end="", overflow="ellipsis")
    text.append(f" {parts[0]}", "bold")
    text.append(_line(["", *parts[1:]], more))
    gap = width - 1 - text.cell_len - cell_len(state)
    if state and gap > 1:
        text.append(" " * gap)
        text.append(state, "bold" if doing else "dim")
    return text


def which(choice: ModelChoice, run: ModelRun | None) -> str:
    """``best: step 395, 0.4636 bits/byte``."""
    if run is None:
        return "its run is gone"
    saved = run.meant(choice.checkpoint)
    if saved is None:
        return "no checkpoint yet" if run.trains and not choice.checkpoint else "it has no such checkpoint"
    score = "" if saved.bits_per_byte is None else f", {bits(saved.bits_per_byte)} bits/byte"
    name = name_of(choice, run)
    named = f"{name}: " if name else ""
    return f"{named}step {saved.step:,}{score}"


def name_of(choice: ModelChoice, run: ModelRun | None) -> str:
    """What a choice of a checkpoint means, if that may become another; "" where it is a certain one."""
    usual = "newest, as it trains" if run is not None and run.trains else BEST
    return {"": usual, BEST: BEST, LATEST: LATEST}.get(choice.checkpoint, "")


def doing_of(exchanges: list[Exchange], now: float, stop_key: str) -> str:
    """What is being done for a person who waits, and how it is stopped."""
    stop = f" ({stop_key} stops)" if stop_key else ""
    if not exchanges:
        return ""
    if any(exchange.stage == "loading" for exchange in exchanges):
        return "reading the model…"
    begun = [exchange for exchange in exchanges if exchange.first_at is not None]
    if not begun:
        return f"reading… {now - exchanges[0].asked_at:.0f} s{stop}"
    tokens = sum(exchange.tokens for exchange in begun)
    paces = [pace for exchange in begun if (pace := exchange.pace(now)) is not None]
    return f"{tokens:,} tokens" + (f", {sum(paces):,.0f}/s" if paces else "") + stop


def _line(parts: list[str], more: list[str]) -> str:
    return " · ".join([*parts, *more])


def _weights(settings: TalkSettings) -> str:
    return "" if settings.precision == "float32" else settings.precision


def _seed(settings: TalkSettings) -> str:
    seed = settings.options.seed
    return "" if seed is None else f"seed {seed}"

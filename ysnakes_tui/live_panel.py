"""Training on a terminal: news scrolls by above a small panel that is drawn anew a few times a second."""

from __future__ import annotations

import contextlib
import threading

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from ysnakes_core.runs.events import Event
from ysnakes_tui.formats import amount, bits, count, duration
from ysnakes_tui.headless import SAVING, Scoreboard, news
from ysnakes_tui.output import shown

_PER_SECOND = 4
_BAR = 40
_WAITING = ("pausing", "paused", "stopping")  # nothing is trained, so there is no pace and no time left


class LivePanel:
    """A view that draws on ``console`` (by default stderr). Use only where lines can be drawn over."""

    def __init__(
        self, board: Scoreboard, name: str, *, unicode: bool, console: Console | None = None
    ) -> None:
        self._console = console or Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._drawing = _Panel(board, name, unicode)
        self._board = board
        self._live = Live(
            self._drawing,
            console=self._console,
            refresh_per_second=_PER_SECOND,
            redirect_stdout=False,
            transient=True,
        )
        self._live.start()

    def preparing(self, what: str, done: int, total: int) -> None:
        self._drawing.doing = f"{what} {100 * done // total} %" if total else f"{what}…"

    def event(self, event: Event) -> None:
        self._board.take(event)
        for line in news(event, self._board):
            style = "yellow" if line.startswith(("warning", "  hint")) else ""
            self._console.print(Text(line, style=style))

    def saving(self) -> None:
        self._drawing.note = SAVING

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
            self._live.stop()


class _Panel:
    """The lines of the panel; asked for by the refreshing thread."""

    def __init__(self, board: Scoreboard, name: str, unicode: bool) -> None:
        self.board, self.name, self.unicode = board, name, unicode
        self.doing = "starting…"
        self.note = ""
        self._lock = threading.Lock()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines(options.max_width):
            yield Text(line, no_wrap=True, overflow="crop")
        if self.note:
            yield Text(self.note, style="bold", no_wrap=True, overflow="crop")

    def lines(self, width: int) -> list[str]:
        board, step = self.board, self.board.last
        waits = status if (status := board.status()) in _WAITING else ""
        if step is None:
            return [f"{shown(self.name, 40)}  {waits or self.doing}"]
        left = board.seconds_left() if not waits else None
        fraction = board.fraction
        head = [shown(self.name, 40), f"step {step.step:,}", f"{count(step.tokens)} tokens"]
        if board.stage is not None and board.stage.count > 1:
            head.append(f"stage {board.stage.index + 1} of {board.stage.count}")
        head.append(f"{step.seq_len} × {step.batch_size}")
        bar = (
            f"{self._bar(fraction, min(_BAR, max(8, width - 36)))} {100 * fraction:3.0f} % of "
            f"{amount(board.budget.amount, board.budget.unit)}"
        )
        if left is not None:
            bar += f", {duration(left)} left"
        loss = board.loss
        scores = [f"loss {loss:.4f}" if loss is not None else f"loss {step.loss}"]
        if board.validation is not None:
            scores.append(f"bits/byte {bits(board.validation.bits_per_byte)}")
        if board.best is not None:
            at = f" at {board.best_step:,}" if board.best_step is not None else ""
            scores.append(f"best {bits(board.best)}{at}")
        if board.early is not None:
            scores.append(f"waited {board.early.waited} of {board.early.patience}")
        pace = [waits or f"{step.tokens_per_second:,.0f} tokens/s", f"learning rate {step.learning_rate:.2g}"]
        pace.append(f"gradient {step.grad_norm:.2g}")
        if board.memory_in_use:
            pace.append(board.memory_in_use)
        return [self._join(head), bar, self._join(scores), self._join(pace)]

    def _join(self, parts: list[str]) -> str:
        return ("  ·  " if self.unicode else "  ").join(parts)

    def _bar(self, fraction: float, width: int) -> str:
        full = round(fraction * width)
        done, rest = ("━", "╌") if self.unicode else ("#", ".")
        return done * full + rest * (width - full)

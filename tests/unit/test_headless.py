"""What is told of a training: the lines, the panel, and that nothing in an event reaches a terminal raw."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.directory import create_run
from ysnakes_core.runs.events import (
    CheckpointEvent,
    CommandEvent,
    EarlyStoppingEvent,
    Event,
    MemoryEvent,
    RollbackEvent,
    RunStartedEvent,
    SampleEvent,
    StageEvent,
    StepEvent,
    ValidationEvent,
    WarningEvent,
    from_json,
)
from ysnakes_core.runs.state import RunState
from ysnakes_core.training.schedule import Budget
from ysnakes_tui.headless import JsonView, PlainView, QuietView, Scoreboard, news, step_line
from ysnakes_tui.live_panel import LivePanel
from ysnakes_tui.training_views import Standing


def step(number: int, time: float = 0.0, loss: float = 3.0) -> StepEvent:
    return StepEvent(time, number, 100 * number, loss, 0.003, 0.5, 2500.0, 256, 8)


def started(**changes: object) -> RunStartedEvent:
    values = {"run": "quiet-cobra", "parameters": 3_640_000, "vocab_size": 4096, "device": "cpu"}
    return RunStartedEvent(
        0.0, 0, 0, **{**values, "train_tokens": 50_000, "validation_tokens": 900, **changes}
    )  # type: ignore[arg-type]


@dataclass
class Lines:
    """Where a view writes, in tests."""

    written: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.written.append(line)


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (Budget("steps", 40), 0.25),
        (Budget("tokens", 4000), 0.25),
        (Budget("epochs", 0.1), 0.2),  # 1,000 of 50,000 tokens, of a tenth of the text
        (Budget("minutes", 10), 0.9),
    ],
)
def test_the_spent_part_of_every_kind_of_budget(budget: Budget, expected: float) -> None:
    board = Scoreboard(budget, seconds_left=lambda: 60.0)
    for event in (started(), step(10)):
        board.take(event)
    assert board.fraction == pytest.approx(expected)


def test_the_spent_part_is_never_more_than_all_of_it_nor_unknown() -> None:
    board = Scoreboard(Budget("minutes", 1), seconds_left=lambda: None)
    assert board.fraction == 0.0
    board.take(step(1))
    assert board.fraction == 0.0
    late = Scoreboard(Budget("minutes", 1), seconds_left=lambda: -5.0)
    late.take(step(1))
    assert late.fraction == 1.0


def test_the_loss_is_smoothed_without_a_bias_and_passes_over_what_is_not_finite() -> None:
    board = Scoreboard(Budget("steps", 10))
    board.take(step(1, loss=4.0))
    assert board.loss == pytest.approx(4.0)
    board.take(step(2, loss=math.nan))
    assert board.loss == pytest.approx(4.0)
    board.take(step(3, loss=2.0))
    assert board.loss is not None
    assert 2.0 < board.loss < 4.0


def test_a_score_that_is_no_number_is_never_the_best() -> None:
    board = Scoreboard(Budget("steps", 10))
    broken, good = (
        ValidationEvent(0.0, 8, 0, math.nan, math.nan, math.nan),
        ValidationEvent(0.0, 9, 0, 3.0, 20.0, 1.6),
    )
    board.take(broken)
    assert "best" not in news(broken, board)[0]
    board.take(good)
    assert "the best so far" in news(good, board)[0]


def test_the_best_is_kept_and_starts_from_an_earlier_session() -> None:
    board = Scoreboard(Budget("steps", 10), best=1.5, best_step=7)
    worse, better = ValidationEvent(0.0, 8, 0, 3.0, 20.0, 1.6), ValidationEvent(0.0, 9, 0, 2.8, 16.0, 1.4)
    board.take(worse)
    assert news(worse, board) == [
        "step 8: validation 1.6000 bits per byte (best 1.5000); loss 3.0000, perplexity 20.00"
    ]
    board.take(better)
    assert (board.best, board.best_step) == (1.4, 9)
    assert "the best so far" in news(better, board)[0]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (started(resumed_from=400), "going on from step 400"),
        (
            StageEvent(0.0, 5, 0, 1, 3, 128, 16, "the loss reached 1"),
            "stage 2 of 3: 128 tokens × 16 sequences",
        ),
        (EarlyStoppingEvent(0.0, 5, 0, 3, 8, 0.0, 1.5, 2), "no improvement for 3 of 8 validations"),
        (EarlyStoppingEvent(0.0, 5, 0, 8, 8, 0.0, 1.5, 2, None, True, "enough"), "stopping early: enough"),
        (CheckpointEvent(0.0, 5, 0, "step-00000005", None, True), "step 5: saved step-00000005 (best)"),
        (SampleEvent(0.0, 5, 0, "Why?", "Because.\nSo."), "step 5: sample “Why?” → Because. So."),
        (WarningEvent(0.0, 5, 0, "this is odd"), "warning: this is odd"),
        (RollbackEvent(0.0, 5, 0, 2, "step-00000002", 0.5, 1, "bad"), "went back to step-00000002 (bad)"),
        (CommandEvent(0.0, 5, 0, "1", "pause", {}, True, "paused"), "step 5: pause: paused"),
        (CommandEvent(0.0, 5, 0, "1", "set", {}, False, "no"), "step 5: set: refused: no"),
    ],
)
def test_what_is_told_of_an_event(event: Event, expected: str) -> None:
    assert expected in news(event, Scoreboard(Budget("steps", 10)))[0]


@pytest.mark.parametrize(
    "event",
    [
        StageEvent(0.0, 0, 0, 0, 1, 256, 8),  # the only stage there is
        CheckpointEvent(0.0, 0, 0, "step-00000000"),  # nothing is trained yet
        EarlyStoppingEvent(0.0, 5, 0, 0, 8, 0.0, 1.5, 5),
        MemoryEvent(0.0, 5, 0, {"rss": 1}),
    ],
)
def test_what_is_no_news(event: Event) -> None:
    assert news(event, Scoreboard(Budget("steps", 10))) == []


_HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\x00"


@pytest.mark.parametrize(
    "event",
    [
        SampleEvent(0.0, 1, 0, _HOSTILE, _HOSTILE),
        WarningEvent(0.0, 1, 0, _HOSTILE, _HOSTILE),
        CommandEvent(0.0, 1, 0, "1", _HOSTILE, {}, False, _HOSTILE),
        RollbackEvent(0.0, 1, 0, 0, _HOSTILE, 0.5, 1, _HOSTILE),
        CheckpointEvent(0.0, 1, 0, _HOSTILE),
        StageEvent(0.0, 1, 0, 0, 2, 64, 8, _HOSTILE),
        EarlyStoppingEvent(0.0, 1, 0, 8, 8, 0.0, 1.5, 1, None, True, _HOSTILE),
        started(run=_HOSTILE, device=_HOSTILE),
    ],
)
def test_texts_of_events_cannot_steer_a_terminal(event: Event) -> None:
    told = "\n".join(news(event, Scoreboard(Budget("steps", 10))))
    assert told
    assert not [c for c in told if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e")]


def test_plain_lines_tell_of_steps_every_ten_seconds() -> None:
    lines = Lines()
    view = PlainView(Scoreboard(Budget("steps", 100)), lines)
    for number in range(1, 26):
        view.event(step(number, time=float(number)))
    assert [line.split(" · ")[0] for line in lines.written] == ["step 1", "step 11", "step 21"]
    assert "2,500 tokens/s" in lines.written[0]


def test_plain_lines_tell_of_each_preparation_once() -> None:
    lines = Lines()
    view = PlainView(Scoreboard(Budget("steps", 100)), lines)
    for done in range(5):
        view.preparing("encoding", done, 5)
    view.preparing("preparing the model", 0, 0)
    assert lines.written == ["encoding…", "preparing the model…"]


def test_a_quiet_view_tells_of_warnings_only() -> None:
    lines = Lines()
    view = QuietView(Scoreboard(Budget("steps", 100)), lines)
    view.preparing("encoding", 1, 2)
    for event in (started(), step(1), CheckpointEvent(0.0, 5, 0, "x"), WarningEvent(0.0, 6, 0, "odd")):
        view.event(event)
    assert lines.written == ["warning: odd"]


def test_json_lines_are_the_events_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    events = [started(), step(1, loss=math.nan), SampleEvent(0.0, 1, 0, _HOSTILE, "é")]
    for event in events:
        JsonView().event(event)
    told = capsys.readouterr()
    assert told.err == ""
    assert [type(from_json(line)) for line in told.out.splitlines()] == [type(event) for event in events]
    assert from_json(told.out.splitlines()[2]) == events[2]


def test_a_step_line_has_what_one_wants_to_know() -> None:
    board = Scoreboard(Budget("steps", 40), seconds_left=lambda: 125.0)
    for event in (started(), MemoryEvent(0.0, 0, 0, {"rss": 1_200_000_000, "peak": 1_400_000_000}), step(10)):
        board.take(event)
    assert step_line(board) == (
        "step 10 · 25 % · 2:05 left · loss 3.0000 · learning rate 0.003 · 2,500 tokens/s "
        "· memory 1.2 GB (peak 1.4 GB)"
    )


def test_the_memory_of_a_gpu_is_told_too() -> None:
    board = Scoreboard(Budget("steps", 40))
    assert board.memory_in_use == ""
    board.take(MemoryEvent(0.0, 0, 0, {"rss": 10**9, "peak": 2 * 10**9, "cuda_reserved": 5 * 10**9}))
    assert board.memory_in_use == "1.0 GB (peak 2.0 GB), GPU 5.0 GB"


def test_the_panel_says_that_a_run_waits_and_how_much_is_wanted(tmp_path: Path) -> None:
    run = create_run(tmp_path, RunConfig(), "quiet-cobra")
    now = 0.0
    standing = Standing(run, monotonic=lambda: now)
    board = Scoreboard(
        Budget("tokens", 2_000_000), seconds_left=standing.seconds_left, status=standing.status
    )
    console = Console(file=io.StringIO(), width=80, force_terminal=True, legacy_windows=False)
    panel = LivePanel(board, "quiet-cobra", unicode=True, console=console)
    panel.close()
    panel.preparing("preparing the model", 0, 0)

    def drawn(status: str) -> str:
        nonlocal now
        run.write_state(RunState(status=status, eta=150.0))
        now += 1.0
        return "\n".join(panel._drawing.lines(80))

    assert "preparing the model" in drawn("running")
    assert "quiet-cobra  paused" in drawn("paused")
    panel.event(step(10))
    assert "2:30 left" in drawn("running")
    assert "2,500 tokens/s" in drawn("running")
    assert "% of 2.00M tokens" in drawn("running")
    for status in ("pausing", "paused"):
        assert status in drawn(status)
        assert "left" not in drawn(status)
        assert "tokens/s" not in drawn(status)


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_panel_fits_its_terminal(unicode: bool, width: int) -> None:
    board = Scoreboard(Budget("minutes", 5), best=1.4, best_step=7, seconds_left=lambda: 150.0)
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=True, legacy_windows=False, markup=False)
    panel = LivePanel(board, "quiet-cobra" * 3, unicode=unicode, console=console)
    panel.preparing("encoding", 1, 2)
    for event in (
        started(),
        StageEvent(0.0, 0, 0, 1, 3, 128, 16),
        MemoryEvent(0.0, 0, 0, {"rss": 10**9, "peak": 10**9}),
        step(1_234_567),
        ValidationEvent(0.0, 10, 1000, 3.0, 20.0, 1.5),
        EarlyStoppingEvent(0.0, 10, 0, 3, 8, 0.0, 1.5, 2),
        SampleEvent(0.0, 10, 0, "[bold]why[/bold]", ":snake:"),
    ):
        panel.event(event)
    panel.saving()
    lines = panel._drawing.lines(width)
    panel.close()
    assert "50 % of 5 minutes" in lines[1]
    if not unicode:
        assert not any(ord(c) > 127 for line in lines for c in line.replace("×", "x").replace("…", "..."))
    assert "[bold]why[/bold]" in written.getvalue().replace("\n", "")  # literally, not as markup
    assert ":snake:" in written.getvalue().replace("\n", "")
    assert "\x1b[?25h" in written.getvalue()  # the cursor is back

"""The dashboard: one run as it trains, read from its directory; its keys are in ``dashboard_keys``."""

from __future__ import annotations

import asyncio
import textwrap
import time
from collections.abc import Callable
from functools import partial

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.events import SampleEvent
from ysnakes_core.runs.following import RunFollower
from ysnakes_tui.formats import bits
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.train import machine, standing, stopping
from ysnakes_tui.train.dashboard_css import DASHBOARD_CSS
from ysnakes_tui.train.dashboard_keys import DashboardKeys, wanted_status
from ysnakes_tui.train.ending_panel import EndingPanel, gone
from ysnakes_tui.train.happenings import CLOCK_CELLS, Happenings
from ysnakes_tui.train.panel_tabs import PanelTabs
from ysnakes_tui.train.run_watch import RunWatch
from ysnakes_tui.train.text_panel import TextPanel
from ysnakes_tui.widgets.cell_widget import CellWidget
from ysnakes_tui.widgets.chart_scale import number
from ysnakes_tui.widgets.line_chart import LineChart, Mark
from ysnakes_tui.widgets.meter import Meter
from ysnakes_tui.widgets.sparkline import Sparkline
from ysnakes_tui.widgets.status_strip import Status, parts
from ysnakes_tui.widgets.views import is_seen

WIDE, TALL = 104, 32  # cells from which all panels have room at once
SHORT = 20  # rows below which not even one panel at each of two places has all it wants
LEAVE_SECONDS = 1.0
SAMPLES_SHOWN = 12
MOST_SAMPLE_CHARACTERS = 2000
_RATES = {"learning_rate": "learning rate", "grad_norm": "gradient norm", "tokens_per_second": "tokens/s"}
_UPPER = {"loss-chart": "Loss", "bits-chart": "Bits per byte", "rates": "Rates"}
_LOWER = {"samples": "Samples", "log": "What happened", "checkpoints": "Checkpoints"}
_SHOW: dict[str, Callable[[float], str]] = {"tokens_per_second": lambda value: f"{value:,.0f}"}


class Dashboard(DashboardKeys):
    """Shows and steers one run at a time; see ``follow``."""

    DEFAULT_CSS = DASHBOARD_CSS

    class News(Message, bubble=False):
        """A watch has read something, and waits until it is taken in."""

        def __init__(self, watch: RunWatch) -> None:
            super().__init__()
            self.watch = watch

    class Trouble(Message, bubble=False):
        """Something that was asked for, or following itself, did not work."""

        def __init__(self, error: YsnakesError) -> None:
            super().__init__()
            self.error = error

    def __init__(self, *, clock: Callable[[], float] = time.time, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._watch: RunWatch | None = None
        self._left: list[RunWatch] = []  # that may still have something to send
        self._status = Status()
        self._happenings = Happenings()
        self._samples: list[SampleEvent] = []
        self._drawn: tuple[object, ...] = ()
        self._behind = False  # something else was in front when there was news

    def compose(self) -> ComposeResult:
        self._fit(self.app.size)  # about its own; classes that change after the first layout cost another
        yield PanelTabs(_UPPER, id="upper-tabs")
        with Horizontal(id="upper"):
            with Vertical(id="charts"):
                yield LineChart("loss", own_keys=False, id="loss-chart", classes="-chosen")
                yield LineChart(
                    "validation bits per byte",
                    own_keys=False,
                    empty_text="no validation yet",
                    id="bits-chart",
                )
                with Vertical(id="rates"):
                    for name, label in _RATES.items():
                        yield Sparkline(
                            label, id=name, log_scale=name == "grad_norm", show=_SHOW.get(name, number)
                        )
            with VerticalScroll(id="side"):
                yield Static(id="title", markup=False)
                yield Meter("budget", warn_at=None, danger_at=None, id="progress")
                yield Meter("memory", id="memory")
                yield Meter("gpu", id="gpu")
                yield Static(id="facts", markup=False)
        with Vertical(id="stopping") as early:
            early.border_title = "Early stopping"
            yield Meter("patience", warn_at=0.5, danger_at=0.85, id="patience")
            yield Static(id="words", markup=False)
        yield EndingPanel(id="ending")
        yield PanelTabs(_LOWER, id="lower-tabs")
        with Horizontal(id="lower"):
            samples = TextPanel("Samples", "The model writes something at each validation.", id="samples")
            samples.add_class("-chosen")
            yield samples
            log = TextPanel("What happened", "Nothing yet.", hang=CLOCK_CELLS, id="log")
            log.add_class("-aside", "-beside")
            yield log
            checkpoints = OptionList(markup=False, id="checkpoints", classes="panel -aside")
            checkpoints.border_title = "Checkpoints"
            yield checkpoints

    def on_mount(self) -> None:
        for widget in self.query("LineChart, Sparkline, Meter").results():
            if isinstance(widget, CellWidget):
                widget.draw_with(shell_of(self).glyphs)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._tell_again())

    # Which run.

    @property
    def run_watch(self) -> RunWatch | None:
        return self._watch

    @property
    def run_directory(self) -> RunDirectory | None:
        """The run that is shown."""
        return self._watch.run if self._watch is not None else None

    def follow(self, run: RunDirectory) -> None:
        """Show ``run`` from now on."""
        if self._watch is not None and self._watch.run == run and not self._watch.follower.deleted:
            return
        self.leave_run()
        self._happenings, self._samples, self._drawn = Happenings(), [], ()
        self.forget_wishes()
        self._status = Status(run=run.name, state="starting", note="reading")
        for chart in self.query(LineChart):
            chart.clear()
        for small in self.query(Sparkline):
            small.set_values([])
        for panel in self.query(TextPanel):
            panel.show(Text())
        self.query_one("#checkpoints", OptionList).clear_options()
        self._watch = RunWatch(run, self._tell, self._error)
        self._watch.start()

    def expect_worker(self, pid: int) -> None:
        """A worker was started for the run that is shown; if it ends before it begins, that is shown."""
        self._need().expect_worker(pid)

    def leave_run(self) -> None:
        """Stop following. Commands that were asked for are still sent."""
        if self._watch is not None:
            self._watch.close()
            self._left = [watch for watch in (*self._left, self._watch) if watch.is_working]
            self._watch = None

    async def on_unmount(self) -> None:
        self.leave_run()
        deadline = time.monotonic() + LEAVE_SECONDS
        for watch in self._left:  # their threads end with the process, so they get their time before
            await asyncio.to_thread(watch.wait, max(0.0, deadline - time.monotonic()))

    def status(self) -> Status:
        return self._status

    def focus_first(self) -> None:
        chart = next((chart for chart in self.query(LineChart) if chart.display), None)
        (chart or self.query_one("#upper-tabs")).focus()

    def _tell(self, watch: RunWatch) -> None:
        if not self.post_message(self.News(watch)):
            watch.seen()  # nobody else will say so

    def _error(self, error: YsnakesError) -> None:
        self.post_message(self.Trouble(error))

    def on_dashboard_trouble(self, event: Trouble) -> None:
        shell_of(self).tell(event.error)

    # What the watch read.

    def on_dashboard_news(self, event: News) -> None:
        try:
            if event.watch is self._watch and self.is_mounted:
                follower, facts = event.watch.follower, event.watch.facts
                self._status = standing.status_of(follower, facts, self._clock())
                self._behind = not is_seen(self)
                if not self._behind:
                    self._show(event.watch)
                    shell_of(self).show_status()  # the same moment in both places
        finally:
            event.watch.seen()

    def on_show(self) -> None:
        if self._behind:
            self._tell_again()

    def _tell_again(self) -> None:
        if self._watch is not None:
            self._watch.tell_again()

    def _show(self, watch: RunWatch) -> None:
        follower, facts, key = watch.follower, watch.facts, partial(key_of, self)
        self._show_curves(follower)
        self._show_side(watch)
        part = stopping.patience(follower, facts)
        self.query_one("#patience", Meter).set(part.value, part.limit, part.text)
        self._write("#words", Text(stopping.patience_words(follower, facts, key)))
        self._show_ending(gone(key) if follower.deleted else stopping.ending(follower, facts, key))
        if self._happenings.update(follower):
            self.query_one("#log", TextPanel).show(self._happenings.text())
        samples = follower.samples[-SAMPLES_SHOWN:]
        if samples != self._samples:
            self._samples = samples
            self.query_one("#samples", TextPanel).show(samples_text(samples))
        self._show_checkpoints(follower, facts.saved)
        worker = (follower.has_worker, facts.starting, wanted_status(watch))
        doable = (*worker, follower.deleted, follower.caught_up)
        if doable != self.doable:
            self.doable = doable
            self.refresh_bindings()

    def _show_curves(self, follower: RunFollower) -> None:
        series = follower.series
        marks = [event.step for event in follower.checkpoints]
        drawn = (
            *(len(series[name]) for name in ("loss", "validation_loss")),
            *(
                float(curve.x[-1]) if len(curve := series[name]) else -1.0
                for name in ("loss", "validation_loss")
            ),
            *(follower.journal_count, self._happenings),
        )
        if drawn == self._drawn:
            return
        self._drawn = drawn
        loss, score = self.query_one("#loss-chart", LineChart), self.query_one("#bits-chart", LineChart)
        for name, label, style in (("loss", "each step", "raw"), ("smoothed_loss", "smoothed", "smoothed")):
            loss.set_series(name, series[name].x, series[name].y, label=label, style=style)
        validation = series["validation_loss"]
        if len(validation):
            loss.set_series(
                "validation", validation.x, validation.y, label="validation", style="validation", points=True
            )
        else:
            loss.remove_series("validation")
        curve = series["validation_bits_per_byte"]
        score.set_series("bits", curve.x, curve.y, label="bits per byte", style="validation", points=True)
        early = follower.early_stopping
        best, at = (early.best, early.best_step) if early is not None else (None, None)
        saved = [Mark("checkpoint", step) for step in marks]
        back = [Mark("rollback", event.to_step) for event in follower.rollbacks]
        loss.set_marks([*saved, *back, *([Mark("best", at)] if at is not None else [])])
        score.set_marks([*saved, *([Mark("best", at, best)] if at is not None else [])])
        self.align_charts()
        for name in _RATES:
            self.query_one(f"#{name}", Sparkline).set_series(series[name].x, series[name].y)

    def _show_side(self, watch: RunWatch) -> None:
        follower, facts = watch.follower, watch.facts
        state = Status(state=standing.shown_state(follower, facts))
        sign = parts(state, ascii=shell_of(self).glyphs == "ascii")[0]  # as the status strip has it
        for kind in ("good", "waiting", "bad"):
            self.query_one("#title").set_class(kind == sign.style, f"-{kind}")
        name = printable(watch.run.name, 60)
        self._write("#title", Text(f"{sign.text.strip()}: {name}", no_wrap=True))
        part = standing.progress(follower, facts)
        self.query_one("#progress", Meter).set(part.value, part.limit, part.text)
        part = machine.memory_use(follower)
        self.query_one("#memory", Meter).set(part.value, part.limit, part.text)
        gpu = machine.gpu_memory_use(follower)
        self.set_class(gpu is not None, "-gpu")
        if gpu is not None:
            self.query_one("#gpu", Meter).set(gpu.value, gpu.limit, gpu.text)
        rows = Text(no_wrap=True)
        if follower.problem and not follower.deleted:
            width = max(20, self.query_one("#facts").size.width)
            for line in textwrap.wrap(printable(follower.problem, 200), width):
                rows.append(f"{line}\n", "bold")
        for row, (name, value) in enumerate(standing.facts_of(follower, facts)):
            rows.append("\n" * (row > 0))
            rows.append(f"{name:<10}", "dim")
            rows.append(value)
        self._write("#facts", rows)

    def _show_ending(self, ending: stopping.Ending | None) -> None:
        self.set_class(ending is not None, "-ended")
        if ending is not None:
            self.query_one(EndingPanel).show(ending)

    def _show_checkpoints(self, follower: RunFollower, saved: tuple[str, ...]) -> None:
        told = {event.name: event for event in follower.checkpoints}
        rows: list[tuple[str, str]] = []
        for name in reversed(saved):
            event = told.get(name)
            found = event.bits_per_byte if event is not None else None
            is_best = self._watch is not None and name == self._watch.facts.best
            if is_best and follower.early_stopping is not None:  # also of steps that were left behind
                found = follower.early_stopping.best
            score = f"  {bits(found)} bits/byte" if found else ""
            rows.append((name, f"{printable(name, 40)}{score}{'  ★ best' if is_best else ''}"))
        if rows != self.checkpoint_rows:
            self.checkpoint_rows = rows
            panel = self.query_one("#checkpoints", OptionList)
            chosen = panel.highlighted
            panel.clear_options()
            panel.add_options([Option(Text(line)) for _, line in rows])
            panel.highlighted = min(chosen or 0, len(rows) - 1) if rows else None

    def _write(self, place: str, text: Text) -> None:
        """Change a text, if it is another one. Only one that may need another height costs a new layout."""
        widget = self.query_one(place, Static)
        before = widget.content
        if before != text:
            as_high = text.no_wrap and isinstance(before, Text) and len(before.split()) == len(text.split())
            widget.update(text, layout=not as_high)

    # Where there is not room for all.

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size)
        compact = self.has_class("-compact")
        self.query_one(EndingPanel).say_at_most(1 if event.size.height < SHORT else 2 if compact else 3)

    def _fit(self, size: Size) -> None:
        self.set_class(size.width < WIDE or size.height < TALL, "-compact")
        self.set_class(size.height >= TALL, "-tall")

    def on_panel_tabs_chosen(self, event: PanelTabs.Chosen) -> None:
        event.stop()
        for name in event.tabs.titles:
            self.query_one(f"#{name}").set_class(name == event.name, "-chosen")
        if event.tabs.id == "lower-tabs":
            self.show_beside_samples(event.name)


def samples_text(samples: list[SampleEvent]) -> Text:
    """Samples, the latest last; whatever is in them is shown literally."""
    found = Text()
    for place, sample in enumerate(samples):
        found.append("\n\n" * (place > 0))
        found.append(f"step {sample.step:,}", "dim")
        found.append(f"  {printable(sample.prompt, 400)}\n", "bold")
        found.append(printable(sample.text, MOST_SAMPLE_CHARACTERS, keep_lines=True))
    return found

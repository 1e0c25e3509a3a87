"""Sparklines and meters: what they say in how much room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget

from ysnakes_tui.widgets.chart_raster import GLYPHS, Glyphs
from ysnakes_tui.widgets.meter import Meter
from ysnakes_tui.widgets.sparkline import Sparkline

any_float = st.floats(allow_nan=True, allow_infinity=True)
sizes = st.tuples(st.integers(1, 60), st.integers(1, 6))


class OneWidget(App[None]):
    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


def shown(widget: Widget, width: int, height: int) -> list[str]:
    """The lines as the widget gives them to Textual."""
    lines: list[str] = []

    async def run() -> None:
        widget.styles.height = height
        async with OneWidget(widget).run_test(size=(width, max(height, 1))) as pilot:
            await pilot.pause()
            lines.extend(widget.render_line(row).text for row in range(height))

    asyncio.run(run())
    return lines


def drive(widget: Widget, use: Callable[[Pilot[None]], Awaitable[None]]) -> None:
    async def run() -> None:
        async with OneWidget(widget).run_test() as pilot:
            await pilot.pause()
            await use(pilot)

    asyncio.run(run())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(any_float, any_float), max_size=30),
    sizes,
    st.booleans(),
    st.sampled_from(GLYPHS),
    st.text(),
)
def test_any_sparkline_fills_exactly_its_cells(
    pairs: list[tuple[float, float]], size: tuple[int, int], log: bool, glyphs: Glyphs, label: str
) -> None:
    chart = Sparkline(label, glyphs=glyphs, log_scale=log, baseline=0.0)
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    chart.set_series(table[:, 0], table[:, 1])
    lines = chart.draw(*size).plain()
    assert [cell_len(line) for line in lines] == [size[0]] * size[1]


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.none(), any_float),
    st.one_of(st.none(), any_float),
    sizes,
    st.sampled_from(GLYPHS),
    st.text(),
)
def test_any_meter_fills_exactly_its_cells(
    value: float | None, limit: float | None, size: tuple[int, int], glyphs: Glyphs, label: str
) -> None:
    meter = Meter(label, glyphs=glyphs, label_width=5, text_width=5)
    meter.set(value, limit)
    lines = meter.draw(*size).plain()
    assert [cell_len(line) for line in lines] == [size[0]] * size[1]
    if glyphs == "ascii" and label.isascii() and label.isprintable():
        assert "".join(lines).isascii()


def test_a_sparkline_on_one_row() -> None:
    chart = Sparkline("lr")
    chart.set_values(np.linspace(0, 3e-3, 500))
    assert shown(chart, 24, 1) == ["lr ⣀⣀⡤⠤⠤⠤⠔⠒⠒⠒⠚⠉⠉ 3.00e-3"]


def test_a_sparkline_in_blocks_and_ascii_rises_in_levels() -> None:
    cases: tuple[tuple[Glyphs, str], ...] = (("block", "▁▂▃▄▅▆▇█"), ("ascii", "_..--~~^"))
    for glyphs, line in cases:
        chart = Sparkline(glyphs=glyphs)
        chart.set_values(np.arange(8.0))
        assert shown(chart, 14, 1) == [f"{line} 7.000"]


def test_a_sparkline_on_more_rows_says_its_range() -> None:
    chart = Sparkline("tokens/s", show=lambda value: f"{value:,.0f}")
    chart.set_values([3000, 3500, 3250])
    lines = shown(chart, 40, 3)
    assert lines[0] == "tokens/s              3,000–3,500  3,250"
    assert "".join(lines[1:]).strip()


def test_a_spike_of_one_step_is_seen_in_a_sparkline() -> None:
    values = np.ones(50_000)
    values[25_000] = 2.0
    chart = Sparkline(glyphs="block", fit="all")
    chart.set_values(values)
    assert shown(chart, 46, 1)[0].count("█") == 1


def test_a_sparkline_shows_nan_and_having_nothing() -> None:
    chart = Sparkline("gradient")
    assert shown(chart, 30, 1) == ["gradient                     –"]
    chart = Sparkline("gradient")
    chart.set_values([1, np.nan, 1, np.nan])
    line = shown(chart, 30, 1)[0]
    assert line.count("×") == 2
    assert line.endswith("nan")
    assert chart.last is not None
    assert np.isnan(chart.last)


def test_a_sparkline_is_drawn_anew_when_something_changes() -> None:
    chart = Sparkline("a")

    async def use(pilot: Pilot[None]) -> None:
        chart.set_values([1, 2])
        assert "2.000" in chart.render_line(0).text
        chart.set_values([1, 3])
        assert "3.000" in chart.render_line(0).text
        chart.label = "[b]literal"
        assert "[b]literal" in chart.render_line(0).text
        chart.glyphs = "ascii"
        assert chart.render_line(1).text.isascii()

    drive(chart, use)


def test_a_sparkline_wants_as_many_places_as_values() -> None:
    with pytest.raises(ValueError, match="equally long"):
        Sparkline().set_series([1, 2], [1])


def test_a_meter_on_one_row() -> None:
    meter = Meter("patience")
    meter.set(3, 6)
    assert shown(meter, 26, 1) == ["patience ━━━━━╌╌╌╌╌ 3 of 6"]
    assert meter.level == "normal"


def test_meters_stand_in_columns() -> None:
    lines = []
    for label, text in (("patience", "3 of 6"), ("GPU", "1.0 GB of 2.0 GB")):
        meter = Meter(label, label_width=8, text_width=16, glyphs="ascii")
        meter.set(3, 6, text)
        lines += shown(meter, 36, 1)
    assert lines == ["patience #####..... 3 of 6          ", "GPU      #####..... 1.0 GB of 2.0 GB"]


def test_a_full_meter_warns_in_words_not_only_in_colour() -> None:
    meter = Meter("memory", warn_at=0.5, danger_at=0.9)
    for value, level, sign in (
        (1, "normal", " 1 of"),
        (6, "warning", " ! 6 of"),
        (12, "danger", " !! 12 of"),
    ):
        meter.set(value, 10)
        assert meter.level == level
        assert sign in meter.draw(40, 1).plain()[0]
    patient = Meter("patience", warn_at=None, danger_at=None)
    patient.set(6, 6)
    assert patient.level == "normal"


def test_a_meter_says_what_it_does_not_know() -> None:
    meter = Meter("GPU")
    assert meter.draw(20, 1).plain() == ["GPU                –"]
    assert meter.fraction is None
    meter.set(5, None, "5 GB")
    assert meter.draw(20, 1).plain() == ["GPU             5 GB"]
    meter.set(float("nan"), 5)
    assert meter.fraction is None
    meter.set(1, 0)
    assert meter.level == "unknown"


def test_a_little_is_not_nothing_and_too_much_is_full() -> None:
    meter = Meter(glyphs="ascii", warn_at=None, danger_at=None)
    meter.set(0.001, 1, "")
    assert meter.draw(10, 1).plain() == ["#........."]
    meter.set(0, 1, "")
    assert meter.draw(10, 1).plain() == [".........."]
    meter.set(7, 1, "")
    assert meter.draw(10, 1).plain() == ["##########"]


def test_a_narrow_meter_keeps_its_text() -> None:
    meter = Meter("memory")
    meter.set(3, 5)
    assert meter.draw(14, 1).plain() == ["memory  3 of 5"]
    assert meter.draw(9, 1).plain() == ["m… 3 of 5"]
    assert meter.draw(20, 2).plain() == ["memory        3 of 5", "━━━━━━━━━━━━╌╌╌╌╌╌╌╌"]

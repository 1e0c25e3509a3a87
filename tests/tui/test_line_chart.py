"""The chart in an app: keys, mouse, live data, and that it is drawn once for many changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from ysnakes_tui.widgets.chart_raster import GLYPHS, Glyphs
from ysnakes_tui.widgets.line_chart import LineChart, Mark

EXPECTED = Path(__file__).parent / "charts"
STEPS = np.arange(1, 1001.0)
LOSS = 2 + 5 / (1 + STEPS / 20)
VALIDATED = np.arange(100, 1001, 100.0)


def training_chart(**options: Any) -> LineChart:
    chart = LineChart("loss", **options)
    noisy = LOSS + 0.2 * np.sin(STEPS * 7.3)
    noisy[611], noisy[799] = 5.0, np.nan
    chart.set_series("loss", STEPS, noisy, label="train", style="raw")
    chart.set_series("smoothed", STEPS, LOSS, label="smoothed", style="smoothed")
    chart.set_series(
        "validation",
        VALIDATED,
        LOSS[99::100] + 0.3,
        label="validation",
        style="validation",
        points=True,
    )
    chart.set_marks(
        [Mark("best", 1000, float(LOSS[-1]) + 0.3), Mark("checkpoint", 500), Mark("rollback", 700)]
    )
    return chart


class ChartApp(App[None]):
    def __init__(self, chart: LineChart) -> None:
        super().__init__()
        self.chart = chart

    def compose(self) -> ComposeResult:
        yield self.chart


def drive(
    chart: LineChart, use: Callable[[Pilot[None]], Awaitable[None]], size: tuple[int, int] = (80, 24)
) -> None:
    async def run() -> None:
        async with ChartApp(chart).run_test(size=size) as pilot:
            await pilot.pause()
            await use(pilot)

    asyncio.run(run())


def on_screen(chart: LineChart) -> str:
    return "\n".join(chart.render_line(row).text for row in range(chart.size.height))


@pytest.mark.parametrize("glyphs", GLYPHS)
@pytest.mark.parametrize("size", [(80, 24), (40, 12), (20, 5)])
def test_charts_look_as_they_did(glyphs: Glyphs, size: tuple[int, int]) -> None:
    """To renew the files after a change that was looked at: delete them and run this twice."""
    chart = training_chart(glyphs=glyphs)

    async def use(pilot: Pilot[None]) -> None:
        file = EXPECTED / f"{glyphs}-{size[0]}x{size[1]}.txt"
        shown = "\n".join(line.rstrip() for line in on_screen(chart).splitlines()) + "\n"
        if not file.exists():
            file.write_text(shown, encoding="utf-8")
            pytest.fail(f"{file.name} was missing and is now written")
        assert shown == file.read_text(encoding="utf-8")

    drive(chart, use, size)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 9), (3, 3), (20, 5), (200, 60)])
def test_every_size_is_filled_exactly(size: tuple[int, int]) -> None:
    chart = training_chart()

    async def use(pilot: Pilot[None]) -> None:
        lines = [chart.render_line(row) for row in range(chart.size.height)]
        assert (len(lines), {line.cell_length for line in lines}) == (size[1], {size[0]})
        chart.clear()
        await pilot.pause()
        assert {chart.render_line(row).cell_length for row in range(size[1])} == {size[0]}

    drive(chart, use, size)


def test_keys_zoom_about_the_latest_steps_and_back() -> None:
    chart = training_chart()

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("plus", "plus")
        view = chart.view
        assert view is not None
        assert view[1] == 1000
        assert view[1] - view[0] == pytest.approx(999 / 4)
        assert "×4" in on_screen(chart)
        await pilot.press("left")
        assert chart.view is not None
        assert chart.view[1] < 1000
        await pilot.press("right", "right", "right")
        assert chart.view == view
        await pilot.press("minus", "minus")
        assert chart.view is None
        await pilot.press("equals_sign", "0")
        assert chart.view is None

    drive(chart, use)


def test_zoom_ends_at_a_few_steps() -> None:
    chart = training_chart()

    async def use(pilot: Pilot[None]) -> None:
        for _ in range(30):
            chart.zoom()
        assert chart.view is not None
        assert chart.view[1] - chart.view[0] == 4
        assert "998" in on_screen(chart)

    drive(chart, use)


def test_the_crosshair_goes_from_step_to_step_with_values() -> None:
    chart = training_chart()

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("i")
        assert chart.crosshair == 1000
        assert f"smoothed {LOSS[-1]:.3f}" in on_screen(chart)
        await pilot.press("left", "left")
        moved = chart.crosshair
        assert moved is not None
        assert 960 < moved < 1000
        assert f"step {moved:.0f}" in on_screen(chart)
        await pilot.press("right", "right", "right", "right")
        assert chart.crosshair == 1000
        await pilot.press("shift+left")
        assert chart.crosshair < moved
        await pilot.press("escape")
        assert chart.crosshair is None
        assert "━s smoothed" in on_screen(chart)

    drive(chart, use)


def test_the_view_goes_with_the_crosshair() -> None:
    chart = training_chart()

    async def use(pilot: Pilot[None]) -> None:
        chart.show(400, 500)
        chart.crosshair = 401.0
        chart.move_crosshair(-5)
        assert chart.crosshair < 400
        assert chart.view is not None
        assert chart.view[0] == chart.crosshair
        assert chart.view[1] - chart.view[0] == 100

    drive(chart, use)


def test_sparse_points_are_all_reached() -> None:
    chart = LineChart()
    chart.set_series("v", [0, 100, 1000], [1, 2, 3])

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("i")
        seen = [chart.crosshair]
        for _ in range(3):
            await pilot.press("left")
            seen.append(chart.crosshair)
        assert seen == [1000, 100, 0, 0]

    drive(chart, use)


def test_the_mouse_reads_values_and_a_click_keeps_them() -> None:
    chart = training_chart()

    async def use(pilot: Pilot[None]) -> None:
        await pilot.hover(chart, offset=(40, 10))
        await pilot.pause()
        hovered = chart.crosshair
        assert hovered is not None
        assert 400 < hovered < 600
        await pilot.hover(chart, offset=(60, 10))
        await pilot.pause()
        assert chart.crosshair > hovered
        await pilot.click(chart, offset=(60, 10))
        kept = chart.crosshair
        await pilot.hover(chart, offset=(20, 10))
        await pilot.pause()
        assert chart.crosshair == kept
        await pilot.click(chart, offset=(60, 10))
        assert chart.crosshair is None

    drive(chart, use)


def test_without_own_keys_keys_go_on_to_the_app() -> None:
    pressed: list[str] = []

    class Pane(ChartApp):
        BINDINGS = (
            ("plus", "heard('plus')", ""),
            ("left", "heard('left')", ""),
            ("escape", "heard('esc')", ""),
        )

        def action_heard(self, key: str) -> None:
            pressed.append(key)

    chart = training_chart(own_keys=False)

    async def run() -> None:
        async with Pane(chart).run_test() as pilot:
            chart.focus()
            await pilot.press("plus", "left", "escape")

    asyncio.run(run())
    assert pressed == ["plus", "left", "esc"]
    assert chart.view is None


def test_a_view_of_the_latest_steps_follows_new_ones_and_another_stays() -> None:
    chart = training_chart()

    async def use(pilot: Pilot[None]) -> None:
        chart.zoom(10)
        chart.set_series("smoothed", np.arange(2000.0), np.ones(2000), style="smoothed")
        assert chart.view is not None
        assert chart.view[1] == 1999
        chart.show(100, 200)
        chart.set_series("smoothed", np.arange(3000.0), np.ones(3000), style="smoothed")
        assert chart.view == (100, 200)

    drive(chart, use)


def test_many_changes_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chart = training_chart()
    drawings: list[int] = []
    draw = chart.draw

    def counted(width: int, height: int) -> Any:
        drawings.append(width)
        return draw(width, height)

    async def use(pilot: Pilot[None]) -> None:
        monkeypatch.setattr(chart, "draw", counted)
        for end in range(500, 600):
            chart.set_series("loss", STEPS[:end], LOSS[:end], style="raw")
        chart.log_scale = True
        await pilot.pause()
        assert len(drawings) == 1
        for row in range(chart.size.height):
            chart.render_line(row)
        assert len(drawings) == 1, "nothing changed, so nothing is drawn"
        assert "loss log" in on_screen(chart)

    drive(chart, use)


def test_series_are_replaced_and_removed_and_the_chart_emptied() -> None:
    chart = training_chart(empty_text="nothing [b]here[/b]")

    async def use(pilot: Pilot[None]) -> None:
        chart.set_series("loss", STEPS, LOSS, label="[red]train", style="raw")
        assert "[red]train" in on_screen(chart)
        chart.remove_series("validation")
        chart.remove_series("no such series")
        assert "validation" not in on_screen(chart)
        chart.clear()
        assert "nothing [b]here[/b]" in on_screen(chart)
        await pilot.press("plus", "left", "i", "right", "0")
        assert chart.view is None
        assert chart.crosshair is None

    drive(chart, use)


def test_wrong_arguments_are_told() -> None:
    chart = LineChart()
    with pytest.raises(ValueError, match="equally long"):
        chart.set_series("a", [1, 2], [1])
    with pytest.raises(ValueError, match="no style of a series: use one of raw, smoothed"):
        chart.set_series("a", [1], [1], style="red")
    with pytest.raises(ValueError, match="no glyphs: use one of braille, block, ascii"):
        LineChart(glyphs="emoji")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no kind of mark"):
        chart.set_marks([Mark("worst", 1)])  # type: ignore[arg-type]


def looks_of_lines(chart: LineChart) -> list[Style]:
    """The styles of what is drawn with Braille dots."""
    return [
        segment.style
        for row in range(chart.size.height)
        for segment in chart.render_line(row)
        if segment.style and any("\u2800" <= character <= "\u28ff" for character in segment.text)
    ]


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
def test_themes_give_each_kind_of_line_its_own_look(theme: str) -> None:
    chart = training_chart()

    async def use(pilot: Pilot[None]) -> None:
        before = chart.render_line(0)
        pilot.app.theme = theme
        await pilot.pause()
        assert len(set(looks_of_lines(chart))) == 3
        if theme != "textual-dark":
            assert chart.render_line(0) != before, "a change of theme is seen at once"

    drive(chart, use)


def test_without_colours_the_values_before_smoothing_are_dim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    chart = training_chart()

    async def use(pilot: Pilot[None]) -> None:
        assert pilot.app.no_color
        assert {bool(style.dim) for style in looks_of_lines(chart)} == {True, False}
        assert "━s smoothed" in on_screen(chart)
        assert "● validation" in on_screen(chart)

    drive(chart, use)

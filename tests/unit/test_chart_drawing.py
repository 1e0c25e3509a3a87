"""Whole charts: any data in any size, the range that is seen, what is written around the lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from ysnakes_tui.widgets.chart_canvas import Canvas, cells_of, fit
from ysnakes_tui.widgets.chart_content import SERIES_STYLES, Content, Mark, Series, choose_letter
from ysnakes_tui.widgets.chart_drawing import draw_chart, plan_chart
from ysnakes_tui.widgets.chart_raster import GLYPHS, Glyphs
from ysnakes_tui.widgets.decimation import usable

any_float = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def some_series(draw: st.DrawFn) -> Series:
    table = np.array(
        draw(st.lists(st.tuples(st.one_of(st.integers(-5, 10**7), any_float), any_float), max_size=40)),
        dtype=np.float64,
    ).reshape(-1, 2)
    label = draw(st.text(max_size=12))
    x, y = usable(table[:, 0], table[:, 1])
    return Series(label, x, y, label, "a", draw(st.sampled_from(SERIES_STYLES)), draw(st.booleans()))


@st.composite
def some_content(draw: st.DrawFn) -> Content:
    series = draw(st.lists(some_series(), max_size=4))
    kinds = st.sampled_from(("best", "checkpoint", "rollback"))
    marks = draw(st.lists(st.builds(Mark, kinds, any_float, st.one_of(st.none(), any_float)), max_size=4))
    view = draw(st.one_of(st.none(), st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))))
    return Content(
        tuple(replace(one, name=str(index)) for index, one in enumerate(series)),
        tuple(marks),
        y_title=draw(st.text(max_size=8)),
        x_title=draw(st.text(max_size=8)),
        log=draw(st.booleans()),
        fit=draw(st.sampled_from(("robust", "visible", "all"))),
        view=None if view is None else (min(view), max(view)),
        glyphs=draw(st.sampled_from(GLYPHS)),
        whole_x=draw(st.booleans()),
    )


@settings(max_examples=300, deadline=None)
@given(some_content(), st.integers(1, 150), st.integers(1, 50), st.one_of(st.none(), any_float))
def test_anything_is_drawn_in_exactly_its_cells(
    content: Content, width: int, height: int, crosshair: float | None
) -> None:
    canvas = draw_chart(plan_chart(content, width, height), crosshair)
    lines = canvas.plain()
    assert len(lines) == height
    assert [cell_len(line) for line in lines] == [width] * height
    assert all(line.isprintable() for line in lines)
    if content.glyphs == "ascii" and content.span is None:
        assert canvas.plain()[(height - 1) // 2].strip()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1000), any_float), min_size=1, max_size=60),
    st.one_of(st.none(), st.tuples(st.integers(0, 1000), st.integers(0, 1000))),
    st.booleans(),
    st.integers(1, 100),
)
def test_the_range_holds_all_finite_values_in_view(
    pairs: list[tuple[int, float]], view: tuple[int, int] | None, log: bool, width: int
) -> None:
    table = np.array(pairs, dtype=np.float64)
    table[:, 1] = np.clip(table[:, 1], -1e300, 1e300) if not log else table[:, 1]
    x, y = usable(table[:, 0], table[:, 1])
    seen = None if view is None or view[0] == view[1] else (float(min(view)), float(max(view)))
    content = Content((Series("a", x, y, "a", "a", "series-1"),), log=log, fit="visible", view=seen)
    plan = plan_chart(content, width, 12)
    shown = np.isfinite(y) & (x >= plan.x.low) & (x <= plan.x.high)
    if log:
        shown &= (y >= 1e-300) & (y <= 1e300)
    values = y[shown]
    assert ((values >= plan.y.low) & (values <= plan.y.high)).all()


def loss_content(glyphs: Glyphs = "braille") -> Content:
    x = np.arange(1, 2001.0)
    y = 1.8 + 6.5 / (1 + x / 20)
    points = np.arange(100, 2001, 100.0)
    return Content(
        (
            Series("loss", x, y, "train", "t", "raw"),
            Series("validation", points, 2 + 6.5 / (1 + points / 20), "validation", "v", "validation", True),
        ),
        y_title="loss",
        glyphs=glyphs,
    )


def text_of(content: Content, width: int = 80, height: int = 20, crosshair: float | None = None) -> str:
    return "\n".join(draw_chart(plan_chart(content, width, height), crosshair).plain())


def test_the_first_steps_leave_room_for_the_rest_and_are_said_to_be_above() -> None:
    content = loss_content()
    robust, visible = plan_chart(content, 80, 20), plan_chart(replace(content, fit="visible"), 80, 20)
    assert robust.y.high < 4.5 < 7 < visible.y.high
    assert "↑" in text_of(content)
    assert "↑" not in text_of(replace(content, fit="visible"))


def test_zooming_fits_what_is_in_view_and_all_does_not() -> None:
    zoomed = replace(loss_content(), fit="visible", view=(1500.0, 2000.0))
    assert plan_chart(zoomed, 80, 20).y.high < 2.2
    assert plan_chart(replace(zoomed, fit="all"), 80, 20).y.high > 7


def test_axes_titles_and_legend_are_written() -> None:
    text = text_of(loss_content())
    for expected in ("loss", "t train", "● validation", "step", " 1k", " 2k", "┤", "┬"):
        assert expected in text


def test_ascii_is_ascii_only() -> None:
    content = replace(
        loss_content("ascii"), marks=(Mark("best", 2000, 2.0), Mark("checkpoint", 500), Mark("rollback", 700))
    )
    for crosshair in (None, 900.0, 150.0):
        assert text_of(content, crosshair=crosshair).isascii()
    assert text_of(replace(content, y_title="y" * 80, x_title="x" * 80), 30, 10).isascii()


def test_log_is_said_and_values_that_have_no_logarithm_are_marked() -> None:
    x = np.arange(1, 101.0)
    y = np.where(x < 20, 0.0, x)
    content = Content((Series("a", x, y, "a", "a", "series-1"),), log=True, y_title="rate", fit="visible")
    text = text_of(content)
    assert "rate log" in text
    assert "↓" in text
    assert plan_chart(content, 80, 20).y.low > 1


def test_nan_is_a_mark_on_the_top_edge_and_leaves_the_range_alone() -> None:
    content = loss_content()
    y = content.series[0].y.copy()
    y[1000], y[1200] = np.nan, np.inf
    broken = replace(content, series=(replace(content.series[0], y=y), content.series[1]))
    rows = text_of(broken).splitlines()
    assert sum(row.count("×") for row in rows) == 2
    assert [row.count("×") for row in rows if "×" in row] == [2]
    assert plan_chart(broken, 80, 20).y == plan_chart(content, 80, 20).y


def test_the_crosshair_says_step_and_values() -> None:
    text = text_of(loss_content(), crosshair=1000.0)
    first = text.splitlines()[0]
    assert "step 1,000" in first
    assert "train 1.927" in first
    assert "validation 2.127" in first
    between = text_of(loss_content(), crosshair=1050.0).splitlines()[0]
    assert "validation 2.127 at 1,000" in between


def test_a_narrow_crosshair_reading_keeps_the_values() -> None:
    first = text_of(loss_content(), 32, 8, crosshair=1000.0).splitlines()[0]
    for expected in ("1,000", "t 1.927", "● 2.127"):
        assert expected in first


def test_marks_are_drawn_where_they_belong() -> None:
    marks = (Mark("best", 2000, 2.06), Mark("checkpoint", 1000), Mark("rollback", 500))
    rows = text_of(replace(loss_content(), marks=marks)).splitlines()
    assert "★ best" in rows[0]
    assert "◆" in rows[-2], "a checkpoint is on the axis"
    assert "★" in "".join(rows[1:-2])
    assert sum("┊" in row for row in rows) > 8


def test_series_are_told_apart_without_colour() -> None:
    x = np.arange(100.0)
    series = tuple(
        Series(str(index), x, x * 0 + index, f"run {index}", "abc"[index], f"series-{index + 1}")
        for index in range(3)
    )
    rows = text_of(Content(series)).splitlines()
    for letter in "abc":
        assert sum(row.count(letter) for row in rows[1:-2]) >= 2, f"{letter} is on its line and after it"


def test_there_is_something_to_say_when_there_is_nothing_to_draw() -> None:
    assert "no steps yet" in text_of(Content())
    nothing = Series("a", np.empty(0), np.empty(0), "a", "a", "series-1")
    assert "no steps yet" in text_of(Content((nothing,)), 20, 5)
    only_nan = Series("a", np.arange(3.0), np.full(3, np.nan), "a", "a", "series-1")
    assert "×" in text_of(Content((only_nan,)))


def test_text_is_literal_and_harmless() -> None:
    hostile = Series("h", np.arange(9.0), np.arange(9.0), "[bold]\x1b[31mred\x00\n", "h", "series-1")
    text = text_of(Content((hostile,), y_title="[/]", empty_text="[red]none[/red]"))
    assert "[bold]␛[31mred␀␊" in text
    assert "[/]" in text
    assert "[red]none[/red]" in text_of(Content(empty_text="[red]none[/red]"))


@given(st.text(), st.integers(0, 30))
def test_fitted_text_takes_the_room_it_says(text: str, width: int) -> None:
    shown = fit(text, width)
    assert cells_of(shown) == cell_len(shown) <= width


def test_wide_characters_that_are_drawn_over_leave_no_half() -> None:
    canvas = Canvas(6, 1)
    canvas.text(0, 0, "日本語", 1)
    canvas.put(0, 1, "x", 2)
    canvas.put(0, 4, "y", 2)
    assert canvas.plain() == [" x本y "]


def test_letters_are_not_shared() -> None:
    assert choose_letter("smoothed", ["l"]) == "s"
    assert choose_letter("second", ["s"]) == "a"
    assert choose_letter("日本", []) == "a"
    assert choose_letter("x-ray", []) not in "xo", "these are marks in ASCII"

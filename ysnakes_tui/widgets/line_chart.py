"""A chart of how training goes: lines over steps, with zoom, crosshair and marks, in terminal cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.reactive import reactive

from ysnakes_tui.widgets.cell_widget import CellWidget, known_glyphs
from ysnakes_tui.widgets.chart_canvas import Canvas
from ysnakes_tui.widgets.chart_content import (
    FITS,
    MARK_KINDS,
    SERIES_STYLES,
    STYLE,
    STYLES,
    Content,
    Fit,
    Mark,
    Series,
    choose_letter,
    span_of,
)
from ysnakes_tui.widgets.chart_drawing import draw_chart, plan_chart
from ysnakes_tui.widgets.chart_navigation import View, beyond, containing, nearest, panned, zoomed
from ysnakes_tui.widgets.chart_plan import Plan
from ysnakes_tui.widgets.chart_raster import Glyphs
from ysnakes_tui.widgets.decimation import usable

__all__ = ["LineChart", "Mark"]

ZOOM = 2.0
_PAN = 0.25


_KEYS = (
    Binding("plus,equals_sign", f"zoom({ZOOM})", "Zoom in", show=False),
    Binding("minus", f"zoom({1 / ZOOM})", "Zoom out", show=False),
    Binding("0", "reset_view", "Whole chart", show=False),
    Binding("left", "sideways(-1)", "Earlier", show=False),
    Binding("right", "sideways(1)", "Later", show=False),
    Binding("shift+left", "sideways(-10)", "Much earlier", show=False),
    Binding("shift+right", "sideways(10)", "Much later", show=False),
    Binding("less_than_sign", "pan(-1)", "Earlier steps", show=False),
    Binding("greater_than_sign", "pan(1)", "Later steps", show=False),
    Binding("i", "toggle_crosshair", "Crosshair", show=False),
    Binding("l", "toggle_log", "Log scale", show=False),
    Binding("escape", "hide_crosshair", "Hide crosshair", show=False),
)
_KEY_ACTIONS = frozenset(binding.action.partition("(")[0] for binding in _KEYS)


class LineChart(CellWidget, can_focus=True):
    """Lines over a common horizontal axis.

    All texts are shown literally. Drawing happens when Textual asks for it, once for any number of changes.
    With ``own_keys`` false the chart answers to no key; its methods are there for bindings elsewhere.
    """

    STYLES = tuple(f"line-chart--{name}" for name in STYLES[1:])
    CURSOR_STYLE = "line-chart--under-crosshair"
    COMPONENT_CLASSES: ClassVar[set[str]] = {*STYLES, CURSOR_STYLE}
    BINDINGS: ClassVar[list[BindingType]] = [*_KEYS]
    DEFAULT_CSS = """
    LineChart {
        height: 1fr;
        .line-chart--title { text-style: bold; }
        .line-chart--text, .line-chart--tick { color: $text-muted; }
        .line-chart--letter { color: $foreground; text-style: bold; }
        .line-chart--axis { color: $foreground 35%; }
        .line-chart--grid { color: $foreground 12%; }
        .line-chart--raw { color: $text-primary 50%; }
        .line-chart--smoothed, .line-chart--series-1 { color: $text-primary; }
        .line-chart--validation, .line-chart--series-2 { color: $text-accent; }
        .line-chart--series-3 { color: $text-success; }
        .line-chart--series-4 { color: $text-error; }
        .line-chart--series-5 { color: $text-secondary; }
        .line-chart--series-6 { color: $foreground; }
        .line-chart--best { color: $text-success; text-style: bold; }
        .line-chart--checkpoint { color: $foreground 70%; }
        .line-chart--rollback, .line-chart--broken { color: $text-error; text-style: bold; }
        .line-chart--beyond { color: $text-muted; }
        .line-chart--crosshair { color: $foreground 60%; }
        .line-chart--under-crosshair { background: $foreground 20%; text-style: bold; }
        .line-chart--empty { color: $text-muted; text-style: italic; }
        &:ansi {
            .line-chart--axis { color: ansi_default; text-style: dim; }
            .line-chart--grid { color: ansi_bright_black; text-style: dim; }
            .line-chart--raw { color: ansi_default; text-style: dim; }
            .line-chart--checkpoint, .line-chart--crosshair { color: ansi_default; }
            .line-chart--under-crosshair { background: ansi_default; text-style: reverse; }
        }
        &:nocolor .line-chart--raw { text-style: dim; }
    }
    """

    log_scale: reactive[bool] = reactive(False)
    fit: reactive[Fit] = reactive[Fit]("robust")
    glyphs: reactive[Glyphs] = reactive[Glyphs]("braille")
    y_title: reactive[str] = reactive("")
    x_title: reactive[str] = reactive("step")
    empty_text: reactive[str] = reactive("no steps yet")
    crosshair: reactive[float | None] = reactive(None)

    def __init__(
        self,
        y_title: str = "",
        x_title: str = "step",
        *,
        glyphs: Glyphs = "braille",
        log_scale: bool = False,
        fit: Fit = "robust",
        whole_x: bool = True,
        empty_text: str = "no steps yet",
        own_keys: bool = True,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        """``whole_x``: places on the horizontal axis are whole numbers.

        ``fit`` is the range of values: ``visible`` has all that is in view in it, ``robust`` leaves out a few
        extreme columns (they get an arrow at the edge) if the rest then has much more room, ``all`` doesn't
        change with zoom.
        """
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._series: dict[str, Series] = {}
        self._marks: tuple[Mark, ...] = ()
        self._view: View | None = None
        self._follows = True
        self._hovered = False
        self._plan: Plan | None = None
        self.whole_x = whole_x
        self.own_keys = own_keys
        self.set_reactive(LineChart.y_title, y_title)
        self.set_reactive(LineChart.x_title, x_title)
        self.set_reactive(LineChart.glyphs, self.validate_glyphs(glyphs))
        self.set_reactive(LineChart.log_scale, log_scale)
        self.set_reactive(LineChart.fit, self.validate_fit(fit))
        self.set_reactive(LineChart.empty_text, empty_text)

    # What is shown

    def set_series(
        self,
        name: str,
        x: ArrayLike,
        y: ArrayLike,
        *,
        label: str = "",
        style: str = "series-1",
        points: bool = False,
        letter: str | None = None,
    ) -> None:
        """Add the series ``name``, or replace it where it stands. Later series are drawn over earlier ones.

        ``x``, ``y`` are numbers of the same length (else ValueError); float64 arrays are kept, not copied,
        and what changes in them is seen after the next call. ``style`` is one of ``SERIES_STYLES``.
        ``points`` draws a symbol on each point, for few points that are joined. ``letter`` (one character of
        width 1) tells the series apart; by default one from its label that is free.
        """
        if style not in SERIES_STYLES:
            raise ValueError(f"{style!r} is no style of a series: use one of {', '.join(SERIES_STYLES)}")
        xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if xs.ndim != 1 or xs.shape != ys.shape:
            raise ValueError(f"x and y must be equally long, not of shapes {xs.shape} and {ys.shape}")
        before = self._series.get(name)
        if letter is None:
            others = [series.letter for series in self._series.values() if series is not before]
            letter = before.letter if before is not None else choose_letter(label or name, others)
        self._series[name] = Series(name, *usable(xs, ys), label or name, letter, style, points)
        if self._view is not None and self._follows and (span := self.span) is not None:
            self._view = (span[1] - (self._view[1] - self._view[0]), span[1])
        self._changed()

    def remove_series(self, name: str) -> None:
        """Take a series away; nothing if there is none of that name."""
        if self._series.pop(name, None) is not None:
            self._changed()

    def set_marks(self, marks: Iterable[Mark]) -> None:
        """Replace all marks."""
        marks = tuple(marks)
        for mark in marks:
            if mark.kind not in MARK_KINDS:
                raise ValueError(f"{mark.kind!r} is no kind of mark: use one of {', '.join(MARK_KINDS)}")
        if marks != self._marks:
            self._marks = marks
            self._changed()

    def clear(self) -> None:
        """Take all series and marks away and show the whole axis again."""
        self._series.clear()
        self._marks = ()
        self._view, self._follows = None, True
        self.crosshair = None
        self._changed()

    @property
    def span(self) -> View | None:
        """First and last place of all points; None without any."""
        return span_of(self._series.values())

    @property
    def content(self) -> Content:
        """All that is shown, as the drawing functions take it."""
        return Content(
            tuple(self._series.values()),
            self._marks,
            y_title=self.y_title,
            x_title=self.x_title,
            log=self.log_scale,
            fit=self.fit,
            view=self._view,
            glyphs=self.glyphs,
            empty_text=self.empty_text,
            whole_x=self.whole_x,
        )

    # Which part is shown

    @property
    def view(self) -> View | None:
        """The part of the horizontal axis that is in view; None for all of it."""
        return self._view

    def show(self, low: float, high: float) -> None:
        """Bring the part from ``low`` to ``high`` into view, if there is anything."""
        span = self.span
        if span is not None and high > low and span[1] > span[0]:
            self._look_at(zoomed(span, (low, high), 1.0, low, whole=self.whole_x))

    def zoom(self, factor: float = ZOOM) -> None:
        """Show ``factor`` times fewer steps: about the crosshair, or the latest ones while in view."""
        span = self.span
        if span is None or span[1] <= span[0] or factor <= 0:
            return
        low, high = self._view or span
        if self.crosshair is not None and low <= self.crosshair <= high:
            about = self.crosshair
        else:
            about = high if self._follows else (low + high) / 2
        self._look_at(zoomed(span, self._view, factor, about, whole=self.whole_x))

    def pan(self, steps: float) -> None:
        """Move the view by ``steps`` quarters of its width, to later steps if positive."""
        span = self.span
        if span is not None and self._view is not None:
            self._look_at(panned(span, self._view, _PAN * steps))

    def reset_view(self) -> None:
        """Show everything."""
        self._look_at(None)

    def _look_at(self, view: View | None) -> None:
        span = self.span
        self._view = view
        self._follows = view is None or span is None or view[1] >= span[1]
        self._changed()

    # The crosshair

    def toggle_crosshair(self) -> None:
        """Show the crosshair at the latest step in view, or hide it."""
        self._hovered = False
        if self.crosshair is not None:
            self.crosshair = None
        elif (span := self.span) is not None:
            self.crosshair = nearest(self._series.values(), (self._view or span)[1])

    def move_crosshair(self, cells: int) -> None:
        """Move the crosshair by that many columns, to a step that has a value; the view goes with it."""
        span, plan = self.span, self._planned(self.size)
        self._hovered = False
        if span is None or plan is None:
            return
        column = plan.cell_column(self.crosshair) if self.crosshair is not None else None
        if self.crosshair is None or column is None:
            self.crosshair = None
            self.toggle_crosshair()
            return
        target = self.crosshair + cells * plan.x.width * plan.across
        found = beyond(self._series.values(), self.crosshair, target)
        if found is None:
            return
        if self._view is not None and not self._view[0] <= found <= self._view[1]:
            self._look_at(containing(span, self._view, found))
        self.crosshair = found

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.crosshair is None or self._hovered:
            self._point_at(event)

    def on_leave(self) -> None:
        if self._hovered:
            self._hovered = False
            self.crosshair = None

    def on_click(self, event: events.Click) -> None:
        """Leave the crosshair where the mouse clicked; a second click there takes it away."""
        stood, hovered = self.crosshair, self._hovered
        self._point_at(event)
        if not hovered and self.crosshair == stood:
            self.crosshair = None
        self._hovered = False

    def _point_at(self, event: events.MouseEvent) -> None:
        plan, offset = self._planned(self.size), event.get_content_offset(self)
        if plan is None or offset is None:
            return
        column = offset.x - plan.plot.left
        if 0 <= column < plan.plot.width:
            self._hovered = True
            self.crosshair = nearest(self._series.values(), plan.x_at(column))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scrolled(event, ZOOM, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scrolled(event, 1 / ZOOM, 1)

    def _scrolled(self, event: events.MouseEvent, factor: float, direction: int) -> None:
        """Zoom with ctrl, pan with shift; the wheel alone belongs to whatever the chart is in."""
        if event.ctrl:
            self.zoom(factor)
        elif event.shift:
            self.pan(direction)
        else:
            return
        event.stop()
        event.prevent_default()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _KEY_ACTIONS and not self.own_keys:
            return False
        if action == "hide_crosshair":
            return self.crosshair is not None
        return super().check_action(action, parameters)

    def action_zoom(self, factor: float) -> None:
        self.zoom(factor)

    def action_reset_view(self) -> None:
        self.reset_view()

    def action_pan(self, steps: float) -> None:
        self.pan(steps)

    def action_sideways(self, cells: int) -> None:
        """Move the crosshair, or the view where there is none."""
        if self.crosshair is not None:
            self.move_crosshair(cells)
        else:
            self.pan(1 if cells > 0 else -1)

    def action_toggle_crosshair(self) -> None:
        self.toggle_crosshair()

    def action_hide_crosshair(self) -> None:
        self._hovered = False
        self.crosshair = None

    def action_toggle_log(self) -> None:
        self.log_scale = not self.log_scale

    # Drawing

    def draw_with(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def validate_glyphs(self, glyphs: Glyphs) -> Glyphs:
        return known_glyphs(glyphs)

    def validate_fit(self, fit: Fit) -> Fit:
        if fit not in FITS:
            raise ValueError(f"{fit!r} is no way to fit: use one of {', '.join(FITS)}")
        return fit

    def watch_crosshair(self) -> None:
        self.changed()

    def _changed(self) -> None:
        self._plan = None
        self.changed()

    watch_log_scale = watch_fit = watch_glyphs = watch_y_title = watch_x_title = watch_empty_text = _changed

    def _planned(self, size: Size) -> Plan | None:
        """The plan for that size; None if nothing can be drawn in it."""
        if size.width < 1 or size.height < 1:
            return None
        plan = self._plan
        if plan is None or (plan.width, plan.height) != size:
            plan = self._plan = plan_chart(self.content, size.width, size.height)
        return plan

    def watch_has_focus(self, _has_focus: bool) -> None:
        """Only the title looks different then; to ask the style sheet for all styles takes 5 ms."""
        self.looks_changed()

    def _looks(self) -> Mapping[int, Style]:
        looks = super()._looks()
        if not self.has_focus:
            return looks
        title = STYLE["title"]
        return {**looks, title: looks[title] + Style(reverse=True)}

    def draw(self, width: int, height: int) -> Canvas:
        plan = self._planned(Size(width, height))
        assert plan is not None
        return draw_chart(plan, self.crosshair)

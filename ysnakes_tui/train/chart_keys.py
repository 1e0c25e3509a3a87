"""Moving about in the charts of the dashboard, which go together."""

from __future__ import annotations

from textual.widget import Widget

from ysnakes_tui.widgets.line_chart import LineChart


class ChartKeys(Widget):
    """The actions on ``#loss-chart`` and ``#bits-chart``, under the registry's names."""

    @property
    def _charts(self) -> tuple[LineChart, LineChart]:
        return self.query_one("#loss-chart", LineChart), self.query_one("#bits-chart", LineChart)

    @property
    def _chart(self) -> LineChart:
        """The one that is meant: the one with the focus, else the first that is shown."""
        loss, score = self._charts
        return score if score.has_focus or not loss.display else loss

    def align_charts(self) -> None:
        """Both charts show the same steps."""
        loss, score = self._charts
        if loss.view is not None and score.view != loss.view:
            score.show(*loss.view)
        elif loss.view is None and score.view is not None:
            score.reset_view()

    def action_log_scale(self) -> None:
        for chart in self._charts:
            chart.log_scale = not chart.log_scale

    def action_zoom_in(self) -> None:
        self._charts[0].zoom()
        self.align_charts()

    def action_zoom_out(self) -> None:
        self._charts[0].zoom(0.5)
        self.align_charts()

    def action_zoom_reset(self) -> None:
        self._charts[0].reset_view()
        self.align_charts()

    def action_pan_left(self) -> None:
        self._charts[0].pan(-1)
        self.align_charts()

    def action_pan_right(self) -> None:
        self._charts[0].pan(1)
        self.align_charts()

    def action_crosshair(self) -> None:
        self._chart.toggle_crosshair()

    def action_crosshair_left(self) -> None:
        self._chart.move_crosshair(-1)

    def action_crosshair_right(self) -> None:
        self._chart.move_crosshair(1)

    def hide_crosshair(self) -> bool:
        """Whether there was one."""
        charts = [chart for chart in self._charts if chart.crosshair is not None]
        for chart in charts:
            chart.crosshair = None
        return bool(charts)

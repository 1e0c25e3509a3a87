"""How each pane is made: imported when it is first looked at, so that the first picture is there soon."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.widget import Widget


def _data() -> Widget:
    from ysnakes_tui.panes.data import DataPane

    return DataPane()


def _train() -> Widget:
    from ysnakes_tui.panes.train import TrainPane

    return TrainPane()


def _complete() -> Widget:
    from ysnakes_tui.panes.complete import CompletePane

    return CompletePane()


PANE_MAKERS: Mapping[str, Callable[[], Widget]] = {"data": _data, "train": _train, "complete": _complete}

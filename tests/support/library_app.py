"""What tests of the library ask of the app on its Data pane."""

from __future__ import annotations

from data_app import DataApp

from ysnakes_tui.data.library_view import LibraryView


def view_of(d: DataApp) -> LibraryView:
    return d.pane.query_one(LibraryView)


def shown(d: DataApp) -> list[int]:
    """The ids in the list."""
    return [int(each) for each in view_of(d).grid.ids]


async def ready(d: DataApp) -> LibraryView:
    """The view, once the record under the cursor is there in full."""
    view = view_of(d)
    await d.until(lambda: view.record is not None and view.record.id == view.grid.current)
    return view


async def finds(d: DataApp, ids: list[int]) -> None:
    """Until those are in the list."""
    await d.until(lambda: shown(d) == ids)

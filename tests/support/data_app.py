"""The app on its Data pane, driven by keys."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from driven_app import DrivenApp, drive_app
from textual.widget import Widget
from textual.widgets import Input, Static

from ysnakes_core.synthesis.job_answers import JobManners
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import Record
from ysnakes_tui.app_memory import AppMemory, read_memory
from ysnakes_tui.data.job_form import JobForm
from ysnakes_tui.data.job_view import JobView
from ysnakes_tui.panes.data import DataPane

Test = Callable[["DataApp"], Coroutine[Any, Any, None]]


class DataApp(DrivenApp):
    """The app, with what tests ask of it."""

    @property
    def folder(self) -> Path:
        return self.home / "data"

    @property
    def pane(self) -> DataPane:
        return self.app.screen_stack[0].query_one(DataPane)

    @property
    def form(self) -> JobForm:
        return self.pane.query_one(JobForm)

    @property
    def jobs(self) -> JobView:
        return self.pane.query_one(JobView)

    def text(self, place: str) -> str:
        """What a text of the pane says."""
        return str(self.pane.query_one(place, Static).content)

    async def open_form(self, teacher: str = "ollama", **values: str) -> None:
        """The form of a new job with those texts in its fields; no kinds but those that are named."""
        await self.press("n")
        await self.until(lambda: self.pane.query(JobForm) and self.form.kinds is not None)
        self.form.choose(teacher)
        counts = {name: value for name, value in values.items() if name not in FIELDS}
        assert self.form.kinds is not None
        for field in self.form.kinds.fields:
            field.value = counts.pop(field.kind, "") if counts or values else field.value
        assert not counts, "there are no such kinds"
        for name in FIELDS:
            if name in values:
                self.form.query_one(f"#{name}", Input).value = values[name]
        await self.pilot.pause()

    async def start(self, teacher: str = "ollama", **values: str) -> None:
        """Start a job with the form."""
        await self.open_form(teacher, **values)
        await self.press("f5")
        await self.until(lambda: self.pane.is_writing or self.pane.query(JobView))
        await self.until(lambda: self.pane.context != "job_form")

    async def ends(self) -> None:
        """Until no job is being written."""
        await self.until(lambda: self.pane.session is not None and not self.pane.is_writing)

    def library(self) -> Library:
        return open_library(self.folder)

    def records(self) -> list[Record]:
        with self.library() as library:
            return library.records(limit=10_000)


FIELDS = ("model", "hosts", "concurrency", "seed", "all")


def drive(
    test: Test,
    home: Path,
    *,
    size: tuple[int, int] = (80, 24),
    ascii: bool = False,
    manners: JobManners | None = None,
    memory: AppMemory | None = None,
) -> None:
    """Run the app on its Data pane, in a home as ``plain_home`` makes it."""

    def pane() -> Widget:
        return DataPane(manners=manners)

    kept = memory or AppMemory(pane="data", layout=read_memory().layout)
    drive_app(test, DataApp, home, kept, makers={"data": pane}, size=size, ascii=ascii)

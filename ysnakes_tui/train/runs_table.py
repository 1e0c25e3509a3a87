"""All runs in a list: found, sorted, marked, compared, renamed, deleted and brought back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from ysnakes_core.files import printable, safe_name
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.run_lookup import command
from ysnakes_tui.train.comparison import Comparison
from ysnakes_tui.train.run_changes import RunChanges
from ysnakes_tui.train.run_filter import RunFilter
from ysnakes_tui.train.run_grid import RunGrid
from ysnakes_tui.train.run_list import SORTS, Order, RunList, RunRow, arranged
from ysnakes_tui.train.run_row import HEADINGS, all_gone, counted, nothing_found
from ysnakes_tui.train.welcome import Welcome
from ysnakes_tui.widgets.views import give_focus, is_seen

REFRESH_SECONDS = 2.0
ORDER_KEPT = "runs.order"  # in the memory's layout
_NEEDS_RUN = frozenset(("attach", "copy_resume", "open_folder", "delete", "mark", "rename"))


class RunsTable(Vertical, can_focus=False):
    """The runs of the app's folder.

    It does the actions of the contexts ``run`` and ``runs`` with its methods ``action_<id>``;
    ``check_action(id, ())`` says which are possible now. ``action_back`` closes what is open in it.
    """

    @dataclass
    class Chosen(Message):
        """A run was opened."""

        run_name: str

    @dataclass
    class Changed(Message):
        """A run has another name; "" before: it was brought back; "" after: it was deleted."""

        before: str
        after: str

    @dataclass
    class NewRun(Message):
        """A new run is wanted; ``first``: by someone who wants to see one at all."""

        first: bool = False

    @dataclass
    class Read(Message):
        """The runs as a thread found them."""

        rows: list[RunRow]

    DEFAULT_CSS = """
    RunsTable {
        height: 1fr;
        #no-runs { height: 1fr; padding: 1 3; display: none; }
        #runs-line { height: 1; padding: 0 1; color: $text-muted; }
        #runs-line { text-wrap: nowrap; text-overflow: ellipsis; }
        Welcome { display: none; }
        &.-empty {
            RunGrid, #runs-line { display: none; }
            #no-runs { display: block; }
        }
        &.-empty.-first #no-runs { display: none; }
        &.-empty.-first Welcome { display: block; }
        &.-comparing {
            RunGrid, Welcome, #no-runs, RunFilter, #runs-line { display: none; }
        }
    }
    """
    context: ClassVar[str] = "runs"

    def __init__(self, *, id: str | None = None, clock: Callable[[], float] = time.time) -> None:
        """``clock`` gives Unix seconds."""
        super().__init__(id=id)
        self._clock = clock
        self._rows: list[RunRow] = []
        self._shown: list[RunRow] = []
        self._marked: set[str] = set()
        self._order, self._wanted = Order(), ""
        self._changes = RunChanges(self, clock=clock, changed=self._changed)
        self._list: RunList | None = None
        self._again = False
        self._go_to = ""  # the run that the cursor goes to once it is listed
        self._is_read = False

    def compose(self) -> ComposeResult:
        yield RunFilter()
        yield RunGrid(id="runs")
        yield Welcome()
        yield Static(id="no-runs", markup=False)
        yield Static(id="runs-line", markup=False)

    def on_mount(self) -> None:
        folder = shell_of(self).runs_folder
        self._list = RunList(folder)
        self._order = Order.from_text(shell_of(self).memory.layout.get(ORDER_KEPT, ""))
        self._changes.find_left(self._draw)
        self.read()
        self.set_interval(REFRESH_SECONDS, self._read_if_seen)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())

    def on_show(self) -> None:
        self.read()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def focus_first(self) -> None:
        """Give the focus to what one works with: the chart while runs are compared, else the list."""
        welcome = self.query_one(Welcome)
        if (comparison := self.comparison) is not None:
            comparison.chart.focus()
        elif welcome.display:
            welcome.focus_first()
        else:
            self._table.focus()

    @property
    def runs(self) -> list[RunRow]:
        """The runs that are shown, in order."""
        return list(self._shown)

    @property
    def marked(self) -> list[str]:
        """The names of the marked runs, as they stand in the list."""
        return [row.name for row in self._arranged("") if row.name in self._marked]

    @property
    def current(self) -> RunRow | None:
        """The run under the cursor."""
        place = self._table.cursor_row
        return self._shown[place] if 0 <= place < len(self._shown) else None

    @property
    def comparison(self) -> Comparison | None:
        """What is shown instead of the list while runs are compared."""
        found = self.query(Comparison)
        return found.first() if found else None

    @property
    def _table(self) -> RunGrid:
        return self.query_one(RunGrid)

    # Reading.

    def read(self) -> None:
        """Look at the runs in a thread; once more afterwards if that is under way."""
        if self._list is None or not self.is_attached:
            return
        if any(worker.group == "runs" and not worker.is_finished for worker in self.workers):
            self._again = True
        else:
            self.run_worker(partial(self._read, self._list), thread=True, group="runs", exit_on_error=False)

    def _read_if_seen(self) -> None:
        if is_seen(self) and self.comparison is None:
            self.read()

    def _read(self, runs: RunList) -> None:
        self.post_message(self.Read(runs.read(self._clock())))

    def on_runs_table_read(self, event: Read) -> None:
        event.stop()
        self._rows, self._is_read = event.rows, True
        self._marked &= {self._go_to, *(row.name for row in event.rows)}
        self._draw()
        if self._again:
            self._again = False
            self.call_later(self.read)

    # Drawing.

    def _arranged(self, wanted: str) -> list[RunRow]:
        return arranged(self._rows, wanted=wanted, order=self._order)

    def _draw(self) -> None:
        if not self.is_mounted or not self._is_read or self.size.width == 0:
            return
        table, current = self._table, self.current
        self._shown = self._arranged(self._wanted)
        table.show(
            self._shown,
            self._order,
            marked=self._marked,
            go_to=self._go_to or (current.name if current is not None else ""),
            width=self.size.width - self.scrollbar_size_vertical,
            now=self._clock(),
            ascii=shell_of(self).glyphs == "ascii",
        )
        if self._go_to in [row.name for row in self._shown]:
            self._go_to = ""
        self._draw_nothing()
        self._draw_line()
        self.refresh_bindings()

    def _draw_nothing(self) -> None:
        """What stands where no run does: what to do about it."""
        focused, was_empty = self.screen.focused, self.has_class("-empty")
        in_front = focused is None or self in focused.ancestors_with_self
        self.set_class(not self._shown, "-empty")
        self.set_class(not self._rows and not self._changes.can_undo, "-first")
        gone = all_gone(key_of(self, "undo"), key_of(self, "new_run"))
        self.query_one("#no-runs", Static).update(nothing_found(self._wanted) if self._rows else gone)
        if in_front and was_empty == bool(self._shown) and not isinstance(focused, RunFilter):
            self.call_after_refresh(give_focus, self)

    def _draw_line(self) -> None:
        row = self.current
        if row is not None and row.problem:
            text = printable(row.problem, 300)
        else:
            text = counted(
                len(self._shown),
                len(self._rows) if self._wanted else None,
                len(self._marked),
                self._order,
                ascii=shell_of(self).glyphs == "ascii",
            )
        self.query_one("#runs-line", Static).update(Text(text))

    # What is possible, and doing it.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action of the registry (or of Textual) is possible now; None: not now."""
        comparing = self.comparison is not None
        no = None if self._rows and not comparing else False  # where there is no list, it is not worth a word
        if action in _NEEDS_RUN:
            return True if self.current is not None and not comparing else no
        if action == "compare":
            return True if len(self._to_compare()) > 1 and not comparing else no
        if action == "undo":
            return True if self._changes.can_undo else None
        if action in ("filter", "sort", "sort_reverse"):
            return True if self._rows and not comparing else no
        return super().check_action(action, parameters)

    def action_new_run(self) -> None:
        self.post_message(self.NewRun())

    def on_welcome_accepted(self, event: Welcome.Accepted) -> None:
        event.stop()
        self.post_message(self.NewRun(first=True))

    def action_attach(self) -> None:
        if (row := self.current) is not None:
            self.post_message(self.Chosen(row.name))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_attach()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._draw_line()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        if event.column_key.value in SORTS:
            self._sort_by(self._order.by(str(event.column_key.value)))

    def action_mark(self) -> None:
        """Mark the run under the cursor, or take its mark away, and go to the next."""
        if (row := self.current) is not None:
            self._marked ^= {row.name}
            self._table.action_cursor_down()
            self._draw()

    def action_sort(self) -> None:
        columns = list(HEADINGS)
        self._sort_by(Order(columns[(columns.index(self._order.sort) + 1) % len(columns)]))

    def action_sort_reverse(self) -> None:
        self._sort_by(self._order.turned())

    def _sort_by(self, order: Order) -> None:
        self._order = order
        shell = shell_of(self)
        shell.remember(layout={**shell.memory.layout, ORDER_KEPT: order.to_text()})
        self._draw()

    def action_filter(self) -> None:
        self.query_one(RunFilter).open()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._wanted = event.value
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value:
            self._close_filter()
        elif self._shown:
            self._table.focus()

    def _close_filter(self) -> None:
        self._wanted = ""
        self.query_one(RunFilter).close()
        self._draw()
        self._table.focus()

    async def action_back(self) -> bool:
        """Close the comparison or the filter, or take all marks away; whether there was any of it."""
        if (comparison := self.comparison) is not None:
            await comparison.remove()
            self.remove_class("-comparing")
            self._table.focus()
            self.refresh_bindings()
        elif self.query_one(RunFilter).is_open:
            self._close_filter()
        elif self._marked:
            self._marked.clear()
            self._draw()
        else:
            return False
        return True

    def _to_compare(self) -> list[str]:
        """The marked runs; if only one is, also the one under the cursor."""
        names = self.marked
        if len(names) == 1 and (row := self.current) is not None and row.name not in names:
            names.append(row.name)
        return names

    async def action_compare(self) -> None:
        await self.compare(self._to_compare())

    async def compare(self, names: Sequence[str]) -> None:
        """Draw runs on one chart, in place of the list."""
        folder = shell_of(self).runs_folder
        await self.query(Comparison).remove()
        comparison = Comparison([RunDirectory(folder / name) for name in names])
        self.add_class("-comparing")
        await self.mount(comparison)
        comparison.chart.focus()
        self.refresh_bindings()

    def mark(self, name: str) -> None:
        """Mark a run and go to it."""
        self._marked.add(name)
        self._go_to = name
        self._draw()

    def action_copy_resume(self) -> None:
        if (row := self.current) is not None:
            run = RunDirectory(
                shell_of(self).runs_folder / safe_name(row.name)
            )  # pasted, others could do harm
            shell_of(self).copy(command("train --resume", run, None), "the command that goes on with it")

    def action_open_folder(self) -> None:
        if (row := self.current) is not None:
            self.open_folder(row.name)

    def open_folder(self, name: str) -> None:
        """Show a run's folder in the system's file manager."""
        self._changes.open_folder(name)

    def action_rename(self) -> None:
        if (row := self.current) is not None:
            self._changes.rename(row.name, (other.name for other in self._rows))

    def action_delete(self) -> None:
        """Delete the marked runs, else the one under the cursor, after a question."""
        row = self.current
        names = self.marked or ([row.name] if row is not None else [])
        if names:
            self.delete(names)

    def delete(self, names: Sequence[str]) -> None:
        """Delete runs, after a question."""
        self._changes.delete(names, key_of(self, "undo"))

    def action_undo(self) -> None:
        """Bring back what was deleted last."""
        self._changes.undo()

    def _changed(self, before: str, after: str) -> None:
        if before in self._marked:
            self._marked = self._marked - {before} | ({after} if after else set())
        if after:
            self._go_to = after
        self.post_message(self.Changed(before, after))
        self.read()

"""The panes, one of them shown: made when it is first looked at, with its focus kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from textual.containers import Container
from textual.message import Message
from textual.widget import AwaitMount, Widget

from ysnakes_tui.panes.interface import Pane
from ysnakes_tui.widgets.status_strip import Status
from ysnakes_tui.widgets.views import give_focus


class PaneStack(Container):
    """``makers`` make the panes, by their names."""

    class Settled(Message):
        """The pane in front is whole and has the focus."""

    def __init__(self, makers: Mapping[str, Callable[[], Widget]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._makers = makers
        self._panes: dict[str, Widget] = {}
        self._focus_in: dict[str, Widget] = {}  # the part of each pane that had the focus last
        self.current = ""

    @property
    def pane(self) -> Pane | None:
        """The pane that is shown."""
        return cast(Pane | None, self._panes.get(self.current))

    def show(self, name: str) -> None:
        """Bring the pane of that name to the front."""
        if name == self.current:
            return
        if self.screen.focused is not None:
            self._focus_in[self.current] = self.screen.focused
        self.current = name
        mounted = None
        if name not in self._panes:
            self._panes[name] = self._makers[name]()
            mounted = self.mount(self._panes[name])
        for other, pane in self._panes.items():
            pane.display = other == name
        self.run_worker(self._settle_in(name, mounted), group="pane", exclusive=True)

    async def _settle_in(self, name: str, mounted: AwaitMount | None) -> None:
        """What is left to do once the pane in front is whole: the focus goes where it last was in it."""
        if mounted is not None:
            await mounted
        pane, screen = self._panes[name], self.screen
        before = self._focus_in.get(name)
        if before is not None and before.is_attached and before.focusable:
            screen.set_focus(before)
        else:
            give_focus(pane)
        self.post_message(self.Settled())

    def status(self) -> Status:
        """What the pane in front does; if that is nothing, what the Train pane does.

        Where that is nothing either: what the first is ready for, if it has an ``idle_status``.
        """
        for name in (self.current, "train"):
            pane = self._panes.get(name)
            status = cast(Pane, pane).status() if pane is not None and pane.is_mounted else Status()
            if status != Status():
                return status
        idle_status = getattr(self._panes.get(self.current), "idle_status", Status)
        return cast(Status, idle_status())

"""The first line: the program's name and its three panes, one of which is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


@dataclass(frozen=True)
class Tab:
    name: str
    title: str
    key: str


class TabBar(Widget):
    """The pane that is shown is marked by a sign and by weight, not by colour alone."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual's own way)
        "tab-bar--brand",
        "tab-bar--tab",
        "tab-bar--active",
        "tab-bar--hover",
        "tab-bar--key",
    }
    active: reactive[str] = reactive("")
    hovered: reactive[str] = reactive("")

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        name: str

    def __init__(self, tabs: tuple[Tab, ...], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = tabs

    def render(self) -> Text:
        brand = Text(
            " § ysnakes  " if self.size.width >= 50 else " ", self.get_component_rich_style("tab-bar--brand")
        )
        line = Text.assemble(brand, no_wrap=True, end="")
        for tab in self.tabs:
            line.append_text(self._tab(tab))
        return line

    def _tab(self, tab: Tab) -> Text:
        active = tab.name == self.active
        part = "active" if active else "hover" if tab.name == self.hovered else "tab"
        style = self.get_component_rich_style(f"tab-bar--{part}") + Style(meta={"tab": tab.name})
        text = Text(f" {'▸' if active else ' '} ", style)
        text.append(
            tab.key, style if active else style + self.get_component_rich_style("tab-bar--key", partial=True)
        )
        return text.append(f" {tab.title}  ", style)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = _tab_at(event)

    def on_leave(self) -> None:
        self.hovered = ""

    def on_click(self, event: events.Click) -> None:
        if name := _tab_at(event):
            self.post_message(self.Chosen(name))


def _tab_at(event: events.MouseEvent) -> str:
    meta: Mapping[str, object] = event.style.meta
    return str(meta.get("tab", ""))

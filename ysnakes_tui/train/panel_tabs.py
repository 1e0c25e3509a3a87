"""One line with the names of panels that share a place; the chosen one is the one that is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class PanelTabs(Widget, can_focus=True):
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"panel-tabs--active", "panel-tabs--other"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Panel before", show=False),
        Binding("right", "step(1)", "Next panel", show=False),
    ]
    DEFAULT_CSS = """
    PanelTabs {
        height: 1;
        background: $surface;
        .panel-tabs--active { color: $primary; text-style: bold underline; }
        .panel-tabs--other { color: $text-muted; }
        &:focus .panel-tabs--active { text-style: bold reverse; }
    }
    """

    active: reactive[str] = reactive("")

    @dataclass
    class Chosen(Message):
        tabs: PanelTabs
        name: str

        @property
        def control(self) -> PanelTabs:
            return self.tabs

    def __init__(self, titles: dict[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.titles = titles
        self.set_reactive(PanelTabs.active, next(iter(titles)))

    def render(self) -> Text:
        line = Text(no_wrap=True, end="")
        for name, title in self.titles.items():
            style = "panel-tabs--active" if name == self.active else "panel-tabs--other"
            line.append(" ")
            line.append(
                f"▸{title} " if name == self.active else f" {title} ", self.get_component_rich_style(style)
            )
        return line

    def watch_active(self) -> None:
        self.post_message(self.Chosen(self, self.active))

    def action_step(self, steps: int) -> None:
        names = list(self.titles)
        self.active = names[(names.index(self.active) + steps) % len(names)]

    def on_click(self, event: events.Click) -> None:
        left = 0
        for name, title in self.titles.items():
            left += len(title) + 3
            if event.x < left:
                self.active = name
                return

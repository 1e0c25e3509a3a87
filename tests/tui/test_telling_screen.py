"""Widgets are told when they are shown or have another size, whatever is looked up meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import usual_keymap
from ysnakes_tui.widgets.dialog import Dialog
from ysnakes_tui.widgets.telling_screen import TellingScreen


class Panel(Static):
    """Keeps what it was told."""

    def __init__(self) -> None:
        super().__init__("panel")
        self.told: list[str] = []

    def on_show(self) -> None:
        self.told.append("shown")

    def on_resize(self, event: events.Resize) -> None:
        self.told.append(f"{event.size.width} wide")


class PanelApp(App[None]):
    CSS = """
    Screen { layout: horizontal; }
    VerticalScroll { width: 20; }
    """

    def __init__(self, screen: Screen[None]) -> None:
        super().__init__()
        self._first = screen

    def get_default_screen(self) -> Screen[None]:
        return self._first

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static("\n" * 100)
        panel = Panel()
        panel.display = False
        yield panel


def told_after_a_look_up(screen: Screen[None]) -> list[str]:
    """What a panel is told that is shown, and then made narrower, in an app that scrolled just before."""

    async def drive() -> list[str]:
        app = PanelApp(screen)
        async with app.run_test(size=(80, 24)) as pilot:
            scroll, panel = app.query_one(VerticalScroll), app.query_one(Panel)
            for width in (60, 9):
                scroll.scroll_relative(y=3, animate=False)
                await pilot.pause()
                panel.display, panel.styles.width = True, width
                assert scroll.region.width == 20
                await pilot.pause()
            return panel.told

    return asyncio.run(drive())


def test_a_panel_is_told_although_it_was_looked_for_first() -> None:
    assert sorted(told_after_a_look_up(TellingScreen(id="_default"))) == ["60 wide", "9 wide", "shown"]


def test_which_textual_alone_does_not_do() -> None:
    """When this fails, Textual is better than its screens were, and ``telling_screen`` can go."""
    assert "shown" not in told_after_a_look_up(Screen(id="_default"))


@pytest.mark.usefixtures("home")
def test_the_app_and_its_dialogs_are_of_that_kind() -> None:
    class Question(Dialog[None]):
        pass

    async def drive() -> None:
        from pathlib import Path

        app = YsnakesApp(Path("runs"), keymap=usual_keymap(), memory=AppMemory())
        async with app.run_test() as pilot:
            own = type(TellingScreen()._compositor)
            assert isinstance(app.screen, Screen)
            assert type(app.screen._compositor) is own
            await app.push_screen(Question())
            await pilot.pause()
            assert isinstance(app.screen, ModalScreen)
            assert type(app.screen._compositor) is own

    asyncio.run(drive())

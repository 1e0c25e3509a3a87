"""Where the focus goes when a view comes to the front."""

from __future__ import annotations

import asyncio

import pytest
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.widgets import Button

from ysnakes_tui.widgets.views import give_focus


class Views(App[None]):
    CSS = ".-late { display: none; }"

    def compose(self) -> ComposeResult:
        with Vertical(id="view"):
            yield Button("late", id="late", classes="-late")
        yield Button("other", id="other")


@pytest.mark.parametrize("taken", [False, True])
def test_a_view_gets_the_focus_as_soon_as_it_can_take_it_unless_another_has_it_by_then(taken: bool) -> None:
    async def go() -> None:
        app = Views()
        async with app.run_test() as pilot:
            app.screen.set_focus(None)
            view, late, other = (app.query_one(f"#{name}") for name in ("view", "late", "other"))
            give_focus(view)
            await pilot.pause()
            assert app.screen.focused is None
            late.remove_class("-late")
            if taken:
                other.focus()
            while app.screen.focused is None:
                await pilot.pause()
            assert app.screen.focused is (other if taken else late)

    asyncio.run(go())

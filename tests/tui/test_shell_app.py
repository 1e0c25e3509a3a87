"""The shell of the app, driven by keys and mouse: panes, actions, the footer, leaving."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.text import Text
from shell_app import EveryPane, drive, press, toasts, until
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from ysnakes_core.errors import YsnakesError
from ysnakes_tui.actions import ACTIONS, CONTEXTS, actions_for
from ysnakes_tui.app import TWICE_SECONDS, YsnakesApp
from ysnakes_tui.app_memory import AppMemory, read_memory
from ysnakes_tui.keymap import keymap_from
from ysnakes_tui.panes.complete import CompletePane
from ysnakes_tui.panes.interface import Pane
from ysnakes_tui.widgets.help_screen import HelpScreen
from ysnakes_tui.widgets.key_footer import KeyFooter
from ysnakes_tui.widgets.palette import Palette
from ysnakes_tui.widgets.tab_bar import TabBar

pytestmark = pytest.mark.usefixtures("home")


# Panes.


@pytest.mark.parametrize("keys", [("1", "2", "3"), ("f2", "f3", "f4")])
def test_the_panes_have_keys(keys: tuple[str, str, str]) -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        for key, name in zip(keys, ("data", "train", "complete"), strict=True):
            await press(pilot, key)
            assert app.query_one(TabBar).active == name
            shown = [pane for pane in app.query_one("#body").children if pane.display]
            assert [pane.id for pane in shown] == [name]
            assert isinstance(shown[0], Pane)
            assert app.screen.focused is not None
            assert shown[0] in app.screen.focused.ancestors_with_self

    drive(test)


def test_the_panes_can_be_clicked() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        bar = app.query_one(TabBar)
        for name in ("complete", "data", "train"):
            title = ACTIONS[f"show_{name}"].title
            text = bar.render()
            assert isinstance(text, Text)
            await pilot.click(bar, offset=(text.plain.index(title) + 1, 0))
            await until(pilot, lambda name=name: bar.active == name)  # type: ignore[misc]

    drive(test)


def test_a_pane_is_made_only_when_it_is_looked_at_and_keeps_its_focus() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        assert len(app.query_one("#body").children) == 1
        await press(pilot, "tab")
        assert app.screen.focused is pane.query_one("#field")
        await press(pilot, "f2")
        assert len(app.query_one("#body").children) == 2
        await press(pilot, "2")
        await until(pilot, lambda: app.screen.focused is pane.query_one("#field"))

    drive(test, pane=pane)


def test_the_pane_and_the_run_of_last_time_are_there_again() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        assert app.query_one(TabBar).active == "complete"
        assert isinstance(app.pane, CompletePane)
        assert app.memory.last_run == "quiet cobra"
        await press(pilot, "1")
        await until(pilot, lambda: read_memory().pane == "data")

    drive(test, memory=AppMemory(pane="complete", last_run="quiet cobra"))


# Actions.


@pytest.mark.parametrize("context", [name for name in CONTEXTS if name != "app"])
def test_every_key_does_what_the_registry_says(context: str) -> None:
    pane = EveryPane(context)
    expected: list[str] = []

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        for action in actions_for(context):
            for key in action.keys if action.context != "app" else ():
                await press(pilot, key)
                expected.append(action.id)
                assert pane.done == expected, key

    drive(test, pane=pane)
    assert expected


def test_own_keys_hold_and_the_usual_ones_do_not() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, "space", "x", "z")
        assert pane.done == []
        await press(pilot, "p", "+", "f6")
        assert pane.done == ["pause", "stop", "stop"]
        await press(pilot, "v")
        assert pane.done == ["pause", "stop", "stop", "early_stopping"]
        assert "would be both “Early stopping”" in toasts(app)

    own = {"pause": "p", "stop": ["+", "f6"], "snooze": "", "early_stopping": "v", "zoom_in": "="}
    drive(test, pane=pane, keymap=keymap_from(own))


def test_letters_go_to_a_field_and_function_keys_do_not() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        field = pane.query_one(Input)
        field.focus()
        await press(pilot, "n", "space", "q", ":", "1")
        assert field.value == "n q:1"
        assert pane.done == []
        await press(pilot, "ctrl+p")
        assert isinstance(app.screen, Palette)
        await press(pilot, "escape")
        await press(pilot, "escape")
        assert app.screen.focused is None
        await press(pilot, "n")
        assert pane.done == ["new_run"]

    drive(test, pane=pane)


def test_esc_belongs_to_the_pane_if_it_wants_it() -> None:
    class Cancelling(EveryPane):
        async def action_back(self) -> None:
            self.done.append("back")

    pane = Cancelling()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        pane.query_one(Input).focus()
        await press(pilot, "escape")
        assert pane.done == ["back"]
        assert app.screen.focused is pane.query_one(Input)

    drive(test, pane=pane)


def test_an_error_of_an_action_is_told_literally() -> None:
    class Failing(EveryPane):
        async def action_stop(self) -> None:
            raise YsnakesError("the run [bold]x[/] cannot\x1b[2J be stopped", "try [red]again[/red]")

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, "x")
        assert "the run [bold]x[/] cannot␛[2J be stopped\ntry [red]again[/red]" in toasts(app)

    drive(test, pane=Failing())


# The footer.


def shown_hints(app: YsnakesApp) -> dict[str, bool]:
    return {hint.action: hint.enabled for hint in app.query_one(KeyFooter).shown}


def test_the_footer_says_what_is_possible_and_leaves_out_what_matters_least() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        narrow = shown_hints(app)
        assert list(narrow)[-3:] == ["palette", "help", "quit"]
        assert "pause" in narrow
        assert "log_scale" not in narrow
        pane.states = {"pause": False, "stop": None}
        pane.refresh_bindings()
        await pilot.pause()
        assert "pause" not in shown_hints(app)
        assert shown_hints(app)["stop"] is False
        await press(pilot, "space", "x")
        assert pane.done == []
        await pilot.resize_terminal(200, 40)
        assert {"log_scale", "crosshair", "snooze"} <= shown_hints(app).keys()

    drive(test, pane=pane)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_footer_fits(width: int) -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        text = app.query_one(KeyFooter).render()
        assert text.cell_len <= width
        assert text.plain.rstrip().endswith("q Quit")

    drive(test, pane=EveryPane(), size=(width, 24))


def test_the_footer_can_be_clicked() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        footer = app.query_one(KeyFooter)
        await pilot.click(footer, offset=(footer.render().plain.index("Stop"), 0))
        await until(pilot, lambda: pane.done == ["stop"])
        await pilot.click(footer, offset=(footer.render().plain.index("Help"), 0))
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))

    drive(test, pane=pane)


def test_keys_that_come_faster_than_a_dialog_goes_do_no_harm() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        for opening, closing in (("f1", "escape"), ("t", "escape"), ("g", "escape")):
            await press(pilot, opening)
            assert len(app.screen_stack) == 2
            for _ in range(3):
                app.post_message(events.Key(closing, None))
            await until(pilot, lambda: len(app.screen_stack) == 1)
            assert app.is_running

    drive(test)


# Leaving.


def test_q_leaves() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, "q")
        await until(pilot, lambda: not app.is_running)
        assert app.return_code == 0

    drive(test)


def test_ctrl_c_twice_leaves_and_once_only_says_so() -> None:
    late = TWICE_SECONDS + 1

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, "ctrl+c")
        assert "ctrl+c once more leaves" in toasts(app)
        await press(pilot, "ctrl+c")  # too late to be the second
        assert app.is_running
        await press(pilot, "ctrl+c")
        await until(pilot, lambda: not app.is_running)

    drive(test, clock=iter([0.0, late, late + 1]))


def test_ctrl_c_twice_leaves_from_a_dialog_too() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, "f1", "ctrl+c", "ctrl+c")
        await until(pilot, lambda: not app.is_running)

    drive(test, clock=iter([0.0, 1.0]))


def test_what_cannot_be_kept_is_told_once(home: Path) -> None:
    home.write_text("a file where a folder should be")

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, "1")
        await until(pilot, lambda: "could not make" in toasts(app))
        await press(pilot, "3")
        await app.workers.wait_for_complete()
        assert toasts(app).count("could not make") == 1

    drive(test)

"""What opens over the shell of the app: help, palette, themes, jumping, one panel alone, what is copied."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from seen import screen_text
from shell_app import EveryPane, drive, press, toasts, until
from textual.pilot import Pilot
from textual.widgets import OptionList

from ysnakes_tui.actions import ACTIONS, CONTEXTS, actions_for, enclosing
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory, memory_file, read_memory
from ysnakes_tui.keymap import keymap_from
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.widgets.help_screen import HelpScreen
from ysnakes_tui.widgets.jump_screen import JumpScreen
from ysnakes_tui.widgets.palette import CommandList, Palette
from ysnakes_tui.widgets.theme_screen import ThemeScreen

pytestmark = pytest.mark.usefixtures("home")


# Help.


@pytest.mark.parametrize("key", ["f1", "?"])
@pytest.mark.parametrize("context", ["train", "runs", "form", "job", "prompt", "transcript", "transcripts"])
def test_help_has_every_key_of_where_one_is(context: str, key: str) -> None:
    keymap = keymap_from({"quit": "f10", "pause": "p"})

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, key)
        assert isinstance(app.screen, HelpScreen)
        told = {title: keys for _, rows in app.screen.sections() for keys, title, _ in rows}
        for action in actions_for(context):
            assert action.title in told
        assert told["Quit"] == "F10"
        assert ("Mark" in told) == (context == "runs")
        if context == "train":
            assert told["Pause or resume"] == "p"
            assert next(iter(told)) == "Pause or resume"
        shown = app.export_screenshot()
        assert CONTEXTS[context].title.replace(" ", "&#160;") in shown
        await press(pilot, "escape")
        assert not isinstance(app.screen, HelpScreen)

    drive(test, pane=EveryPane(context), keymap=keymap, size=(120, 60))


def test_help_begins_with_the_keys_of_what_has_the_focus() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        for widget, title, key in (("#field", "This field", "enter"), ("#list", "This list", "arrows")):
            pane.query_one(widget).focus()
            await press(pilot, "f1")
            assert isinstance(app.screen, HelpScreen)
            first, rows = next(app.screen.sections())
            assert first == title
            assert key in [row[0] for row in rows]
            await press(pilot, "f1")

    drive(test, pane=pane)


# The palette.


@pytest.mark.parametrize("key", [":", "ctrl+p"])
def test_the_palette_has_every_action(key: str) -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, key)
        commands = app.screen.query_one(CommandList).commands
        left_out = {"palette", "back", "copy_selection", "crosshair_left", "crosshair_right"}
        assert {command.action.id for command in commands} == ACTIONS.keys() - left_out
        possible = [command.possible for command in commands]
        assert possible == sorted(possible, reverse=True)
        assert possible.count(False) == len(
            [c for c in commands if c.action.context not in enclosing("train")]
        )

    drive(test, pane=EveryPane())


def test_what_the_palette_lists_can_all_be_read() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, ":")
        seen, commands = "", app.screen.query_one(CommandList).commands
        for _ in commands:
            seen += screen_text(app)
            await press(pilot, "pagedown")
        for command in commands:
            assert command.action.title in seen
            assert command.help[:60] in seen

    drive(test, pane=EveryPane(), size=(120, 40))


def chosen(app: YsnakesApp) -> str:
    command = app.screen.query_one(CommandList).chosen
    return command.action.id if command is not None else ""


def test_an_action_is_found_by_its_name_and_done() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, ":", "s", "n", "o", "o", "z", "e")
        assert chosen(app) == "snooze"
        await press(pilot, "enter")
        await until(pilot, lambda: pane.done == ["snooze"])

    drive(test, pane=pane)


def test_the_arrows_go_through_the_palette_and_around_its_ends() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, ":")
        commands = app.screen.query_one(CommandList).commands
        await press(pilot, "up")
        assert chosen(app) == commands[-1].action.id
        assert commands[-1].action.title in screen_text(app)
        await press(pilot, "down", "down")
        assert chosen(app) == commands[1].action.id
        await press(pilot, "enter")
        await until(pilot, lambda: pane.done == [commands[1].action.id])

    drive(test, pane=pane)


def test_a_click_in_the_palette_does_what_it_is_on() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, ":")
        wanted = app.screen.query_one(CommandList).commands[2].action.id
        await pilot.click(CommandList, offset=(3, 4))
        await until(pilot, lambda: pane.done == [wanted])

    drive(test, pane=pane)


def test_what_is_not_found_is_said_and_nothing_is_done() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, ":", *"zzqqx")
        assert "nothing of that name" in screen_text(app)
        await press(pilot, "enter", "down", "pageup")
        assert isinstance(app.screen, Palette)
        await press(pilot, "escape")
        assert not isinstance(app.screen, Palette)
        assert pane.done == []

    drive(test, pane=pane)


def test_what_is_not_possible_says_so() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, ":", *"rename")
        assert chosen(app) == "rename"
        assert "not possible now" in screen_text(app)
        await press(pilot, "enter")
        await until(pilot, lambda: "“Rename” is not possible here now" in toasts(app))
        assert pane.done == []

    drive(test, pane=pane)


# Themes.


def test_a_theme_is_seen_at_once_and_kept_only_if_chosen() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        before = app.theme
        await press(pilot, "t")
        assert isinstance(app.screen, ThemeScreen)
        await press(pilot, "down")
        assert app.theme == "snake-light"
        await press(pilot, "end")
        assert app.current_theme.ansi
        await press(pilot, "escape")
        assert app.theme == before
        assert not memory_file().exists()
        await press(pilot, "t", "down", "enter")
        assert app.theme == "snake-light"
        await until(pilot, lambda: read_memory().theme == "snake-light")

    drive(test)


def test_the_kept_theme_is_there_again_and_an_unknown_one_does_no_harm() -> None:
    async def nord(app: YsnakesApp, pilot: Pilot[None]) -> None:
        assert app.theme == "nord"

    async def usual(app: YsnakesApp, pilot: Pilot[None]) -> None:
        assert app.theme == "snake-dark"

    drive(nord, memory=AppMemory(theme="nord"))
    drive(usual, memory=AppMemory(theme="no such theme"))


# Going somewhere, making large, copying.


def test_a_letter_goes_to_any_part() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        for letter, widget in (("d", "#list"), ("s", "#field")):
            app.set_focus(None)
            await press(pilot, "g")
            assert isinstance(app.screen, JumpScreen)
            assert len(app.screen.query(".jump-label")) == 3
            await press(pilot, letter)
            await until(pilot, lambda widget=widget: app.screen.focused is pane.query_one(widget))  # type: ignore[misc]
        app.set_focus(None)
        await press(pilot, "g", "escape")
        assert not isinstance(app.screen, JumpScreen)

    drive(test, pane=pane)


def test_a_panel_can_have_the_whole_screen() -> None:
    pane = EveryPane()

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        options = pane.query_one(OptionList)
        height = options.size.height
        options.focus()
        await press(pilot, "f")
        await pilot.pause()
        assert app.screen.maximized is pane
        await press(pilot, "escape")
        assert app.screen.maximized is None
        assert options.size.height == height
        app.set_focus(None)
        await press(pilot, "f")
        assert "go to a panel first" in toasts(app)

    drive(test, pane=pane)


def written(app: YsnakesApp) -> list[str]:
    """What the app sends to the terminal from now on (the headless driver throws it away)."""
    driver = app._driver
    assert driver is not None
    sent: list[str] = []
    driver.write = sent.append  # type: ignore[method-assign,assignment]
    return sent


def test_a_command_line_is_copied_through_the_terminal() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        sent = written(app)
        app.copy("ysnakes complete latest", "the command line")
        expected = base64.b64encode(b"ysnakes complete latest").decode()
        await until(pilot, lambda: f"\x1b]52;c;{expected}\a" in "".join(sent))
        await until(pilot, lambda: "Copied the command line" in toasts(app))

    drive(test, memory=AppMemory(pane="complete"))


def test_selected_text_is_copied() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        words = "NoModel > Static"
        await pilot.mouse_down(words, offset=(0, 0))
        await pilot.hover(words, offset=(4, 0))
        await pilot.mouse_up(words, offset=(4, 0))
        await until(pilot, lambda: app.screen.get_selected_text() == "There")
        await press(pilot, "ctrl+c")
        assert app.clipboard == "There"

    drive(test, memory=AppMemory(pane="complete"))


def test_in_tmux_it_is_said_once_how_copying_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux")

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        shell_of(app.screen).copy("a [b]thing[/b]")
        shell_of(app.screen).copy("another")
        await pilot.pause()
        assert "a [b]thing[/b]" in toasts(app)
        assert toasts(app).count("set-clipboard on") == 1

    drive(test)


def test_a_picture_of_the_screen_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await press(pilot, ":", *"picture")
        assert chosen(app) == "save_picture"
        await press(pilot, "enter")
        await until(pilot, lambda: len(list(tmp_path.glob("ysnakes-*.svg"))) == 1)
        await until(pilot, lambda: "Picture saved" in toasts(app))

    drive(test)
    (picture,) = tmp_path.glob("ysnakes-*.svg")
    assert "Train" in picture.read_text()

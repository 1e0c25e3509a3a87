"""The shell of the app, driven by keys and mouse: panes, actions, help, palette, themes, jumping, leaving."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from seen import screen_text
from textual import events
from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from ysnakes_core.errors import YsnakesError
from ysnakes_tui.actions import ACTIONS, CONTEXTS, actions_for, enclosing
from ysnakes_tui.app import TWICE_SECONDS, YsnakesApp
from ysnakes_tui.app_memory import AppMemory, memory_file, read_memory
from ysnakes_tui.keymap import Keymap, keymap_from, textual_name, usual_keymap
from ysnakes_tui.panes.complete import CompletePane
from ysnakes_tui.panes.interface import Pane, shell_of
from ysnakes_tui.panes.makers import PANE_MAKERS
from ysnakes_tui.widgets.help_screen import HelpScreen
from ysnakes_tui.widgets.jump_screen import JumpScreen
from ysnakes_tui.widgets.key_footer import KeyFooter
from ysnakes_tui.widgets.palette import CommandList, Palette
from ysnakes_tui.widgets.status_strip import Status
from ysnakes_tui.widgets.tab_bar import TabBar
from ysnakes_tui.widgets.theme_screen import ThemeScreen

Test = Callable[[YsnakesApp, Pilot[None]], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    monkeypatch.setenv("YSNAKES_HOME", str(place))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    for name in ("NO_COLOR", "YSNAKES_ASCII", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    return place


class EveryPane(Widget, can_focus=True):
    """A pane that can do whatever the registry has, and notes what it was asked to do."""

    def __init__(self, context: str = "train") -> None:
        super().__init__(id="train")
        self.context = context
        self.done: list[str] = []
        self.states: dict[str, bool | None] = {}
        self.seen = Status()

    def compose(self) -> ComposeResult:
        yield Static("a pane", markup=False)
        yield Input(id="field")
        yield OptionList("one", "two", id="list")

    def focus_first(self) -> None:
        self.focus()

    def status(self) -> Status:
        return self.seen

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.states.get(action, True)


def _doing(name: str) -> Callable[[EveryPane], None]:
    return lambda pane: pane.done.append(name)


for _action in ACTIONS.values():
    if _action.context != "app":
        setattr(EveryPane, f"action_{_action.id}", _doing(_action.id))


def drive(
    test: Test,
    *,
    keymap: Keymap | None = None,
    memory: AppMemory | None = None,
    pane: Widget | None = None,
    size: tuple[int, int] = (80, 24),
    clock: Iterator[float] | None = None,
) -> None:
    """Run the app without a terminal; ``pane`` stands in for the Train pane."""

    async def run() -> None:
        makers: Mapping[str, Callable[[], Widget]] = {**PANE_MAKERS, "train": lambda: pane or EveryPane()}
        options: dict[str, Any] = {} if clock is None else {"clock": lambda: next(clock)}
        app = YsnakesApp(
            Path("runs"),
            keymap=keymap or usual_keymap(),
            memory=memory or AppMemory(),
            makers=makers,
            **options,
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await test(app, pilot)

    asyncio.run(run())


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await pilot.pause()
    raise AssertionError("it never came to be")


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*map(textual_name, keys))
    await pilot.pause()


def toasts(app: YsnakesApp) -> str:
    return "\n".join(str(toast.render()) for toast in app.screen.query("Toast"))


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

"""The app: three panes, one of them shown, with what is true of all of them around it.

What one can do stands in ``actions``; here it gets to whoever does it. The event loop never waits: files are
written in threads, and a pane does the same with what is slow about it.
"""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial, partialmethod
from pathlib import Path
from typing import Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widget import Widget

from ysnakes_core.errors import YsnakesError
from ysnakes_tui.actions import ACTIONS, CONTEXTS, bindings_for, enclosing
from ysnakes_tui.app_base import BaseApp
from ysnakes_tui.app_memory import AppMemory, Keeper
from ysnakes_tui.commands import all_commands
from ysnakes_tui.keymap import Keymap, shown_key
from ysnakes_tui.panes.interface import Glyphs, Pane
from ysnakes_tui.panes.makers import PANE_MAKERS
from ysnakes_tui.pictures import write_picture
from ysnakes_tui.themes import (
    OWN_THEMES,
    background_of,
    colours_wanted,
    draws_braille,
    fitting_theme,
    only_ascii,
)
from ysnakes_tui.widgets.ascii_filter import AsciiFilter
from ysnakes_tui.widgets.cell_widget import CellWidget
from ysnakes_tui.widgets.help_screen import HelpScreen, keys_of, kind_of
from ysnakes_tui.widgets.jump_screen import JumpScreen, targets
from ysnakes_tui.widgets.key_footer import KeyFooter, hints_for
from ysnakes_tui.widgets.no_colour_filter import NoColourFilter
from ysnakes_tui.widgets.palette import Palette
from ysnakes_tui.widgets.pane_stack import PaneStack
from ysnakes_tui.widgets.status_strip import StatusStrip
from ysnakes_tui.widgets.tab_bar import Tab, TabBar
from ysnakes_tui.widgets.theme_screen import ThemeScreen, in_order
from ysnakes_tui.widgets.too_small import TooSmallScreen, is_too_small

STATUS_SECONDS = 0.5
TWICE_SECONDS = 2.0  # ctrl+c a second time within this leaves the app


class YsnakesApp(BaseApp, inherit_bindings=False):
    """``memory`` is what was kept from the last start; ``ascii`` overrules it and what the terminal says.

    ``on_ready`` is called once, when the first pane stands.
    """

    TITLE = "ysnakes"
    CSS_PATH = "ysnakes.tcss"
    ENABLE_COMMAND_PALETTE = False  # ours is opened by an action of the registry
    BINDINGS: ClassVar[list[BindingType]] = []
    ALLOW_IN_MAXIMIZED_VIEW = "StatusStrip, KeyFooter"

    def __init__(
        self,
        runs_folder: Path,
        *,
        keymap: Keymap,
        memory: AppMemory,
        ascii: bool | None = None,
        makers: Mapping[str, Callable[[], Widget]] = PANE_MAKERS,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        wanted = colours_wanted(environment)
        if wanted:  # Textual would also take one that is set but empty, which says nothing
            os.environ.pop("NO_COLOR", None)
        super().__init__(colours=wanted, in_tmux="TMUX" in environment)
        self.runs_folder = runs_folder
        self.keymap = keymap
        self._kept = Keeper(memory)
        self._stack = PaneStack(makers, id="body")
        self._strip, self._footer = StatusStrip(id="status"), KeyFooter(id="keys")
        self._clock = clock
        self._on_ready: Callable[[], None] | None = on_ready
        self._asked_to_leave = float("-inf")
        self._footer_is_late = False
        self._braille = draws_braille(environment)
        self._without_colours = NoColourFilter(lambda: background_of(self.current_theme), enabled=not wanted)
        self._ascii = AsciiFilter(only_ascii(ascii, memory.ascii, environment, sys.__stdout__))
        for theme in OWN_THEMES:
            self.register_theme(theme)
        known = memory.theme in self.available_themes
        self.theme = memory.theme if known else fitting_theme(environment)
        for context in reversed(CONTEXTS):  # the innermost first: where two hold, it is the one that is meant
            for binding in bindings_for(context, keymap):
                self.bind(binding.key, binding.action, description=binding.description, show=False)
        self.bind("ctrl+c", "interrupt", show=False)

    # What is on the screen.

    def compose(self) -> ComposeResult:
        names = ("data", "train", "complete")
        yield TabBar(
            tuple(Tab(name, ACTIONS[f"show_{name}"].title, self._key(f"show_{name}")) for name in names),
            id="tabs",
        )
        yield self._stack
        yield self._strip
        yield self._footer

    def on_mount(self) -> None:
        # A screen that says how small the terminal is may already lie over the app's own.
        self.screen_stack[0].bindings_updated_signal.subscribe(self, self._bindings_changed)
        self.set_interval(STATUS_SECONDS, self.show_status)
        self.show_pane(self.memory.pane)
        for warning in self.keymap.warnings:
            self.notify(warning, title="Your keys", severity="warning", timeout=15)

    def on_resize(self, event: events.Resize) -> None:
        if is_too_small(event.size) and not any(
            isinstance(each, TooSmallScreen) for each in self.screen_stack
        ):
            self.push_screen(TooSmallScreen(self.keymap.names("quit")))

    def get_line_filters(self) -> Sequence[LineFilter]:
        own = (self._without_colours, self._ascii)
        return [*(each for each in own if each.enabled), *super().get_line_filters()]

    @property
    def glyphs(self) -> Glyphs:
        return "ascii" if self._ascii.enabled else "braille" if self._braille else "block"

    @property
    def pane(self) -> Pane | None:
        """The pane that is shown."""
        return self._stack.pane

    @property
    def context(self) -> str:
        """The context of the registry that holds now."""
        return self.pane.context if self.pane is not None else "app"

    def show_pane(self, name: str) -> None:
        base = self.screen_stack[0]
        base.minimize()
        self._stack.show(name)
        base.query_one(TabBar).active = name
        if name != self.memory.pane:
            self.remember(pane=name)

    def on_pane_stack_settled(self) -> None:
        self.screen_stack[0].refresh_bindings()
        self.call_after_refresh(self.show_status)
        if self._on_ready is not None:
            self.call_after_refresh(self._on_ready)
            self._on_ready = None

    def on_tab_bar_chosen(self, event: TabBar.Chosen) -> None:
        self.show_pane(event.name)

    def on_key_footer_chosen(self, event: KeyFooter.Chosen) -> None:
        self.perform_later(event.action)

    def _bindings_changed(self, _: Screen[Any]) -> None:
        """Have the footer follow: once for all that one key changes, and after what that key was for."""
        if not self._footer_is_late:
            self._footer_is_late = True
            self.call_after_refresh(self._show_keys)

    def _show_keys(self) -> None:
        self._footer_is_late = False
        if not self._pane_stands:
            return  # it is asked for its keys once it does
        labels = getattr(self.pane, "label_for", lambda action: "")
        typing = bool(getattr(self.pane, "is_typing", False))
        plain = self._ascii.enabled
        self._footer.show(
            hints_for(self.context, self.keymap, self.can_perform, labels, ascii=plain, typing=typing)
        )

    def _key(self, action: str) -> str:
        return next((shown_key(key, ascii=self._ascii.enabled) for key in self.keymap.of(action)), "")

    def show_status(self) -> None:
        """Have the status strip show what the pane says, which it is also asked for regularly."""
        self._strip.show(self._stack.status(), ascii=self._ascii.enabled)

    # Doing things.

    @property
    def _pane_stands(self) -> bool:
        """Not so while its parts are being made: it could not say what it can do."""
        pane = cast(Widget | None, self.pane)
        return pane is None or pane.is_mounted

    def can_perform(self, action_id: str) -> bool | None:
        """Whether an action is possible where one is: True, None (not now), or False (not there at all)."""
        action = ACTIONS[action_id]
        if action.context == "app":
            return True
        pane = self.pane
        if pane is None or not self._pane_stands or action.context not in enclosing(pane.context):
            return False
        if not hasattr(pane, f"action_{action_id}"):
            return False
        return cast(Widget, pane).check_action(action_id, ())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "perform" and parameters:
            return self.can_perform(str(parameters[0]))
        return super().check_action(action, parameters)

    def perform_later(self, action_id: str) -> None:
        """Do an action once what is going on (a dialog that closes) is over."""
        self.call_later(self.action_perform, action_id)

    async def action_perform(self, action_id: str) -> None:
        """Do an action of the registry. What goes wrong in a way we understand is shown, not raised."""
        if not self.can_perform(action_id):
            self.notify(f"“{ACTIONS[action_id].title}” is not possible here now", severity="warning")
            return
        owner = self if ACTIONS[action_id].context == "app" else self.pane
        try:
            result = getattr(owner, f"action_{action_id}")()
            if inspect.isawaitable(result):
                await result
        except YsnakesError as error:
            self.tell(error)

    action_show_data = partialmethod(show_pane, "data")
    action_show_train = partialmethod(show_pane, "train")
    action_show_complete = partialmethod(show_pane, "complete")

    def action_help(self) -> None:
        focused = self.screen.focused
        self.push_screen(
            HelpScreen(
                self.context,
                self.keymap,
                widget_keys=keys_of(focused) if focused is not None else [],
                focused=kind_of(focused) if focused is not None else "",
                ascii=self._ascii.enabled,
            )
        )

    def action_palette(self) -> None:
        commands = all_commands(self.can_perform)
        self.push_screen(Palette(commands, self.keymap, ascii=self._ascii.enabled), self._chosen)

    def _chosen(self, action_id: str | None) -> None:
        if action_id is not None:
            self.perform_later(action_id)

    async def action_back(self) -> None:
        pane = self.pane
        if callable(back := getattr(pane, "action_back", None)):
            result = back()
            if inspect.isawaitable(result):
                await result
        elif self.screen.focused is not None:
            self.screen.set_focus(None)

    def action_jump(self) -> None:
        self.push_screen(JumpScreen(targets(self.screen)), self._jump)

    def _jump(self, widget: Widget | None) -> None:
        if widget is not None:
            widget.focus()

    def action_maximize(self) -> None:
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.screen.focused is None or not self.screen.maximize(self.screen.focused):
            self.notify("go to a panel first (tab, or a click), then make it large")

    def action_theme(self) -> None:
        themes = in_order(list(self.available_themes.values()), [theme.name for theme in OWN_THEMES])
        note = "NO_COLOR is set, so colours are not shown." if self.no_color else ""
        self.push_screen(ThemeScreen(themes, self.theme, note), self._keep_theme)

    def _keep_theme(self, name: str | None) -> None:
        if name is not None:
            self.remember(theme=name)

    def action_toggle_ascii(self) -> None:
        self._ascii.enabled = not self._ascii.enabled
        self.remember(ascii="yes" if self._ascii.enabled else "no")
        self.screen_stack[0].refresh_bindings()
        self.show_status()
        for screen in self.screen_stack:
            for widget in screen.query("*").results(Widget):
                if isinstance(widget, CellWidget):
                    widget.draw_with(self.glyphs)
                widget.refresh()
        self.refresh(repaint=True, layout=True)
        self.theme_changed_signal.publish(self.current_theme)  # for those that draw with what they were told

    def action_copy_selection(self) -> None:
        if text := self.screen.get_selected_text():
            self.copy_to_clipboard(text)
        else:
            self.action_interrupt()

    def action_interrupt(self) -> None:
        """ctrl+c where nothing is selected: many people want to leave then."""
        now = self._clock()
        if now - self._asked_to_leave <= TWICE_SECONDS:
            self.exit()
        self._asked_to_leave = now
        self.notify("ctrl+c once more leaves the app; training goes on")

    async def action_save_picture(self) -> None:
        picture = self.export_screenshot()
        self.run_worker(partial(self._write_picture, picture), thread=True, group="files")

    def _write_picture(self, picture: str) -> None:
        try:
            place = write_picture(picture, Path.cwd())
        except YsnakesError as error:
            self.call_from_thread(self.tell, error)
        else:
            self.notify(str(place), title="Picture saved")

    # What is kept.

    @property
    def memory(self) -> AppMemory:
        return self._kept.memory

    def remember(self, **changes: object) -> None:
        """Keep fields of ``AppMemory`` for the next start."""
        self._kept.change(**changes)
        self.run_worker(self._keep, thread=True, group="files")

    def _keep(self) -> None:
        try:
            self._kept.write()
        except YsnakesError as error:
            self.call_from_thread(self.tell, error)

"""What the app asks of a pane, and what a pane may ask of the app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, cast, runtime_checkable

from ysnakes_tui.keymap import shown_key

if TYPE_CHECKING:
    from textual.widget import Widget

    from ysnakes_core.errors import YsnakesError
    from ysnakes_tui.app_memory import AppMemory
    from ysnakes_tui.keymap import Keymap
    from ysnakes_tui.widgets.status_strip import Status

Glyphs = Literal["braille", "block", "ascii"]


@runtime_checkable
class Pane(Protocol):
    """A widget that fills the room between the tab bar and the status strip.

    It does an action of its context with a method ``action_<id>`` (plain or async; slow work belongs in a
    worker). Textual's own ``check_action(id, ())`` says whether one is possible now: True, None (shown, but
    dim), False (not shown). After a change of either, or of ``context``: ``self.refresh_bindings()``.
    A ``YsnakesError`` that an action raises is shown as a notification. ``action_back``, if there is one, is
    called for esc; ``focus_first()``, if there is one, when the pane comes to the front. ``label_for(id)``,
    if there is one, is what the footer calls an action just now ("": as the registry does). ``is_typing``, if
    there is one, says whether letters are text now, so that the footer names other keys.
    """

    @property
    def context(self) -> str:
        """The context of ``actions.CONTEXTS`` that holds now; read for every key, so it must be quick."""
        ...

    def status(self) -> Status:
        """What the status strip shows; asked for twice a second, so it must be quick and read no file."""
        ...


class Shell(Protocol):
    """The app as a pane sees it."""

    runs_folder: Path
    keymap: Keymap

    @property
    def memory(self) -> AppMemory:
        """What is kept from one start to the next."""
        ...

    @property
    def glyphs(self) -> Glyphs:
        """What the terminal can draw; the app is redrawn when that changes."""
        ...

    def remember(self, **changes: object) -> None:
        """Keep fields of ``AppMemory`` for the next start: ``remember(last_run="quiet-cobra")``."""
        ...

    def copy(self, text: str, what: str = "") -> None:
        """Put ``text`` on the clipboard, also over SSH, and say so (``what`` names it)."""
        ...

    def tell(self, error: YsnakesError, *, title: str = ..., timeout: float = ...) -> None:
        """Show an error for ``timeout`` seconds: what is wrong, and what to do."""
        ...

    def show_status(self) -> None:
        """Have the status strip tell at once what the pane's ``status`` says, as the pane does."""
        ...

    def say_afterwards(self, text: str) -> None:
        """Say ``text`` on the terminal once the app has been left."""
        ...

    def show_pane(self, name: str) -> None:
        """Bring ``data``, ``train`` or ``complete`` to the front."""
        ...


def shell_of(widget: Widget) -> Shell:
    """The app that shows ``widget``."""
    return cast(Shell, widget.app)


def key_of(widget: Widget, action: str) -> str:
    """The first key of an action, as it is shown; "" if it has none."""
    shell = shell_of(widget)
    return next((shown_key(key, ascii=shell.glyphs == "ascii") for key in shell.keymap.of(action)), "")

"""What of the app has nothing to do with what it is for: what it says, copies, and how it fails."""

from __future__ import annotations

import sys

from textual.app import App
from textual.driver import Driver
from textual.notifications import Notify, SeverityLevel
from textual.screen import Screen

from ysnakes_core.errors import YsnakesError
from ysnakes_core.files import printable
from ysnakes_tui.notification import LateNotification
from ysnakes_tui.pasted_text import PasteParser
from ysnakes_tui.widgets.telling_screen import TellingScreen


class BaseApp(App[None], inherit_bindings=False):
    """Says all literally, copies through the terminal, and leaves it to its caller to tell of a failure."""

    def __init__(self, *, colours: bool, in_tmux: bool) -> None:
        super().__init__(ansi_color=None if colours else True)
        self.animation_level = "none"  # each picture on the way would take training's time
        self._told_of_tmux = not in_tmux
        self.afterwards: list[str] = []  # to be said on the terminal once the app has been left

    def get_driver_class(self) -> type[Driver]:
        usual = super().get_driver_class()
        if sys.platform == "win32":
            from textual.drivers import win32

            vars(win32)["XTermParser"] = PasteParser  # which Textual's driver makes for itself
            return usual
        if usual.__name__ != "LinuxDriver":
            return usual
        from ysnakes_tui.terminal_driver import TerminalDriver  # has to do with POSIX alone

        return TerminalDriver

    def on_driver_signal_resume(self) -> None:
        """After a stop, by ctrl+z or otherwise: nothing of the last picture is on the terminal."""
        self.refresh(layout=True)

    def get_default_screen(self) -> Screen[None]:
        return TellingScreen(id="_default")

    def tell(self, error: YsnakesError, *, title: str = "That did not work", timeout: float = 12) -> None:
        """Show an error for ``timeout`` seconds: what is wrong, and what to do."""
        self.notify(f"{error.what}\n{error.hint}".strip(), title=title, severity="error", timeout=timeout)

    def say_afterwards(self, text: str) -> None:
        self.afterwards.append(text)

    def copy_to_clipboard(self, text: str) -> None:
        """What Textual calls to copy what is selected, on the screen or in a field."""
        if text:
            self.copy(text, "the selection")
        else:
            self.screen.clear_selection()  # it is of nothing, and ctrl+c is to mean leaving again

    def copy(self, text: str, what: str = "") -> None:
        """Put ``text`` on the clipboard of the terminal (OSC 52), which also works over SSH."""
        super().copy_to_clipboard(text.encode(errors="replace").decode())  # what is no text cannot be sent
        remark = "" if self._told_of_tmux else "\n(tmux passes it on after: tmux set -g set-clipboard on)"
        self._told_of_tmux = True
        self.notify(
            f"{text if len(text) <= 120 else text[:119] + '…'}{remark}", title=f"Copied {what}".strip()
        )

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Textual's, but literal: a name or a message from outside is never ``markup``.

        A widget's own ``notify`` asks for markup unless it is told not to, so what is asked does not count.
        """
        notification = LateNotification(
            printable(message, 1000, keep_lines=True),
            printable(title, 80),
            severity,
            self.NOTIFICATION_TIMEOUT if timeout is None else timeout,
        )
        self.post_message(Notify(notification))

    @property
    def failure(self) -> Exception | None:
        """What ended the app, if it was not meant to end."""
        return self._exception

    def _fatal_error(self) -> None:
        # Textual would print every local variable. `run_app` raises the error for the command line to tell.
        self._close_messages_no_wait()

"""How well the model that one talks to does by position: a plot, what it says, and the figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from ysnakes_core.files import printable
from ysnakes_core.runs.talking import Begun, Ended, Failed, Loading, Positions, Told
from ysnakes_core.training.position_curve import ByPosition
from ysnakes_tui import position_report as report
from ysnakes_tui.panes.interface import shell_of
from ysnakes_tui.widgets.dialog import Dialog

_BAR = 30  # columns of what is done
_USUAL_PLOT = 79
_EXPLAINED = (
    "Its validation text is scored: every document alone, then all of them end to end as one long text, far "
    "beyond the length it was trained on."
)


class PositionsScreen(Dialog[None]):
    """Asks for the scores when it is shown. Whoever shows it hands on what the talker tells, to ``take``.

    ``ask`` begins the scoring and gives its number, ``cancel`` ends it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave"),
        Binding("y", "copy", "Copy"),
    ]
    DEFAULT_CSS = """
    PositionsScreen { align: center middle; }
    PositionsScreen > Vertical {
        width: 96;
        max-width: 100%;
        height: auto;
        max-height: 100%;
        padding: 0 1;
        border: round $border;
        border-title-color: $primary;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        background: $surface;
    }
    PositionsScreen VerticalScroll { height: auto; max-height: 100%; scrollbar-size-vertical: 1; }
    PositionsScreen Static { height: auto; }
    """

    def __init__(self, run: str, ask: Callable[[], int], cancel: Callable[[int], None]) -> None:
        super().__init__()
        self._run, self._ask, self._cancel = run, ask, cancel
        self._number = -1
        self._goes_on = False
        self._found: ByPosition | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"{printable(self._run, 40)} by position"
            box.border_subtitle = "esc: stop and leave"
            with VerticalScroll():
                yield Static(markup=False)

    def on_mount(self) -> None:
        self._goes_on = True
        self._number = self._ask()
        self.query_one(VerticalScroll).focus()
        self._say("reading the model…")

    def on_resize(self, event: events.Resize) -> None:
        if self._found is not None:
            self.call_after_refresh(self._draw)

    def take(self, told: Told) -> bool:
        """Whether what was told is meant for it."""
        if told.number != self._number:
            return False
        box = self.query_one(Vertical)
        if isinstance(told, Begun):
            box.border_title = f"{printable(self._run, 40)} by position, {printable(told.checkpoint, 40)}"
            self._say("reading its text…")
        elif isinstance(told, Loading):
            self._say("reading the model…")
        elif isinstance(told, Positions) and told.found is None:
            self._say(f"{_bar(told.done)} {told.done:4.0%}")
        elif isinstance(told, Positions | Failed | Ended):
            self._goes_on = False
            box.border_subtitle = "esc: leave"
            if isinstance(told, Positions) and told.found is not None:
                self._found = told.found
                box.border_subtitle = "up, down: more · y: copy · esc: leave"
                self._draw()
            elif isinstance(told, Failed):
                self._say(f"{printable(told.what)}\n{printable(told.hint)}")
        return True

    @property
    def plain(self) -> str:
        """What is shown."""
        return str(self.query_one(Static).content)

    def _say(self, what: str) -> None:
        self.query_one(Static).update(Text(f"{_EXPLAINED}\n\n{what}"))

    def _draw(self) -> None:
        assert self._found is not None
        width = self.query_one(VerticalScroll).scrollable_content_region.width - 1
        self.query_one(Static).update(told_text(self._found, min(_USUAL_PLOT + 12, max(40, width))))

    def action_copy(self) -> None:
        if self._found is not None:
            shell_of(self).copy(told_text(self._found, _USUAL_PLOT).plain, "the scores by position")

    def action_leave(self) -> None:
        if self._goes_on:
            self._cancel(self._number)
        self.leave(None)


def told_text(found: ByPosition, width: int) -> Text:
    """The plot first, then what it says, then all figures; tables in lines that do not break."""
    text = Text()
    text.append(f"{report.legend(found)}\n\n", "bold")
    text.append("\n".join(report.plot_lines(found, width)) + "\n\n")
    text.append("\n".join(f"• {sentence}" for sentence in report.findings(found)))
    for title, lines in report.tables(found):
        text.append(f"\n\n{title}\n\n", "bold")
        text.append("\n".join(lines))
    return text


def _bar(done: float) -> str:
    full = round(_BAR * min(1.0, max(0.0, done)))
    return "█" * full + "░" * (_BAR - full)

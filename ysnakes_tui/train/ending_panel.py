"""The panel that tells how a run ended. However long that gets, what can be done next stays on the screen."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from ysnakes_tui.short_paths import with_short_paths
from ysnakes_tui.train.stopping import Ending, Key


class EndingPanel(Vertical):
    """Title, the worker's last lines (a row each), where the best is, and what is next, all limited."""

    DEFAULT_CSS = """
    EndingPanel { height: auto; padding: 0 1; border-top: heavy $success; }
    EndingPanel.-bad { border-top: heavy $error; }
    EndingPanel > Static { height: auto; }
    EndingPanel > #ending-title { max-height: 3; text-style: bold; }
    EndingPanel.-bad > #ending-title { color: $error; }
    EndingPanel > #ending-said { color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    EndingPanel > #ending-kept { max-height: 3; }
    EndingPanel > #ending-next { max-height: 4; }
    EndingPanel.-short > #ending-title { max-height: 2; }
    EndingPanel.-short > #ending-kept { max-height: 2; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ending = Ending("")
        self._most_said = 3

    def compose(self) -> ComposeResult:
        for part in ("title", "said", "kept", "next"):
            yield Static(id=f"ending-{part}", markup=False)

    def show(self, ending: Ending) -> None:
        if ending != self._ending:
            self._ending = ending
            self._put()

    def say_at_most(self, lines: int) -> None:
        """How many of the worker's lines there is room for. Where it is only one, the rest is short too."""
        if lines != self._most_said:
            self._most_said = lines
            self.set_class(lines <= 1, "-short")
            self._put()

    def _put(self) -> None:
        self.set_class(self._ending.bad, "-bad")
        for part, text in self._parts().items():
            widget = self.query_one(f"#ending-{part}", Static)
            widget.update(Text(text))
            widget.display = bool(text)

    def _parts(self) -> dict[str, str]:
        ending = self._ending
        width = self.size.width or self.app.size.width - 2  # not laid out yet: it is as wide as the screen
        title = with_short_paths(ending.title, width)
        said = "\n".join(with_short_paths(f"│ {line}", width) for line in ending.said[-self._most_said :])
        next = "\n".join(lines_of("Next: ", ending.next, width))
        return {"title": title, "said": said, "kept": ending.kept, "next": next}

    def on_resize(self, event: events.Resize) -> None:
        self._put()

    @property
    def plain(self) -> str:
        return "\n".join(text for text in self._parts().values() if text)


def gone(key: Key) -> Ending:
    """What is to be said of a run whose directory is no longer where it was."""
    options = (("runs", "all runs"), ("new_run", "new run"))
    return Ending(
        "It is gone: another program deleted it or gave it another name",
        kept="What was read of it is still shown.",
        next=tuple(f"{key(action)} {what}" for action, what in options if key(action)),
        bad=True,
    )


def lines_of(head: str, items: tuple[str, ...], width: int) -> list[str]:
    """``head`` and ``items``, of which none is split over two lines unless it is longer than one."""
    lines: list[str] = []
    for item in items:
        longer = f"{lines[-1]} · {item}" if lines else head + item
        if lines and cell_len(longer) > width:
            lines.append(" " * len(head) + item)
        else:
            lines[-1:] = [longer]
    return lines

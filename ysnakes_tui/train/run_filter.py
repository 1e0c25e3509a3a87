"""The field above the list of runs for what is looked for in it."""

from __future__ import annotations

from ysnakes_tui.widgets.literal_input import LiteralInput


class RunFilter(LiteralInput):
    """Shown while something is looked for."""

    DEFAULT_CSS = """
    RunFilter { border: none; height: 1; padding: 0 1; background: $surface; display: none; }
    RunFilter:focus { border: none; }
    RunFilter.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(placeholder="letters of a name, a state or a size", select_on_focus=False)

    @property
    def is_open(self) -> bool:
        return self.has_class("-open")

    def open(self) -> None:
        self.add_class("-open")
        self.focus()

    def close(self) -> None:
        """Look for nothing any more."""
        self.value = ""
        self.remove_class("-open")

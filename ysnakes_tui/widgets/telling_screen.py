"""Screens that tell every widget when it is shown or has another size.

Textual finds out by comparing a new layout with the last one. But a look-up (``widget.region``, or ``size``)
that comes between what makes a new layout necessary and the layout itself may make the new map already: then
there is no difference, no ``Show`` and no ``Resize`` is sent, and a panel stays as empty or wide as it was.
"""

from __future__ import annotations

from typing import Any, ClassVar

from textual._compositor import Compositor, ReflowResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

# Textual's own come after all that is between the field and the screen; letters typed right after such a
# key would still go to the field before.
MOVES: tuple[BindingType, ...] = (
    Binding("tab", "app.focus_next", "Next part", show=False, priority=True),
    Binding("shift+tab", "app.focus_previous", "Previous part", show=False, priority=True),
)


class _TellingCompositor(Compositor):
    """Compares with what widgets were told last."""

    def __init__(self) -> None:
        super().__init__()
        self._told = self._full_map

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        self._full_map = self._told
        result = super().reflow(parent, size)
        self._told = self._full_map
        return result

    def clear(self) -> None:
        super().clear()
        self._told = self._full_map


class Telling:
    """For screens, before Textual's own class."""

    _compositor: Compositor

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._compositor = _TellingCompositor()


class TellingScreen(Telling, Screen[None]):
    """The app's own screen. Its panes say what has the focus: Textual would give it to hidden fields, too."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [*MOVES]

"""What holds for a part of the screen that may or may not be the one that is shown."""

from __future__ import annotations

from textual.widget import Widget


def is_seen(widget: Widget) -> bool:
    """Whether a widget and all that it is in are shown."""
    return all(each.display for each in widget.ancestors_with_self if isinstance(each, Widget))


def give_focus(view: Widget) -> None:
    """Give the focus to a view: to what its ``focus_first`` says, else to the first in it that takes keys."""
    first = getattr(view, "focus_first", None)
    if callable(first):
        first()
    else:
        chain = view.screen.focus_chain
        view.screen.set_focus(next((each for each in chain if view in each.ancestors_with_self), None))

"""What holds for a part of the screen that may or may not be the one that is shown."""

from __future__ import annotations

from functools import partial

from textual.widget import Widget

FOCUS_TRIES, FOCUS_SECONDS = 50, 0.1


def is_seen(widget: Widget) -> bool:
    """Whether a widget and all that it is in are shown."""
    return all(each.display for each in widget.ancestors_with_self if isinstance(each, Widget))


def focus_in(view: Widget) -> None:
    """Give the focus to a view: to what its ``focus_first`` says, else to the first in it that takes keys."""
    first = getattr(view, "focus_first", None)
    if callable(first):
        first()
    else:
        chain = view.screen.focus_chain
        view.screen.set_focus(next((each for each in chain if view in each.ancestors_with_self), None))


def give_focus(view: Widget, *, tries: int = FOCUS_TRIES) -> None:
    """``focus_in``, again while nothing has it: what is to take it may have to be laid out first."""
    focus_in(view)
    if tries > 1:
        view.call_after_refresh(_look_again, view, tries - 1)


def _look_again(view: Widget, tries: int) -> None:
    """Once somebody has the focus it was given, and whoever leaves it later means to."""
    if view.is_attached and _nobody_has_it(view):
        view.set_timer(FOCUS_SECONDS, partial(_again, view, tries))


def _again(view: Widget, tries: int) -> None:
    if view.is_attached and is_seen(view) and _nobody_has_it(view):
        give_focus(view, tries=tries)


def _nobody_has_it(view: Widget) -> bool:
    """Also where it is still with somebody who was just hidden: it is taken from there in a moment."""
    focused = view.screen.focused
    return focused is None or not is_seen(focused)
